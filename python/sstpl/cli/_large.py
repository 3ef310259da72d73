"""Files that are not read into memory: arrays (.npy), and Parquet that is too large for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sstpl._spill import is_large
from sstpl.cli._tables import require_different, require_table
from sstpl.sources import Parquet


def is_array(path: str) -> bool:
    """Whether a path names a NumPy array."""
    return path.lower().endswith(".npy")


def read_array(path: str) -> npt.NDArray[Any]:
    """Return the array of a .npy file, which is read where it is, never running code from it."""
    try:
        found: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    except Exception as error:  # a damaged file raises what NumPy pleases
        raise ValueError(f"{path} is no .npy file of numbers or text: {error}") from error
    return found


def read_array_rows(path: str) -> npt.NDArray[Any]:
    """Return the rows of a .npy file."""
    rows = read_array(path)
    if rows.ndim != 2:
        raise ValueError(f"{path} must have the shape (rows, columns), got {rows.shape}")
    return rows


@dataclass(frozen=True)
class LargeTable:
    """A Parquet file that is not read as a whole, and its columns."""

    path: str
    columns: list[str]
    n_rows: int

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""
        return self.n_rows, len(self.columns)

    def without(self, names: Sequence[str]) -> LargeTable:
        """Return the table without some columns."""
        return LargeTable(self.path, [name for name in self.columns if name not in names], self.n_rows)

    def rows(self, columns: Sequence[str]) -> Parquet:
        """Return columns as a source."""
        try:
            return Parquet(self.path, columns)
        except TypeError as error:
            raise ValueError(f"{self.path} is too large to be read as a whole, and then its {error}") from error

    def column(self, name: str) -> Any:
        """Return a column as a series of pandas."""
        import pyarrow.parquet

        return pyarrow.parquet.read_table(self.path, columns=[name]).to_pandas()[name]


def large_table(path: str) -> LargeTable | None:
    """Return a Parquet file that is too large for memory; None where it is to be read, or found to be no such file."""
    require_table(path)
    import pyarrow
    import pyarrow.parquet

    try:
        metadata = pyarrow.parquet.read_metadata(path)
    except (OSError, pyarrow.ArrowException):  # what is wrong with it, reading it says
        return None
    names = [str(name) for name in metadata.schema.to_arrow_schema().names]
    if not is_large(8.0 * metadata.num_rows * len(names), None):
        return None
    require_different(path, names)
    return LargeTable(path, names, metadata.num_rows)


def is_in_blocks(X: object) -> bool:
    """Whether rows are neither a frame nor an array."""
    return isinstance(X, (LargeTable, Parquet))
