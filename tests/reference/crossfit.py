"""Cross-fitted ridge: every fold is scored by the solution of the others; rows come sorted by fold."""

import numpy as np

from reference import ridge


def folds(fold_starts):
    """Return the row slices of the folds."""
    return list(map(slice, fold_starts[:-1], fold_starts[1:]))


def oof_scores(H, Y, alpha, fold_starts, intercept=True, weights=None):
    """Every row of H times the solution that has not seen its fold."""
    H, Y = np.asarray(H, np.float64), np.asarray(Y, np.float64)
    scores = np.empty(Y.shape)
    for fold in folds(fold_starts):
        keep = np.ones(len(H), bool)
        keep[fold] = False
        w = None if weights is None else weights[keep]
        W, b = ridge.solve(H[keep], Y[keep], alpha, intercept, w)
        scores[fold] = H[fold] @ W + b
    return scores


def path_errors(H, Y, alphas, fold_starts, intercept=True, weights=None):
    """Held-out squared error per unit of weight, summed over outputs, of every alpha."""
    w = np.ones(len(H)) if weights is None else np.asarray(weights, np.float64)
    errors = []
    for alpha in alphas:
        residual = oof_scores(H, Y, alpha, fold_starts, intercept, weights) - np.asarray(Y, np.float64)
        errors.append((w @ residual**2).sum() / w.sum())
    return np.array(errors)


def fit(H, Y, alphas, fold_starts=None, intercept=True, weights=None):
    """Return the best alpha of the path, W and b on all rows, and the out-of-fold scores."""
    alpha = alphas[0]
    if len(alphas) > 1:
        alpha = alphas[np.argmin(path_errors(H, Y, alphas, fold_starts, intercept, weights))]
    W, b = ridge.solve(H, Y, alpha, intercept, weights)
    scores = None if fold_starts is None else oof_scores(H, Y, alpha, fold_starts, intercept, weights)
    return {"alpha": alpha, "weights": W, "intercept": b, "oof_scores": scores}
