"""The time and memory a fit may take: asked before every piece of work that it could do without."""

from __future__ import annotations

from time import perf_counter

import numpy as np

from sstpl._given import Given

_MOST_MEGABYTES_OF_SPARSE = 4096.0  # where there is no limit: little of X becomes much, which nobody asked for

BYTES_ALWAYS_KEPT, MOST_BYTES_KEPT = 256 * 2**20, 2**30  # of features, as in crossfit.hpp


def level_bytes(
    n_rows: int, width: int, n_folds: int, dtype: np.dtype[np.floating], leave_one_out: bool = False
) -> float:
    """Return what the core holds for a hidden layer and its readout, beside the rows.

    A triangle of sums per fold and of all, a square to solve in, another for leverages, and the features it keeps.
    """
    features = n_rows * width * dtype.itemsize
    kept = features if features <= BYTES_ALWAYS_KEPT else min(features, (4 * n_folds + 12) * width**2, MOST_BYTES_KEPT)
    leverages = dtype.itemsize * width**2 if leave_one_out else 0
    return float((4 * n_folds + 12) * width**2 + leverages + kept)


class Budget:
    """Seconds since the start of a fit, and bytes of a piece of work, against limits; no limit allows everything.

    A piece of work is allowed where it would end in time if it took as long as its like did before.
    """

    def __init__(self, seconds: float | None = None, megabytes: float | None = None) -> None:
        self._start = perf_counter()
        self._limit = seconds
        self._most_bytes = None if megabytes is None else megabytes * 2**20
        self._longest: dict[str, float] = {}
        self._stopped = False
        self.exhausted = False

    def stop(self) -> None:
        """Allow no further piece of work that the fit could do without."""
        self._stopped = True

    def holds(self, n_bytes: float) -> bool:
        """Whether a piece of work that needs so many bytes at once is allowed."""
        return self._most_bytes is None or n_bytes <= self._most_bytes

    def require(self, n_bytes: float, what: str) -> None:
        """Raise MemoryError unless a piece of work that the fit cannot do without is allowed."""
        if self._most_bytes is not None and n_bytes > self._most_bytes:
            raise MemoryError(
                f"{what} needs about {n_bytes / 2**20:.0f} MiB for its sums and features, and memory_limit is "
                f"{self._most_bytes / 2**20:g} MiB: lower the width or n_folds, or raise memory_limit"
            )

    def require_dense(self, given: Given, dtype: np.dtype[np.floating]) -> None:
        """Raise MemoryError where sparse rows would be too many once they are mapped, and dense."""
        if not given.is_sparse:
            return
        n_columns = len(np.unique(given.X.indices))
        n_bytes = 2 * len(given) * n_columns * dtype.itemsize
        limit = _MOST_MEGABYTES_OF_SPARSE * 2**20 if self._most_bytes is None else self._most_bytes
        if n_bytes > limit:
            raise MemoryError(
                f"X is sparse, but mapped rows are dense: {len(given)} rows of {n_columns} columns or more, twice, "
                f"need about {n_bytes / 2**20:.0f} MiB, and memory_limit is {limit / 2**20:g} MiB: raise it, or reduce "
                "the columns first, as sklearn.decomposition.TruncatedSVD does"
            )

    def spent(self, kind: str, seconds: float) -> None:
        """Note how long a piece of work took."""
        self._longest[kind] = max(seconds, self._longest.get(kind, 0.0))

    def allows(self, kind: str, estimate: float = 0.0) -> bool:
        """Whether another piece of work would end in time; `estimate` is for a kind that was not done yet."""
        if self._stopped or self._limit is None:
            return not self._stopped
        expected = self._longest.get(kind, estimate)
        fits = perf_counter() - self._start + expected <= self._limit
        self.exhausted = self.exhausted or not fits
        return fits
