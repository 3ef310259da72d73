"""The one place for input rules, and the only module that touches scikit-learn's internals."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d, validate_data

from sstpl import _core, _frames
from sstpl._categories import Categories, Category, fit_categories
from sstpl._given import EXACT_IN_FLOAT32, Given, blocks
from sstpl._typing import Floats, Labels

T = TypeVar("T")

ALL_ACTIVATIONS = ("gelu", "identity", "leaky_relu", "relu", "sigmoid", "tanh")
ACTIVATIONS = ("identity", "leaky_relu", "sigmoid", "tanh")  # those with an inverse
HIDDEN_WEIGHTS = ("constrained", "normal", "orthogonal", "uniform")

# What rows may be of as they are; anything else is converted. Sparse matrices know no float16.
_NUMBERS = tuple(np.dtype(t) for t in ("f4", "f8", "f2", "?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"))

_NO_COLUMNS = np.zeros(0, dtype=np.int64)


def _fail(name: str, expected: str, value: object) -> ValueError:
    return ValueError(f"{name} must be {expected}, got {value!r}")


def choice(name: str, value: object, choices: Sequence[str]) -> str:
    """Check that a parameter is one of some names."""
    if not isinstance(value, str) or value not in choices:
        raise _fail(name, "one of " + ", ".join(repr(c) for c in choices), value)
    return value


def integer(name: str, value: object, low: int) -> int:
    """Check that a parameter is a whole number of at least `low`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or int(value) < low:
        raise _fail(name, f"an integer of at least {low}", value)
    return int(value)


def real(name: str, value: object, low: float, high: float, *, low_open: bool = False) -> float:
    """Check that a parameter is a finite number in [low, high], or in (low, high]."""
    brackets = f"{'(' if low_open else '['}{low:g}, {high:g}]" if np.isfinite(high) else f"[{low:g}, inf)"
    ok = isinstance(value, numbers.Real) and not isinstance(value, bool) and np.isfinite(float(value))
    if not ok or not (low < float(value) if low_open else low <= float(value)) or float(value) > high:  # type: ignore[arg-type]
        raise _fail(name, f"a finite number in {brackets}", value)
    return float(value)  # type: ignore[arg-type]


def coverage(value: object) -> float:
    """Check the share of rows that intervals or sets are to cover."""
    covered = real("coverage", value, 0.0, 1.0, low_open=True)
    if covered == 1.0:
        raise _fail("coverage", "a finite number in (0, 1)", value)
    return covered


def widths(name: str, value: object, max_depth: object) -> tuple[int, ...]:
    """Check a list of layer widths and cut it to the depth allowed."""
    if isinstance(value, (str, bytes)) or not isinstance(value, (Sequence, np.ndarray)) or len(value) == 0:
        raise _fail(name, "a sequence of at least one layer width", value)
    checked = tuple(integer(f"{name}[{i}]", w, 1) for i, w in enumerate(value))
    return checked if max_depth is None else checked[: integer("max_depth", max_depth, 1)]


def image_columns(shape: tuple[int, int, int], n_features: int) -> None:
    """Check that rows of n_features columns are images of this shape."""
    if int(np.prod(shape)) != n_features:
        raise ValueError(f"image_shape {shape} asks for {int(np.prod(shape))} columns, X has {n_features}")


def no_missing_pixels(given: Given) -> None:
    """Check that images have a number for every pixel."""
    if given.has_missing:
        raise ValueError("X contains NaN, and images (image_shape is given) must have a number for every pixel")
    if len(given.categorical):
        raise ValueError(f"image_shape needs pixels, and columns {given.categorical.tolist()} of X are categories")


def forward_widths(value: object) -> tuple[int, ...]:
    """Check widths of autoencoders, of which there may be none."""
    none = isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, (str, bytes)) and len(value) == 0
    return () if none else widths("forward_widths", value, None)


def optional(check: Callable[..., T], name: str, value: object, *limits: Any) -> T | None:
    """Apply a check unless the parameter is None."""
    return None if value is None else check(name, value, *limits)


def float_or_auto(name: str, value: object) -> float | None:
    """Check a penalty; None stands for "auto"."""
    if isinstance(value, str):
        if value != "auto":
            raise _fail(name, "a finite number in [0, inf) or 'auto'", value)
        return None
    return real(name, value, 0.0, np.inf)


def seed_of(random_state: object) -> int:
    """Draw the core's seed from whatever scikit-learn accepts as a random state."""
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def random_of(random_state: object) -> np.random.RandomState:
    """Return the source of random numbers that scikit-learn makes of a random state."""
    random: np.random.RandomState = check_random_state(random_state)
    return random


def categorical_setting(value: object) -> None:
    """Check which columns are to be categories, as far as that is possible without X."""
    if value is None or (isinstance(value, str) and value == "from_dtype"):
        return
    is_list = isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, (str, bytes))
    kinds = {_kind_of_name(one) for one in value} if is_list else {None}  # type: ignore[attr-defined]
    if None in kinds or len(kinds) > 1:
        raise _fail("categorical_features", "'from_dtype', None, or a list of bools, of ints or of names", value)


def _kind_of_name(value: object) -> str | None:
    if isinstance(value, (bool, np.bool_)):
        return "bool"
    return "int" if isinstance(value, numbers.Integral) else "str" if isinstance(value, str) else None


def categorical_columns(value: object, X: object) -> Labels:
    """Return the columns of X that are categories, ascending."""
    categorical_setting(value)
    if value is None:
        return _NO_COLUMNS
    if isinstance(value, str):
        return np.array(_frames.columns_of_categories(X) if _frames.is_frame(X) else [], dtype=np.int64)
    listed, shape = list(value), np.shape(X)  # type: ignore[call-overload]
    if not listed or len(shape) != 2:  # scikit-learn says what is wrong with the shape of X
        return _NO_COLUMNS
    n_features = shape[1]
    kind = _kind_of_name(listed[0])
    if kind == "bool":
        if len(listed) != n_features:
            raise ValueError(f"categorical_features must be a bool for each of {n_features} columns, got {len(listed)}")
        listed = np.flatnonzero(listed).tolist()
    elif kind == "str":
        names = list(X.columns) if _frames.is_frame(X) else []  # type: ignore[attr-defined]
        unknown = [name for name in listed if name not in names]
        if unknown:
            raise ValueError(f"categorical_features must name columns of X, which has none named {unknown}")
        listed = [names.index(name) for name in listed]
    elif min(listed) < 0 or max(listed) >= n_features:
        raise ValueError(f"categorical_features must be columns in [0, {n_features - 1}], got {listed}")
    return np.unique(np.array(listed, dtype=np.int64))


def working_dtype(dtype: object, X: object, categorical: Labels = _NO_COLUMNS) -> np.dtype[np.floating]:
    """Return the precision to compute in."""
    choice("dtype", dtype, ("auto", "float32", "float64"))
    if dtype != "auto":
        return np.dtype(str(dtype))
    if _frames.is_frame(X):
        exact = _frames.fits_float32(X, but=categorical)
    else:
        exact = getattr(X, "dtype", None) in EXACT_IN_FLOAT32
    return np.dtype(np.float32 if exact else np.float64)


def training_rows(
    estimator: BaseEstimator,
    X: object,
    y: object,
    dtype: np.dtype[np.floating],
    categorical: Labels = _NO_COLUMNS,
    *,
    classification: bool,
) -> tuple[Given, npt.NDArray[Any], Categories | None]:
    """Check X and y as scikit-learn does; X stays of its type where it has one of numbers, and is not copied then."""
    targets: npt.NDArray[Any]
    _no_strings(X, categorical)
    rows, categories = X, None
    if len(categorical):
        values = _category_values(X, categorical)
        categories = fit_categories(categorical, values)
        rows = _coded(X, categories, values, dtype)
    rows, targets = validate_data(
        estimator,
        rows,
        y,
        **_row_rules(X, dtype),
        ensure_min_samples=2,
        multi_output=not classification,
        y_numeric=not classification,
    )
    if categories is not None:
        validate_data(estimator, X, skip_check_array=True)  # which notes the names of the columns
    if classification:
        targets = column_or_1d(targets, warn=True)
        check_classification_targets(targets)
    return _given(rows, estimator, categorical), targets, categories


def fitted(estimator: BaseEstimator) -> None:
    """Raise NotFittedError unless the estimator is fitted."""
    check_is_fitted(estimator)


def prediction_rows(estimator: BaseEstimator, X: object) -> Given:
    """Check rows to predict against the fitted estimator."""
    check_is_fitted(estimator)
    if _is_plain(X, estimator):
        return Given(X, has_missing=False)
    categories: Categories | None = estimator._categories
    columns = _NO_COLUMNS if categories is None else categories.columns
    dtype = working_dtype("auto", X, columns)
    _no_strings(X, columns)
    if categories is None:
        rows = validate_data(estimator, X, **_row_rules(X, dtype), reset=False)
    else:
        validate_data(estimator, X, skip_check_array=True, reset=False)
        rows = _coded(X, categories, _category_values(X, columns, categories), dtype)
    return _given(rows, estimator, columns)


def _row_rules(X: object, dtype: np.dtype[np.floating]) -> dict[str, Any]:
    """Return scikit-learn's names for what rows may be: numbers of any type, infinity being looked for later."""
    known = [t for t in _NUMBERS if not (sparse.issparse(X) and t == np.float16)]
    return {"dtype": [dtype, *known], "accept_sparse": "csr", "ensure_all_finite": False}


def _no_strings(X: object, categorical: Labels) -> None:
    found = _frames.columns_of_strings(X, but=categorical) if _frames.is_frame(X) else []
    if found:
        raise ValueError(
            f"columns {found} of X hold strings, which must be categories: of type 'category' (pandas), Categorical or "
            f"Enum (polars), or named in categorical_features"
        )


def _category_values(X: object, columns: Labels, known: Categories | None = None) -> list[list[Category | None]]:
    """Return the values of columns of categories, of the kind that was known in training."""
    if sparse.issparse(X):
        raise ValueError(f"columns {columns.tolist()} of X are categories, which sparse X cannot have")
    table: Any = X if _frames.is_frame(X) or isinstance(X, np.ndarray) else np.array(X, dtype=object)
    found = []
    for index, column in enumerate(columns):
        name = f"column {table.columns[column]!r} of X" if _frames.is_frame(X) else f"column {column} of X"
        values = _frames.category_values(name, _frames.column(table, column))
        kinds = {type(value) for value in [*(known.kept[index] if known else ()), *values] if value is not None}
        if len(kinds) > 1:
            raise ValueError(f"{name}: categories must be strings or numbers as in fit, got the other")
        found.append(values)
    return found


def _coded(
    X: object, categories: Categories, values: list[list[Category | None]], dtype: np.dtype[np.floating]
) -> npt.NDArray[Any]:
    """Return dense rows in which categories are codes."""
    table: Any = X if _frames.is_frame(X) or isinstance(X, np.ndarray) else np.array(X, dtype=object)
    n_rows, n_features = table.shape
    others = np.setdiff1d(np.arange(n_features), categories.columns)
    rules = _row_rules(X, dtype)
    part = check_array(_safe_indexing(table, others, axis=1), **rules) if len(others) else np.zeros((n_rows, 0), "f4")
    rows = np.empty((n_rows, n_features), dtype=np.result_type(part.dtype, np.float32))
    rows[:, others] = part
    for index, column in enumerate(categories.columns):
        rows[:, column] = categories.encode(index, values[index])
    checked: npt.NDArray[Any] = check_array(rows, **rules)
    return checked


def _given(rows: Any, estimator: BaseEstimator, categorical: Labels) -> Given:
    """Return rows that scikit-learn has checked, once they hold no infinity."""
    if sparse.issparse(rows) and not rows.has_canonical_format:  # values may be there in parts, of which X is the sum
        rows = rows.copy()
        rows.sum_duplicates()
    return Given(rows, _has_missing(rows, estimator), categorical)


def _has_missing(rows: Any, estimator: BaseEstimator) -> bool:
    """Return whether checked rows have a NaN; infinity is an error."""
    values = rows.data if sparse.issparse(rows) else rows
    if values.dtype.kind != "f":
        return False
    with np.errstate(over="ignore", invalid="ignore"):  # a sum that overflows tells nothing
        if np.isfinite(values.sum(dtype=np.float32 if values.dtype == np.float16 else None)):
            return False
    missing = False
    for block in blocks(len(values), values.size // max(1, len(values))):
        infinite = np.argwhere(np.isinf(values[block]))
        if len(infinite):
            at = block.start + int(infinite[0, 0])
            column = int(rows.indices[at] if sparse.issparse(rows) else infinite[0, 1])
            names = getattr(estimator, "feature_names_in_", None)
            named = "" if names is None else f" ({names[column]!r})"
            raise ValueError(f"X contains infinity in column {column}{named}; missing values are NaN")
        missing = missing or bool(np.isnan(values[block]).any())
    return missing


def known_labels(y: object, classes: npt.NDArray[Any]) -> Labels:
    """Return the class index of every label; all must be of the classes that were fitted."""
    given = column_or_1d(y)
    index = {label: i for i, label in enumerate(classes.tolist())}
    unknown = sorted({repr(label) for label in given.tolist() if label not in index})
    if unknown:
        raise ValueError(f"y must hold classes that were fitted, got {', '.join(unknown[:5])}")
    return np.array([index[label] for label in given.tolist()], dtype=np.int64)


def known_numbers(y: object, n_outputs: int) -> npt.NDArray[np.float64]:
    """Return targets as finite columns (n_samples, n_outputs), as many as were fitted."""
    columns: npt.NDArray[np.float64] = check_array(y, dtype=np.float64, ensure_2d=False, input_name="y")
    columns = columns.reshape(len(columns), -1)
    if columns.shape[1] != n_outputs:
        raise ValueError(f"y must have {n_outputs} columns, as it had in fit, got {columns.shape[1]}")
    return columns


def as_many_rows(name: str, n_rows: int, other: str, n_others: int) -> None:
    """Check that two things have as many rows."""
    if n_rows != n_others:
        raise ValueError(f"{name} must have as many rows as {other}, {n_others}, got {n_rows}")


def _is_plain(X: object, estimator: Any) -> bool:
    """Whether scikit-learn's check, which takes longer than predicting a row, would return X as it is."""
    if type(X) is not np.ndarray or X.ndim != 2 or X.dtype not in (np.float32, np.float64):
        return False
    if len(X) == 0 or X.shape[1] != estimator.n_features_in_ or hasattr(estimator, "feature_names_in_"):
        return False
    if estimator._categories is not None:
        return False
    with np.errstate(over="ignore", invalid="ignore"):  # a sum that overflows tells nothing, and the check decides
        return bool(np.isfinite(X.sum()))


def encode_labels(y: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Labels]:
    """Return the classes in order, and the class index of every row."""
    classes, labels = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            f"y must hold at least 2 classes, got 1 class: {classes[0]!r}. With one class there is nothing to learn."
        )
    return classes, labels.reshape(-1).astype(np.int64)


def code_labels(labels: Labels, n_classes: int, dtype: np.dtype[np.floating]) -> Floats:
    """Return +1/-1 one-hot codes (n_samples, n_classes)."""
    codes = np.full((len(labels), n_classes), -1.0, dtype=dtype)
    codes[np.arange(len(labels)), labels] = 1.0
    return codes


def check_activation(value: object) -> str:
    """Check an activation for an architecture that inverts it."""
    if isinstance(value, str) and value in ("relu", "gelu"):
        raise ValueError(
            f"activation={value!r} has no inverse, which backward learning needs; use 'leaky_relu' or 'tanh'"
        )
    name = choice("activation", value, ACTIVATIONS)
    assert _core.has_inverse(name)
    return name
