"""The input map: what happens to a row of X before the first layer sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sstpl._typing import Floats

_BLOCK_ROWS = 4096


def _blocks(n_rows: int) -> Iterator[slice]:
    for start in range(0, n_rows, _BLOCK_ROWS):
        yield slice(start, min(start + _BLOCK_ROWS, n_rows))


@dataclass(frozen=True)
class InputMap:
    """Columns kept, and how they are scaled.

    Attributes
    ----------
    scaling : {"feature", "sample", "none"}
        "feature": every column to mean 0 and deviation 1 on the training rows; "sample": every row likewise.
    columns : int64 array
        The columns that vary over the training rows; the others carry nothing and are left out.
    center, scale : float64 arrays of shape (len(columns),)
        The affine map x -> (x - center) * scale of "feature".
    dtype : numpy dtype
        float32 or float64, of the rows given to the core.
    """

    scaling: str
    columns: npt.NDArray[np.int64]
    center: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    dtype: np.dtype[np.floating]

    def transform(self, X: Floats) -> Floats:
        """Return the mapped rows as a new C-ordered array of shape (n_samples, len(columns))."""
        out = np.empty((X.shape[0], len(self.columns)), dtype=self.dtype)
        all_columns = len(self.columns) == X.shape[1]
        for rows in _blocks(X.shape[0]):
            block = X[rows] if all_columns else X[rows][:, self.columns]
            if self.scaling == "feature":
                out[rows] = (block - self.center) * self.scale
            elif self.scaling == "sample":
                block = block - np.mean(block, axis=1, keepdims=True, dtype=np.float64)
                spread = np.sqrt(np.mean(np.square(block), axis=1, keepdims=True))
                out[rows] = block / np.where(spread > 0, spread, 1.0)
            else:
                out[rows] = block
        return out


def _moments(X: Floats) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return means and deviations of columns in units of `_magnitudes`, so that squares cannot overflow."""
    unit = _magnitudes(X)
    mean = np.zeros(X.shape[1])
    for rows in _blocks(X.shape[0]):
        mean += np.sum(X[rows] / unit, axis=0, dtype=np.float64)
    mean /= X.shape[0]
    square = np.zeros(X.shape[1])
    for rows in _blocks(X.shape[0]):
        square += np.sum(np.square(X[rows] / unit - mean), axis=0, dtype=np.float64)
    return mean * unit, np.sqrt(square / X.shape[0]) * unit


def _magnitudes(X: Floats) -> npt.NDArray[np.float64]:
    largest = np.maximum(np.abs(X.max(axis=0)), np.abs(X.min(axis=0))).astype(np.float64)
    return np.where(largest > 0, largest, 1.0)


def fit_input_map(X: Floats, scaling: str, dtype: np.dtype[np.floating]) -> InputMap:
    """Fit the input map on training rows X (n_samples, n_features), which are finite."""
    varies = X.max(axis=0) > X.min(axis=0)
    # Where no column varies, one is kept as zeros: the model is then its intercept.
    columns = np.flatnonzero(varies).astype(np.int64) if varies.any() else np.zeros(1, dtype=np.int64)
    if scaling != "feature":
        return InputMap(scaling, columns, np.zeros(len(columns)), np.ones(len(columns)), dtype)
    mean, deviation = _moments(X)
    spread = deviation[columns]
    scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
    return InputMap(scaling, columns, mean[columns], scale, dtype)
