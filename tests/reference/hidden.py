"""The hidden layer H = s(Z A' + 1 b') - 1 m' and the draws of A (p, d) and b (p)."""

import numpy as np

from reference import activation, random

WEIGHTS, BIAS = 0, 1  # uses of a layer's stream


def features(Z, A, b, name, shift=0.0):
    """s(Z A' + 1 b') - 1 shift'."""
    Z, A, b = (np.asarray(x, np.float64) for x in (Z, A, b))
    return activation.apply(name, Z @ A.T + b) - shift


def draw_iid(kind, d, p, seed, stream):
    """Entries of variance 1 / d, bias uniform on [-1, 1]."""
    bias = 2 * random.uniform(seed, stream, 1, p, BIAS)[0] - 1
    if kind == "normal":
        return random.normal(seed, stream, p, d, WEIGHTS) / np.sqrt(d), bias
    uniform = 2 * random.uniform(seed, stream, p, d, WEIGHTS) - 1
    return uniform * np.sqrt(3.0 / d), bias


def draw_orthogonal(d, p, seed, stream):
    """Orthonormal rows, or columns times sqrt(p / d): the Q of a Gaussian whose R has a positive diagonal."""
    tall, narrow = max(p, d), min(p, d)
    Q, R = np.linalg.qr(random.normal(seed, stream, tall, narrow, WEIGHTS))
    Q = Q * np.sign(np.diag(R))
    return (Q.T if p <= d else Q * np.sqrt(p / d)), np.zeros(p)
