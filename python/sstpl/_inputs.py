"""The input map: what happens to a row of X before the first layer sees it.

Five maps, all in closed form and all fitted on training rows alone:

- "feature":   (x - mean) / deviation of every column, clipped to 5 deviations;
- "quantile":  those columns, and beside them the normal quantile of the rank of x among the training rows;
- "piecewise": x cut at the octiles of its column into ramps clip((x - b_t) / (b_{t+1} - b_t), 0, 1), each standardised:
  Gorishniy, Rubachev, Babenko, "On Embeddings for Numerical Features in Tabular Deep Learning", arXiv:2203.05556,
  equation 1. The first ramp is open below and the last one above, up to a clip;
- "sample":    every row to mean 0 and deviation 1;
- "none":      x.

"feature" is the piecewise map of one ramp, open at both ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from sstpl import _core
from sstpl._typing import Floats, Labels, Weights
from sstpl._weights import quantiles

# Heavy tails reach 50 deviations (spambase, optdigits) and saturate every unit that sees them. 5 leaves normal data
# alone (6 values in 10 million), and with it the columns along which a regression may have to extrapolate.
_CLIP = 5.0

# The outer ramps of a column see its tails alone: 5 deviations of a normal column are 17 of theirs.
_OUTER_CLIP = 17.0

_MOST_KNOTS = 1000  # of a column's rank function
_SCORE_CLIP = 3.0  # 1000 knots tell no ranks apart beyond 1/1000, which is at 3.09

# Two values have ranks that are an affine copy of the column; the ranks of three or four tell how often each occurs,
# and nothing that the column does not.
_FEWEST_VALUES = 5

_RAMPS = 8

_BLOCK_VALUES = 2**20  # float64 values of a block of rows, 8 MiB: there is never a float64 copy of all rows

# Larger training values count as this one, so that no difference or multiple below overflows.
_LARGEST = float(np.finfo(np.float64).max) / 64

_Reals = npt.NDArray[np.float64]


def _blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    step = max(1, _BLOCK_VALUES // max(1, n_columns))
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))


def _take(X: Floats, columns: Labels) -> _Reals:
    """Return columns as a new C-ordered float64 array: sums over it have one order, whatever the layout of X."""
    return np.take(X, columns, axis=1).astype(np.float64, copy=False)


def _limited(x: Floats) -> _Reals:
    return np.clip(x.astype(np.float64), -_LARGEST, _LARGEST)


@dataclass(frozen=True)
class Ramps:
    """Output columns (clip(x, low, high) - center) / spread.

    The clip of the standardised value is part of low and high, so that nothing overflows on the way.

    Attributes
    ----------
    columns : int64 array of shape (n_ramps,)
        The column of X that each output column is made of.
    low, high, center, spread : float64 arrays of shape (n_ramps,)
    """

    columns: Labels
    low: _Reals
    high: _Reals
    center: _Reals
    spread: _Reals

    def apply(self, X: Floats, dtype: np.dtype[np.floating]) -> Floats:
        """Return the ramps (n_samples, n_ramps) of rows X (n_samples, n_features)."""
        ramps = (self.columns, self.low, self.high, self.center, self.spread)
        return _core.apply_ramps(np.ascontiguousarray(X), *ramps, dtype == np.float32)


@dataclass(frozen=True)
class NormalScores:
    """Output columns Phi^{-1}(rank of x), linear between knots and constant outside them.

    Attributes
    ----------
    columns : int64 array of shape (n_scores,)
        The column of X that each output column is made of.
    starts : int64 array of shape (n_scores + 1,)
        The knots of output column i are those from starts[i] up to starts[i + 1].
    knots, scores : float64 arrays of shape (starts[-1],)
        Training values, increasing, and the normal quantiles of their ranks.
    """

    columns: Labels
    starts: Labels
    knots: _Reals
    scores: _Reals

    def write(self, X: Floats, out: Floats) -> None:
        """Write the normal scores of rows X (n_samples, n_features) to out (n_samples, n_scores)."""
        for i, column in enumerate(self.columns):
            own = slice(self.starts[i], self.starts[i + 1])
            out[:, i] = _interpolate(X[:, column].astype(np.float64), self.knots[own], self.scores[own])


def _interpolate(x: _Reals, knots: _Reals, scores: _Reals) -> _Reals:
    # np.interp divides by the distance of knots, which overflows where they are close.
    x = np.clip(x, knots[0], knots[-1])
    right = np.minimum(np.searchsorted(knots, x, side="right"), len(knots) - 1)
    left = right - 1
    t = (x - knots[left]) / (knots[right] - knots[left])
    between: _Reals = (1.0 - t) * scores[left] + t * scores[right]
    return between


def _standardise_rows(values: _Reals) -> _Reals:
    """Return rows of mean 0 and deviation 1, or of zeros where all values are equal; overwrites values."""
    largest = np.abs(values).max(axis=1, keepdims=True)
    values /= np.ldexp(1.0, np.frexp(largest)[1] - 1)  # a power of two: squares cannot overflow, nothing is rounded
    values -= values[:, :1].copy()  # a constant row is then zero, not the rounding error of its mean
    values -= np.mean(values, axis=1, keepdims=True)
    spread = np.sqrt(np.mean(np.square(values), axis=1, keepdims=True))
    values /= np.where(spread > 0, spread, 1.0)
    return values


@dataclass(frozen=True)
class InputMap:
    """What is made of the columns of X.

    Attributes
    ----------
    scaling : {"feature", "quantile", "piecewise", "sample", "none"}
    columns : int64 array
        The columns that vary over the training rows; the others carry nothing and are left out.
    ramps : Ramps
        Of "feature", "quantile" and "piecewise"; empty otherwise.
    scores : NormalScores
        Of "quantile", right of the ramps; empty otherwise.
    dtype : numpy dtype
        float32 or float64, of the rows given to the core.
    """

    scaling: str
    columns: Labels
    ramps: Ramps
    scores: NormalScores
    dtype: np.dtype[np.floating]

    @property
    def n_columns_out(self) -> int:
        """Number of columns of mapped rows."""
        by_column = len(self.ramps.columns) + len(self.scores.columns)
        return max(1, by_column if by_column else len(self.columns))

    @property
    def groups(self) -> Labels:
        """The column of X, numbered among those that vary, that each column of mapped rows is made of."""
        made_of = np.concatenate([self.ramps.columns, self.scores.columns])
        if not len(made_of):
            return np.arange(self.n_columns_out, dtype=np.int64)
        return np.searchsorted(self.columns, made_of).astype(np.int64)

    def transform(self, X: Floats) -> Floats:
        """Return the mapped rows as a new C-ordered array of shape (n_samples, n_columns_out)."""
        if len(self.columns) and len(self.ramps.columns) and not len(self.scores.columns):
            return self.ramps.apply(X, self.dtype)
        out = np.empty((X.shape[0], self.n_columns_out), dtype=self.dtype)
        for rows in _blocks(*out.shape):
            self._write(X[rows], out[rows])
        return out

    def _write(self, X: Floats, out: Floats) -> None:
        if len(self.columns) == 0:
            out[...] = 0.0  # one column of zeros: the model is then its intercept
        elif self.scaling == "none":
            out[...] = np.take(X, self.columns, axis=1)
        elif self.scaling == "sample":
            out[...] = _standardise_rows(_take(X, self.columns))
        else:
            n_ramps = len(self.ramps.columns)
            out[:, :n_ramps] = self.ramps.apply(X, self.dtype)
            self.scores.write(X, out[:, n_ramps:])


def _moments(X: Floats, columns: Labels, low: _Reals, high: _Reals, weights: Weights) -> tuple[_Reals, _Reals]:
    """Return means and deviations of clip((x - low) / (high - low), 0, 1) over the rows."""

    def ramps(rows: slice) -> _Reals:
        values = np.clip(_take(X[rows], columns), low, high)
        values -= low
        values /= high - low
        return values

    def total(values: _Reals, rows: slice) -> _Reals:
        return values.sum(axis=0) if weights is None else weights[rows] @ values

    weight = X.shape[0] if weights is None else weights.sum()
    blocks = list(_blocks(X.shape[0], len(columns)))
    mean = sum((total(ramps(rows), rows) for rows in blocks), start=np.zeros(len(columns))) / weight
    squares = (total(np.square(ramps(rows) - mean), rows) for rows in blocks)
    return mean, np.sqrt(sum(squares, start=np.zeros(len(columns))) / weight)


def _fit_ramps(X: Floats, columns: Labels, low: _Reals, high: _Reals, weights: Weights) -> Ramps:
    """Return standardised ramps from low to high, which are training values; a column's first and last are open."""
    mean, deviation = _moments(X, columns, low, high, weights)
    center, spread = low + mean * (high - low), deviation * (high - low)
    first, last = np.ones(len(columns), dtype=bool), np.ones(len(columns), dtype=bool)
    first[1:] = last[:-1] = columns[1:] != columns[:-1]
    reach = np.where(first & last, _CLIP, _OUTER_CLIP) * spread
    low, high = np.where(first, center - reach, low), np.where(last, center + reach, high)
    # A spread of 0 is an underflow; low, center and high are then equal, and the output is 0.
    return Ramps(columns, low, high, center, np.where(spread > 0, spread, 1.0))


def _edges(x: _Reals, weights: Weights) -> _Reals:
    """Return the ends of a column's ramps: its octiles and extremes, those that differ.

    They are training values, not means of two: a 0/1 column keeps the one ramp that it is, and no ramp is constant.
    """
    if weights is not None:
        return np.unique([x.min(), *quantiles(x, weights, np.arange(1, _RAMPS) / _RAMPS), x.max()])
    k = np.arange(_RAMPS + 1)
    at = np.maximum((k * len(x) + _RAMPS - 1) // _RAMPS - 1, 0)  # the least value with k/8 of the rows at or below
    return np.unique(np.partition(x, at)[at])


def _fit_piecewise(X: Floats, columns: Labels, weights: Weights) -> Ramps:
    edges = [_edges(_limited(X[:, column]), weights) for column in columns]
    low, high = (np.concatenate([np.zeros(0), *parts]) for parts in ([e[:-1] for e in edges], [e[1:] for e in edges]))
    counts = np.array([len(e) - 1 for e in edges], dtype=np.int64)
    return _fit_ramps(X, np.repeat(columns, counts), low, high, weights)


def _scored_knots(x: _Reals, weights: Weights) -> tuple[_Reals, _Reals]:
    """Return at most 1000 increasing values of a column, and the normal quantiles of their mid-ranks."""
    if weights is None:
        values, counts = np.unique(x, return_counts=True)
    else:
        values, own = np.unique(x, return_inverse=True)
        counts = np.bincount(own.reshape(-1), weights=weights)
    ranks = (np.cumsum(counts) - 0.5 * counts) / counts.sum()
    if len(values) > _MOST_KNOTS:
        kept = np.unique(np.searchsorted(ranks, np.linspace(ranks[0], ranks[-1], _MOST_KNOTS)))
        values, ranks = values[kept], ranks[kept]
    return values, np.clip(ndtri(ranks), -_SCORE_CLIP, _SCORE_CLIP)


def _fit_scores(X: Floats, columns: Labels, weights: Weights) -> NormalScores:
    kept, knots, scores = [], [np.zeros(0)], [np.zeros(0)]
    for column in columns:
        own_knots, own_scores = _scored_knots(_limited(X[:, column]), weights)
        if len(own_knots) >= _FEWEST_VALUES:
            kept.append(column)
            knots.append(own_knots)
            scores.append(own_scores)
    starts = np.cumsum([len(own) for own in knots], dtype=np.int64)
    return NormalScores(np.array(kept, dtype=np.int64), starts, np.concatenate(knots), np.concatenate(scores))


def fit_input_map(X: Floats, scaling: str, dtype: np.dtype[np.floating], weights: Weights = None) -> InputMap:
    """Fit the input map on training rows X (n_samples, n_features), which are finite; weights are positive."""
    low, high = _limited(X.min(axis=0)), _limited(X.max(axis=0))
    columns = np.flatnonzero(high > low).astype(np.int64)
    none = np.zeros(0, dtype=np.int64)
    by_column = columns if scaling in ("feature", "quantile", "piecewise") else none
    if scaling == "piecewise":
        ramps = _fit_piecewise(X, by_column, weights)
    else:
        ramps = _fit_ramps(X, by_column, low[by_column], high[by_column], weights)
    scores = _fit_scores(X, by_column if scaling == "quantile" else none, weights)
    return InputMap(scaling, columns, ramps, scores, dtype)
