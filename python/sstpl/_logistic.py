"""Readouts fitted to classes by their log-loss, not by the squared error of codes, from the factor that the ridge has.

For features H, classes E (one-hot) and softmax probabilities P of scores S = (H - 1 m') V + 1 a', the penalised loss

    sum_i w_i log-loss_i + lambda' / 4 ||V||^2,    lambda' <= lambda,

has a curvature of at most (G_c + lambda I) / 2, the matrix of the ridge: Boehning, "Multinomial logistic regression
algorithm", Ann. Inst. Stat. Math. 44, 1992. So every step is one more solve with the factor that there is,

    V += 2 (G_c + lambda I)^-1 ((H - 1 m')'W(E - P) - lambda' / 2 V),    a += 2 sum_i w_i (e_i - p_i) / sum_i w_i,

and costs a pass over the rows. It is the ridge of other targets, S + 2 (E - P) where lambda' = lambda; the first one,
from zero, is the ridge of the codes. Steps are accelerated: Nesterov, "A method of solving a convex programming problem
with convergence rate O(1/k^2)", 1983.

Beside the readout of all rows goes one without each fold. What these lose on the rows of their folds says when to stop,
and their scores of them are the out-of-fold scores.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from sstpl import _core
from sstpl._budget import BYTES_ALWAYS_KEPT
from sstpl._spill import empty_beside
from sstpl._typing import Floats, Labels, Weights

MOST_STEPS = 20
_PATIENCE = 2  # steps that lower nothing, after which nothing is expected any more
_LITTLE_WORK = 1e11  # flops, of all steps
_TIMES_THE_SUMS = 4.0  # that they may cost
_BLOCK_ROWS = 4096

_Reals = npt.NDArray[np.float64]
Layer = tuple[Floats, Floats, Floats]  # weights, bias, shift
Readout = tuple[Floats, Floats]  # weights (p, c) and intercept (c,)
LogisticSums = tuple[_Reals, _Reals, _Reals]  # of features (p, m c) and intercepts (m c,), losses left out (m,)


@dataclass(frozen=True)
class Classes:
    """What is known of rows that are sorted by fold: classes (n,), folds (n,), and weights (n,) or None."""

    labels: Labels
    folds: Labels
    n_classes: int
    n_folds: int
    weights: Weights


class Features(ABC):
    """Hidden features of rows, wherever these are, less a fixed shift."""

    dtype: np.dtype[Any]

    @abstractmethod
    def sums(self) -> _core.Sums:
        """Return the sums of all rows."""

    @abstractmethod
    def step(self, W: Floats, intercept: Floats) -> LogisticSums:
        """Return `_core.logistic_sums` of all rows, for the readouts side by side."""

    @abstractmethod
    def scores(self, readouts: list[Readout]) -> Floats:
        """Return scores (n, c) of every row by the readout of its fold."""


@dataclass(frozen=True)
class LogisticFit:
    """A readout of all rows, for features that are not shifted, and what came of the steps to it.

    Attributes
    ----------
    readout : Readout
    scores : array (n, c)
        Of every row by the readout without its fold.
    losses : list of float
        Log-loss of these scores before every step, the first one's those of the frequencies of the classes.
    """

    readout: Readout
    scores: Floats
    losses: list[float]


class FeaturesHere(Features):
    """Features of rows in this process, which are kept where they take 256 MiB at most."""

    def __init__(
        self, X: Floats, Z: Callable[[slice], Floats], layer: Layer, activation: str, classes: Classes
    ) -> None:
        self._X = X  # where scores go beside
        self._Z, self._layer, self._activation, self._classes = Z, layer, activation, classes
        self.dtype = layer[0].dtype
        self._kept: list[Floats] = []

    def _blocks(self) -> Iterator[tuple[slice, Floats]]:
        n, (p, _) = len(self._classes.labels), self._layer[0].shape
        keeps = n * p * self.dtype.itemsize <= BYTES_ALWAYS_KEPT
        for k, start in enumerate(range(0, n, _BLOCK_ROWS)):
            rows = slice(start, min(start + _BLOCK_ROWS, n))
            if k < len(self._kept):
                yield rows, self._kept[k]
                continue
            H = _core.hidden_features(self._Z(rows), self._layer, self._activation)
            if keeps:
                self._kept.append(H)
            yield rows, H

    def sums(self) -> _core.Sums:
        """Return the sums of all rows."""
        found, weights = _core.Sums(len(self._layer[0]), 1), self._classes.weights
        for rows, H in self._blocks():
            found.add_rows(H, np.zeros((len(H), 1), H.dtype), None if weights is None else weights[rows])
        return found

    def step(self, W: Floats, intercept: Floats) -> LogisticSums:
        """Return `_core.logistic_sums` of all rows."""
        known = self._classes
        parts = (
            _core.logistic_sums(
                H,
                known.labels[rows],
                known.folds[rows],
                known.n_folds,
                W,
                intercept,
                None if known.weights is None else known.weights[rows],
            )
            for rows, H in self._blocks()
        )
        return added(parts)

    def scores(self, readouts: list[Readout]) -> Floats:
        """Return scores (n, c) of every row by the readout of its fold."""
        found = empty_beside(self._X, (len(self._X), self._classes.n_classes), self.dtype)
        for rows, H in self._blocks():
            for k in np.unique(self._classes.folds[rows]):
                own = self._classes.folds[rows] == k
                W, intercept = readouts[k]
                found[rows][own] = H[own] @ W + intercept
        return found


def added(parts: Iterable[LogisticSums]) -> LogisticSums:
    """Return the sum of `_core.logistic_sums` of several sets of rows, one after another."""
    return reduce(lambda some, more: (some[0] + more[0], some[1] + more[1], some[2] + more[2]), parts)


def steps_that_pay(n_rows: int, n_columns: int, width: int, n_classes: int, n_folds: int, itemsize: int) -> bool:
    """Whether all steps cost little, or little beside the sums that the factor is made of: n p^2 flops."""
    kept = n_rows * width * itemsize <= BYTES_ALWAYS_KEPT
    columns = 2 * n_classes * (n_folds + 1) + (0 if kept else n_columns)
    work = 2.0 * MOST_STEPS * n_rows * width * columns
    return work <= max(_LITTLE_WORK, _TIMES_THE_SUMS * n_rows * width**2)


class _Solver:
    """Solves with the matrix of the ridge, readout by readout, without the units that one must do without."""

    def __init__(self, factor: tuple[_Reals, _Reals, _Reals], unused: list[Labels]) -> None:
        self._U, self._scale, self.means = factor
        # Where x_L must be 0: x - (C E_L) (E_L' C E_L)^-1 x_L, for C the inverse.
        self._unused = [own[self._scale[own] > 0] for own in unused]
        self._ways = [self._way(own) for own in self._unused]

    def _way(self, own: Labels) -> _Reals:
        ends = np.zeros((len(self._scale), len(own)))
        ends[own, np.arange(len(own))] = 1.0
        C = self._solve(ends)
        way: _Reals = np.linalg.solve(C[own], C.T).T.astype(np.float64, copy=False)
        return way

    def _solve(self, B: _Reals) -> _Reals:
        return _core.solve_by_factor(self._U, self._scale, B)

    def __call__(self, B: _Reals) -> _Reals:
        """Solve for (p, m c), the first c of all rows."""
        n_classes = B.shape[1] // (len(self._unused) + 1) if self._unused else B.shape[1]
        columns = [slice((k + 1) * n_classes, (k + 2) * n_classes) for k in range(len(self._unused))]
        for own, at in zip(self._unused, columns, strict=True):
            B[own, at] = 0.0
        X = self._solve(B)
        for own, at, way in zip(self._unused, columns, self._ways, strict=True):
            X[:, at] -= way @ X[own, at]
            X[own, at] = 0.0
        return X


def fit_logistic(
    features: Features,
    shift: Floats,
    alpha: float,
    share: float,
    classes: Classes,
    unused: list[Labels] | None,
    tick: Callable[[], None],
) -> LogisticFit | None:
    """Fit readouts to classes with a share of the penalty that the ridge has by alpha.

    None where the ridge has no factor, or no step lowers the loss.

    `unused` has for every fold the units that the readout without it does without, or is None.
    """
    sums = features.sums()
    found = _core.solve_ridge([sums], alpha, True, allow_fallback=False, keep_factor=True)
    if not found["solved"] or found["factor"] is None:
        return None
    solve, weight = _Solver(found["factor"], unused or []), sums.weight
    penalty = share * found["solve"]["penalty"]
    del sums, found
    dtype, n = features.dtype, classes.n_classes
    shape = len(shift), n * (classes.n_folds + 1)
    V: _Reals = np.zeros(shape)
    a: _Reals = np.zeros(shape[1])
    V_before, a_before, best, best_a = V, a, V, a
    losses: list[float] = []
    for count in range(MOST_STEPS + 1):
        momentum = max(0, count - 1) / (count + 2)
        Q, q = V + momentum * (V - V_before), a + momentum * (a - a_before)
        G, g, left_out = features.step(Q.astype(dtype), (q - solve.means @ Q).astype(dtype))
        tick()
        losses.append(float(left_out.sum()) / weight)
        if losses[-1] <= min(losses):
            best, best_a = Q, q
        elif len(losses) - int(np.argmin(losses)) > _PATIENCE:
            break
        V_before, a_before = V, a
        V = Q + 2.0 * solve(G - np.outer(solve.means, g) - penalty / 2 * Q)
        a = q + 2.0 * g / weight
    if np.argmin(losses) == 0:
        return None
    intercept = best_a - solve.means @ best
    parts = [slice(k * n, (k + 1) * n) for k in range(classes.n_folds + 1)]
    readouts = [(np.ascontiguousarray(best[:, own], dtype=dtype), intercept[own].astype(dtype)) for own in parts]
    whole = readouts[0][0], (intercept[parts[0]] - shift.astype(np.float64) @ best[:, parts[0]]).astype(dtype)
    return LogisticFit(whole, features.scores(readouts[1:]), losses)
