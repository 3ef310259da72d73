"""Rows that come in blocks, and their input rules: what is too large for memory, or was never in it.

To be fitted, rows are put in one array first, in a file where they are too large for memory (`_spill`): a fit reads
them several times, and a file of plain numbers is read faster than anything they may come from. What is predicted, or
added to sums, is read once, so it is not kept (`Stream`).
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sstpl import _codes
from sstpl._blocks import BLOCK_VALUES
from sstpl._codes import Values
from sstpl._given import NUMBERS
from sstpl._spill import empty_in_file, is_large
from sstpl._typing import Labels

_Array = npt.NDArray[Any]

_LAYER_ROWS = 2048  # that the core predicts at once: blocks of whole multiples are rounded as all rows are
_VALUES_AT_ONCE = 2 * BLOCK_VALUES  # of such a block
_END = object()


class Source(Protocol):
    """Rows in blocks."""

    def __len__(self) -> int:
        """Return the number of rows."""

    def iter_blocks(self) -> Iterator[_Array]:
        """Yield all rows in order, in arrays (n, n_features) of any lengths."""


class _Slices:
    """The rows of something that is sliced like an array, such as a data set of h5py or zarr."""

    def __init__(self, X: Any) -> None:
        self._X = X

    def __len__(self) -> int:
        return int(self._X.shape[0])

    def iter_blocks(self) -> Iterator[_Array]:
        n_rows, n_columns = self._X.shape
        chunks = getattr(self._X, "chunks", None)
        # Blocks of whole chunks: no chunk is read, and unpacked, twice.
        rows = _whole(BLOCK_VALUES // max(1, n_columns), chunks[0] if chunks and isinstance(chunks[0], int) else 1)
        for start in range(0, n_rows, rows):
            yield np.asarray(self._X[start : start + rows])


class _Mapped(_Slices):
    """The rows of a memmap."""

    def take(self, rows: Labels) -> _Array:
        """Return some rows, for which the others are not read."""
        found: _Array = np.asarray(self._X[rows])
        return found.astype(found.dtype.newbyteorder("="), order="C", copy=False)


def _whole(n_rows: int, unit: int) -> int:
    """Return the multiple of a unit that is nearest below, or the unit."""
    return max(1, n_rows // unit) * unit


def _is_source(X: object) -> bool:
    return callable(getattr(X, "iter_blocks", None))  # a frame may have a column of that name


def _opened(X: Any) -> Any:
    """Return a memmap for a path, a source for what comes in blocks, and anything else as it is."""
    if isinstance(X, (str, os.PathLike)):
        path = os.fspath(X)
        if not path.endswith(".npy"):
            raise ValueError(f"X: a path must be of a .npy file, got {path!r}; for Parquet see sstpl.sources.Parquet")
        return np.load(path, mmap_mode="r", allow_pickle=False)
    if isinstance(X, np.ndarray) or _is_source(X):
        return X
    # What else has chunks (h5py, zarr, dask) is read piece by piece; scikit-learn would read it as a whole.
    is_chunked = hasattr(X, "chunks") and isinstance(getattr(X, "dtype", None), np.dtype)
    if not is_chunked:
        return X
    if len(X.shape) != 2:
        raise ValueError(f"X must be 2-D, got shape {tuple(X.shape)}")
    return _Slices(X)


def names_of(X: Any) -> list[str] | None:
    """Return the names of a source's columns, where they have any."""
    return list(X.columns) if _is_source(X) and hasattr(X, "columns") else None


def categories_of(X: Any) -> Values:
    """Return what the codes in a source's columns of categories stand for, by column."""
    return _codes.checked(X.categories) if _is_source(X) and hasattr(X, "categories") else {}


def rows_to_fit(X: object, memory_limit: float | None) -> Any:
    """Return rows to fit as an array, which is a memmap where they are too large for memory; others as they are."""
    opened = _opened(X)
    if isinstance(opened, np.memmap):
        if not is_large(opened.nbytes, memory_limit):
            return np.asarray(opened)
        if opened.ndim != 2 or opened.dtype in NUMBERS:
            return opened
        opened = _Slices(opened)
    return _read(opened, memory_limit) if _is_source(opened) else opened


@dataclass(frozen=True)
class Stream:
    """Rows that are read block by block and not kept, once for every time that they are asked for."""

    source: Source
    n_rows: int
    names: list[str] | None
    categories: Values

    def __len__(self) -> int:
        return self.n_rows

    def blocks(self) -> Generator[_Array, None, None]:
        """Yield all rows in order, checked, in blocks that do not depend on those in which they come.

        Each is of whole multiples of what the core predicts at once; the last has what is left over too, so that none
        is too short for threads.
        """
        left, filled = self.n_rows, 0
        block: _Array | None = None
        with closing(_blocks(self.source, self.n_rows)) as parts:
            for part in parts:
                rows = _whole(_VALUES_AT_ONCE // max(1, part.shape[1]), _LAYER_ROWS)
                at = 0
                while at < len(part):
                    if block is None:
                        filled = 0
                        block = np.empty((left if left < 2 * rows else rows, part.shape[1]), dtype=part.dtype)
                    n_taken = min(len(part) - at, len(block) - filled)
                    block[filled : filled + n_taken] = part[at : at + n_taken]
                    at, filled = at + n_taken, filled + n_taken
                    if filled == len(block):
                        left -= filled
                        yield block
                        block = None

    def take(self, rows: Labels) -> _Array:
        """Return some rows; their numbers ascend."""
        if isinstance(self.source, _Mapped):
            return self.source.take(rows)
        found, start = [], 0
        with closing(self.blocks()) as blocks:
            for block in blocks:
                first, last = np.searchsorted(rows, (start, start + len(block)))
                found.append(block[rows[first:last] - start])
                start += len(block)
        return np.concatenate(found)


def opened(X: Any, memory_limit: float | None) -> Any:
    """Return a `Stream` for rows that come in blocks or are too large for memory, and others as they are.

    A memmap that is none becomes an array, of which scikit-learn says what is wrong with it.
    """
    if type(X) is np.ndarray:  # asked for every row that is predicted by itself
        return X
    found = _opened(X)
    if _is_source(found):
        return Stream(found, _length(found), names_of(X), categories_of(X))
    if not isinstance(found, np.memmap):
        return found
    is_table = found.ndim == 2 and found.dtype.newbyteorder("=") in NUMBERS
    is_streamed = is_table and is_large(found.nbytes, memory_limit)
    return Stream(_Mapped(found), len(found), None, {}) if is_streamed else np.asarray(found)


def _length(source: Source) -> int:
    try:
        n_rows = len(source)
    except TypeError as error:
        raise TypeError(f"X has iter_blocks() and must have __len__(), the number of its rows: {error}") from error
    if n_rows < 1:
        raise ValueError(f"X must have rows, and len(X) is {n_rows}")
    return n_rows


def _read(source: Source, memory_limit: float | None) -> _Array:
    n_rows, filled = _length(source), 0
    rows: _Array | None = None
    with closing(_blocks(source, n_rows)) as blocks:
        for block in blocks:
            if rows is None:
                shape, dtype = (n_rows, block.shape[1]), block.dtype
                n_bytes = n_rows * block[:1].nbytes
                rows = empty_in_file(shape, dtype) if is_large(n_bytes, memory_limit) else np.empty(shape, dtype)
            rows[filled : filled + len(block)] = block
            filled += len(block)
    assert rows is not None
    return rows


def _blocks(source: Source, n_rows: int) -> Generator[_Array, None, None]:
    """Yield checked blocks that are not empty: as wide as the first and of its type, and of all rows promised."""
    start, width, dtype = 0, 0, np.dtype(np.float32)
    for index, block in enumerate(_ahead(iter(source.iter_blocks()))):
        what = f"block {index} of X, from row {start}"
        if block.ndim != 2:
            raise ValueError(f"{what}, must be 2-D, got shape {block.shape}")
        if block.dtype.newbyteorder("=") not in NUMBERS:
            raise ValueError(f"{what}, must hold numbers, got dtype {block.dtype}")
        if start == 0:
            width, dtype = block.shape[1], block.dtype.newbyteorder("=")
        if block.shape[1] != width:
            raise ValueError(f"{what}, must have {width} columns as the first has, got {block.shape[1]}")
        if not np.can_cast(block.dtype, dtype, "safe"):
            raise ValueError(f"{what}, must be of dtype {dtype} as the first is, or fit in it, got {block.dtype}")
        if start + len(block) > n_rows:
            raise ValueError(f"{what}, must end by row {n_rows}, which is len(X), got {len(block)} rows")
        _no_infinity(block, what, start)
        start += len(block)
        if len(block):
            yield block.astype(dtype, copy=False)
    if start < n_rows:
        raise ValueError(f"the blocks of X must have {n_rows} rows, which is len(X), got {start}")


def _no_infinity(block: _Array, what: str, start: int) -> None:
    if block.dtype.kind != "f":
        return
    infinite = np.argwhere(np.isinf(block))
    if len(infinite):
        row, column = infinite[0].tolist()
        raise ValueError(f"{what}, contains infinity in row {start + row}, column {column}; missing values are NaN")


def _ahead(blocks: Iterator[Any]) -> Generator[_Array, None, None]:
    """Yield copies of blocks; the next one is made by another thread while this one is used."""

    def following() -> Any:
        block = next(blocks, _END)
        return block if block is _END else np.array(block)  # whose buffer the next one may come in

    with ThreadPoolExecutor(1, thread_name_prefix="sstpl-read") as reader:
        coming = reader.submit(following)
        while (block := coming.result()) is not _END:
            coming = reader.submit(following)
            yield block
