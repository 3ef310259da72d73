"""Targets as the core sees them, and back: +1/-1 codes of classes, or standardised columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sstpl import _validation as check
from sstpl._spill import made_beside
from sstpl._typing import Floats, Labels, Weights
from sstpl._weights import mean_over

_Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ClassTargets:
    """Classes in their order."""

    classes: npt.NDArray[Any]

    def decode(self, scores: Floats) -> Floats:
        """Return scores (n, n_classes) as a decision function: one column for two classes."""
        return (scores[:, 1] - scores[:, 0]) / 2 if scores.shape[1] == 2 else scores

    def names(self) -> list[str]:
        """Return a name for every column of `decode`, as two dimensions."""
        return [str(name) for name in (self.classes[1:] if len(self.classes) == 2 else self.classes)]


@dataclass(frozen=True)
class LabelTargets:
    """Labels of which a row may have any number: columns of 0 and 1, which are coded as -1 and +1."""

    n_labels: int
    dtype: np.dtype[Any]

    @property
    def classes(self) -> npt.NDArray[Any]:
        """The numbers of the columns."""
        return np.arange(self.n_labels)

    def predicted(self, scores: Floats) -> npt.NDArray[Any]:
        """Return 0 or 1 for scores (n, n_labels)."""
        return (scores > 0).astype(self.dtype)

    def decode(self, scores: Floats) -> Floats:
        """Return scores (n, n_labels) as a decision function."""
        return scores

    def names(self) -> list[str]:
        """Return a name for every column of `decode`."""
        return [str(column) for column in range(self.n_labels)]


@dataclass(frozen=True)
class NumberTargets:
    """Mean and deviation of target columns; a column that is constant has its value and 1."""

    mean: _Reals
    scale: _Reals
    one_output: bool

    def encode(self, columns: _Reals, dtype: np.dtype[np.floating], beside: object = None) -> Floats:
        """Return targets (n, n_outputs) less the mean, in deviations."""
        return made_beside(beside, lambda rows: (columns[rows] - self.mean) / self.scale, columns.shape, dtype)

    def decode(self, scores: Floats) -> Floats:
        """Return scores (n, n_outputs) in the units of y, and its shape."""
        values = made_beside(scores, lambda rows: scores[rows] * self.scale + self.mean, scores.shape, scores.dtype)
        return values[:, 0] if self.one_output else values

    def names(self) -> list[str]:
        """Return a name for every column of `decode`, as two dimensions."""
        return [str(column) for column in range(len(self.mean))]


Targets = ClassTargets | LabelTargets | NumberTargets


def target_columns(y: npt.NDArray[Any], *, classification: bool) -> _Reals:
    """Return y as columns of numbers (n, c), equal where y is: the number of each class, or targets as they are."""
    numbers = np.unique(y, return_inverse=True)[1] if classification and y.ndim == 1 else y
    columns: _Reals = numbers.reshape(len(y), -1).astype(np.float64, copy=False)
    return columns


def class_codes(labels: Labels, n_classes: int, dtype: np.dtype[np.floating], beside: object = None) -> Floats:
    """Return +1/-1 one-hot codes (n, n_classes) of classes (n,), where the rows `beside` are."""
    names = np.arange(n_classes)
    return made_beside(
        beside, lambda rows: np.where(labels[rows, np.newaxis] == names, 1.0, -1.0), (len(labels), n_classes), dtype
    )


def encode_labels(
    y: npt.NDArray[Any], dtype: np.dtype[np.floating], beside: object = None
) -> tuple[LabelTargets, Floats, None]:
    """Return what y (n, n_labels) of 0 and 1 is, and its codes, where the rows `beside` are."""
    codes = made_beside(beside, lambda rows: 2 * y[rows].astype(dtype) - 1, y.shape, dtype)
    return LabelTargets(y.shape[1], y.dtype), codes, None


def encode_classes(
    y: npt.NDArray[Any], dtype: np.dtype[np.floating], beside: object = None
) -> tuple[ClassTargets, Floats, Labels]:
    """Return the classes of y (n,), their codes (n, n_classes), and the class index of every row."""
    classes, labels = check.encode_labels(y)
    return ClassTargets(classes), class_codes(labels, len(classes), dtype, beside), labels


def encode_numbers(
    y: npt.NDArray[Any], dtype: np.dtype[np.floating], weights: Weights = None, beside: object = None
) -> tuple[NumberTargets, Floats, None]:
    """Return weighted mean and deviation of y (n,) or (n, n_outputs), and its standardised columns."""
    columns = y.reshape(len(y), -1).astype(np.float64, copy=False)
    least, most = columns.min(axis=0), columns.max(axis=0)
    magnitude = np.maximum(np.abs(least), np.abs(most))  # so that squares cannot overflow
    magnitude[magnitude == 0] = 1.0
    center = mean_over(lambda rows: columns[rows] / magnitude, columns.shape, weights)
    spread = mean_over(lambda rows: np.square(columns[rows] / magnitude - center), columns.shape, weights)
    mean, deviation = center * magnitude, np.sqrt(spread) * magnitude
    constant = (least == most) | (deviation == 0)
    mean, scale = np.where(constant, columns[0], mean), np.where(constant, 1.0, deviation)
    targets = NumberTargets(mean, scale, y.ndim == 1)
    return targets, targets.encode(columns, dtype, beside), None
