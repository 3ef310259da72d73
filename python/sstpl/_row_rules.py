"""Input rules of rows: what X may be, and what is made of it before anything is fitted or predicted.

Beside `_validation`, the only module that touches scikit-learn's internals.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import _safe_indexing
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_array, check_is_fitted, check_X_y, column_or_1d, validate_data

from sstpl import _codes, _frames
from sstpl._blocks import blocks
from sstpl._categories import Categories, Category, fit_categories
from sstpl._codes import Values
from sstpl._given import EXACT_IN_FLOAT32, NUMBERS, Given
from sstpl._typing import Labels
from sstpl._validation import categorical_setting, choice, kind_of_name

_NO_COLUMNS = np.zeros(0, dtype=np.int64)


def categorical_columns(value: object, X: object, values: Values | None = None) -> Labels:
    """Return the columns of X that are categories, ascending; a source has said which of its columns are."""
    categorical_setting(value)
    if values:
        if not isinstance(value, str):
            raise ValueError(
                f"categorical_features must be 'from_dtype' for a source whose columns {list(values)} are categories, "
                f"got {value!r}; leave them out of its columns, or let them be numbers"
            )
        return np.array(list(values), dtype=np.int64)
    if value is None:
        return _NO_COLUMNS
    if isinstance(value, str):
        return np.array(_frames.columns_of_categories(X) if _frames.is_frame(X) else [], dtype=np.int64)
    listed, shape = list(value), np.shape(X)  # type: ignore[call-overload]
    if not listed or len(shape) != 2:  # scikit-learn says what is wrong with the shape of X
        return _NO_COLUMNS
    n_features = shape[1]
    kind = kind_of_name(listed[0])
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


def training_rows(
    estimator: BaseEstimator,
    X: object,
    y: object,
    dtype: np.dtype[np.floating],
    categorical: Labels,
    values: Values | None = None,
    *,
    classification: bool,
) -> tuple[Given, npt.NDArray[Any], Categories | None]:
    """Check X and y as scikit-learn does; X stays of its type where it has one of numbers, and is not copied then.

    Of a source with categories X is an array of nobody else, whose codes are replaced.
    """
    _no_strings(X, categorical)
    coded: npt.NDArray[Any] | None = X if isinstance(X, np.memmap) else None  # nothing copies it on the way
    categories = None
    if values:
        assert isinstance(X, np.ndarray)
        categories = _codes.fit(X, values)
        coded = X
    elif len(categorical):
        found = _category_values(X, categorical)
        categories = fit_categories(categorical, found)
        coded = _coded(X, categories, found, dtype)
    rows, targets = _with_targets(estimator, X, y, coded, dtype, first=True, classification=classification)
    return _given(rows, estimator, categorical), targets, categories


def more_rows(
    estimator: BaseEstimator, X: object, y: object, *, classification: bool
) -> tuple[Given, npt.NDArray[Any]]:
    """Check X and y against the fitted estimator."""
    columns, coded, dtype = _as_known(estimator, X)
    rows, targets = _with_targets(estimator, X, y, coded, dtype, first=False, classification=classification)
    return _given(rows, estimator, columns), targets


def targets_of(y: object, n_rows: int, *, classification: bool) -> npt.NDArray[Any]:
    """Check the targets of rows that come in blocks, of which there are so many."""
    several = classification and _has_labels(y)
    rows = np.zeros((n_rows, 1), dtype=np.float32)  # scikit-learn checks targets beside rows alone
    _, targets = check_X_y(rows, y, multi_output=several or not classification, y_numeric=not classification)
    return _of_kind(targets, classification=classification, several=several)


def prediction_rows(estimator: BaseEstimator, X: object) -> Given:
    """Check rows to predict against the fitted estimator."""
    if "_input_map" not in vars(estimator):  # as `__sklearn_is_fitted__`; the check is for its error
        check_is_fitted(estimator)
    if _is_plain(X, estimator):
        return Given(X, has_missing=False)
    columns, rows, dtype = _as_known(estimator, X)
    if rows is None:
        rows = validate_data(estimator, X, **_accepted(X, dtype), reset=False)
    else:
        validate_data(estimator, X, skip_check_array=True, reset=False)
    return _given(rows, estimator, columns)


def known_blocks(
    estimator: Any, blocks: Iterator[npt.NDArray[Any]], names: list[str] | None, values: Values
) -> Iterator[Given]:
    """Check rows, in blocks of one width, and names and categories of their columns against the fitted estimator."""
    known = _known_names(estimator, names)
    if values:
        _codes.require_known(values, estimator._categories)
    n_named = 0 if names is None or known is None else len(known)
    for index, block in enumerate(blocks):
        if values:
            columns, dtype = estimator._categories.columns, working_dtype("auto", block)
            coded: npt.NDArray[Any] | None = _recoded(block, values, estimator)
        else:
            columns, coded, dtype = _as_known(estimator, block)
        rows = check_array(block if coded is None else coded, **_accepted(block, dtype))
        if index == 0 and block.shape[1] != n_named:
            validate_data(estimator, block, skip_check_array=True, reset=False)
        yield _given(rows, estimator, columns)


def known_columns(estimator: Any, n_features: int, names: list[str] | None) -> None:
    """Check columns of rows that are elsewhere against the fitted estimator."""
    known = _known_names(estimator, names)
    if names is None or known is None:
        validate_data(estimator, np.zeros((1, n_features)), skip_check_array=True, reset=False)


def _known_names(estimator: Any, names: list[str] | None) -> Any:
    """Return the names of the columns of fit, where both have some; they must be the same."""
    check_is_fitted(estimator)
    known = getattr(estimator, "feature_names_in_", None)
    if names is not None and known is not None and names != list(known):
        raise ValueError(f"X must have the columns of fit, {list(known)}, in their order, got {names}")
    return known


def _recoded(block: npt.NDArray[Any], values: Values, estimator: Any) -> npt.NDArray[Any]:
    """Return a block of a source with the codes of the fitted estimator in place of those of the source."""
    _codes.require_columns(values, block.shape[1])
    rows = block if block.dtype.kind == "f" else block.astype(np.result_type(block.dtype, np.float32))
    _codes.recode(rows, values, estimator._categories)
    return rows


def _as_known(estimator: Any, X: object) -> tuple[Labels, npt.NDArray[Any] | None, np.dtype[np.floating]]:
    """Return the columns of categories, X with codes for them where there are any, and the type for other numbers."""
    categories: Categories | None = estimator._categories
    columns = _NO_COLUMNS if categories is None else categories.columns
    dtype = working_dtype("auto", X, columns)
    _no_strings(X, columns)
    if categories is None:
        return columns, None, dtype
    return columns, _coded(X, categories, _category_values(X, columns, categories), dtype), dtype


def _with_targets(
    estimator: BaseEstimator,
    X: object,
    y: object,
    coded: npt.NDArray[Any] | None,
    dtype: np.dtype[np.floating],
    *,
    first: bool,
    classification: bool,
) -> tuple[Any, npt.NDArray[Any]]:
    """Return the checked rows, those with codes where there are any, and targets; note the columns of the first."""
    several = classification and _has_labels(y)
    rules = _accepted(X, dtype) | {
        "ensure_min_samples": 2 if first else 1,
        "multi_output": several or not classification,
        "y_numeric": not classification,
    }
    targets: npt.NDArray[Any]
    with np.errstate(over="ignore", invalid="ignore"):  # of sums, which may overflow both ways
        if coded is None:
            rows, targets = validate_data(estimator, X, y, **rules, reset=first)
        else:
            rows, targets = check_X_y(coded, y, **rules)
            validate_data(estimator, X, skip_check_array=True, reset=first)
            if isinstance(coded, np.memmap):
                rows = coded  # the same, and still a memmap
    return rows, _of_kind(targets, classification=classification, several=several)


def _of_kind(targets: npt.NDArray[Any], *, classification: bool, several: bool) -> npt.NDArray[Any]:
    """Check that targets of classification are classes, or several labels."""
    if several:
        return _labels(targets)
    if not classification:
        return targets
    classes: npt.NDArray[Any] = column_or_1d(targets, warn=True)
    check_classification_targets(classes)
    return classes


def _has_labels(y: object) -> bool:
    """Whether y is of several columns of labels; what is wrong with it otherwise, scikit-learn's checks say."""
    if len(y.shape if hasattr(y, "shape") else np.asarray(y).shape) != 2:
        return False
    return bool(type_of_target(y) == "multilabel-indicator")


def _labels(y: Any) -> npt.NDArray[Any]:
    dense: npt.NDArray[Any] = y.toarray() if sparse.issparse(y) else y
    if not np.isin(dense, (0, 1)).all():
        raise ValueError(f"y of several labels must hold 0 and 1, got {np.unique(dense).tolist()}")
    return dense


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


def _accepted(X: object, dtype: np.dtype[np.floating]) -> dict[str, Any]:
    """Return scikit-learn's names for what rows may be: numbers of any type, infinity being looked for later."""
    known = [t for t in NUMBERS if not (sparse.issparse(X) and t == np.float16)]
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
    rules = _accepted(X, dtype)
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
