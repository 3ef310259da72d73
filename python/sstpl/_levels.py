"""One level of a stack on rows wherever they are: here, where the core fits it, or elsewhere (`Elsewhere`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sstpl import _core
from sstpl._logistic import Classes, Features, FeaturesHere, Layer
from sstpl._spill import empty_beside, take
from sstpl._typing import Floats, Labels, Weights

_LandmarkArrays = tuple[Floats, Labels, Floats]  # rows, pairs, scale
# Hidden weights, hidden bias, weights, intercept; and what the hidden weights are differences of, where there is such.
_LevelArrays = tuple[Floats, Floats, Floats, Floats, _LandmarkArrays | None]


SHIFT_ROWS = 256  # whose mean features are the shift, as in feature_stream.hpp

_LEAST_COLUMNS_TO_SHARE = 256  # below, differences of products cost as much as the products that they save
_LEAST_WIDTH_TO_SHARE = 1024
_UNITS_OF_LANDMARK = 4
_LANDMARKS_OF_CLASS = 4


@dataclass(frozen=True)
class Landmarks:
    """Few rows (m, d) of whose pairs (p, 2) hidden weights are differences, times scale (p,)."""

    rows: Floats
    pairs: Labels
    scale: Floats


def n_landmarks(n_rows: int, n_columns: int, width: int, n_outputs: int) -> int:
    """Return of how many rows the pairs are made that constrained units of all columns lie between; 0 for all rows.

    A quarter of the width loses nothing in squared error against all rows on MNIST, and 1 % on Fashion-MNIST; an eighth
    2 to 3 % on both (bench/results/landmarks.md).
    """
    if n_columns < _LEAST_COLUMNS_TO_SHARE or width < _LEAST_WIDTH_TO_SHARE:
        return 0
    wanted = max(width // _UNITS_OF_LANDMARK, _LANDMARKS_OF_CLASS * n_outputs)
    return wanted if wanted < min(n_rows, width) else 0


class LevelWeights(Protocol):
    """A level, of which this is the hidden layer."""

    @property
    def hidden_weights(self) -> Floats:
        """Weights (p, d)."""

    @property
    def hidden_bias(self) -> Floats:
        """Bias (p,)."""


@dataclass(frozen=True)
class LevelOptions:
    """What a level is fitted with, by the names of `_core.fit_level`."""

    hidden_weights: str
    n_hidden: int
    activation: str
    seed: int
    stream: int
    labels: Labels | None
    alphas: list[float]
    search: bool
    fold_starts: Labels
    fields: tuple[int, int, int, int] | None
    groups: Labels | None
    n_landmarks: int
    selection: str
    leave_one_out: bool
    row_weights: Weights
    tick: Callable[[], None] | None


def units_of_folds(center_rows: Labels, fold_starts: Labels) -> list[Labels]:
    """Return for every fold the units whose centers are rows of it, which a solution without it must do without."""
    folds = np.searchsorted(fold_starts, center_rows, side="right") - 1
    return [np.flatnonzero(folds == k) for k in range(len(fold_starts) - 1)]


class Elsewhere(ABC):
    """Mapped rows (n, d) that are in other processes; `take` of `_spill` returns some of them."""

    dtype: np.dtype[Any]

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of rows."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""

    @abstractmethod
    def take(self, rows: Labels) -> Elsewhere:
        """Return some of the rows."""

    @abstractmethod
    def here(self) -> npt.NDArray[Any]:
        """Return the rows in this process."""

    @abstractmethod
    def fit_level(
        self, targets: Floats, fed: Floats | None, fed_then: Floats | None, options: LevelOptions
    ) -> dict[str, Any]:
        """Fit a level; see `fit_level`."""

    @abstractmethod
    def features(self, fed: Floats | None, layer: Layer, activation: str, classes: Classes) -> Features:
        """Return the features of the rows, less a shift, by a layer (weights, bias, shift)."""

    @abstractmethod
    def scores(self, fed: Floats | None, levels: Sequence[_LevelArrays], gain: float, activation: str) -> Floats:
        """Return the scores (n, c) by levels, the first of which sees `fed` beside the rows."""


def fit_level(
    X: Floats | Elsewhere, targets: Floats, fed: Floats | None, fed_then: Floats | None, options: LevelOptions
) -> dict[str, Any]:
    """Fit a level on rows, and the scores fed to it beside them; see `_core.fit_level`.

    Leave-one-out scores are of rows with `fed_then` beside them, where that is given: what they will look like. Without
    folds there are no scores.
    """
    if isinstance(X, Elsewhere):
        return X.fit_level(targets, fed, fed_then, options)
    oof = empty_beside(targets, targets.shape, targets.dtype) if len(options.fold_starts) else None
    loo = empty_beside(targets, targets.shape, targets.dtype) if options.leave_one_out else None
    fit = _core.fit_level(
        [X] if fed is None else [X, fed],
        targets,
        **vars(options),
        at_prediction=None if fed_then is None else [X, fed_then],
        oof_scores=oof,
        loo_scores=loo,
    )
    fit["oof_scores"], fit["loo_scores"] = oof, loo  # which the core gives back as plain arrays, wherever they are
    return fit


def level_scores(
    X: Floats | Elsewhere, fed: Floats | None, levels: Sequence[_LevelArrays], gain: float, activation: str
) -> Floats:
    """Return scores (n, c) by levels, the first of which sees `fed` beside the rows."""
    if isinstance(X, Elsewhere):
        return X.scores(fed, levels, gain, activation)
    if fed is not None:
        n_rows, d = X.shape
        both = empty_beside(X, (n_rows, d + fed.shape[1]), X.dtype)
        both[:, :d], both[:, d:] = X, fed
        X = both
    scores = empty_beside(X, (len(X), len(levels[-1][3])), X.dtype)
    return predict(X, levels, gain, activation, scores)


def predict(
    X: Floats, levels: Sequence[_LevelArrays], gain: float, activation: str, out: Floats | None = None
) -> Floats:
    """Return scores (n, c) of rows in this process by levels."""
    dense = [level[:4] for level in levels]
    return _core.predict_stack(X, dense, gain, activation, out=out, landmarks=[level[4] for level in levels])


def hidden_features(
    X: Floats | Elsewhere,
    fed: Floats | None,
    level: LevelWeights,
    activation: str,
    classes: Classes,
) -> tuple[Features, Floats]:
    """Return the hidden features of rows with `fed` beside them, less a shift, and the shift: the mean of the first."""

    def beside(rows: slice) -> Floats:
        own = take(X, np.arange(len(X))[rows]).here() if isinstance(X, Elsewhere) else X[rows]
        return np.ascontiguousarray(own if fed is None else np.concatenate([own, fed[rows]], axis=1))

    weights, bias = level.hidden_weights, level.hidden_bias
    none = np.zeros_like(bias)
    shift: Floats = _core.hidden_features(beside(slice(SHIFT_ROWS)), (weights, bias, none), activation).mean(axis=0)
    layer = weights, bias, shift
    if isinstance(X, Elsewhere):
        return X.features(fed, layer, activation, classes), shift
    return FeaturesHere(X, beside, layer, activation, classes), shift


def some_rows(X: Floats | Elsewhere, most: int) -> tuple[Floats, slice]:
    """Return at most so many evenly spaced rows, and which they are."""
    some = slice(None, None, -(-len(X) // most))
    if isinstance(X, Elsewhere):
        return X.take(np.arange(len(X), dtype=np.int64)[some]).here(), some
    return X[some], some
