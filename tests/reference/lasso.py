"""D = argmin 1/2 ||R D - F||^2 + mu ||D||_1, mu = alpha max|R'F|, from G = R'R and B = R'F."""

import numpy as np


def penalty(B, alpha):
    """Mu; alpha = 1 is the least penalty with D = 0."""
    return alpha * np.abs(B).max() if B.size else 0.0


def objective(D, G, B, mu):
    """Return the objective without its constant ||F||^2 / 2."""
    return 0.5 * (D * (G @ D)).sum() - (D * B).sum() + mu * np.abs(D).sum()


def soft(x, threshold):
    """Return the proximal map of threshold ||x||_1."""
    return np.sign(x) * np.maximum(np.abs(x) - threshold, 0.0)


def solve(G, B, alpha, max_sweeps=20000, tolerance=1e-13):
    """Coordinate descent to convergence, all columns at once."""
    mu = penalty(B, alpha)
    D = np.zeros(B.shape)
    for _ in range(max_sweeps):
        before = D.copy()
        for j in np.flatnonzero(np.diag(G) > 0):
            D[j] = soft(B[j] - G[j] @ D + G[j, j] * D[j], mu) / G[j, j]
        if np.abs(D - before).max(initial=0.0) <= tolerance * max(1.0, np.abs(D).max(initial=0.0)):
            break
    return D


def optimality_gap(D, G, B, mu):
    """How far the conditions of an optimum are missed: G D - B in -mu sign(D), or in [-mu, mu] where D is 0."""
    gradient = G @ D - B
    active = np.abs(gradient + mu * np.sign(D))[D != 0]
    idle = (np.abs(gradient) - mu)[D == 0]
    return max(active.max(initial=0.0), idle.max(initial=0.0))
