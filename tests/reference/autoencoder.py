"""One forward layer: a random code R, a decoder D of R to F, and the tied encoder s(F D') scaled to [0, 1]."""

import numpy as np

from reference import activation, fusion, hidden, lasso, ridge


def ridge_decoder(F, A, b, name, alpha):
    """D = argmin ||R D - F||^2 + lambda ||D||^2, without an intercept."""
    return ridge.solve(hidden.features(F, A, b, name), F, alpha, intercept=False)[0]


def lasso_decoder(F, A, b, name, alpha):
    """D = argmin 1/2 ||R D - F||^2 + mu ||D||_1."""
    R, F = hidden.features(F, A, b, name), np.asarray(F, np.float64)
    return lasso.solve(R.T @ R, R.T @ F, alpha)


def encode(F, D, name, low, scale):
    """F_next = (s(F D') - low) scale."""
    return (activation.apply(name, np.asarray(F, np.float64) @ D.T) - low) * scale


def fit(F, A, b, name, penalty, alpha):
    """D, the range of s(F D') on these rows, and F_next."""
    D = (ridge_decoder if penalty == "ridge" else lasso_decoder)(F, A, b, name, alpha)
    low, scale = fusion.column_range(encode(F, D, name, 0.0, 1.0))
    return {"weights": D, "low": low, "scale": scale, "encoded": encode(F, D, name, low, scale)}
