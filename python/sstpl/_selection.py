"""What decides: folds and row samples, and the selection score that compares candidates.

Nothing here ever sees a row that was not given to ``fit``, and no score is of rows that the scored model learnt from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sstpl import _core
from sstpl._typing import Floats, Labels

# The dimensionless penalties that alpha="auto" tries. Sums of float32 features cannot tell smaller ones from zero.
ALPHA_PATH = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2)
ALPHA_PATH_FLOAT32 = ALPHA_PATH[1:]

_STREAM_SAMPLE, _STREAM_FOLDS = 0, 1


@dataclass(frozen=True, order=True)
class Score:
    """How good out-of-fold predictions are; larger is better, and ties fall to the squared error.

    Attributes
    ----------
    value : float
        Accuracy (classification) or R^2 averaged over outputs (regression).
    fit : float
        Minus the mean squared error per output, in units of the coded targets.
    """

    value: float
    fit: float


def score_predictions(scores: Floats, targets: Floats, labels: Labels | None) -> Score:
    """Score predictions (n, c) of coded targets (n, c); labels (n,) make it a classification."""
    error = np.mean(np.square(scores - targets, dtype=np.float64), axis=0)
    if labels is not None:
        return Score(float(np.mean(np.argmax(scores, axis=1) == labels)), -float(np.mean(error)))
    variance = np.var(targets, axis=0, dtype=np.float64)
    explained = np.where(variance > 0, 1.0 - error / np.where(variance > 0, variance, 1.0), 0.0)
    return Score(float(np.mean(explained)), -float(np.mean(error)))


def row_losses(scores: Floats, targets: Floats, labels: Labels | None) -> npt.NDArray[np.float64]:
    """Return the loss of every prediction: 0 or 1 (classification), or its squared error."""
    if labels is not None:
        wrong: npt.NDArray[np.float64] = (np.argmax(scores, axis=1) != labels).astype(np.float64)
        return wrong
    errors: npt.NDArray[np.float64] = np.sum(np.square(scores - targets, dtype=np.float64), axis=1)
    return errors


def clearly_less(losses: npt.NDArray[np.float64], reference: npt.NDArray[np.float64]) -> bool:
    """Whether losses of the same rows are less than the reference by two standard errors of their difference."""
    difference = reference - losses
    return bool(np.mean(difference) > 2 * np.std(difference) / np.sqrt(len(difference)))


@dataclass(frozen=True)
class Split:
    """The row sample of one subsystem, sorted by fold.

    Attributes
    ----------
    rows : int64 array of shape (n_sampled,)
        Rows of the training data, fold by fold.
    fold_starts : int64 array of shape (n_folds + 1,)
        Where each fold begins in ``rows``; the last entry is n_sampled.
    left_out : int64 array
        The rows that are not in the sample: the subsystem's out-of-bag rows.
    """

    rows: Labels
    fold_starts: Labels
    left_out: Labels


def split_rows(seed: int, labels: Labels | None, n_rows: int, fraction: float, n_folds: int) -> Split:
    """Draw a row sample and deal it into folds, each class in proportion."""
    sample = _core.sample_rows(seed, _STREAM_SAMPLE, labels, n_rows, fraction)
    if len(sample) < 2:  # one fold must be left to train on
        sample = np.arange(n_rows, dtype=np.int64)
    n_folds = min(n_folds, len(sample))
    sampled_labels = None if labels is None else np.ascontiguousarray(labels[sample])
    folds = _core.deal_folds(seed, _STREAM_FOLDS, sampled_labels, len(sample), n_folds)
    order = np.argsort(folds, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(folds, minlength=n_folds))]).astype(np.int64)
    left_out = np.setdiff1d(np.arange(n_rows, dtype=np.int64), sample, assume_unique=True)
    return Split(sample[order], starts, left_out)
