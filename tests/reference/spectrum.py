"""Leave-one-out and generalised cross-validation of a ridge, from their definitions."""

import numpy as np


def solve(H, Y, lam, intercept):
    """Return W and the means of H and Y that go with it."""
    h, y = H.mean(axis=0) * intercept, Y.mean(axis=0) * intercept
    return np.linalg.solve((H - h).T @ (H - h) + lam * np.eye(H.shape[1]), (H - h).T @ (Y - y)), h, y


def penalty(H, alpha, intercept):
    """Return lambda."""
    centred = H - H.mean(axis=0) * intercept
    return alpha * np.sum(np.square(centred)) / H.shape[1]


def leave_one_out(H, Y, alpha, intercept):
    """Return the mean squared error of every row predicted by a solve without it, at the penalty of all rows."""
    lam, total = penalty(H, alpha, intercept), 0.0
    for i in range(len(H)):
        W, h, y = solve(np.delete(H, i, axis=0), np.delete(Y, i, axis=0), lam, intercept)
        total += np.sum(np.square(Y[i] - (H[i] - h) @ W - y))
    return total / len(H)


def generalised(H, Y, alpha, intercept):
    """Return n RSS / (n - trace of the hat matrix)^2."""
    n, lam = len(H), penalty(H, alpha, intercept)
    centred = H - H.mean(axis=0) * intercept
    hat = centred @ np.linalg.solve(centred.T @ centred + lam * np.eye(H.shape[1]), centred.T) + intercept / n
    return n * np.sum(np.square(Y - hat @ Y)) / (n - np.trace(hat)) ** 2
