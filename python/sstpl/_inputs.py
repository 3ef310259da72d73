"""The input map: what happens to a row of X before the first layer sees it.

Five maps, all in closed form and all fitted on training rows alone:

- "feature":   (x - mean) / deviation of every column, clipped to 5 deviations;
- "quantile":  those columns, and beside them the normal quantile of the rank of x among the training rows, to mean 0
  and deviation 1;
- "piecewise": x cut at the octiles of its column into ramps clip((x - b_t) / (b_{t+1} - b_t), 0, 1), each standardised:
  Gorishniy, Rubachev, Babenko, "On Embeddings for Numerical Features in Tabular Deep Learning", arXiv:2203.05556,
  equation 1. The first ramp is open below and the last one above, up to a clip;
- "sample":    every row to mean 0 and deviation 1;
- "none":      x.

"feature" is the piecewise map of one ramp, open at both ends.

Means, deviations, ranks and octiles are those of the values that are there. A missing value maps to the mean, which is
0 of whatever is standardised and the training mean in "none"; and in "sample" to the mean of its
row. Beside these columns stand those that flag missing values and categories (`Flags`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from sstpl import _core
from sstpl._blocks import blocks
from sstpl._flags import Flags, fit_flags
from sstpl._given import Given
from sstpl._spill import empty_beside
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

# Ranks of so many rows are off by 0.0014 at most (one standard error), and a column of a file is not read by itself.
_MOST_ROWS_OF_RANKS = 2**17
_STREAM_RANKS = 8

# Larger training values count as this one, so that no difference or multiple below overflows.
_LARGEST = float(np.finfo(np.float64).max) / 64

_Reals = npt.NDArray[np.float64]


def _limited(x: Floats) -> _Reals:
    return np.clip(x.astype(np.float64, copy=False), -_LARGEST, _LARGEST)


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
        """Return the ramps (n_samples, n_ramps) of C-ordered rows X (n_samples, n_features), NaN where x is."""
        return _core.apply_ramps(X, self.columns, self.low, self.high, self.center, self.spread, dtype == np.float32)


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


def _standardise_rows(values: _Reals, *, has_missing: bool) -> _Reals:
    """Return rows of mean 0 and deviation 1, or of zeros where all values are equal; overwrites values."""
    missing = np.isnan(values) if has_missing else np.zeros((1, 1), dtype=bool)
    n_observed = values.shape[1] - missing.sum(axis=1, keepdims=True)
    if has_missing:  # a row's first value stands for the missing ones, which adds nothing to the sum below
        first = np.take_along_axis(values, missing.argmin(axis=1, keepdims=True), axis=1)
        np.copyto(values, np.nan_to_num(first), where=missing)
    largest = np.abs(values).max(axis=1, keepdims=True)
    values /= np.ldexp(1.0, np.frexp(largest)[1] - 1)  # a power of two: squares cannot overflow, nothing is rounded
    values -= values[:, :1].copy()  # a constant row is then zero, not the rounding error of its mean
    values -= values.sum(axis=1, keepdims=True) / np.maximum(1, n_observed)
    np.copyto(values, 0.0, where=missing)
    spread = np.sqrt(np.square(values).sum(axis=1, keepdims=True) / np.maximum(1, n_observed))
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
    flags : Flags
        Right of these.
    fill : float64 array of shape (n_columns,)
        Of "none", what stands for missing values; empty otherwise.
    dtype : numpy dtype
        float32 or float64, of the rows given to the core.
    """

    scaling: str
    columns: Labels
    ramps: Ramps
    scores: NormalScores
    flags: Flags
    fill: _Reals
    dtype: np.dtype[np.floating]

    @cached_property
    def n_columns_out(self) -> int:
        """Number of columns of mapped rows."""
        return max(1, len(self._made_of))

    @property
    def _made_of(self) -> Labels:
        """The column of X that each column of mapped rows is made of; empty where no column of X tells anything."""
        numbers = self.ramps.columns if len(self.ramps.columns) else self.columns
        return np.concatenate([numbers, self.scores.columns, self.flags.columns])

    @property
    def groups(self) -> Labels:
        """The column of X, numbered among those that tell anything, that each column of mapped rows is made of."""
        made_of = self._made_of
        if not len(made_of):
            return np.zeros(1, dtype=np.int64)
        return np.unique(made_of, return_inverse=True)[1].astype(np.int64)

    def transform(self, X: Given | Floats) -> Floats:
        """Return the mapped rows as a new C-ordered array of shape (n_samples, n_columns_out), beside X."""
        mapped: Floats = Given.of(X).mapped(self._transform, self.n_columns_out, self.dtype)
        return mapped

    def _transform(self, given: Given) -> Floats:
        if given.is_plain and not given.is_in_file and 0 < len(self.ramps.columns) == self.n_columns_out:
            return self.ramps.apply(given.X, self.dtype)
        out = empty_beside(given.X, (len(given), self.n_columns_out), self.dtype)
        for rows in blocks(len(given), max(given.n_features, self.n_columns_out)):
            self._write(given[rows].numbers(), out[rows], given.has_missing)
        return out

    def _write(self, X: Floats, out: Floats, has_missing: bool) -> None:
        n_ramps, n_flags = len(self.ramps.columns), len(self.flags.columns)
        numbers, flags = np.split(out, [out.shape[1] - n_flags], axis=1)
        if n_ramps:
            numbers[:, :n_ramps] = self.ramps.apply(X, self.dtype)
            self.scores.write(X, numbers[:, n_ramps:])
            if has_missing:
                np.copyto(numbers, 0.0, where=np.isnan(numbers))
        elif len(self.columns) == 0:
            numbers[...] = 0.0  # one column of zeros where there are no flags either: the model is then its intercept
        elif self.scaling == "none":
            numbers[...] = np.take(X, self.columns, axis=1)
            if has_missing:
                np.copyto(numbers, self.fill.astype(out.dtype), where=np.isnan(numbers))
        else:
            values = np.take(X, self.columns, axis=1).astype(np.float64, copy=False)
            numbers[...] = _standardise_rows(values, has_missing=has_missing)
        if n_flags:
            self.flags.write(X, flags)


def _moments(given: Given, columns: Labels, low: _Reals, high: _Reals, weights: Weights) -> tuple[_Reals, _Reals]:
    """Return means and deviations of clip((x - low) / (high - low), 0, 1) over the values that are there."""
    weight = given.observed_weight(weights)[columns]
    mean = given.shares(columns, low, high, None, weights) / weight
    return mean, np.sqrt(given.shares(columns, low, high, mean, weights) / weight)


def _fit_ramps(given: Given, columns: Labels, low: _Reals, high: _Reals, weights: Weights) -> Ramps:
    """Return standardised ramps from low to high, which are training values; a column's first and last are open."""
    mean, deviation = _moments(given, columns, low, high, weights)
    center, spread = low + mean * (high - low), deviation * (high - low)
    first, last = np.ones(len(columns), dtype=bool), np.ones(len(columns), dtype=bool)
    first[1:] = last[:-1] = columns[1:] != columns[:-1]
    reach = np.where(first & last, _CLIP, _OUTER_CLIP) * spread
    low, high = np.where(first, center - reach, low), np.where(last, center + reach, high)
    # A spread of 0 is an underflow; low, center and high are then equal, and the output is 0.
    return Ramps(columns, low, high, center, np.where(spread > 0, spread, 1.0))


def _some_rows(given: Given, weights: Weights) -> tuple[Given, Weights]:
    """Return the rows that ranks and octiles are taken from, and their weights."""
    if len(given) <= _MOST_ROWS_OF_RANKS:
        return given, weights
    rows = _core.sample_rows(0, _STREAM_RANKS, None, len(given), _MOST_ROWS_OF_RANKS / len(given))
    return given[rows], None if weights is None else weights[rows]


def _octiles(x: _Reals, weights: Weights) -> _Reals:
    """Return the seven octiles of a column, as values of its rows, or none of no rows."""
    if not len(x):
        return x
    if weights is not None:
        return quantiles(x, weights, np.arange(1, _RAMPS) / _RAMPS)
    at = (np.arange(1, _RAMPS) * len(x) + _RAMPS - 1) // _RAMPS - 1  # the least value with k/8 of the rows at or below
    return np.partition(x, at)[at]


def _octile_ramps(
    given: Given, columns: Labels, low: _Reals, high: _Reals, weights: Weights
) -> tuple[Labels, _Reals, _Reals]:
    """Return columns, lower and upper ends of the ramps between octiles, and from the extremes to them.

    Ends are training values, not means of two: a 0/1 column keeps the one ramp that it is, and no ramp is constant.
    """
    some, weights = _some_rows(given, weights)
    parts = zip(low, high, some.observed(columns, weights), strict=True)
    edges = [np.unique([least, *_octiles(_limited(x), own), largest]) for least, largest, (x, own) in parts]
    low, high = (np.concatenate([np.zeros(0), *parts]) for parts in ([e[:-1] for e in edges], [e[1:] for e in edges]))
    counts = np.array([len(e) - 1 for e in edges], dtype=np.int64)
    return np.repeat(columns, counts), low, high


def _scored_knots(x: _Reals, weights: Weights) -> tuple[_Reals, _Reals]:
    """Return at most 1000 increasing values of a column, and the normal quantiles of their mid-ranks, standardised."""
    if weights is None:
        values, counts = np.unique(x, return_counts=True)
    else:
        values, own = np.unique(x, return_inverse=True)
        counts = np.bincount(own.reshape(-1), weights=weights)
    ranks = (np.cumsum(counts) - 0.5 * counts) / counts.sum()
    scores = np.clip(ndtri(ranks), -_SCORE_CLIP, _SCORE_CLIP)
    # Where many rows share a value, scores differ less than those of a normal column.
    scores -= np.average(scores, weights=counts)
    deviation = np.sqrt(np.average(np.square(scores), weights=counts))
    scores = np.clip(scores / (deviation if deviation > 0 else 1.0), -_CLIP, _CLIP)
    if len(values) > _MOST_KNOTS:
        kept = np.unique(np.searchsorted(ranks, np.linspace(ranks[0], ranks[-1], _MOST_KNOTS)))
        values, scores = values[kept], scores[kept]
    return values, scores


def _fit_scores(given: Given, columns: Labels, weights: Weights) -> NormalScores:
    kept, knots, scores = [], [np.zeros(0)], [np.zeros(0)]
    given, weights = _some_rows(given, weights)
    for column, (x, own) in zip(columns, given.observed(columns, weights), strict=True):
        own_knots, own_scores = _scored_knots(_limited(x), own)
        if len(own_knots) >= _FEWEST_VALUES:
            kept.append(column)
            knots.append(own_knots)
            scores.append(own_scores)
    starts = np.cumsum([len(own) for own in knots], dtype=np.int64)
    return NormalScores(np.array(kept, dtype=np.int64), starts, np.concatenate(knots), np.concatenate(scores))


def fit_input_map(X: Given | Floats, scaling: str, dtype: np.dtype[np.floating], weights: Weights = None) -> InputMap:
    """Fit the input map on training rows X (n_samples, n_features), which have no infinity; weights are positive."""
    given = Given.of(X)
    low, high = (_limited(ends) for ends in given.extremes())
    varies = high > low
    varies[given.categorical] = False
    columns = np.flatnonzero(varies).astype(np.int64)
    none = np.zeros(0, dtype=np.int64)
    by_column = columns if scaling in ("feature", "quantile", "piecewise") else none
    ends = by_column, low[by_column], high[by_column]
    if scaling == "piecewise":
        ends = _octile_ramps(given, *ends, weights)
    ramps = _fit_ramps(given, *ends, weights)
    scores = _fit_scores(given, by_column if scaling == "quantile" else none, weights)
    flags = fit_flags(given, weights, clip=None if scaling == "none" else _CLIP)
    fill = _means(given, columns if scaling == "none" else none, weights)
    return InputMap(scaling, columns, ramps, scores, flags, fill, dtype)


@dataclass(frozen=True)
class _Share:
    """x, limited, divided by the weight of all."""

    weight: _Reals

    def __call__(self, values: _Reals) -> _Reals:
        return _limited(values) / self.weight


def _means(given: Given, columns: Labels, weights: Weights) -> _Reals:
    """Return the means of columns over the values that are there; divided first, so that no sum overflows."""
    return given.total(columns, _Share(given.observed_weight(weights)[columns]), weights)
