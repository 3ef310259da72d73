"""What rows may come in beside arrays."""

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import zarr

from sstpl.sources import Parquet

NAMES = [f"x{j}" for j in range(9)]


class Blocks:
    """A user's own rows in blocks of these lengths."""

    def __init__(self, X, lengths, columns=None):
        self.X, self.lengths = X, lengths
        if columns is not None:
            self.columns = columns

    def __len__(self):
        return len(self.X)

    def iter_blocks(self):
        start = 0
        for length in self.lengths:
            yield self.X[start : start + length]
            start += length


def saved(path, X):
    """Save rows as a .npy file."""
    np.save(path, X)
    return path


def as_path(X, folder):
    return saved(folder / "rows.npy", X)


def as_text_path(X, folder):
    return str(saved(folder / "rows.npy", X))


def as_memmap(X, folder):
    return np.load(saved(folder / "rows.npy", X), mmap_mode="r")


def as_fortran_memmap(X, folder):
    return np.load(saved(folder / "rows.npy", np.asfortranarray(X)), mmap_mode="r")


def as_big_endian_memmap(X, folder):
    return np.load(saved(folder / "rows.npy", X.astype(X.dtype.newbyteorder(">"))), mmap_mode="r")


def as_hdf5(X, folder):
    return h5py.File(folder / "rows.h5", "w").create_dataset("X", data=X, chunks=(64, 3), compression="gzip")


def as_plain_hdf5(X, folder):
    return h5py.File(folder / "rows.h5", "w").create_dataset("X", data=X)


def as_zarr(X, folder):
    array = zarr.open_array(str(folder / "rows.zarr"), mode="w", shape=X.shape, chunks=(100, 9), dtype=X.dtype)
    array[:] = X
    return array


def as_parquet(X, folder):
    table = pa.table({name: X[:, j] for j, name in enumerate(NAMES)})
    pa.parquet.write_table(table, folder / "rows.parquet", row_group_size=90)
    return Parquet(folder / "rows.parquet")


def as_own_blocks(X, folder):
    return Blocks(X, (1, 0, 299, 150, 250))


FORMS = [
    as_path,
    as_text_path,
    as_memmap,
    as_fortran_memmap,
    as_big_endian_memmap,
    as_hdf5,
    as_plain_hdf5,
    as_zarr,
    as_parquet,
    as_own_blocks,
]
