"""The rows of a subsystem, and which of the training rows they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sstpl import _core
from sstpl._selection import Score, score_predictions
from sstpl._spill import take
from sstpl._typing import Floats, Labels, Weights

_STREAM_SAMPLE, _STREAM_FOLDS, _STREAM_PARTS = 0, 1, 2


@dataclass(frozen=True)
class Rows:
    """Rows of one subsystem: those it learns from, sorted by fold, or those it left out.

    Attributes
    ----------
    X : array of shape (n, d), C-ordered
    targets : array of shape (n, c)
        +1/-1 one-hot codes, or standardised columns.
    labels : int64 array of shape (n,), or None for regression
    fold_starts : int64 array of shape (n_folds + 1,)
        Empty for rows left out, and where there is one fold: no row is scored by solutions without it.
    weights : float64 array of shape (n,), or None where they are equal
    """

    X: Floats
    targets: Floats
    labels: Labels | None
    fold_starts: Labels
    weights: Weights = None

    @property
    def n_folds(self) -> int:
        """Number of folds, at least 1."""
        return max(1, len(self.fold_starts) - 1)

    def score(self, scores: Floats) -> Score:
        """Score predictions of these rows."""
        return score_predictions(scores, self.targets, self.labels, self.weights)


@dataclass(frozen=True)
class Split:
    """The row sample of one subsystem, sorted by fold.

    Attributes
    ----------
    rows : int64 array of shape (n_sampled,)
        Rows of the training data, fold by fold.
    fold_starts : int64 array of shape (n_folds + 1,)
        Where each fold begins in ``rows``; the last entry is n_sampled. Empty where there is one.
    left_out : int64 array
        The rows that are not in the sample: the subsystem's out-of-bag rows.
    """

    rows: Labels
    fold_starts: Labels
    left_out: Labels

    def take(
        self, X: Floats, targets: Floats, labels: Labels | None, weights: Weights = None
    ) -> tuple[Rows, Rows | None]:
        """Return copies of the sampled rows, and of those left out, if any."""

        def copy(which: Labels, fold_starts: Labels) -> Rows:
            own = None if labels is None else np.ascontiguousarray(labels[which])
            weight = None if weights is None else weights[which]
            return Rows(take(X, which), take(targets, which), own, fold_starts, weight)

        held = copy(self.left_out, self.fold_starts[:0]) if len(self.left_out) else None
        return copy(self.rows, self.fold_starts), held


def split_rows(seed: int, labels: Labels | None, n_rows: int, fraction: float, n_folds: int) -> Split:
    """Draw a row sample and deal it into folds, each class in proportion."""
    return _fold(seed, _core.sample_rows(seed, _STREAM_SAMPLE, labels, n_rows, fraction), labels, n_rows, n_folds)


def leave_part_out(
    seed: int, index: int, fold_seed: int, labels: Labels | None, n_rows: int, fraction: float, n_folds: int
) -> Split:
    """Deal the rows into 1 / (1 - fraction) parts with `seed`, leave out the one at `index`, and fold the others.

    Subsystems with different indices leave out different rows, so that all rows are left out once in a round.
    """
    n_parts = min(n_rows, round(1 / (1 - fraction))) if fraction < 1 else 1
    if n_parts < 2:
        return _fold(fold_seed, np.arange(n_rows, dtype=np.int64), labels, n_rows, n_folds)
    parts = _core.deal_folds(seed, _STREAM_PARTS, labels, n_rows, n_parts)
    sample = np.flatnonzero(parts != index % n_parts).astype(np.int64)
    return _fold(fold_seed, sample, labels, n_rows, n_folds)


def _fold(seed: int, sample: Labels, labels: Labels | None, n_rows: int, n_folds: int) -> Split:
    if len(sample) < 2:  # one fold must be left to train on
        sample = np.arange(n_rows, dtype=np.int64)
    left_out = np.setdiff1d(np.arange(n_rows, dtype=np.int64), sample, assume_unique=True)
    if n_folds == 1:
        return Split(sample, np.empty(0, dtype=np.int64), left_out)
    n_folds = min(n_folds, len(sample))
    sampled_labels = None if labels is None else np.ascontiguousarray(labels[sample])
    folds = _core.deal_folds(seed, _STREAM_FOLDS, sampled_labels, len(sample), n_folds)
    order = np.argsort(folds, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(folds, minlength=n_folds))]).astype(np.int64)
    return Split(sample[order], starts, left_out)
