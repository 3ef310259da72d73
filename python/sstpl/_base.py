"""What the classifier and the regressor share: parameters, the fit, and mapped prediction."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sstpl import _options as resolve
from sstpl import _row_rules as row_rules
from sstpl import _sources as sources
from sstpl import _validation as check
from sstpl._all_rows import rows_to_fit
from sstpl._blind import Blind
from sstpl._budget import Budget, level_bytes
from sstpl._callbacks import Callback, CallbackSupportMixin, Listeners, Tell, nobody, with_callbacks
from sstpl._categories import Categories
from sstpl._config import threads
from sstpl._copies import kept_rows
from sstpl._export import Portable
from sstpl._given import Given
from sstpl._images import ImageShape
from sstpl._inputs import fit_input_map
from sstpl._maps import Map, image_maps, table_maps
from sstpl._paper import PaperFit, PaperOptions
from sstpl._progress import Progress
from sstpl._recursive import RecursiveFit, RecursiveOptions, Stack
from sstpl._report import Report, Step
from sstpl._rows import Rows
from sstpl._selection import score_predictions
from sstpl._sources import Stream
from sstpl._spill import joined, plain
from sstpl._system import Prepare, Subsystem, SubsystemFit, System, SystemOptions, fit_system
from sstpl._targets import NumberTargets, Targets, encode_classes, encode_labels, encode_numbers, target_columns
from sstpl._trials import Trial, choose
from sstpl._typing import Floats, Labels, Weights
from sstpl._weights import ClassWeight, by_class, normalised
from sstpl.distributed import PartitionedRows

# What is fitted to scores of rows that are left out: not there after fits that score none.
BLIND = ("_calibration", "_conformity", "oof_decision_function_", "oof_prediction_")


@contextmanager
def unchanged_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Put an estimator back as it was when the block raises, whatever was set on it on the way."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        estimator.__dict__.clear()
        estimator.__dict__.update(before)
        raise


@dataclass(frozen=True)
class Settings:
    """The parameters of an estimator, checked and resolved."""

    system: SystemOptions
    architecture: RecursiveOptions | PaperOptions
    columns: str
    image_shape: ImageShape | None
    n_filters: int | None
    time_limit: float | None
    memory_limit: float | None


def _paper(options: PaperOptions, progress: Progress) -> Prepare:
    def prepare(rows: Rows, seed: int, held: Rows | None, before: Subsystem | None) -> SubsystemFit:
        return PaperFit(rows, options, seed, progress, held)

    return prepare


def _recursive(options: RecursiveOptions, progress: Progress, budget: Budget) -> Prepare:
    def prepare(rows: Rows, seed: int, held: Rows | None, before: Subsystem | None) -> SubsystemFit:
        # The width is found once: the others have as many rows, and the search costs a third of a level.
        width = before.levels[0].width if isinstance(before, Stack) else options.hidden_width
        return RecursiveFit(rows, replace(options, hidden_width=width), seed, progress, budget, held)

    return prepare


class SSTPLBase(CallbackSupportMixin, Portable, BaseEstimator):
    """Parameters and fitting of both estimators; see `SSTPLClassifier`."""

    _oof_name: str  # of the attribute with the scores of the training rows
    report_: Report
    depth_: int
    n_subsystems_: int
    subsystems_: tuple[Subsystem, ...]
    _categories: Categories | None
    _input_map: Map
    _targets: Targets

    def __init__(
        self,
        *,
        architecture: str = "recursive",
        hidden_width: int | str = "auto",
        max_hidden_width: int = 4096,
        max_depth: int | None = None,
        n_subsystems: int | str = "auto",
        max_subsystems: int = 5,
        subsystem_fraction: float = 0.8,
        activation: str = "tanh",
        hidden_weights: str = "auto",
        hidden_columns: str = "auto",
        alpha: float | str = "auto",
        selection: str = "kfold",
        n_folds: int = 5,
        scaling: str = "auto",
        categorical_features: str | Sequence[bool] | Sequence[int] | Sequence[str] | None = "from_dtype",
        image_shape: tuple[int, int] | tuple[int, int, int] | None = None,
        image_filters: int | str = "auto",
        hidden_widths: tuple[int, ...] = (300, 150),
        encoder_penalty: str = "ridge",
        encoder_alpha: float = 0.1,
        readout_width: int = 300,
        fusion_width: int = 1000,
        fusion: str = "pair",
        time_limit: float | None = None,
        memory_limit: float | None = None,
        dtype: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        n_threads: int | None = None,
        verbose: int = 0,
        callback: Callback = None,
    ) -> None:
        self.architecture = architecture
        self.hidden_width = hidden_width
        self.max_hidden_width = max_hidden_width
        self.max_depth = max_depth
        self.n_subsystems = n_subsystems
        self.max_subsystems = max_subsystems
        self.subsystem_fraction = subsystem_fraction
        self.activation = activation
        self.hidden_weights = hidden_weights
        self.hidden_columns = hidden_columns
        self.alpha = alpha
        self.selection = selection
        self.n_folds = n_folds
        self.scaling = scaling
        self.categorical_features = categorical_features
        self.image_shape = image_shape
        self.image_filters = image_filters
        self.hidden_widths = hidden_widths
        self.encoder_penalty = encoder_penalty
        self.encoder_alpha = encoder_alpha
        self.readout_width = readout_width
        self.fusion_width = fusion_width
        self.fusion = fusion
        self.time_limit = time_limit
        self.memory_limit = memory_limit
        self.dtype = dtype
        self.random_state = random_state
        self.n_threads = n_threads
        self.verbose = verbose
        self.callback = callback

    def _check_parameters(self) -> Settings:
        check.choice("architecture", self.architecture, ("recursive", "paper"))
        check.choice("scaling", self.scaling, resolve.SCALINGS)
        check.optional(check.integer, "n_threads", self.n_threads, 1)
        check.verbosity(self.verbose)
        check.callback(self.callback)
        check.categorical_setting(self.categorical_features)
        shape, n_filters = resolve.image_options(self)
        recursive = self.architecture == "recursive"
        return Settings(
            resolve.system_options(self),
            resolve.recursive_options(self) if recursive else resolve.paper_options(self),
            check.choice("hidden_columns", self.hidden_columns, ("auto", "all", "above", "subsets")),
            shape,
            n_filters,
            check.optional(check.real, "time_limit", self.time_limit, 0.0, np.inf),
            check.optional(check.real, "memory_limit", self.memory_limit, 0.0, np.inf),
        )

    @with_callbacks  # type: ignore[untyped-decorator]
    def _fit(
        self, X: object, y: object, sample_weight: object, *, classification: bool, class_weight: ClassWeight = None
    ) -> None:
        """Fit, and set the fitted attributes."""
        settings = self._check_parameters()
        listeners = Listeners(self, X, y)
        rows, y, categories, dtype = rows_to_fit(self, X, y, settings.memory_limit, classification=classification)
        del X
        self.__dict__.pop("_growth", None)  # of partial_fit
        weights = by_class(class_weight, y, check.sample_weights(sample_weight, len(rows)))
        kept = kept_rows(rows, target_columns(y, classification=classification), weights)
        unseen = rows[:0]
        if kept is not None:
            unseen = rows[kept.place < 0]
            rows, y, weights = rows[kept.rows], y[kept.rows], kept.weights
        targets: Targets
        labels: Labels | None
        weights, beside = normalised(weights), rows.X
        if not classification:
            targets, codes, labels = encode_numbers(y, dtype, weights, beside)
        elif y.ndim == 2:
            targets, codes, labels = encode_labels(y, dtype, beside)
        else:
            targets, codes, labels = encode_classes(y, dtype, beside)
        given = [rows]
        del rows, beside  # the last reference is the list's: the fit drops the rows once they are mapped
        fitted, scores = self._fit_system(settings, given, codes, labels, weights, dtype, listeners)
        for name in BLIND:
            self.__dict__.pop(name, None)
        self._targets = targets
        self._categories = categories
        for name, value in fitted.items():
            setattr(self, name, value)
        if not isinstance(targets, NumberTargets):
            self.classes_ = targets.classes
        if scores is not None:
            if kept is not None:
                scores = kept.spread(scores, self._scores_of(unseen) if len(unseen) else scores[:0])
            setattr(self, self._oof_name, plain(targets.decode(scores)))
        listeners.end()

    def _fit_system(
        self,
        settings: Settings,
        given: list[Given],
        targets: Floats,
        labels: Labels | None,
        weights: Weights,
        dtype: np.dtype[np.floating],
        listeners: Listeners,
    ) -> tuple[dict[str, Any], Floats | None]:
        """Fit on the checked rows, which are taken from the list; return the fitted attributes and their scores.

        No row is scored by a solution that saw its target; of one fold there are no scores.
        """
        seed = check.seed_of(self.random_state)
        budget = Budget(settings.time_limit, settings.memory_limit)
        tell = listeners.teller(budget.stop)
        with (
            threads(self.n_threads) as n_threads,
            self._progress() as progress,
        ):
            rows = given.pop()
            self._require_memory(settings, len(rows), labels is None, dtype, budget)
            budget.require_dense(rows, dtype)
            input_map, kinds, steps = self._prepare(
                settings, rows, targets, labels, weights, dtype, seed, n_threads, progress, budget, partial(tell, 0)
            )
            mapped = [input_map.transform(rows)]
            del rows  # the widest solve needs the memory
            # Side by side they need memory side by side.
            n_workers = n_threads if settings.memory_limit is None else 1
            system, blind, report = fit_system(
                mapped, targets, labels, settings.system, kinds, seed, budget, n_workers, weights, tell
            )
        report.preparation += steps
        report.stopped_by_time = budget.exhausted
        report.warn()
        fitted = {
            "_input_map": input_map,
            "subsystems_": system.subsystems,
            "report_": report,
            "depth_": max(subsystem.depth for subsystem in system.subsystems),
            "n_subsystems_": len(system.subsystems),
        }
        if blind is None:
            return fitted, None
        scores = blind.scores()
        report.score = score_predictions(scores, targets, labels, weights)
        return fitted | self._outputs(self._as_new(blind), targets, labels, weights, report), scores

    @abstractmethod
    def _as_new(self, blind: Blind) -> Floats:
        """Return the scores of the training rows that are most like those of new rows."""

    @abstractmethod
    def _outputs(
        self, scores: Floats, targets: Floats, labels: Labels | None, weights: Weights, report: Report
    ) -> dict[str, Any]:
        """Return what is predicted beside scores, fitted to scores of rows left out, and report on it."""

    @staticmethod
    def _require_memory(
        settings: Settings, n_rows: int, is_regression: bool, dtype: np.dtype[np.floating], budget: Budget
    ) -> None:
        """Raise MemoryError where the least that must be solved does not fit."""
        options, system = settings.architecture, settings.system
        width = options.fusion_width if isinstance(options, PaperOptions) else options.first_width
        n_sampled = max(1, round(system.fraction * n_rows))
        leave_one_out = is_regression and not isinstance(options, PaperOptions)
        n_bytes = level_bytes(n_sampled, width, system.n_folds, dtype, leave_one_out)
        budget.require(n_bytes, f"width {width} on {n_sampled} rows")

    def _prepare(
        self,
        settings: Settings,
        rows: Given,
        targets: Floats,
        labels: Labels | None,
        weights: Weights,
        dtype: np.dtype[np.floating],
        seed: int,
        n_threads: int,
        progress: Progress,
        budget: Budget,
        tell: Tell,
    ) -> tuple[Map, list[Prepare], list[Step]]:
        """Return the fitted input map, what prepares subsystems of each kind, and the steps of choosing the map."""
        options = settings.architecture
        if isinstance(options, PaperOptions):
            scaling = "feature" if self.scaling == "auto" else self.scaling
            return fit_input_map(rows, scaling, dtype, weights), [_paper(options, progress)], []
        fitted, kinds, steps = self._choose_map(
            settings, options, rows, targets, labels, seed, n_threads, progress, weights, tell
        )
        kinds = self._with_log_loss(settings, kinds, len(rows), fitted.n_columns_out, labels, targets)
        return fitted, [_recursive(kind, progress, budget) for kind in kinds], steps

    def _with_log_loss(
        self,
        settings: Settings,
        kinds: list[RecursiveOptions],
        n_rows: int,
        n_columns: int,
        labels: Labels | None,
        targets: Floats,
    ) -> list[RecursiveOptions]:
        """Return the options of each kind of subsystems, by the loss that readouts of classes are fitted to."""
        system, n_outputs, itemsize = settings.system, targets.shape[1], targets.dtype.itemsize
        n_sampled = max(1, round(system.fraction * n_rows))
        sizes = n_sampled, n_columns, kinds[0].widest, n_outputs, system.n_folds, itemsize
        if labels is None or system.n_folds < 2 or not resolve.takes_log_loss(self, sizes):
            return kinds
        kinds = [replace(kind, by_log_loss=True) for kind in kinds]
        if system.n_subsystems == 1 or kinds[0].max_depth == 1 or settings.image_shape is not None:
            return kinds
        # An average gains by members that err differently, and one level costs less than several.
        return [kinds[0], replace(kinds[-1], one_level=True)]

    def _choose_map(
        self,
        settings: Settings,
        options: RecursiveOptions,
        rows: Given,
        targets: Floats,
        labels: Labels | None,
        seed: int,
        n_threads: int,
        progress: Progress,
        weights: Weights = None,
        tell: Tell = nobody,
    ) -> tuple[Map, list[RecursiveOptions], list[Step]]:
        """Return the fitted input map, the options of each kind of hidden units, and the steps of choosing them."""
        dtype = targets.dtype
        if settings.image_shape is not None:
            row_rules.image_columns(settings.image_shape, rows.n_features)
            candidates = image_maps(settings.image_shape, settings.n_filters, seed, dtype)
        else:
            candidates = table_maps(self.scaling, dtype)
        system = settings.system
        trial = Trial(
            rows,
            targets,
            labels,
            options,
            settings.columns,
            system.n_folds,
            seed,
            n_threads,
            progress,
            weights,
            tell,
            alternates=system.n_subsystems > 1,
        )
        return choose(candidates, trial)

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there is a model; to look through all attributes takes as long as a row of a small one."""
        return "_input_map" in vars(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.image_shape is None
        tags.input_tags.sparse = True
        return tags

    def _scores(self, X: object) -> Floats:
        """Return the system's scores (n_samples, n_outputs) of rows to predict."""
        if isinstance(X, PartitionedRows):
            row_rules.known_columns(self, X.shape[1], X.columns)
            return self._scores_of(X.given())
        rows = sources.opened(X, self.memory_limit)
        return self._scores_of(rows if isinstance(rows, Stream) else row_rules.prediction_rows(self, rows))

    def _scores_of(self, rows: Given | Stream) -> Floats:
        """Return the scores of rows."""
        if isinstance(rows, Given):
            return self._scores_of_mapped(self._input_map.transform(rows))
        with closing(self._blocks(rows)) as blocks:
            parts = (self._scores_of_mapped(self._input_map.transform(block), len(rows)) for block in blocks)
            return joined(parts, len(rows), self.memory_limit)

    def _blocks(self, rows: Given | Stream) -> Generator[Given, None, None]:
        """Yield rows in blocks, those of a source checked against the fitted model."""
        if isinstance(rows, Given):
            yield rows
            return
        with closing(rows.blocks()) as blocks:
            yield from row_rules.known_blocks(self, blocks, rows.names, rows.categories)

    def _scores_of_mapped(self, mapped: Floats, n_rows: int | None = None) -> Floats:
        """Return the scores of mapped rows, which may be a block of `n_rows`."""
        with threads(self.n_threads):
            return System(self.subsystems_).predict(mapped, n_rows)

    def _progress(self) -> Progress:
        return Progress(check.verbosity(self.verbose) > 0, type(self).__name__)

    def _decoded(self, X: object) -> Floats:
        """Return the scores of rows to predict as a decision function, or in the units of y."""
        scores = self._scores(X)  # which says so where there is no fit
        return plain(self._targets.decode(scores))
