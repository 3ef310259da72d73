"""Columns of pandas and polars frames, neither of which is imported here, and of arrays."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from sstpl._categories import Category

_EXACT_IN_FLOAT32 = ("float32", "float16", "float", "halffloat", "int8", "uint8", "int16", "uint16", "bool", "boolean")
_CATEGORIES = ("category", "categorical", "enum", "dictionary")
_STRINGS = ("object", "str", "string", "large_string")


def is_frame(X: object) -> bool:
    """Whether X is a frame: columns with names, each of a type of its own."""
    return hasattr(X, "columns") and hasattr(X, "dtypes")


def _types(X: Any) -> list[str]:
    """Return the types of a frame's columns by name, without their parameters: float of pyarrow is float32."""
    return [str(dtype).lower().split("[")[0].split("(")[0].split("<")[0] for dtype in X.dtypes]


def fits_float32(X: Any, but: object) -> bool:
    """Whether every value of a frame is a float32, but for some columns."""
    skipped = set(np.asarray(but).tolist())
    return all(name in _EXACT_IN_FLOAT32 for j, name in enumerate(_types(X)) if j not in skipped)


def columns_of_categories(X: Any) -> list[int]:
    """Return the columns of a frame whose type is that of categories."""
    return [j for j, name in enumerate(_types(X)) if name in _CATEGORIES]


def columns_of_strings(X: Any, but: object) -> list[str]:
    """Return the names of the columns of a frame that hold strings, but for some."""
    skipped = set(np.asarray(but).tolist())
    suspects = [j for j, name in enumerate(_types(X)) if name in _STRINGS and j not in skipped]
    return [str(X.columns[j]) for j in suspects if isinstance(_first_value(column(X, j)), str)]


def _first_value(series: Any) -> object:
    present = series.dropna() if hasattr(series, "dropna") else series.drop_nulls()
    return present.to_numpy()[0] if len(present) else None


def column(X: Any, index: int) -> Any:
    """Return a column of a frame or of an array."""
    return X.iloc[:, index] if hasattr(X, "iloc") else X[:, int(index)]


def category_values(name: str, values: Any) -> list[Category | None]:
    """Return a column as strings or as numbers, None where a value is missing."""
    if hasattr(values, "isna"):
        missing, objects = values.isna().to_numpy(), values.to_numpy()
    elif hasattr(values, "is_null"):
        missing, objects = values.is_null().to_numpy(), values.to_numpy()
    else:
        missing, objects = np.zeros(len(values), dtype=bool), values
    known: dict[Any, Category | None] = {}
    found: list[Category | None] = []
    for value, is_missing in zip(objects.tolist(), missing.tolist(), strict=True):
        if is_missing or value is None or value != value:
            found.append(None)
            continue
        try:
            if value not in known:
                known[value] = _category(value)
        except (TypeError, OverflowError) as error:
            raise ValueError(f"{name}: categories must be strings or finite numbers, got {value!r:.100}") from error
        found.append(known[value])
    if len({isinstance(value, str) for value in known.values()}) > 1:
        raise ValueError(f"{name}: categories must be all strings or all numbers, got both")
    return found


def _category(value: object) -> Category:
    if isinstance(value, str):
        return str(value)
    if not isinstance(value, (numbers.Real, np.bool_)) or not np.isfinite(float(value)):
        raise TypeError
    return float(value)
