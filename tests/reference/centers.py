"""Units that are centers, h_i(z) = exp(-sqrt(b^2 ||z - a_i||^2 + c)), and scores of folds without their own units."""

import numpy as np

from reference import crossfit, random, ridge

USE, SOFTENING = 5, 2.0**-12


def draw(n, p, seed, stream, weights=None):
    """Return rows in random order, each once before any comes again: by exponential times over their weights."""
    w = np.ones(n) if weights is None else np.asarray(weights, np.float64)
    units = np.array([random.unit(random.words(seed, stream, i, USE)[0])[0] for i in range(n)])
    with np.errstate(divide="ignore"):
        times = np.where(w > 0, -np.log1p(-units) / w, np.inf)
    return np.resize(np.argsort(times, kind="stable"), p)


def bias(centers, n_different):
    """Return one over twice the root of the total variance of the first, different centers."""
    total = np.asarray(centers[:n_different], np.float64).var(axis=0).sum()
    return np.full(len(centers), 0.5 / np.sqrt(total) if total > 0 else 1.0)


def features(Z, A, b, shift=0.0):
    """exp(-sqrt(b^2 ||z - a||^2 + c)) - shift."""
    Z, A, b = (np.asarray(x, np.float64) for x in (Z, A, b))
    squares = ((Z[:, None] - A) ** 2).sum(axis=2)
    return np.exp(-np.sqrt(b**2 * squares + SOFTENING)) - shift


def oof_scores(H, Y, rows, alpha, fold_starts, weights=None):
    """Every row by the ridge of the other folds on the units whose centers are rows of the other folds."""
    scores = np.empty(Y.shape)
    for fold in crossfit.folds(fold_starts):
        keep = np.ones(len(H), bool)
        keep[fold] = False
        own = H[:, keep[rows]]
        W, b = ridge.solve(own[keep], Y[keep], alpha, weights=None if weights is None else weights[keep])
        scores[fold] = own[fold] @ W + b
    return scores
