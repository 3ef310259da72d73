"""What is done with a partition where it is: pure functions of their arguments, which may run anywhere, and again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from sstpl import _core
from sstpl._given import NUMBERS, Given
from sstpl._levels import predict
from sstpl._solving import Solution, Solved, solve_path
from sstpl._typing import Floats, Labels, Weights

_Array = npt.NDArray[Any]
_Layer = tuple[Floats, Floats, Floats]  # weights, bias, shift
_Sums = list[_core.Sums]  # of every fold


def on_rows(function: Callable[..., object], X: _Array, rows: Labels | None, *arguments: object) -> object:
    """Return what a function makes of some rows of a partition."""
    return function(X if rows is None else np.ascontiguousarray(X[rows]), *arguments)


def same(X: _Array) -> _Array:
    """Return the rows."""
    return X


def hashes(X: _Array, seed: int) -> npt.NDArray[np.uint64]:
    """Return a hash of every row."""
    return Given(X, has_missing=True).hashes(seed)


def asked(X: _Array, weights: Weights, method: str, arguments: tuple[object, ...], has_missing: bool) -> Any:
    """Return what `Given` says of rows."""
    given = Given(X, has_missing)
    return getattr(given, method)(*arguments, *(() if method == "extremes" else (weights,)))


def transformed(X: _Array, known: tuple[Callable[[Given], Floats], Given]) -> Floats:
    """Return mapped rows."""
    transform, like = known
    return transform(Given(X, like.has_missing, like.categorical))


def beside(X: Floats, fed: Floats | None) -> Floats:
    """Return rows with the scores that stand beside them."""
    return X if fed is None else np.concatenate([X, fed], axis=1)


@dataclass(frozen=True)
class LevelTask:
    """What is known of a level before it is solved: its layer, its activation, and of centers whose rows they are."""

    layer: _Layer
    activation: str
    left_out: list[Labels] | None = None  # for every fold the units that a solution without it does without


def fold_sums(
    X: Floats, fed: Floats | None, targets: Floats, weights: Weights, folds: Labels, n_folds: int, level: LevelTask
) -> _Sums:
    """Return the sums of every fold over rows, whose folds ascend."""
    Z = beside(X, fed)
    starts = np.searchsorted(folds, np.arange(n_folds + 1))
    found = []
    for k in range(n_folds):
        own = slice(starts[k], starts[k + 1])
        sums = _core.Sums(len(level.layer[0]), targets.shape[1])
        _core.add_hidden_rows(
            sums, Z[own], targets[own], level.layer, level.activation, None if weights is None else weights[own]
        )
        found.append(sums)
    return found


def merged(*parts: _Sums) -> _Sums:
    """Return the sums of several sets of rows; what was given stays as it is."""
    return [_merged_fold(fold) for fold in zip(*parts, strict=True)]


def _merged_fold(parts: tuple[_core.Sums, ...]) -> _core.Sums:
    total = _core.Sums(*parts[0].cross.shape)
    for part in parts:
        total.merge(part)
    return total


@dataclass(frozen=True)
class SolvedLevel:
    """The readouts of a level: on all rows, and without each fold, for features that are not shifted.

    Attributes
    ----------
    solved : Solved
        Without the solutions.
    whole : tuple of arrays (p, c) and (c,)
        Weights and intercept.
    without : list of such
    factor : tuple of arrays, or None
        Of the solution on all rows, for leverages; None where it was not kept.
    share : float
        One over the weight of all rows.
    """

    solved: Solved
    whole: tuple[Floats, Floats]
    without: list[tuple[Floats, Floats]]
    factor: tuple[Floats, Floats, Floats] | None
    share: float


def solve(folds: _Sums, alphas: list[float], search: bool, level: LevelTask, leave_one_out: bool) -> SolvedLevel:
    """Solve a level from its sums."""
    solved = solve_path(
        folds,
        alphas,
        search=search,
        without_folds=len(folds) > 1,
        keep_factor=leave_one_out,
        left_out=level.left_out,
    )
    shift = level.layer[2]

    def readout(solution: Solution) -> tuple[Floats, Floats]:
        intercept = solution["intercept"] - shift.astype(np.float64) @ solution["weights"]
        return solution["weights"].astype(shift.dtype), intercept.astype(shift.dtype)

    factor = solved.whole.get("factor")
    if factor is not None:
        U, scale, means = (np.ascontiguousarray(part, dtype=shift.dtype) for part in factor)
        factor = U, scale, means
    weight = reduce(lambda total, fold: total + fold.weight, folds, 0.0)
    told = [{"solve": one["solve"]} for one in (solved.whole, *solved.without)]
    return SolvedLevel(
        replace(solved, whole=told[0], without=told[1:]),
        readout(solved.whole),
        [readout(one) for one in solved.without],
        factor,
        1.0 / weight,
    )


def without_factor(level: SolvedLevel) -> SolvedLevel:
    """Return a solved level as it is sent home."""
    return replace(level, factor=None)


def scores_without_fold(X: Floats, fed: Floats | None, folds: Labels, level: LevelTask, solved: SolvedLevel) -> Floats:
    """Return scores of rows, whose folds ascend, by the solutions without their folds."""
    Z = beside(X, fed)
    starts = np.searchsorted(folds, np.arange(len(solved.without) + 1))
    parts = [_scores(Z[starts[k] : starts[k + 1]], level, readout) for k, readout in enumerate(solved.without)]
    return np.concatenate(parts)


def scores_by_fold(
    X: Floats, fed: Floats | None, folds: Labels, level: LevelTask, readouts: list[tuple[Floats, Floats]]
) -> Floats:
    """Return scores of rows, whose folds ascend, by the readouts of shifted features of their folds."""
    H = _features(X, fed, level)
    starts = np.searchsorted(folds, np.arange(len(readouts) + 1))
    parts = [H[starts[k] : starts[k + 1]] @ W + intercept for k, (W, intercept) in enumerate(readouts)]
    return np.concatenate(parts)


def logistic_sums(
    X: Floats,
    fed: Floats | None,
    labels: Labels,
    folds: Labels,
    weights: Weights,
    n_folds: int,
    level: LevelTask,
    readouts: tuple[Floats, Floats],
) -> tuple[Floats, Floats, Floats]:
    """Return `_core.logistic_sums` of rows."""
    return _core.logistic_sums(_features(X, fed, level), labels, folds, n_folds, *readouts, weights)


def _features(X: Floats, fed: Floats | None, level: LevelTask) -> Floats:
    return _core.hidden_features(beside(X, fed), level.layer, level.activation)


def scores_without_row(
    X: Floats,
    fed: Floats | None,
    fed_then: Floats | None,
    targets: Floats,
    weights: Weights,
    fold_scores: Floats,
    level: LevelTask,
    solved: SolvedLevel,
) -> Floats:
    """Return scores of rows, as they look at prediction, by the solution without each; see `leverage.hpp`.

    Where a leverage cannot be told from one, or no factor was kept, they are those without the fold.
    """
    if solved.factor is None:
        return fold_scores
    Z = beside(X, fed)
    Z_then = None if fed_then is None else beside(X, fed_then)
    own, cross = _core.hidden_leverages(Z, level.layer, level.activation, solved.factor, solved.share, Z_then, weights)
    fitted = _scores(Z, level, solved.whole)
    seen = fitted if Z_then is None else _scores(Z_then, level, solved.whole)
    left = 1.0 - own
    told = left > np.sqrt(np.finfo(fitted.dtype).eps / 2)
    moved = (cross / np.where(told, left, 1.0)).astype(fitted.dtype)
    scores: Floats = np.where(told[:, np.newaxis], seen - moved[:, np.newaxis] * (targets - fitted), fold_scores)
    return scores


def _scores(Z: Floats, level: LevelTask, readout: tuple[Floats, Floats]) -> Floats:
    weights, bias, _ = level.layer
    return predict(Z, [(weights, bias, *readout, None)], 1.0, level.activation)


def stack_scores(X: Floats, fed: Floats | None, levels: list[Any], gain: float, activation: str) -> Floats:
    """Return the scores of rows by levels."""
    return predict(beside(X, fed), levels, gain, activation)


@dataclass(frozen=True)
class Facts:
    """What is known of a partition."""

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    has_missing: bool


def checked(block: object, index: int) -> _Array:
    """Return a partition as an array of numbers; ValueError says what is wrong with it."""
    name = f"partition {index} of X"
    X: _Array = np.asarray(block.to_numpy() if hasattr(block, "to_numpy") else block)
    if X.ndim != 2:
        raise ValueError(f"{name} must be 2-D, got shape {X.shape}")
    if X.dtype.newbyteorder("=") not in NUMBERS:
        raise ValueError(f"{name} must hold numbers, got dtype {X.dtype}")
    if X.dtype.kind == "f" and np.isinf(X).any():
        row, column = np.argwhere(np.isinf(X))[0].tolist()
        raise ValueError(f"{name} contains infinity in row {row}, column {column}; missing values are NaN")
    return np.ascontiguousarray(X, dtype=X.dtype.newbyteorder("="))


def facts(X: _Array) -> Facts:
    """Return what is known of a checked partition."""
    return Facts((X.shape[0], X.shape[1]), X.dtype, X.dtype.kind == "f" and bool(np.isnan(X).any()))
