"""The accumulated sums of a ridge problem: G = sum w h h', B = sum w h y', and the sums of h, y and y^2."""

import numpy as np

FIELDS = ("gram", "cross", "feature_sums", "target_sums", "target_squares", "weight")


def sums(H, Y, weights=None):
    """All sums of the rows of H (n, p) and Y (n, c)."""
    H, Y = np.asarray(H, np.float64), np.asarray(Y, np.float64)
    w = np.ones(len(H)) if weights is None else np.asarray(weights, np.float64)
    return {
        "gram": (H.T * w) @ H,
        "cross": (H.T * w) @ Y,
        "feature_sums": w @ H,
        "target_sums": w @ Y,
        "target_squares": w @ Y**2,
        "weight": w.sum(),
    }


def merge(first, second):
    """Return the sums of both sets of rows."""
    return {name: first[name] + second[name] for name in FIELDS}
