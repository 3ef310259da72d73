"""Sums of a hidden layer less a shift, H = s(Z A' + b) - m; and folds that depend on the values of a row alone."""

import numpy as np

from reference import hashing, sums


def features(Z, A, b, shift, activate=np.tanh):
    """H (n, p) in float64."""
    Z, A, b, shift = (np.asarray(part, np.float64) for part in (Z, A, b, shift))
    return activate(Z @ A.T + b) - shift


def layer_sums(Z, Y, A, b, shift, activate=np.tanh):
    """All sums of the features and of the targets Y (n, c)."""
    return sums.sums(features(Z, A, b, shift, activate), Y)


def fold(row, seed, n_folds):
    """Return the fold of a row: a hash of its float64 values."""
    return hashing.row(row, seed) % n_folds
