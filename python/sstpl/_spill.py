"""Arrays in files: what is made of rows that are in a file goes to files too, where it is as large as they are.

Rows in a file are a `numpy.memmap`: the system reads them as they are asked for, reads ahead, and lets go of them when
memory is short. Targets and scores of such rows are in files as well, where they are large, and so is what is made of
those. Arrays that are no memmap are in memory, and nothing that is made of them goes anywhere else.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sstpl._blocks import blocks

# Of the memory that there is, or of memory_limit: smaller rows are fitted in memory. Mapped rows may have 8 times as
# many columns, and there are two copies of them.
SHARE_OF_MEMORY = 1 / 16
LEAST_BYTES = 2**22  # of an array that is worth a file

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")

_Array = npt.NDArray[Any]


def is_large(n_bytes: float, memory_limit: float | None) -> bool:
    """Whether rows of so many bytes are fitted from a file: by the limit in MiB, or by the memory of the machine."""
    return n_bytes > SHARE_OF_MEMORY * (machine_bytes() if memory_limit is None else memory_limit * 2**20)


def machine_bytes() -> float:
    """Return the memory of the machine, or what the container may have of it."""
    found = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for path in _CGROUP_LIMITS:
        with suppress(OSError, ValueError):  # "max"
            found = min(found, float(Path(path).read_text()))
    return found


def empty_in_file(shape: tuple[int, ...], dtype: npt.DTypeLike) -> _Array:
    """Return an array in a file without a name, which goes with the last reference to it, or with the process.

    The place on the disk is taken before anything is written: to run out of it later would end the process.
    """
    n_bytes = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if n_bytes > free:
        raise OSError(
            f"rows that do not fit in memory need {n_bytes / 2**20:.0f} MiB in the folder {folder}, and "
            f"{free / 2**20:.0f} MiB are free: let the environment variable TMPDIR name a folder on a larger disk"
        )
    with tempfile.TemporaryFile(dir=folder) as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, n_bytes)
        else:
            file.truncate(n_bytes)
        return np.memmap(file, dtype=dtype, mode="r+", shape=shape)


def empty_beside(rows: object, shape: tuple[int, ...], dtype: npt.DTypeLike) -> _Array:
    """Return an array for what is made of rows, in a file where they are in one and it is large."""
    if isinstance(rows, np.memmap) and prod(shape) * np.dtype(dtype).itemsize >= LEAST_BYTES:
        return empty_in_file(shape, dtype)
    return np.empty(shape, dtype=dtype)


def zeros_beside(rows: object, shape: tuple[int, ...], dtype: npt.DTypeLike) -> _Array:
    """Return zeros for what is made of rows, where these are."""
    made = empty_beside(rows, shape, dtype)
    return made if isinstance(made, np.memmap) else np.zeros(shape, dtype=dtype)  # a new file holds zeros


def made_beside(rows: object, part: Callable[[slice], _Array], shape: tuple[int, int], dtype: npt.DTypeLike) -> _Array:
    """Return an array (n, c) where rows are, made of blocks of them by `part`."""
    made = empty_beside(rows, shape, dtype)
    for some in blocks(*shape):
        made[some] = part(some)
    return made


def joined(parts: Iterable[_Array], n_rows: int, memory_limit: float | None) -> _Array:
    """Return arrays one below the other, `n_rows` in all, in a file where these are too large for memory."""
    made, start = np.empty(0), 0
    for part in parts:
        if start == 0:
            shape = (n_rows, *part.shape[1:])
            n_bytes = float(np.prod(shape)) * part.itemsize
            made = (empty_in_file if is_large(n_bytes, memory_limit) else np.empty)(shape, part.dtype)
        made[start : start + len(part)] = part
        start += len(part)
    return made


def plain(array: _Array) -> _Array:
    """Return an array as users know them: one in a file is no memmap any more, which could not be sent to a process."""
    return np.asarray(array.data) if isinstance(array, np.memmap) else array


def take(X: Any, rows: _Array) -> Any:
    """Return ``X[rows]``, where X is: in memory, in a file, or elsewhere; `rows` are numbers, or a bool for each."""
    if isinstance(X, np.ndarray) and not isinstance(X, np.memmap):
        return X[rows]
    numbers = np.flatnonzero(rows) if rows.dtype == bool else rows
    if not isinstance(X, np.memmap):
        return X[numbers] if sparse.issparse(X) else X.take(numbers)
    taken = empty_beside(X, (len(numbers), *X.shape[1:]), X.dtype)
    return np.take(X, numbers, axis=0, out=taken, mode="clip")  # which, unlike the default, makes no copy on the way
