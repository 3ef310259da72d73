"""Columns of mapped rows that tell one value of a column from all others: a category, or that the value is missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sstpl._given import Given
from sstpl._typing import Floats, Labels, Weights

MISSING = -1  # where a code stands for no category

_Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Flags:
    """Output columns that are `on` where x is the code, and `off` elsewhere.

    A missing value of a column that has no flag for it, because none was missing in training, is the training mean.

    Attributes
    ----------
    columns : int64 array of shape (n_flags,)
        The column of X that each output column is made of, ascending.
    codes : int64 array of shape (n_flags,)
        The code of a category, or MISSING.
    off, on, mean : float64 arrays of shape (n_flags,)
    """

    columns: Labels
    codes: Labels
    off: _Reals
    on: _Reals
    mean: _Reals

    def write(self, X: Floats, out: Floats) -> None:
        """Write the flags of rows X (n_samples, n_features) to out (n_samples, n_flags)."""
        x = np.take(X, self.columns, axis=1)
        missing = np.isnan(x)
        of_missing = self.codes == MISSING
        out[...] = np.where(np.where(of_missing, missing, x == self.codes), self.on, self.off)
        unknown = missing & ~np.isin(self.columns, self.columns[of_missing])
        if unknown.any():
            np.copyto(out, self.mean.astype(out.dtype), where=unknown)


def no_flags() -> Flags:
    """Return the flags of numbers that are never missing."""
    none = np.zeros(0, dtype=np.int64)
    return Flags(none, none, none.astype(np.float64), none.astype(np.float64), none.astype(np.float64))


def fit_flags(given: Given, weights: Weights, *, clip: float | None) -> Flags:
    """Return the flags of every category, and of missing values in every column that has some of both.

    Two kinds of values in a column are told apart by one flag. Flags are standardised on the training rows and clipped,
    or 0 and 1 where clip is None.
    """
    n_missing = given.missing_weight()
    columns, codes, shares = [], [], []
    partly = np.flatnonzero((n_missing > 0) & (n_missing < len(given)))
    missing_share = n_missing / len(given) if weights is None else given.missing_weight(weights) / weights.sum()
    for column in np.union1d(partly, given.categorical):
        kinds = {MISSING: missing_share[column]}
        if column in given.categorical:
            kinds = _kinds(given, column, weights)
            if len(kinds) < 3:  # of two kinds one flag says it all, and of one there is nothing to say
                kinds = dict(list(kinds.items())[1:])
        columns += [column] * len(kinds)
        codes += list(kinds)
        shares += list(kinds.values())
    share = np.array(shares, dtype=np.float64)
    if clip is None:
        off, on, mean = np.zeros(len(share)), np.ones(len(share)), share
    else:
        spread = np.sqrt(share * (1.0 - share))
        off, on = np.maximum(-share / spread, -clip), np.minimum((1.0 - share) / spread, clip)
        mean = np.zeros(len(share))
    return Flags(np.array(columns, dtype=np.int64), np.array(codes, dtype=np.int64), off, on, mean)


def _kinds(given: Given, column: int, weights: Weights) -> dict[int, float]:
    """Return the share of the weight of each kind of value in a column: codes, ascending, then missing ones."""
    every = slice(0, len(given))
    values = given.take(every, np.array([column]))[:, 0]
    kinds = np.where(np.isnan(values), MISSING, values).astype(np.int64)
    found, own = np.unique(kinds, return_inverse=True)
    counts = np.bincount(own.reshape(-1), weights=weights)
    shares = dict(zip(found.tolist(), (counts / counts.sum()).tolist(), strict=True))
    if MISSING in shares:
        shares[MISSING] = shares.pop(MISSING)  # the last, as the flags have it
    return shares
