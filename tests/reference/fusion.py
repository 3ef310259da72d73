"""Feature fusion: Z = [F_i, B_j, ...] scaled to [0, 1] on the training rows, hidden features of Z, a readout."""

import numpy as np

from reference import activation, crossfit, hidden


def side_by_side(blocks, name):
    """Return the blocks as one array; (scores, prototypes) stands for s(scores prototypes)."""
    columns = []
    for values, prototypes in blocks:
        values = np.asarray(values, np.float64)
        columns.append(values if prototypes is None else activation.apply(name, values @ prototypes))
    return np.hstack(columns)


def column_range(Z):
    """Return low and scale = 1 / (high - low), 0 for a constant column: (Z - low) scale lies in [0, 1]."""
    low, width = Z.min(axis=0), np.ptp(Z, axis=0)
    return low, np.divide(1.0, width, out=np.zeros(len(width)), where=width > 0)


def readout(Z, Y, A, b, name, alphas, fold_starts=None):
    """Return the cross-fitted readout on the hidden features of scaled rows."""
    return crossfit.fit(hidden.features(Z, A, b, name), Y, alphas, fold_starts)


def predict(fusion, Z, name):
    """Scores of rows Z: fusion is low, scale, A, b, W, intercept."""
    low, scale, A, b, W, intercept = fusion
    return hidden.features((Z - low) * scale, A, b, name) @ W + intercept
