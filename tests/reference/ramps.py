"""Columns cut into ramps: clipped, centred, scaled."""

import numpy as np


def apply(X, columns, low, high, center, spread):
    """(clip(X[:, columns], low, high) - center) / spread, in double."""
    return (np.clip(np.asarray(X, np.float64)[:, columns], low, high) - center) / spread
