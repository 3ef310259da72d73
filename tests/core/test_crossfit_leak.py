"""Out-of-fold scores are honest: on labels without a law they are no better than chance.

Constrained weights see the labels, so this is where a leak would enter: drawn without regard to folds, a unit
knows a pair of held-out and training rows of different classes.
"""

import numpy as np
import pytest

from reference import problems
from sstpl import _core

N, D, P, SEEDS = 200, 500, 400, 40


def oof_accuracy(seed, within_folds, n=N):
    """Accuracy of the out-of-fold scores of random binary labels on random inputs."""
    X = problems.normal(n, D, seed=seed)
    names = np.random.default_rng([seed, 1]).integers(0, 2, n)
    order = np.argsort(folds := _core.deal_folds(seed, 0, names, n, 5), kind="stable")
    X, names, starts = X[order], names[order], np.concatenate([[0], np.cumsum(np.bincount(folds))])
    drawn = _core.draw_hidden("constrained", X, P, seed, 1, names, starts if within_folds else None)
    targets = 2.0 * names[:, None] - 1.0
    scores = _core.fit_crossfit(X, targets, [1e-3, 0.1, 10.0], starts, hidden=drawn)["oof_scores"]
    return np.mean((scores[:, 0] > 0) == names)


def mean_and_error(accuracies):
    return np.mean(accuracies), np.std(accuracies) / np.sqrt(len(accuracies))


def test_random_labels_are_scored_at_chance():
    mean, error = mean_and_error([oof_accuracy(seed, within_folds=True) for seed in range(SEEDS)])
    assert abs(mean - 0.5) < 3 * error < 0.04


def test_random_labels_are_scored_at_chance_in_the_primal_form():
    mean, error = mean_and_error([oof_accuracy(seed, within_folds=True, n=500) for seed in range(12)])
    assert abs(mean - 0.5) < 3 * error < 0.04


def test_weights_drawn_across_folds_leak_so_this_test_can_see_a_leak():
    mean, error = mean_and_error([oof_accuracy(seed, within_folds=False) for seed in range(SEEDS)])
    assert mean - 0.5 > 6 * error


@pytest.mark.parametrize("seed", range(3))
def test_labels_with_a_law_are_scored_above_chance(seed):
    X = problems.normal(N, D, seed=seed)
    names = (X[:, 0] > 0).astype(np.int64)
    X[:, 0] *= 10
    starts = problems.fold_starts(N, 5)
    drawn = _core.draw_hidden("constrained", X, P, seed, 1, names, starts)
    scores = _core.fit_crossfit(X, 2.0 * names[:, None] - 1.0, [1e-3, 0.1, 10.0], starts, hidden=drawn)["oof_scores"]
    assert np.mean((scores[:, 0] > 0) == names) > 0.8
