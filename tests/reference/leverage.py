"""Leave-one-out scores by refits: every row is scored by the solution without it, at the penalty of all rows."""

import numpy as np

from reference import ridge


def loo_scores(H, Y, alpha, intercept=True, weights=None, at_prediction=None):
    """Score every row of H (n, p), or of what it will look like, by the solution of the others for Y (n, c)."""
    then = np.asarray(H if at_prediction is None else at_prediction, np.float64)
    H, Y = np.asarray(H, np.float64), np.asarray(Y, np.float64)
    strength = ridge.penalty(H, alpha, intercept, weights)
    scores = np.empty(Y.shape)
    for i in range(len(H)):
        others = np.delete(np.arange(len(H)), i)
        w = None if weights is None else weights[others]
        own = strength / ridge.penalty(H[others], 1.0, intercept, w)
        W, b = ridge.solve(H[others], Y[others], own, intercept, w)
        scores[i] = then[i] @ W + b
    return scores
