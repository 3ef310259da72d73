"""Rows as they were given, read in blocks: numbers of any type, dense or sparse, with NaN for a missing value.

There is never a copy of all rows in another type, nor are sparse rows ever dense as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sstpl import _core
from sstpl._blocks import blocks
from sstpl._spill import empty_beside, take
from sstpl._typing import Floats, Labels, Weights

# Types whose every value is a float32; what is computed of others is computed of float64.
EXACT_IN_FLOAT32 = tuple(np.dtype(t) for t in ("f4", "f2", "i1", "u1", "i2", "u2", "?"))

# What rows may be of as they are; anything else is converted. Sparse matrices know no float16.
NUMBERS = tuple(np.dtype(t) for t in ("f4", "f8", "f2", "?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"))

_Reals = npt.NDArray[np.float64]


def _no_columns() -> Labels:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Given:
    """Checked rows.

    Attributes
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features), of real numbers
        Categories as codes 0, 1, ...; no infinity. A memmap is of rows too large for memory, and so is what is made of
        them.
    has_missing : bool
        Whether there is a NaN.
    categorical : int64 array
        The columns of codes, ascending.
    """

    X: Any
    has_missing: bool
    categorical: Labels = field(default_factory=_no_columns)

    @staticmethod
    def of(X: Given | Floats) -> Given:
        """Return rows that were checked, whatever they come as."""
        if isinstance(X, Given):
            return X
        values: Any = X.data if sparse.issparse(X) else X
        return Given(X, values.dtype.kind == "f" and bool(np.isnan(values).any()))

    def __len__(self) -> int:
        return int(self.X.shape[0])

    def __getitem__(self, rows: slice | Labels | npt.NDArray[np.bool_]) -> Given:
        """Return some of the rows."""
        some = self.X[rows] if isinstance(rows, slice) else take(self.X, rows)
        return replace(self, X=some)

    def here(self) -> Given:
        """Return the rows in this process."""
        return self

    def mapped(self, transform: Callable[[Given], Floats], n_columns: int, dtype: np.dtype[Any]) -> Any:
        """Return what a map makes of the rows, (n, n_columns), where they are."""
        return transform(self)

    def hashes(self, seed: int) -> npt.NDArray[np.uint64]:
        """Return a hash (n,) of the float64 values of every row; those of other types agree where the values do."""
        if self.is_plain:
            return _core.hash_rows(self.X, seed)
        parts = (_core.hash_rows(self[rows].numbers(), seed) for rows in blocks(len(self), self.n_features))
        return np.concatenate([np.zeros(0, dtype=np.uint64), *parts])

    @property
    def n_features(self) -> int:
        """Number of columns."""
        return int(self.X.shape[1])

    @property
    def is_sparse(self) -> bool:
        """Whether only what is not zero is stored."""
        return bool(sparse.issparse(self.X))

    @property
    def is_in_file(self) -> bool:
        """Whether the rows are too large for memory."""
        return isinstance(self.X, np.memmap)

    @property
    def is_plain(self) -> bool:
        """Whether the core can read all rows as they are, and none of their values is missing."""
        if self.is_sparse or self.has_missing or self.X.dtype not in (np.float32, np.float64):
            return False
        return bool(self.X.flags.c_contiguous and self.X.flags.aligned)

    def numbers(self) -> Floats:
        """Return all rows as a C-ordered, aligned array of float32 or float64, whichever holds every value."""
        dense = self.X.toarray() if self.is_sparse else self.X
        dtype = np.float32 if dense.dtype in EXACT_IN_FLOAT32 else np.float64
        numbers: Floats = np.require(dense, dtype, ["C", "A"])
        return numbers

    def take(self, rows: slice, columns: Labels) -> _Reals:
        """Return columns of a block as a new C-ordered float64 array: sums have one order, whatever the layout of X."""
        if self.is_sparse:
            dense: _Reals = self.X[rows][:, columns].toarray().astype(np.float64, order="C", copy=False)
            return dense
        return np.take(self.X[rows], columns, axis=1).astype(np.float64, copy=False)

    def observed(self, columns: Labels, weights: Weights = None) -> Iterator[tuple[_Reals, Weights]]:
        """Yield the values of one column after another that are not missing, float64, and their rows' weights."""
        for values in self._by_column(columns):
            own = weights
            if self.has_missing:
                there = ~np.isnan(values)
                values, own = values[there], None if weights is None else weights[there]
            yield values.astype(np.float64), own

    def _by_column(self, columns: Labels) -> Iterator[npt.NDArray[Any]]:
        if self.is_sparse:
            by_column = self.X.tocsc()
            yield from (by_column[:, [column]].toarray()[:, 0] for column in columns)
        elif self.is_in_file:  # which would be read from end to end for every column
            by_column = empty_beside(self.X, (len(columns), len(self)), self.X.dtype)
            for rows in blocks(*self.X.shape):
                by_column[:, rows] = np.take(self.X[rows], columns, axis=1).T
            yield from by_column
        else:
            yield from (self.X[:, column] for column in columns)

    def observed_weight(self, weights: Weights = None) -> _Reals:
        """Return the weight of the rows in which the value of a column is not missing, their number without weights."""
        total = float(len(self)) if weights is None else float(weights.sum())
        observed = np.full(self.n_features, total)
        if self.has_missing:
            for rows in blocks(*self.X.shape):
                there = ~np.isnan(self[rows].numbers())
                part = there.sum(axis=0) if weights is None else weights[rows] @ there
                observed += part
            observed -= total
        return observed

    def total(self, columns: Labels, part: Callable[[_Reals], _Reals], weights: Weights) -> _Reals:
        """Return the weighted sums over the rows of what `part` makes of columns; missing values add nothing.

        `part` is given float64 values (n, n_columns) of a block of rows, which it may overwrite.
        """
        sums = np.zeros(len(columns))
        for rows in blocks(len(self), len(columns)):
            values = part(self.take(rows, columns))
            if self.has_missing:
                np.copyto(values, 0.0, where=np.isnan(values))
            sums += values.sum(axis=0) if weights is None else weights[rows] @ values
        return sums

    def shares(self, columns: Labels, low: _Reals, high: _Reals, mean: _Reals | None, weights: Weights) -> _Reals:
        """Return the weighted sums over the rows of t = clip((x - low) / (high - low), 0, 1), or of (t - mean)^2.

        Missing values add nothing. Rows are added in their order, so that neither blocks nor threads change a bit.
        """
        sums = np.zeros(len(columns))
        for rows in blocks(*self.X.shape):
            own = None if weights is None else weights[rows]
            sums = _core.add_shares(self[rows].numbers(), columns, low, high, mean, own, sums)
        return sums

    def extremes(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Return the least and the largest value of every column, NaN where all are missing."""
        least, largest = (np.fmin, np.fmax) if self.has_missing else (np.minimum, np.maximum)
        if not self.is_sparse:
            return least.reduce(self.X, axis=0), largest.reduce(self.X, axis=0)
        blocked = (self[rows].numbers() for rows in blocks(*self.X.shape))
        ends = [(least.reduce(block, axis=0), largest.reduce(block, axis=0)) for block in blocked]
        lows, highs = zip(*ends, strict=True)
        return least.reduce(lows, axis=0), largest.reduce(highs, axis=0)

    def missing_weight(self, weights: Weights = None) -> _Reals:
        """Return the weight of the rows in which the value of a column is missing, their number without weights."""
        missing = np.zeros(self.n_features)
        if self.has_missing:
            for rows in blocks(*self.X.shape):
                absent = np.isnan(self[rows].numbers())
                missing += absent.sum(axis=0) if weights is None else weights[rows] @ absent
        return missing
