"""Activations s, elementwise, and their exact inverses on a clamped domain."""

import math

import numpy as np

NAMES = ("identity", "tanh", "sigmoid", "relu", "leaky_relu", "gelu")
INVERTIBLE = ("identity", "tanh", "sigmoid", "leaky_relu")
SLOPE = 0.01  # of leaky ReLU below zero

_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def apply(name, z):
    """s(z)."""
    z = np.array(z, dtype=np.float64)
    if name == "identity":
        return z
    if name == "tanh":
        return np.tanh(z)
    if name == "sigmoid":
        small = np.exp(-np.abs(z))
        return np.where(z < 0, small, 1.0) / (1.0 + small)
    if name == "relu":
        return np.where(z < 0, 0.0, z)
    if name == "leaky_relu":
        return np.where(z < 0, SLOPE * z, z)
    if name == "gelu":
        return z * 0.5 * _erfc(-z / math.sqrt(2.0)) if z.size else z
    raise ValueError(name)


def invert(name, d, margin):
    """s^-1(d) after clamping d into the range of s less the margin."""
    d = np.array(d, dtype=np.float64)
    if name == "tanh":
        return np.arctanh(np.clip(d, margin - 1.0, 1.0 - margin))
    if name == "sigmoid":
        d = np.clip(d, margin, 1.0 - margin)
        return np.log(d / (1.0 - d))
    if name == "leaky_relu":
        return np.where(d < 0, d / SLOPE, d)
    return d
