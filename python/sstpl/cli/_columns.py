"""Which columns of a table are what: the target, the features, and those that a model knows by name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sstpl._categories import Categories
from sstpl._model_state import load
from sstpl._spill import take
from sstpl._targets import LabelTargets
from sstpl.cli._large import LargeTable, is_array, is_in_blocks, large_table, read_array, read_array_rows
from sstpl.cli._output import UsageError
from sstpl.cli._tables import Frame, is_archive, is_parquet, is_text, is_text_category, quoted, read_archive, read_table
from sstpl.sources import Parquet

_UNNAMED = re.compile(r"Unnamed: (\d+)")  # what pandas calls a column without a name, whose number is from 0
_MOST_CLASSES = 20
TASK_RULE = (
    f"text, true/false, and whole numbers of at most {_MOST_CLASSES} different values are classes, "
    "other numbers are a regression"
)


@dataclass(frozen=True)
class Labelled:
    """Rows, a frame, an array or Parquet in blocks, with their targets and what these are called."""

    X: Any
    y: npt.NDArray[Any]
    target: str

    def take(self, rows: npt.NDArray[np.int64]) -> Labelled:
        """Return some of the rows."""
        if is_in_blocks(self.X):
            raise UsageError("rows of Parquet that does not fit in memory cannot be set aside: give them by --test")
        X = take(self.X, rows) if isinstance(self.X, np.ndarray) else self.X.iloc[rows]
        return Labelled(X, self.y[rows], self.target)

    @property
    def names(self) -> list[str] | None:
        """The names of the columns, where there are any."""
        return None if isinstance(self.X, np.ndarray) else list(self.X.columns)


def read_labelled(
    path: str,
    target: str | None,
    *,
    drop: Sequence[str] = (),
    header: bool = True,
    part: str = "train",
    in_blocks: bool = False,
) -> Labelled:
    """Return the rows of a file with their targets; where they may come in blocks, Parquet of any size."""
    if is_array(path):
        return _read_arrays(path, target, tabular=bool(drop) or not header)
    if is_archive(path):
        if target is not None or drop or not header:
            raise UsageError(
                f"{path}: the target of an .npz file is its y; --target, --drop, --no-header are of tables"
            )
        X, y = read_archive(path, part)
        if y is None:
            raise ValueError(f"{path} must hold y beside X")
        if y.ndim == 0 or len(X) != len(y):
            raise ValueError(f"{path} must hold as many rows of y as of X, got the shapes {y.shape} and {X.shape}")
        return Labelled(X, y.astype(str) if y.dtype.kind == "S" else y, "y")
    if target is None:
        raise UsageError(f"{path} is a table, and needs --target")
    large = large_table(path) if in_blocks and is_parquet(path) else None
    frame: Any = read_table(path, header=header) if large is None else large
    name = _column(path, frame, target)
    dropped = [_column(path, frame, column) for column in drop]
    if large is not None:
        return Labelled(large.without([name, *dropped]), _targets(path, name, large.column(name)), name)
    y = _targets(path, name, frame[name])
    return Labelled(frame.drop(columns=[name, *dropped]), y, name)


def _read_arrays(path: str, target: str | None, *, tabular: bool) -> Labelled:
    if target is None or not is_array(target) or tabular:
        raise UsageError(
            f"{path}: --target of a .npy file is a .npy file of as many rows; --drop and --no-header are of tables"
        )
    X, y = read_array_rows(path), np.array(read_array(target))
    if y.ndim == 0 or len(X) != len(y):
        raise ValueError(f"{target} must have as many rows as {path}, got the shapes {y.shape} and {X.shape}")
    return Labelled(X, y.astype(str) if y.dtype.kind == "S" else y, target)


def read_rows(path: str, *, header: bool = True) -> Any:
    """Return the rows of a file, test rows where it has two parts."""
    if is_array(path):
        return read_array_rows(path)
    if is_archive(path):
        return read_archive(path, "test")[0]
    large = large_table(path) if is_parquet(path) else None
    return read_table(path, header=header) if large is None else large


def _column(path: str, frame: Frame, given: str) -> str:
    """Return the name of a column by its name, or by its number: from 1, or from -1 for the last."""
    if given in frame.columns:
        return given
    n_columns = frame.shape[1]
    try:
        number = int(given)
    except ValueError:
        number = 0
    if number == 0 or abs(number) > n_columns:
        raise ValueError(f"{path} has no column {given!r}; it has {quoted(frame.columns)}")
    return str(frame.columns[number - 1 if number > 0 else number])


def _targets(path: str, name: str, column: Any) -> npt.NDArray[Any]:
    """Return a target column as strings, bools or numbers."""
    n_missing = int(column.isna().sum())
    if n_missing:
        raise ValueError(f"{path}: target {name!r} is missing in {n_missing} of {len(column)} rows")
    values = np.asarray(column)
    if values.dtype.kind == "O" and len({type(value) for value in values}) == 1:
        values = np.array(values.tolist())
    if values.dtype.kind not in "biufU":
        raise ValueError(f"{path}: target {name!r} must be text, true/false or numbers, got {column.dtype}")
    return values


def detect_task(y: npt.NDArray[Any]) -> str:
    """Return what a target asks for, by `TASK_RULE`."""
    if y.ndim > 1:
        return "regression"
    if y.dtype.kind in "bOUS":
        return "classification"
    if not np.isfinite(y).all() or (y != np.round(y)).any():
        return "regression"
    return "classification" if len(np.unique(y)) <= _MOST_CLASSES else "regression"


def task_of(path: str, rows: Labelled, asked: str) -> str:
    """Return the task: the one asked for, or what the target asks for."""
    if asked == "regression" and rows.y.dtype.kind not in "biuf":
        raise ValueError(f"{path}: target {rows.target!r} is not of numbers, and cannot be a regression")
    return detect_task(rows.y) if asked == "auto" else asked


def require_features(path: str, rows: Labelled) -> Labelled:
    """Return rows to fit, text as categories; raise where columns cannot be features, or the target is constant."""
    if len(np.unique(rows.y)) < 2:
        raise ValueError(f"{path}: target {rows.target!r} is {rows.y.flat[0]} in every row: there is nothing to learn")
    if rows.names is None:
        return rows
    if not rows.names:
        raise ValueError(f"{path} has no column beside the target {rows.target!r}")
    unnamed = next(filter(None, (_UNNAMED.fullmatch(name) for name in rows.names)), None)
    if unnamed:
        number = int(unnamed[1]) + 1
        raise ValueError(f"{path}: column {number} has no name; name it, or leave it out by --drop {number}")
    if isinstance(rows.X, LargeTable):
        return Labelled(rows.X.rows(rows.names), rows.y, rows.target)
    return Labelled(_with_categories(path, rows.X), rows.y, rows.target)


def matched(path: str, X: Any, names: Sequence[str] | None, n_features: int, text: Sequence[str] = ()) -> Any:
    """Return rows as a model wants them: its columns by name and in its order, others left out.

    `text` names columns that were text in training, though these rows may hold only what looks like numbers.
    """
    if isinstance(X, np.ndarray):
        if names is not None:
            raise ValueError(f"{path} has no column names, and the model knows its columns by name: {quoted(names)}")
    elif names is not None:
        missing = [name for name in names if name not in X.columns]
        if missing:
            raise ValueError(f"{path} lacks columns that the model was fitted on: {quoted(missing)}")
        if isinstance(X, LargeTable):
            return X.rows(names)
        X = X[list(names)]
        return _with_categories(path, X.assign(**{name: X[name].convert_dtypes().astype("string") for name in text}))
    if X.shape[1] != n_features:
        raise ValueError(f"{path} has {X.shape[1]} columns, and the model, without names for its, has {n_features}")
    if isinstance(X, LargeTable):
        return X.rows(X.columns)
    return X if isinstance(X, np.ndarray) else X.to_numpy()


def load_model(path: str) -> Any:
    """Return the model in a file; one of several labels per row is not for tables with one target."""
    model = load(path)
    if isinstance(model._targets, LabelTargets):
        raise ValueError(f"{path} holds a classifier of {model._targets.n_labels} labels per row; load it in Python")
    return model


def matched_to(path: str, X: Any, model: Any) -> Any:
    """Return rows as a fitted model wants them."""
    names = getattr(model, "feature_names_in_", None)
    known = model._categories
    text = [] if names is None or known is None else [str(name) for name in names[_text_columns(known)]]
    return matched(path, X, names, model.n_features_in_, text)


def _text_columns(known: Categories) -> list[int]:
    kept = zip(known.columns.tolist(), known.kept, strict=True)
    return [column for column, values in kept if values and isinstance(values[0], str)]


def text_columns(X: Any) -> list[str]:
    """Return the names of the columns of rows to fit that hold text."""
    if isinstance(X, np.ndarray):
        return []
    if isinstance(X, Parquet):
        return [X.columns[column] for column, values in X.categories.items() if values and isinstance(values[0], str)]
    return [name for name in X.columns if is_text_category(X[name])]


def _with_categories(path: str, X: Frame) -> Frame:
    """Return a frame whose columns of text are categories; raise where a column is neither that nor numbers."""
    import pandas as pd

    text = [name for name in X.columns if is_text(X[name])]
    others = [
        f"{name!r} ({X[name].dtype})"
        for name in X.columns
        if name not in text
        and not pd.api.types.is_numeric_dtype(X[name].dtype)
        and not isinstance(X[name].dtype, pd.CategoricalDtype)
    ]
    if others:
        raise ValueError(f"{path} has columns that are neither numbers nor text: {', '.join(others)}; see --drop")
    return X.astype(dict.fromkeys(text, "category"))
