"""Rows to fit, wherever they are: in memory, in a file, in blocks, or in partitions elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sstpl import _row_rules as row_rules
from sstpl import _sources as sources
from sstpl import _validation as check
from sstpl._categories import Categories
from sstpl._given import Given
from sstpl.distributed import PartitionedRows

_Checked = tuple[Given, npt.NDArray[Any], Categories | None, np.dtype[np.floating]]


def rows_to_fit(estimator: Any, X: object, y: object, memory_limit: float | None, *, classification: bool) -> _Checked:
    """Check X and y; return rows, targets, the categories of columns that have some, and the precision."""
    if isinstance(X, PartitionedRows):
        return _partitions_to_fit(estimator, X, y, classification=classification)
    names, values = sources.names_of(X), sources.categories_of(X)
    X = sources.rows_to_fit(X, memory_limit)
    categorical = row_rules.categorical_columns(estimator.categorical_features, X, values)
    dtype = row_rules.working_dtype(estimator.dtype, X, categorical)
    rows, y, categories = row_rules.training_rows(
        estimator, X, y, dtype, categorical, values, classification=classification
    )
    if names is not None:
        estimator.feature_names_in_ = check.column_names(names, rows.n_features)
    return rows, y, categories, dtype


def _partitions_to_fit(estimator: Any, X: PartitionedRows, y: object, *, classification: bool) -> _Checked:
    if estimator.image_shape is not None:
        raise ValueError("image_shape must be None for rows in partitions: images are mapped in one process")
    if estimator.architecture != "recursive" or estimator.selection != "kfold":
        raise ValueError(
            "rows in partitions need architecture='recursive' and selection='kfold', got "
            f"{estimator.architecture!r} and {estimator.selection!r}"
        )
    if not (estimator.categorical_features is None or isinstance(estimator.categorical_features, str)):
        raise ValueError("categorical_features must be 'from_dtype' or None for rows in partitions")
    dtype = row_rules.working_dtype(estimator.dtype, X)
    # One column of zeros beside y: scikit-learn checks targets together with rows.
    beside, none = np.zeros((len(X), 1), dtype=np.float32), np.zeros(0, dtype=np.int64)
    _, y, _ = row_rules.training_rows(estimator, beside, y, dtype, none, classification=classification)
    estimator.n_features_in_ = X.shape[1]
    if X.columns is not None:
        estimator.feature_names_in_ = check.column_names(X.columns, X.shape[1])
    return X.given(), y, None, dtype
