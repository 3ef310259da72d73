"""Multinomial logistic readouts: gradients by their definition, and the maximum by a general optimiser."""

import numpy as np
from scipy.optimize import minimize


def log_losses(scores, labels):
    """Return the log-loss of every row."""
    largest = scores.max(axis=1)
    total = np.log(np.exp(scores - largest[:, None]).sum(axis=1))
    return total + largest - scores[np.arange(len(labels)), labels]


def probabilities(scores):
    """Return the softmax of rows."""
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def sums(H, labels, folds, n_folds, W, intercept, weights=None):
    """Return gradients (p, m c) and (m c,) of readouts side by side, and the losses (m,) of what each leaves out."""
    H, W, intercept = (np.asarray(one, np.float64) for one in (H, W, intercept))
    w = np.ones(len(H)) if weights is None else weights
    n_classes = W.shape[1] // (n_folds + 1)
    features, intercepts, left_out = [], [], [0.0]
    for k in range(n_folds + 1):
        own = slice(k * n_classes, (k + 1) * n_classes)
        scores = H @ W[:, own] + intercept[own]
        residual = np.eye(n_classes)[labels] - probabilities(scores)
        used = np.where(folds == k - 1, 0.0, w)
        features.append(H.T @ (used[:, None] * residual))
        intercepts.append(used @ residual)
        if k:
            left_out.append(np.sum((w - used) * log_losses(scores, labels)))
    return np.hstack(features), np.hstack(intercepts), np.array(left_out)


def maximum(H, labels, n_classes, penalty, weights=None, free=None):
    """Return the scores of rows by the readout with the least sum of losses + penalty / 4 ||V||^2.

    `free` says which features may have weights.
    """
    w = np.ones(len(H)) if weights is None else weights
    free = np.arange(H.shape[1]) if free is None else free
    E = np.eye(n_classes)[labels]

    def objective(x):
        V = x.reshape(len(free) + 1, n_classes)
        scores = H[:, free] @ V[:-1] + V[-1]
        value = w @ log_losses(scores, labels) + penalty / 4 * np.sum(V[:-1] ** 2)
        residual = w[:, None] * (probabilities(scores) - E)
        slope = np.vstack([H[:, free].T @ residual + penalty / 2 * V[:-1], residual.sum(axis=0)])
        return value, slope.ravel()

    start = np.zeros((len(free) + 1) * n_classes)
    x = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 5000, "gtol": 1e-9, "ftol": 0}).x
    V = np.zeros((H.shape[1], n_classes))
    V[free] = x.reshape(len(free) + 1, n_classes)[:-1]
    return V, x[-n_classes:]
