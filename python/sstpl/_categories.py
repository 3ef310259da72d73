"""Columns of categories: what they are in training, and the codes that stand for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from sstpl._typing import Labels

# A category is a column of mapped rows. Of more, the most frequent keep one, and the others share the last.
MOST_CATEGORIES = 64

Category: TypeAlias = "str | float"


@dataclass(frozen=True)
class Categories:
    """The training categories of columns.

    Attributes
    ----------
    columns : int64 array of shape (n_categorical,)
        Their numbers in X, ascending.
    kept : tuple of tuples of str or of float
        The categories of each column that have a code of their own, in order; all strings or all numbers.
    pooled : tuple of bool
        Whether the column has more categories, which share one more code. A category that was not seen in training
        gets that code too, or is missing where there is none.
    """

    columns: Labels
    kept: tuple[tuple[Category, ...], ...]
    pooled: tuple[bool, ...]

    def encode(self, index: int, values: Sequence[Category | None]) -> npt.NDArray[np.float64]:
        """Return the codes of the values of one of the columns, NaN for None."""
        codes: dict[Any, float] = {value: float(code) for code, value in enumerate(self.kept[index])}
        other = float(len(codes)) if self.pooled[index] else np.nan
        codes[None] = np.nan
        return np.array([codes.get(value, other) for value in values], dtype=np.float64)


def fit_categories(columns: Labels, values: Sequence[Sequence[Category | None]]) -> Categories:
    """Return the categories of columns by their training values; None is a missing one."""
    return fit_counts(columns, [Counter(value for value in of_column if value is not None) for of_column in values])


def fit_counts(columns: Labels, tables: Sequence[Counter[Any]]) -> Categories:
    """Return the categories of columns by how often each occurs in training."""
    kept, pooled = [], []
    for counts in tables:
        ordered = sorted(counts)
        pooled.append(len(ordered) > MOST_CATEGORIES)
        if pooled[-1]:  # of equal counts the later in order, as scikit-learn has it
            ordered = sorted(sorted(ordered, key=counts.__getitem__)[-(MOST_CATEGORIES - 1) :])
        kept.append(tuple(ordered))
    return Categories(columns, tuple(kept), tuple(pooled))
