"""Columns of categories in rows that come in blocks: the blocks hold codes, and their source says what these stand for.

In a model's own codes (`Categories`) the rows are what frames of the same categories become.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from sstpl import _frames
from sstpl._blocks import blocks
from sstpl._categories import Categories, Category, fit_counts
from sstpl._typing import Labels

Values: TypeAlias = "dict[int, list[Category]]"  # what the codes 0, 1, ... of a column stand for

_Array = npt.NDArray[Any]


def checked(given: Any) -> Values:
    """Check the ``categories`` of a source."""
    if not isinstance(given, dict) or not all(isinstance(column, int) and column >= 0 for column in given):
        raise TypeError(f"X.categories must be a dict of numbers of columns and their categories, got {given!r:.100}")
    found: Values = {}
    for column in sorted(given):
        name = f"X.categories[{column}]"
        values = _frames.category_values(name, np.array(list(given[column]), dtype=object))
        found[column] = [value for value in values if value is not None]
        if len(set(found[column])) < len(values):
            raise ValueError(f"{name} must be different categories, none of them missing, got {given[column]!r:.100}")
    return found


def fit(rows: _Array, values: Values) -> Categories:
    """Return the categories of training rows, whose codes become those of the model, in place."""
    require_columns(values, rows.shape[1])
    counts = {column: np.zeros(len(known) + 1, dtype=np.int64) for column, known in values.items()}
    for block in blocks(*rows.shape):
        for column, known in values.items():
            counts[column] += np.bincount(_places(rows[block, column], column, len(known)), minlength=len(known) + 1)
    tables = [
        Counter({value: n for value, n in zip(known, counts[column].tolist(), strict=False) if n})
        for column, known in values.items()
    ]
    categories = fit_counts(np.array(list(values), dtype=np.int64), tables)
    for block in blocks(*rows.shape):
        recode(rows[block], values, categories)
    return categories


def recode(rows: _Array, values: Values, known: Categories) -> None:
    """Put a model's codes in place of those of a source."""
    for index, (column, own) in enumerate(values.items()):
        table = np.append(known.encode(index, own), np.nan)
        rows[:, column] = table[_places(rows[:, column], column, len(own))]


def require_columns(values: Values, n_columns: int) -> None:
    """Check that categories are of columns that there are."""
    if max(values) >= n_columns:
        raise ValueError(f"X.categories must be of columns of X, which has {n_columns}, got {max(values)}")


def require_known(values: Values, known: Categories | None) -> None:
    """Check that columns of categories are those of fit, and of their kind."""
    columns = [] if known is None else known.columns.tolist()
    if known is None or list(values) != columns:
        raise ValueError(f"X must have categories in the columns of fit, {columns}, and has them in {list(values)}")
    for kept, (column, own) in zip(known.kept, values.items(), strict=True):
        if len({isinstance(value, str) for value in (*kept, *own)}) > 1:
            raise ValueError(f"column {column} of X: categories must be strings or numbers as in fit, got the other")


def _places(codes: _Array, column: int, n_values: int) -> Labels:
    """Return codes as whole numbers, that after the last for a missing one."""
    missing = np.isnan(codes) if codes.dtype.kind == "f" else np.zeros(len(codes), dtype=bool)
    wrong = ~missing & ~((codes >= 0) & (codes < n_values) & (codes == np.floor(codes)))
    if wrong.any():
        raise ValueError(
            f"column {column} of X must hold codes of its {n_values} categories, whole numbers from 0, or NaN, "
            f"got {codes[wrong][0]}"
        )
    return np.where(missing, n_values, codes).astype(np.int64)
