"""What decides: folds and row samples, and the selection score that compares candidates.

Nothing here ever sees a row that was not given to ``fit``, and no score is of rows that the scored model learnt from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np

from sstpl._blocks import blocks
from sstpl._typing import Floats, Labels, Reals, Weights
from sstpl._weights import mean, mean_over, variance

# The dimensionless penalties that alpha="auto" tries. Sums of float32 features cannot tell smaller ones from zero.
ALPHA_PATH = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2)
ALPHA_PATH_FLOAT32 = ALPHA_PATH[1:]


def alpha_path(alpha: float | None, dtype: np.dtype[np.floating]) -> list[float]:
    """Return the penalties to try: the one given, or those of "auto" (None)."""
    if alpha is not None:
        return [alpha]
    return list(ALPHA_PATH_FLOAT32 if dtype == np.float32 else ALPHA_PATH)


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


def score_predictions(scores: Floats, targets: Floats, labels: Labels | None, weights: Weights = None) -> Score:
    """Score predictions (n, c) of coded targets (n, c); labels (n,) make it a classification."""
    error = mean_over(lambda rows: _squares(scores, targets, rows), targets.shape, weights)
    if labels is not None:
        return Score(float(mean(np.argmax(scores, axis=1) == labels, weights)), -float(np.mean(error)))
    spread = variance(targets, weights)
    explained = np.where(spread > 0, 1.0 - error / np.where(spread > 0, spread, 1.0), 0.0)
    return Score(float(np.mean(explained)), -float(np.mean(error)))


def row_losses(scores: Floats, targets: Floats, labels: Labels | None) -> Reals:
    """Return the loss of every prediction: 0 or 1 (classification), or its squared error."""
    if labels is not None:
        wrong: Reals = (np.argmax(scores, axis=1) != labels).astype(np.float64)
        return wrong
    return square_losses(scores, targets)


def square_losses(scores: Floats, targets: Floats) -> Reals:
    """Return the squared error of every prediction, summed over outputs."""
    parts = [np.sum(_squares(scores, targets, rows), axis=1) for rows in blocks(*targets.shape)]
    return np.concatenate(parts) if parts else np.zeros(0)


def _squares(scores: Floats, targets: Floats, rows: slice) -> Reals:
    squares: Reals = np.square(scores[rows] - targets[rows], dtype=np.float64)
    return squares


def clearly_less(losses: Reals, reference: Reals, standard_errors: float, weights: Weights = None) -> bool:
    """Whether losses of the same rows are less than the reference by some standard errors of their difference."""
    gain, error = gain_over(losses, reference, weights)
    return gain > standard_errors * error


def gain_over(losses: Reals, reference: Reals, weights: Weights = None) -> tuple[float, float]:
    """Return by how much losses are less than a reference of the same rows on average, and its standard error."""
    difference = reference - losses
    gain = float(mean(difference, weights))
    if weights is None:
        return gain, float(np.std(difference) / np.sqrt(len(difference)))
    return gain, float(np.sqrt(np.sum(np.square(weights * (difference - gain)))) / weights.sum())


def path_detail(alphas: Sequence[float], errors: Sequence[float]) -> dict[str, list[float]]:
    """Return what a step records of its path: the penalties that the search looked at, and their errors.

    Errors of the others are NaN; none are given where there was nothing to choose.
    """
    if not errors:
        return {"alphas": list(alphas), "path_errors": []}
    tried = [(alpha, error) for alpha, error in zip(alphas, errors, strict=True) if not isnan(error)]
    return {"alphas": [alpha for alpha, _ in tried], "path_errors": [error for _, error in tried]}


def gain_detail(
    losses: Reals, reference: Reals, standard_errors: float, n_outputs: int = 1, weights: Weights = None
) -> dict[str, float]:
    """Return what a step records of its gain, per output, and of how many standard errors it had to exceed."""
    gain, error = gain_over(losses, reference, weights)
    return {
        "gain": gain / n_outputs,
        "standard_error": error / n_outputs,
        "standard_errors_needed": standard_errors,
    }
