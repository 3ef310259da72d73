"""Rows that do not fit in memory.

`fit`, `partial_fit`, `forget`, `calibrate`, `predict`, `predict_proba`, `decision_function`, `predict_set`,
`predict_interval` and `score` take, beside arrays and frames: a path of a ``.npy`` file; a `numpy.memmap`; a
two-dimensional data set of h5py or Zarr, or anything else that has ``shape``, ``dtype`` and ``chunks`` and is sliced by
rows; `Parquet`; and any object with two methods::

    len(rows)             the number of rows
    rows.iter_blocks()    a new iterator over all rows in order, in arrays (n, n_features) of any lengths

and perhaps ``rows.columns``, the names of the columns; and ``rows.categories``, a dict from the number of a column to
the categories, strings or numbers, that its values 0, 1, ... stand for (NaN: missing). Targets, and everything else
that is one number or a few per row, are in memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from sstpl._blocks import BLOCK_VALUES
from sstpl._typing import Floats

__all__ = ["Parquet"]

_IN_FLOAT32 = ("float", "int8", "uint8", "int16", "uint16", "bool")
_NUMBERS = (*_IN_FLOAT32, "double", "int32", "uint32", "int64", "uint64")
_TEXTS = ("string", "large_string", "string_view")
_MOST_CATEGORIES = 2**24  # whose codes float32 can tell apart


class Parquet:
    """Columns of Parquet files, or of any Arrow data set, read in blocks.

    Parameters
    ----------
    data : path, list of paths or pyarrow.dataset.Dataset
        A Parquet file, a folder of such files, or several files.
    columns : sequence of str or None, default=None
        Columns of numbers, bools or categories, in this order. None: all but the target.
    target : str or None, default=None
        The column that `target` returns.

    Attributes
    ----------
    columns : list of str
        Names of the columns; they become ``feature_names_in_``, and what is predicted must have them in this order.
    categories : dict of int to list of str or of numbers
        The categories of columns of text and of dictionaries, by the number of the column; read when first asked for.

    Raises
    ------
    ValueError
        For columns that the data set does not have.
    TypeError
        For columns that hold neither numbers nor bools nor text, nor dictionaries of these.
    ImportError
        Without pyarrow.

    Notes
    -----
    Blocks are of float32 where the type of every column of numbers is exact in it (float32, integers of at most 16
    bits, bool), else of float64; a null is NaN, a missing value. Columns of text and of dictionaries (what pandas calls
    categories) are categories to a model, as those of a frame are, and of no order; to know them, these columns are
    read once more. Parquet keeps dictionaries of text alone: what is a number there is a number to a model. Arrow reads
    row groups as a whole, so these should fit in memory.

    Examples
    --------
    >>> import numpy as np, pyarrow as pa, pyarrow.parquet, tempfile
    >>> from sstpl import SSTPLRegressor
    >>> from sstpl.sources import Parquet
    >>> X = np.random.default_rng(0).normal(size=(500, 2))
    >>> table = pa.table({"width": X[:, 0], "height": X[:, 1], "area": X[:, 0] * X[:, 1]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pa.parquet.write_table(table, f"{folder}/rows.parquet")
    ...     rows = Parquet(f"{folder}/rows.parquet", target="area")
    ...     model = SSTPLRegressor(hidden_width=50, random_state=0).fit(rows, rows.target)
    ...     model.score(rows, rows.target) > 0.9
    True
    """

    def __init__(self, data: Any, columns: Sequence[str] | None = None, target: str | None = None) -> None:
        try:
            from pyarrow import dataset
        except ImportError as error:
            raise ImportError("Parquet needs pyarrow, which comes with: pip install 'sstpl[cli]'") from error
        if not isinstance(data, dataset.Dataset):
            source = [os.fspath(path) for path in data] if isinstance(data, (list, tuple)) else os.fspath(data)
            data = dataset.dataset(source, format="parquet")
        self._dataset = data
        self._target = target
        names = list(data.schema.names)
        self.columns = [name for name in names if name != target] if columns is None else list(columns)
        unknown = [name for name in [*self.columns, *([] if target is None else [target])] if name not in names]
        if unknown:
            raise ValueError(f"the data set has no columns {unknown}; it has {names}")
        if len(set(self.columns)) < len(self.columns) or target in self.columns or not self.columns:
            raise ValueError(f"columns must be one or more different names but the target's, got {self.columns}")
        types = {name: data.schema.field(name).type for name in self.columns}
        own = {name: getattr(kind, "value_type", kind) for name, kind in types.items()}
        others = {name: str(types[name]) for name, kind in own.items() if str(kind) not in (*_NUMBERS, *_TEXTS)}
        others |= {name: str(kind) for name, kind in types.items() if kind != own[name] and not _is_dictionary(kind)}
        if others:
            raise TypeError(f"columns must be of numbers, bools or text, got {others}; name those that are in columns=")
        self._coded = {name: kind for name, kind in own.items() if str(kind) in _TEXTS or _is_dictionary(types[name])}
        exact = all(str(kind) in _IN_FLOAT32 for name, kind in types.items() if name not in self._coded)
        self._dtype = np.dtype(np.float32 if exact else np.float64)

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self._dataset.count_rows())

    @cached_property
    def categories(self) -> dict[int, list[Any]]:
        """The categories of columns, by the number of the column, in the order of their codes."""
        found: dict[str, set[Any]] = {name: set() for name in self._coded}
        for batch in self._batches(list(found)) if found else ():
            for name, column in zip(found, batch.columns, strict=True):
                found[name].update(_plain(column).unique().to_pylist())
                if len(found[name]) > _MOST_CATEGORIES:
                    raise ValueError(f"column {name!r} has more than {_MOST_CATEGORIES} categories: leave it out")
        known = {name: sorted(v for v in values if v is not None and v == v) for name, values in found.items()}
        return {self.columns.index(name): values for name, values in known.items()}

    @property
    def target(self) -> npt.NDArray[Any]:
        """The target column, in memory."""
        if self._target is None:
            raise ValueError("no target was named: Parquet(path, target=NAME)")
        column: npt.NDArray[Any] = self._dataset.to_table(columns=[self._target]).column(0).to_numpy()
        return column

    def iter_blocks(self) -> Iterator[Floats]:
        """Yield all rows in order, in new arrays (n, n_columns) of about a million values."""
        from pyarrow import array, from_numpy_dtype
        from pyarrow.compute import index_in

        kind = from_numpy_dtype(self._dtype)
        known = {index: array(values, self._coded[self.columns[index]]) for index, values in self.categories.items()}
        for batch in self._batches(self.columns):
            block: Floats = np.empty((batch.num_rows, len(self.columns)), dtype=self._dtype)
            for index, column in enumerate(batch.columns):
                numbers = index_in(_plain(column), value_set=known[index]) if index in known else column
                block[:, index] = numbers.cast(kind, safe=False).to_numpy(zero_copy_only=False)
            yield block

    def _batches(self, columns: list[str]) -> Iterator[Any]:
        batches: Iterator[Any] = self._dataset.to_batches(
            columns=columns,
            batch_size=max(1, BLOCK_VALUES // len(self.columns)),
            batch_readahead=1,  # by default 16, and of 4 files: they would be in memory side by side
            fragment_readahead=1,
        )
        return batches


def _is_dictionary(kind: Any) -> bool:
    return str(kind).startswith("dictionary<")


def _plain(column: Any) -> Any:
    """Return the values of a column, of which a dictionary has only numbers."""
    return column.dictionary_decode() if _is_dictionary(column.type) else column
