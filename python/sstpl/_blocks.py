"""Rows in blocks, so that what is made of them on the way is never as large as they are."""

from __future__ import annotations

from collections.abc import Iterator

BLOCK_VALUES = 2**20  # float64 values of a block of rows, 8 MiB


def blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Yield slices of rows that have about a million values."""
    step = max(1, BLOCK_VALUES // max(1, n_columns))
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))
