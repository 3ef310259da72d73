"""A one-level model that grows: sums per fold, which rows are added to and taken from, and hidden units are added to.

    H = s(Z A' + b) - m,   G_k = sum h h',   B_k = sum h y'   over the rows of fold k   (algorithm, sections 1 and 6)

The layer (A, b) and the shift m are drawn from the first rows and never change, so sums of any rows add up. A row's
fold is a hash of its values and the seed. It therefore depends on nothing that came before: the order of rows does not
matter, rows to be taken away are found in the fold they were added to, and copies of a row never stand on both sides.
No row is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from time import perf_counter

import numpy as np

from sstpl import _core
from sstpl._calibration import CalibrationReport
from sstpl._config import threads_for
from sstpl._given import Given
from sstpl._recursive import Level, RecursiveOptions, Stack
from sstpl._report import Report, Step, SubsystemReport, step
from sstpl._selection import alpha_path, path_detail
from sstpl._solving import PATH_WIDTH, solve_path
from sstpl._typing import Floats, Labels

_STREAM_LEVEL = 101  # that of the first level of a stack
_SHIFT_ROWS = 256  # whose mean features are the shift
_ROWS_OF_A_FOLD = 20  # with fewer, hidden units are drawn across folds: within them there are too few pairs
_MOST_LEFT_BEHIND = 1e-6  # of a feature's sum of squares: the rounding of rows that were taken away


@dataclass(frozen=True)
class GrowthOptions:
    """What a growing model needs of the choices of the estimator."""

    activation: str
    hidden_weights: str
    alpha: float | None  # None: chosen on a path
    fields: tuple[int, int, int, int] | None  # as in RecursiveOptions
    groups: Labels | None

    @staticmethod
    def of(options: RecursiveOptions) -> GrowthOptions:
        """Take what is needed."""
        return GrowthOptions(**{one.name: getattr(options, one.name) for one in fields(GrowthOptions)})


@dataclass(frozen=True)
class Batch:
    """Rows as the layer sees them, sorted by fold; fold k is the rows from starts[k] up to starts[k + 1]."""

    X: Floats
    targets: Floats
    labels: Labels | None
    starts: Labels

    @staticmethod
    def of(rows: Given, mapped: Floats, targets: Floats, labels: Labels | None, seed: int, n_folds: int) -> Batch:
        """Deal rows, which are hashed as they were given."""
        folds = (rows.hashes(seed) % np.uint64(n_folds)).astype(np.int64)
        order = np.argsort(folds, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(folds, minlength=n_folds))]).astype(np.int64)
        own = None if labels is None else np.ascontiguousarray(labels[order])
        return Batch(np.ascontiguousarray(mapped[order]), np.ascontiguousarray(targets[order]), own, starts)

    def fold(self, k: int) -> tuple[Floats, Floats]:
        """Return inputs and targets of a fold."""
        own = slice(self.starts[k], self.starts[k + 1])
        return self.X[own], self.targets[own]

    def draw(self, options: GrowthOptions, n_hidden: int, seed: int) -> tuple[Floats, Floats, Labels]:
        """Draw weights and bias of a hidden layer from these rows, pairs of them within a fold and of two classes.

        Where units are centers, there is also the fold of each.
        """
        if options.hidden_weights == "centers":
            rows = _core.draw_centers(len(self.X), n_hidden, seed, _STREAM_LEVEL)
            A, b = _core.center_layer(np.ascontiguousarray(self.X[rows]), min(n_hidden, len(self.X)))
            return A, b, np.searchsorted(self.starts, rows, side="right").astype(np.int64) - 1
        whole = len(self.starts) > 2 and np.diff(self.starts).min() >= _ROWS_OF_A_FOLD
        labels = None if self.labels is None or len(np.unique(self.labels)) < 2 else self.labels
        A, b = _core.draw_hidden(
            options.hidden_weights,
            self.X,
            n_hidden,
            seed,
            _STREAM_LEVEL,
            labels,
            self.starts if whole else None,
            options.fields,
            options.groups,
        )
        return A, b, np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Growth:
    """Everything that a growing model is solved from. Never changed: what adds or takes away returns another.

    Attributes
    ----------
    options : GrowthOptions
    seed : int
        Of the layer and the folds.
    hidden_weights, hidden_bias, shift : arrays (p, d), (p,) and (p,)
    folds : tuple of Sums
        One where the penalty is given: there is nothing to choose.
    classes_given : bool
        Whether the first call said which classes there are.
    steps : list of Step
        Input maps that were tried.
    calibration : CalibrationReport or None
        Of the scores of rows that were not added.
    center_folds : array (p,), or empty
        Of units that are centers, the fold of each center's row: that fold is scored without them.
    """

    options: GrowthOptions
    seed: int
    hidden_weights: Floats
    hidden_bias: Floats
    shift: Floats
    folds: tuple[_core.Sums, ...]
    classes_given: bool
    steps: list[Step]
    calibration: CalibrationReport | None = None
    center_folds: Labels = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @staticmethod
    def begin(batch: Batch, options: RecursiveOptions, seed: int, classes_given: bool, steps: list[Step]) -> Growth:
        """Draw a layer from the rows, which are not added yet."""
        own = GrowthOptions.of(options)
        A, b, center_folds = batch.draw(own, options.first_width, seed)
        n_folds, n_outputs = len(batch.starts) - 1, batch.targets.shape[1]
        folds = tuple(_core.Sums(len(A), n_outputs) for _ in range(n_folds))
        none = np.zeros(0, dtype=A.dtype)
        grown = Growth(own, seed, A, b, none, folds, classes_given, steps, center_folds=center_folds)
        return grown._shifted(batch)

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return sum(fold.n_samples for fold in self.folds)

    @property
    def width(self) -> int:
        """Number of hidden units."""
        return len(self.hidden_weights)

    @property
    def n_outputs(self) -> int:
        """Number of columns of targets."""
        return len(self.folds[0].target_sums)

    def cost(self, n_rows: int) -> float:
        """Return the flops of adding rows."""
        return 1.0 * n_rows * self.width * (self.width + 2 * len(self.hidden_weights[0]))

    def added(self, batches: Iterable[Batch]) -> Growth:
        """Add rows: n p^2 flops for n of them, and as much memory again as the sums of the folds they are in."""
        folds = list(self.folds)
        for k, new in self._sums(batches).items():
            new.merge(folds[k])
            folds[k] = new
        return replace(self, folds=tuple(folds))

    def without(self, batches: Iterable[Batch], *, is_classification: bool) -> Growth:
        """Take rows away."""
        folds = list(self.folds)
        for k, old in self._sums(batches).items():
            if old.n_samples > folds[k].n_samples:
                raise ValueError(_NOT_AMONG)
            less = _core.Sums(self.width, self.n_outputs)
            less.merge(folds[k])
            less.subtract(old)
            handled = less.squares + 2 * less.removed
            if (less.squares < -64 * less.roundoff * handled).any() or (is_classification and _has_negative(less)):
                raise ValueError(_NOT_AMONG)
            folds[k] = less
        return replace(self, folds=tuple(folds))

    def merged(self, other: Growth, since: Growth | None) -> Growth:
        """Add the rows of another model of the same layer, but for those of one that both were made from."""
        for one in (other,) if since is None else (other, since):
            if not self._is_like(one):
                raise ValueError(_NOT_ALIKE)
        folds = list(self.folds)
        for k, new in enumerate(other.folds):
            total = _core.Sums(self.width, self.n_outputs)
            total.merge(folds[k])
            total.merge(new)
            if since is not None:
                if since.folds[k].n_samples > min(new.n_samples, folds[k].n_samples):
                    raise ValueError("since must be the model that both were made from, whose rows both have")
                total.subtract(since.folds[k])
            folds[k] = total
        return replace(self, folds=tuple(folds))

    def _is_like(self, other: Growth) -> bool:
        """Whether sums of both add up: of one layer, on one input map as far as the layer tells, and of its folds."""
        ours, theirs = (
            ((one.hidden_weights, one.hidden_bias, one.shift), (one.seed, len(one.folds), one.n_outputs))
            for one in (self, other)
        )
        same_layer = all(np.array_equal(a, b) for a, b in zip(ours[0], theirs[0], strict=True))
        return same_layer and ours[1] == theirs[1]

    def left_behind(self) -> float:
        """Return the rounding of rows that were taken away, as a share of what is left, for the worst feature."""
        squares = sum((fold.squares for fold in self.folds), start=np.zeros(self.width))
        removed = sum((fold.removed for fold in self.folds), start=np.zeros(self.width))
        roundoff = max(fold.roundoff for fold in self.folds)
        varies = removed > 0
        return float(np.max(2 * roundoff * removed[varies] / np.maximum(squares[varies], roundoff), initial=0.0))

    @property
    def has_lost_digits(self) -> bool:
        """Whether that is more than a millionth."""
        return self.left_behind() > _MOST_LEFT_BEHIND

    def widened(self, batch: Batch, n_more: int) -> Growth:
        """Add hidden units; the rows must be those of the sums, which raise ValueError where they are not."""
        A, b, center_folds = batch.draw(self.options, self.width + n_more, self.seed)
        wider = replace(
            self,
            hidden_weights=np.concatenate([self.hidden_weights, A[self.width :]]),
            hidden_bias=np.concatenate([self.hidden_bias, b[self.width :]]),
            center_folds=np.concatenate([self.center_folds, center_folds[self.width :]]),
        )._shifted(batch)
        with threads_for(2.0 * len(batch.X) * self.width * n_more):
            folds = [
                _core.widened(old, *batch.fold(k), wider._layer, self.options.activation)
                for k, old in enumerate(self.folds)
            ]
        return replace(wider, folds=tuple(folds))

    def with_outputs(self, sources: Labels) -> Growth:
        """Reorder the classes, and add classes (-1) that no row has had so far."""
        return replace(self, folds=tuple(fold.with_outputs(sources, -1.0) for fold in self.folds))

    def solve(self) -> tuple[Stack, Report]:
        """Return the model, and what was tried."""
        start = perf_counter()
        which = [k for k, fold in enumerate(self.folds) if fold.n_samples]
        folds = [self.folds[k] for k in which]
        left_out = [np.flatnonzero(self.center_folds == k) for k in which] if self.center_folds.size else None
        alphas = alpha_path(self.options.alpha, self.hidden_weights.dtype)
        with threads_for(len(alphas) * len(folds) * min(self.width, PATH_WIDTH) ** 3 / 3):
            solved = solve_path(folds, alphas, left_out=left_out)
        solution = solved.whole
        intercept = solution["intercept"] - self.shift.astype(np.float64) @ solution["weights"]
        dtype = self.hidden_weights.dtype
        level = Level(self.hidden_weights, self.hidden_bias, solution["weights"].astype(dtype), intercept.astype(dtype))
        native = {
            "alpha": solved.alpha,
            "solve": solution["solve"],
            "width": self.width,
        } | path_detail(alphas, solved.errors)
        seconds = perf_counter() - start
        tried = SubsystemReport(self.n_samples, [step("level", 1, seconds, native)], None, None, True, seconds)
        report = Report(list(self.steps), [tried], calibration=self.calibration)
        return Stack(self.options.activation, 1.0, (level,)), report

    @property
    def _layer(self) -> tuple[Floats, Floats, Floats]:
        return self.hidden_weights, self.hidden_bias, self.shift

    def _shifted(self, batch: Batch) -> Growth:
        """Set the shift of units that have none: features with a large mean lose digits in sums of squares."""
        some = slice(0, _SHIFT_ROWS)
        X, targets = batch.X[some], batch.targets[some]
        sums = _core.Sums(self.width, targets.shape[1])
        none = np.zeros(self.width, dtype=self.hidden_weights.dtype)
        _core.add_hidden_rows(sums, X, targets, (self.hidden_weights, self.hidden_bias, none), self.options.activation)
        means = (sums.feature_sums / len(X)).astype(none.dtype)
        return replace(self, shift=np.concatenate([self.shift, means[len(self.shift) :]]))

    def _sums(self, batches: Iterable[Batch]) -> dict[int, _core.Sums]:
        """Return the sums of rows by themselves, of every fold that they are in."""
        found: dict[int, _core.Sums] = {}
        for batch in batches:
            with threads_for(self.cost(len(batch.X))):
                for k in np.flatnonzero(np.diff(batch.starts)).tolist():
                    sums = found[k] if k in found else _core.Sums(self.width, self.n_outputs)
                    _core.add_hidden_rows(sums, *batch.fold(k), self._layer, self.options.activation)
                    if not (np.isfinite(sums.squares).all() and np.isfinite(sums.cross).all()):
                        raise np.linalg.LinAlgError(
                            "the sums of these rows are not finite: a feature overflowed; scale the inputs down"
                        )
                    found[k] = sums
        return found


_NOT_ALIKE = "models to merge must be copies of one that partial_fit has begun, with the same classes: layers differ"
_NOT_AMONG = "X and y must be rows that were added before, with the same values, and each no more often than it was"


def _has_negative(sums: _core.Sums) -> bool:
    """Whether some class has fewer than no rows."""
    counts = (sums.target_sums + sums.weight) / 2
    return bool((counts < -0.5).any())
