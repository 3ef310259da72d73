"""Columns cut into ramps: clipped, centred, scaled."""

import numpy as np


def apply(X, columns, low, high, center, spread):
    """(clip(X[:, columns], low, high) - center) / spread, in double."""
    return (np.clip(np.asarray(X, np.float64)[:, columns], low, high) - center) / spread


def shares(X, columns, low, high, mean=None, weights=None):
    """Weighted sums of clip((x - low) / (high - low), 0, 1), or of its squared distance from a mean, in double."""
    t = (np.clip(np.asarray(X, np.float64)[:, columns], low, high) - low) / (high - low)
    t = t if mean is None else (t - mean) ** 2
    return np.nansum(t if weights is None else weights[:, None] * t, axis=0)
