"""Row weights: where they come from, and what they make of means and order statistics.

A fit minimises weighted squared errors, and all that it chooses, it chooses by weighted means. Weights that are all
equal are no weights (None), and only their ratios count: they are brought to mean 1. Rows of weight zero are taken out
before anything else, so that nothing can depend on them.

Copies of a row are one row of their summed weight (`_copies`), so weight k is the same as k copies. Folds, samples and
rows left out are dealt by different rows, however much they weigh.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.class_weight import compute_class_weight

from sstpl._blocks import blocks
from sstpl._typing import Labels, Reals, Weights

ClassWeight = dict[Any, float] | str | None

_ROUNDING = 1e-12  # of shares of the weight, and of what should be whole numbers


def normalised(weights: Weights) -> Weights:
    """Return positive weights in units of their mean, or None where they are all equal."""
    if weights is None or weights.min() == weights.max():
        return None
    shares = weights / weights.max()  # whose sum cannot overflow
    scaled: Reals = shares / shares.mean()
    return scaled


def by_class(class_weight: ClassWeight, y: npt.NDArray[Any], weights: Weights) -> Weights:
    """Return the weights of rows times those of their classes y (n,), of which rows of weight zero make none.

    "balanced" gives every class the same total weight. Classes that a dict does not name have weight 1.
    """
    if class_weight is None:
        return weights
    if y.ndim == 2:
        raise ValueError(f"class_weight needs one class per row, and y has {y.shape[1]} labels; use sample_weight")
    own = np.ones(len(y)) if weights is None else weights / weights.max()
    seen = own > 0
    classes, labels = np.unique(y[seen], return_inverse=True)
    labels = labels.reshape(-1)
    if isinstance(class_weight, str):  # "balanced", by weight rather than by number
        of_class = own.sum() / (len(classes) * np.bincount(labels, weights=own[seen], minlength=len(classes)))
    else:
        of_class = compute_class_weight(class_weight, classes=classes, y=classes)
    own[seen] *= of_class[labels]
    return own


def mean_over(part: Callable[[slice], npt.NDArray[Any]], shape: tuple[int, ...], weights: Weights) -> Reals:
    """Return the means over rows of what `part` makes of blocks of them; `shape` says how large they are."""
    total: Any = 0.0
    for rows in blocks(shape[0], shape[1]):
        values = part(rows).astype(np.float64, copy=False)
        total = total + np.sum(values if weights is None else values * weights[rows, np.newaxis], axis=0)
    means: Reals = total / (shape[0] if weights is None else weights.sum())
    return means


def mean(values: npt.NDArray[Any], weights: Weights) -> Any:
    """Return the mean over rows of values (n,) or (n, c), in float64."""
    if values.ndim == 2:
        return mean_over(lambda rows: values[rows], values.shape, weights)
    if weights is None:
        return np.mean(values, dtype=np.float64)
    return np.average(values.astype(np.float64, copy=False), weights=weights)


def variance(values: npt.NDArray[Any], weights: Weights) -> Reals:
    """Return the variances over rows of values (n, c), in float64."""
    center = mean(values, weights)
    return mean_over(lambda rows: np.square(values[rows] - center), values.shape, weights)


def effective_size(n_rows: int, weights: Weights) -> int:
    """Return how many rows of equal weight tell as much: (sum w)^2 / sum w^2 (Kish 1965), rounded down."""
    return n_rows if weights is None else int(weights.sum() ** 2 / np.square(weights).sum() * (1 + _ROUNDING))


def quantiles(values: Reals, weights: Reals, levels: Reals) -> Reals:
    """Return the least values (n,) with these shares of the weight at or below them."""
    order = np.argsort(values, kind="stable")
    share = np.cumsum(weights[order])
    share /= share[-1]
    # The last share is 1 exactly, so no level lies beyond it.
    return values[order[np.searchsorted(share, levels - _ROUNDING)]]


def order_statistics(values: Reals, weights: Weights) -> Reals:
    """Return columns of values (n, c), sorted in place; weighted ones as m rows of equal weight, m the effective size.

    Row r of m is the least value with r / m of the weight at or below it.
    """
    if weights is None:
        values.sort(axis=0)
        return values
    n_rows = effective_size(len(values), weights)
    levels = np.arange(1, n_rows + 1) / n_rows
    return np.column_stack([quantiles(column, weights, levels) for column in values.T])


def spread_evenly(weights: Reals, n_rows: int) -> Labels:
    """Return n_rows rows at equal steps of the cumulated weight; heavy ones come more than once."""
    share = np.cumsum(weights) / weights.sum()
    rows = np.searchsorted(share, (np.arange(n_rows) + 0.5) / n_rows, side="right")
    return np.minimum(rows, len(weights) - 1).astype(np.int64)
