"""Columns of mapped rows that tell one value of a column from all others: a category, or that the value is missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sstpl._given import Given
from sstpl._typing import Floats, Labels

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


def fit_flags(given: Given, n_missing: Labels, *, clip: float | None) -> Flags:
    """Return the flags of every category, and of missing values in every column that has some of both.

    Two kinds of values in a column are told apart by one flag. Flags are standardised on the training rows and clipped,
    or 0 and 1 where clip is None.
    """
    n_rows = len(given)
    columns, codes, counts = [], [], []
    partly = np.flatnonzero((n_missing > 0) & (n_missing < n_rows))
    for column in np.union1d(partly, given.categorical):
        is_coded = column in given.categorical
        kinds = _categories(given, column) if is_coded else {}
        if n_missing[column]:
            kinds[MISSING] = int(n_missing[column])
        # Of two kinds one flag says it all, and of one there is nothing to say.
        for code in list(kinds)[1:] if is_coded and len(kinds) <= 2 else kinds:
            columns.append(column)
            codes.append(code)
            counts.append(kinds[code])
    share = np.array(counts, dtype=np.float64) / n_rows
    if clip is None:
        off, on, mean = np.zeros(len(share)), np.ones(len(share)), share
    else:
        spread = np.sqrt(share * (1.0 - share))
        off, on = np.maximum(-share / spread, -clip), np.minimum((1.0 - share) / spread, clip)
        mean = np.zeros(len(share))
    return Flags(np.array(columns, dtype=np.int64), np.array(codes, dtype=np.int64), off, on, mean)


def _categories(given: Given, column: int) -> dict[int, int]:
    """Return how often each code occurs in a column, by ascending code."""
    (codes,) = given.observed(np.array([column]))
    found, counts = np.unique(codes.astype(np.int64), return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))
