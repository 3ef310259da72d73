"""Designs that lose digits, and the ridge solution of each from the singular values in float64; not a test itself."""

import numpy as np

from reference import problems

N, P = 120, 8


def _with_condition(condition, n=N, p=P):
    U = np.linalg.qr(problems.normal(n, p, seed=1) - problems.normal(n, p, seed=1).mean(axis=0))[0]
    V = np.linalg.qr(problems.normal(p, p, seed=2))[0]
    return np.sqrt(n) * (U * np.logspace(0, -np.log10(condition), p)) @ V.T


def _copied(columns):
    H = problems.normal(N, P)
    H[:, 5:7] = columns(H)
    return H


DESIGNS = {
    "plain": lambda: problems.normal(N, P),
    "duplicate columns": lambda: _copied(lambda H: H[:, :2]),
    "nearly duplicate columns": lambda: _copied(lambda H: H[:, :2] + 1e-7 * problems.normal(N, 2, seed=3)),
    "sums of columns": lambda: _copied(lambda H: H[:, :1] + H[:, 1:3]),
    "constant columns": lambda: _copied(lambda H: np.array([0.0, 7.0])),
    "a column of one entry": lambda: _copied(lambda H: np.eye(N)[:, :2]),
    "fewer rows than columns": lambda: problems.normal(6, 40),
    "one row": lambda: problems.normal(1, P),
    "two rows": lambda: problems.normal(2, P),
    "one column": lambda: problems.normal(N, 1),
    "one row and column": lambda: problems.normal(1, 1),
    "equal rows": lambda: np.tile(problems.normal(1, P), (N, 1)),
    **{f"condition 1e{k}": lambda k=k: _with_condition(10.0**k) for k in (3, 6, 9, 12)},
    **{f"mean 1e{k}": lambda k=k: problems.normal(N, P) + 10.0**k for k in (2, 4, 6)},
    **{f"scale 1e{k}": lambda k=k: problems.normal(N, P) * 10.0**k for k in (-15, -6, 6, 15)},
    "scales 1e-6 to 1e6": lambda: problems.normal(N, P) * np.logspace(-6, 6, P),
}

# Beyond what float32 squares: for the input map, whose range is that of float64, and not for the solver alone.
EXTREME = {
    **{f"scale 1e{k}": lambda k=k: problems.normal(N, P) * 10.0**k for k in (-30, 30, 150, -150)},
    "denormals": lambda: problems.normal(N, P) * 1e-310,
    "mean 1e12": lambda: problems.normal(N, P) + 1e12,
    "one huge row": lambda: np.vstack([problems.normal(N - 1, P), np.full((1, P), 1e200)]),
    "the largest number": lambda: np.where(problems.normal(N, P) > 0, np.finfo(float).max, np.finfo(float).min),
}


def ridge_by_svd(H, Y, alpha):
    """Return fitted values of centred ridge, the condition of its normal equations, and whether one can be told."""
    H, Y = np.asarray(H, np.float64), np.asarray(Y, np.float64)
    Hc, Yc = H - H.mean(axis=0), Y - Y.mean(axis=0)
    U, s, _ = np.linalg.svd(Hc, full_matrices=False)
    penalty = alpha * (s**2).sum() / H.shape[1]
    keep = s > 1e-14 * max(H.shape) * np.abs(H).max(initial=0.0)
    U, s = U[:, keep], s[keep]
    shrink = s**2 / (s**2 + penalty)
    top = s[0] ** 2 if len(s) else 0.0
    bottom = penalty + (s[-1] ** 2 if len(s) == H.shape[1] else 0.0)
    condition = (top + penalty) / bottom if bottom > 0 else np.inf
    return Y.mean(axis=0) + (U * shrink) @ (U.T @ Yc), condition
