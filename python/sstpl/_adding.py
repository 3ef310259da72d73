"""How rows get into the sums of a one-level model, and how it is solved from them when it is asked for.

The first rows fix the input map and the hidden layer; everything after is sums (`Growth`). Rows that come in blocks are
read once, and summed as they come; the layer is then drawn from a sample of them, which is read before.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import NotFittedError

from sstpl import _core
from sstpl import _row_rules as row_rules
from sstpl import _sources as sources
from sstpl import _validation as check
from sstpl._base import BLIND, SSTPLBase, unchanged_on_error
from sstpl._budget import Budget, level_bytes
from sstpl._config import threads
from sstpl._given import Given
from sstpl._growth import Batch, Growth
from sstpl._progress import Progress
from sstpl._recursive import RecursiveOptions
from sstpl._sources import Stream
from sstpl._targets import ClassTargets, NumberTargets, Targets, class_codes, encode_numbers
from sstpl._typing import Floats, Labels

_SOLVED = ("subsystems_", "report_", "depth_", "n_subsystems_")
_MOST_ROWS_AT_ONCE = 4096  # of features, as in growing.hpp

# Of rows that come in blocks, the sample that the layer is drawn from: means are off by less than a hundredth of a
# deviation, and there are more pairs of rows than any layer has units.
_MOST_FIRST_ROWS = 2**14
_STREAM_FIRST_ROWS = 9


class Adding(SSTPLBase):
    """A model that rows are added to, as its methods need it."""

    classes_: npt.NDArray[Any]
    _growth: Growth

    def _partial_fit(self, X: object, y: object, classes: object, *, classification: bool) -> None:
        """Add rows to the sums, which the first of them begin."""
        if "_growth" not in vars(self):
            with unchanged_on_error(self):
                self._begin(X, y, classes, classification)
            return
        rows, labels = self._more_rows("partial_fit", X, y)
        growth, targets = self._growth, self._targets
        if isinstance(targets, ClassTargets):
            check.same_classes(classes, targets.classes)
            if not growth.classes_given:
                growth, targets = _with_classes(growth, targets, labels)
        with threads(self.n_threads), self._progress() as progress:
            growth = growth.added(self._batches(rows, labels, growth, targets, progress))
        self._become(growth, targets)

    def _begin(self, X: object, y: object, classes: object, classification: bool) -> None:
        settings = self._check_parameters()
        options = settings.architecture
        assert isinstance(options, RecursiveOptions)
        check.growing_selection(options.selection, options.alpha)
        seed = check.seed_of(self.random_state)
        X = sources.opened(X, settings.memory_limit)
        stream = X if isinstance(X, Stream) else None
        values = {} if stream is None else stream.categories
        if stream is not None:
            every = row_rules.targets_of(y, len(stream), classification=classification)
            targets = _first_targets(every, classes, classification=classification)
            some = _first_rows(every, targets, seed)
            X, y = stream.take(some), every[some]
        categorical = row_rules.categorical_columns(self.categorical_features, X, values)
        dtype = row_rules.working_dtype(self.dtype, X, categorical)
        rows, y, categories = row_rules.training_rows(
            self, X, y, dtype, categorical, values, classification=classification
        )
        if stream is None:
            targets = _first_targets(y, classes, classification=classification)
        elif stream.names is not None:
            self.feature_names_in_ = check.column_names(stream.names, rows.n_features)
        codes, labels = self._coded(targets, y, dtype)
        if "subsystems_" in vars(self):
            warnings.warn("partial_fit begins anew: what fit has learnt cannot be continued", UserWarning, stacklevel=4)
        for name in BLIND:
            self.__dict__.pop(name, None)
        n_folds = settings.system.n_folds if options.alpha is None else 1
        self._require_room(Budget(None, settings.memory_limit), len(rows), options.first_width, n_folds)
        with threads(self.n_threads) as n_threads, self._progress() as progress:
            self._input_map, [options], steps = self._choose_map(
                replace(settings, system=replace(settings.system, n_subsystems=1)),
                # First rows may be few and unlike those to come, which centers among them would not reach.
                replace(options, max_depth=1, tries_centers=False),
                rows,
                codes,
                labels,
                seed,
                n_threads,
                progress,
            )
            self._categories = categories
            first = Batch.of(rows, self._input_map.transform(rows), codes, labels, seed, n_folds)
            growth = Growth.begin(first, options, seed, classes is not None, steps)
            if stream is None:
                growth = growth.added([first])
            else:
                growth = growth.added(self._batches(stream, every, growth, targets, progress))
        self._become(growth, targets)

    @staticmethod
    def _require_room(budget: Budget, n_rows: int, width: int, n_folds: int) -> None:
        """Raise MemoryError where the sums do not fit, old and new ones."""
        n_bytes = level_bytes(min(n_rows, _MOST_ROWS_AT_ONCE), width, 2 * n_folds, np.dtype(np.float64))
        budget.require(n_bytes, f"width {width}")

    def _more_rows(self, method: str, X: object, y: object) -> tuple[Given | Stream, npt.NDArray[Any]]:
        """Check rows that are not the first."""
        check.has_sums(method, self)
        return self._labelled_rows(X, y)

    def _labelled_rows(self, X: object, y: object) -> tuple[Given | Stream, npt.NDArray[Any]]:
        """Check rows and their targets."""
        rows, is_classification = sources.opened(X, self.memory_limit), isinstance(self._targets, ClassTargets)
        if isinstance(rows, Stream):
            return rows, row_rules.targets_of(y, len(rows), classification=is_classification)
        return row_rules.more_rows(self, rows, y, classification=is_classification)

    @staticmethod
    def _coded(targets: Targets, y: npt.NDArray[Any], dtype: np.dtype[np.floating]) -> tuple[Floats, Labels | None]:
        """Return targets as the sums see them, and the class of every row."""
        if isinstance(targets, ClassTargets):
            labels = check.known_labels(y, targets.classes)
            return class_codes(labels, len(targets.classes), dtype), labels
        assert isinstance(targets, NumberTargets)
        return targets.encode(check.known_numbers(y, len(targets.mean)), dtype), None

    def _batches(
        self, rows: Given | Stream, y: npt.NDArray[Any], growth: Growth, targets: Targets, progress: Progress
    ) -> Iterator[Batch]:
        """Return rows in batches for the sums; their targets are all checked before the first is read."""
        codes, labels = self._coded(targets, y, self._input_map.dtype)
        progress.plan(growth.cost(len(rows)))

        def batches() -> Iterator[Batch]:
            start = 0
            with closing(self._blocks(rows)) as blocks:
                for block in blocks:
                    progress.stage(f"row {start} of {len(rows)}")
                    own = slice(start, start + len(block))
                    some = None if labels is None else labels[own]
                    mapped = self._input_map.transform(block)
                    yield Batch.of(block, mapped, codes[own], some, growth.seed, len(growth.folds))
                    progress.done(growth.cost(len(block)))
                    start += len(block)

        return batches()

    def _become(self, growth: Growth, targets: Targets | None = None) -> None:
        """Take over sums, and drop what was solved from others."""
        for name in _SOLVED:
            self.__dict__.pop(name, None)
        self._growth = growth
        if targets is not None:
            self._targets = targets
        if isinstance(targets, ClassTargets):
            self.classes_ = targets.classes

    def _solve(self) -> None:
        with threads(self.n_threads):
            stack, report = self._growth.solve()
        report.warn()
        self.__dict__.update(subsystems_=(stack,), report_=report, depth_=1, n_subsystems_=1)

    if not TYPE_CHECKING:  # mypy would take every name for an attribute

        def __getattr__(self, name: str) -> Any:
            """Solve a grown model when its solution is first asked for."""
            if name in _SOLVED and "_growth" in vars(self):
                self._solve()
                return vars(self)[name]
            if name in BLIND and ("_growth" in vars(self) or "subsystems_" in vars(self)):
                raise NotFittedError(
                    f"partial_fit, and fit with n_folds=1, tell no row's out-of-fold score: no {name.strip('_')}. For "
                    "probabilities, sets and intervals call calibrate(X, y) with rows that were not fitted"
                )
            if name == "partial_fit":  # asked for here only where it is not there
                raise AttributeError(f"partial_fit needs architecture='recursive', got {self.architecture!r}")
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def _with_classes(growth: Growth, known: ClassTargets, y: npt.NDArray[Any]) -> tuple[Growth, ClassTargets]:
    """Add the classes of new labels: no row so far was of them, so their codes are -1 in every row."""
    classes = check.more_classes(known.classes, y)
    if len(classes) == len(known.classes):
        return growth, known
    place = {label: column for column, label in enumerate(known.classes.tolist())}
    sources = np.array([place.get(label, -1) for label in classes.tolist()], dtype=np.int64)
    return growth.with_outputs(sources), ClassTargets(classes)


def _first_targets(y: npt.NDArray[Any], classes: object, *, classification: bool) -> Targets:
    """Return what the first targets are, and all that follow."""
    if not classification:
        return encode_numbers(y, np.dtype(np.float64))[0]
    if y.ndim == 2:
        raise ValueError(f"partial_fit takes one class per row, and y has {y.shape[1]} labels")
    return ClassTargets(check.first_classes(y, classes))


def _first_rows(y: npt.NDArray[Any], targets: Targets, seed: int) -> Labels:
    """Return which rows of many the layer is drawn from: some of every class, in proportion."""
    labels = check.known_labels(y, targets.classes) if isinstance(targets, ClassTargets) else None
    return _core.sample_rows(seed, _STREAM_FIRST_ROWS, labels, len(y), min(1.0, _MOST_FIRST_ROWS / len(y)))
