"""The recursive two-way stack: level t is a readout on a hidden layer of [X, g S], S the scores of level t - 1."""

import numpy as np

from reference import crossfit, hidden


def inputs(X, S, gain):
    """[X, g S], or X at the first level."""
    X = np.asarray(X, np.float64)
    return X if S is None else np.hstack([X, gain * S])


def readout(blocks, Y, A, b, name, alphas, fold_starts=None):
    """Return the cross-fitted readout of one level on its hidden features."""
    return crossfit.fit(hidden.features(np.hstack(blocks), A, b, name), Y, alphas, fold_starts)


def predict(X, levels, gain, name):
    """Scores of the last level; every level is (A, b, W, intercept)."""
    S = None
    for A, b, W, intercept in levels:
        S = hidden.features(inputs(X, S, gain), A, b, name) @ W + intercept
    return S


def fit(X, Y, layers, gain, name, alpha, fold_starts):
    """Levels on drawn layers (A, b), each fed the out-of-fold scores before it, and those of the last."""
    levels, S = [], None
    for A, b in layers:
        found = readout([inputs(X, S, gain)], Y, A, b, name, [alpha], fold_starts)
        levels.append((A, b, found["weights"], found["intercept"]))
        S = found["oof_scores"]
    return levels, S
