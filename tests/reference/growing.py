"""Sums of a hidden layer less a shift, H = s(Z A' + b) - m; and folds that depend on the values of a row alone."""

import numpy as np

from reference import sums

_WORD = 2**64


def features(Z, A, b, shift, activate=np.tanh):
    """H (n, p) in float64."""
    Z, A, b, shift = (np.asarray(part, np.float64) for part in (Z, A, b, shift))
    return activate(Z @ A.T + b) - shift


def layer_sums(Z, Y, A, b, shift, activate=np.tanh):
    """All sums of the features and of the targets Y (n, c)."""
    return sums.sums(features(Z, A, b, shift, activate), Y)


def mix(word):
    """SplitMix64's finaliser, on Python's whole numbers."""
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % _WORD
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB % _WORD
    return word ^ (word >> 31)


def fold(row, seed, n_folds):
    """Return the fold of a row: a hash of its float64 values."""
    keys = [mix((j * 0x9E3779B97F4A7C15 + seed) % _WORD) | 1 for j in range(len(row) + 1)]
    words = [int(np.float64(value).view(np.uint64)) if value != 0 else 0 for value in row]
    words = [word ^ (word >> 32) for word in words]
    return mix((keys[0] + sum(w * k for w, k in zip(words, keys[1:], strict=True))) % _WORD) % n_folds
