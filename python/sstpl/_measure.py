"""What a fitted model does with labelled rows, for the report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.inspection import permutation_importance

from sstpl import _row_rules as row_rules
from sstpl import _validation as check
from sstpl._base import SSTPLBase
from sstpl._config import threads
from sstpl._given import Given
from sstpl._recursive import Stack
from sstpl._selection import Score, score_predictions
from sstpl._system import Subsystem, System
from sstpl._targets import ClassTargets, NumberTargets, class_codes
from sstpl._typing import Floats, Labels

# Of permutation importance. A first pass on few rows finds the columns that move the scores most.
MOST_ROWS, MOST_COLUMNS, REPEATS = 500, 15, 3
MOST_COLUMNS_SCREENED = 1000
_SCREENED_VALUES, _MOST_ROWS_SCREENED = 10_000, 100

MOST_ROWS_OF_PARTS = 5000  # of scoring parts of the system

_N_BINS = 10

_Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Quality:
    """True and predicted targets: class indices (n,), or numbers (n, outputs) in the units of y."""

    actual: npt.NDArray[Any]
    predicted: npt.NDArray[Any]


@dataclass(frozen=True)
class LabelledRows:
    """Rows that the user gave, checked, with their targets as the core sees them."""

    X: Any  # an array, or a CSR matrix
    targets: Floats
    labels: Labels | None

    def some(self, n_rows: int, random: np.random.RandomState) -> LabelledRows:
        """Return at most so many of them, drawn at random."""
        if len(self.targets) <= n_rows:
            return self
        rows = np.sort(random.choice(len(self.targets), n_rows, replace=False))
        return LabelledRows(self.X[rows], self.targets[rows], None if self.labels is None else self.labels[rows])


@dataclass(frozen=True)
class Model:
    """A fitted estimator as a function of checked rows."""

    estimator: SSTPLBase

    def scores(self, X: Floats) -> Floats:
        """Return the system's scores (n, c) of rows."""
        return self.scores_of(self.estimator.subsystems_, self.estimator._input_map.transform(X))

    def scores_of(self, subsystems: tuple[Subsystem, ...], mapped: Floats) -> Floats:
        """Return the mean of the scores of subsystems of mapped rows."""
        with threads(self.estimator.n_threads):
            return System(subsystems).predict(mapped)

    def predicted(self, scores: Floats) -> npt.NDArray[Any]:
        """Return class indices (n,), or numbers (n, outputs), of scores (n, c)."""
        targets = self.estimator._targets
        if isinstance(targets, ClassTargets):
            labels: Labels = np.argmax(scores, axis=1)
            return labels
        return targets.decode(scores).reshape(len(scores), -1)

    def training_scores(self) -> npt.NDArray[Any]:
        """Return the out-of-fold scores that the fit left: a decision function, or numbers in the units of y."""
        scores: npt.NDArray[Any] = getattr(self.estimator, self.estimator._oof_name)
        return scores

    def out_of_fold(self, y: object) -> Quality:
        """Return the quality of out-of-fold scores, given the targets of the training rows in their order."""
        actual = self.actual(y)
        scores = self.training_scores()
        check.as_many_rows("y without X", len(actual), "fit was given", len(scores))
        if isinstance(self.estimator._targets, ClassTargets):
            predicted = (scores > 0).astype(np.int64) if scores.ndim == 1 else np.argmax(scores, axis=1)
            return Quality(actual, predicted)
        return Quality(actual, scores.reshape(len(scores), -1))

    def actual(self, y: object) -> npt.NDArray[Any]:
        """Return targets as `predicted` returns predictions."""
        targets = self.estimator._targets
        if isinstance(targets, ClassTargets):
            return check.known_labels(y, targets.classes)
        assert isinstance(targets, NumberTargets)
        return check.known_numbers(y, len(targets.mean))

    def rows(self, X: object, y: object) -> LabelledRows:
        """Check labelled rows."""
        given = row_rules.prediction_rows(self.estimator, X)
        actual = self.actual(y)
        check.as_many_rows("y", len(actual), "X", len(given))
        return LabelledRows(given.X, *self._coded_targets(actual))

    def are_training_targets(self, y: object) -> bool:
        """Whether targets are those of the training rows in their order: the out-of-fold score of both is the same."""
        recorded, actual = self.estimator.report_.score, self.actual(y)
        if recorded is None:  # of a model that grows
            return False
        scores = self.training_scores()
        if len(actual) != len(scores):
            return False
        own = score_predictions(self._coded_scores(scores), *self._coded_targets(actual))
        return bool(np.allclose((own.value, own.fit), (recorded.value, recorded.fit), rtol=1e-3, atol=1e-9))

    def _coded_scores(self, decoded: npt.NDArray[Any]) -> Floats:
        """Return what `decode` was given."""
        targets = self.estimator._targets
        if isinstance(targets, NumberTargets):
            return (decoded.reshape(len(decoded), -1) - targets.mean) / targets.scale
        return np.column_stack([-decoded, decoded]) if decoded.ndim == 1 else decoded

    def _coded_targets(self, actual: npt.NDArray[Any]) -> tuple[Floats, Labels | None]:
        """Return targets as the core sees them, and the class index of every row."""
        targets, dtype = self.estimator._targets, self.estimator._input_map.dtype
        if isinstance(targets, NumberTargets):
            return ((actual - targets.mean) / targets.scale).astype(dtype), None
        return class_codes(actual, len(targets.classes), dtype), actual


@dataclass(frozen=True)
class _SomeColumns:
    """A model as a function of some columns of rows, the others as they are."""

    model: Model
    rows: LabelledRows
    columns: Labels

    def fit(self, X: Floats, y: object) -> _SomeColumns:
        raise NotImplementedError("scikit-learn asks for the method, and never calls it")

    def moved(self, values: Floats, rows: slice = slice(None)) -> Floats:
        """Return the scores of rows whose columns have other values."""
        X = self.rows.X[rows].copy()
        X[:, self.columns] = values
        return self.model.scores(X)

    def score(self, values: Floats, y: object) -> float:
        """Return accuracy or R^2 of all rows."""
        return score_predictions(self.moved(values), self.rows.targets, self.rows.labels).value


@dataclass(frozen=True)
class Importance:
    """Permutation importance of some columns, on some rows."""

    columns: Labels
    mean: _Reals
    deviation: _Reals
    n_rows: int


def _most_moving(model: Model, rows: LabelledRows, n_columns: int, random: np.random.RandomState) -> Labels:
    """Return the columns that move the scores of a few rows most when they are shuffled."""
    n_features = rows.X.shape[1]
    if n_features <= n_columns:
        return np.arange(n_features)
    few = slice(0, min(_MOST_ROWS_SCREENED, max(10, _SCREENED_VALUES // n_features), len(rows.X)))
    base = model.scores(rows.X[few])
    moved = np.zeros(n_features)
    for column in range(n_features):
        one = _SomeColumns(model, rows, np.array([column]))
        moved[column] = np.mean(np.square(one.moved(random.permutation(rows.X[few, column])[:, None], few) - base))
    return np.sort(np.argsort(-moved, kind="stable")[:n_columns])


def measure_importance(model: Model, rows: LabelledRows, random: np.random.RandomState) -> Importance:
    """Measure how much the score of at most 500 rows falls when one of the 15 columns that matter most is shuffled."""
    some = rows.some(MOST_ROWS, random)
    some = replace(some, X=Given.of(some.X).numbers())
    columns = _most_moving(model, some, MOST_COLUMNS, random)
    found = permutation_importance(
        _SomeColumns(model, some, columns),
        some.X[:, columns],
        some.targets,
        n_repeats=REPEATS,
        random_state=random,
    )
    return Importance(columns, found.importances_mean, found.importances_std, len(some.targets))


def score_parts(
    model: Model, rows: LabelledRows, random: np.random.RandomState
) -> tuple[list[Score], list[Score], int]:
    """Score the system with its first levels only, and with its first subsystems only, on at most 5000 rows.

    Returns
    -------
    by_level : list of Score
        With the first 1, 2, ... levels of every subsystem; empty for "paper", whose parts do not stand alone.
    by_subsystem : list of Score
    n_rows : int
    """
    some = rows.some(MOST_ROWS_OF_PARTS, random)
    subsystems = model.estimator.subsystems_
    mapped = model.estimator._input_map.transform(some.X)

    def score(parts: tuple[Subsystem, ...]) -> Score:
        return score_predictions(model.scores_of(parts, mapped), some.targets, some.labels)

    stacks = tuple(s for s in subsystems if isinstance(s, Stack))
    depth = max((s.depth for s in stacks), default=0)
    by_level = [score(tuple(replace(s, levels=s.levels[:k]) for s in stacks)) for k in range(1, depth + 1)]
    by_subsystem = [score(subsystems[:k]) for k in range(1, len(subsystems) + 1)]
    return by_level, by_subsystem, len(some.targets)


@dataclass(frozen=True)
class Calibration:
    """Mean probability and share of right predictions of bins that hold rows, and the rows of all bins."""

    confidence: _Reals
    accuracy: _Reals
    counts: Labels
    error: float  # mean distance of the two, weighted by rows


def measure_calibration(probabilities: Floats, labels: Labels) -> Calibration:
    """Compare probabilities (n, classes) with what came true: of the second of two classes, or of the likeliest."""
    if probabilities.shape[1] == 2:
        confidence, right = probabilities[:, 1], labels == 1
    else:
        confidence, right = probabilities.max(axis=1), labels == probabilities.argmax(axis=1)
    bins = np.minimum((confidence * _N_BINS).astype(int), _N_BINS - 1)
    counts = np.bincount(bins, minlength=_N_BINS)
    filled = counts > 0
    mean = np.bincount(bins, confidence, _N_BINS)[filled] / counts[filled]
    share = np.bincount(bins, right, _N_BINS)[filled] / counts[filled]
    error = float(np.sum(np.abs(mean - share) * counts[filled]) / len(labels))
    return Calibration(mean, share, counts, error)
