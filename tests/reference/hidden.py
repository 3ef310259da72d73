"""The hidden layer H = s(Z A' + 1 b') - 1 m' and the draws of A (p, d) and b (p)."""

import numpy as np

from reference import activation, random

WEIGHTS, BIAS, PAIRS = 0, 1, 2  # the uses of a layer's stream
ATTEMPTS = 256


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


def draw_row(word, low, high, weights=None):
    """Return a row of [low, high), with a probability in proportion to its weight."""
    if weights is None:
        return int(low + random.index(word, high - low)[0])
    edges = np.cumsum(weights[low:high])
    before = np.sum(weights[:low])
    return int(low + np.searchsorted(before + edges, before + random.unit(word)[0] * edges[-1], side="right"))


def draw_pair(unit, n, seed, stream, labels=None, fold_starts=None, weights=None):
    """Return the first allowed pair of rows of a unit: of one fold, and of different classes where there are labels."""
    for attempt in range(ATTEMPTS):
        first, second = random.words(seed, stream, unit * ATTEMPTS + attempt, PAIRS)
        i, low, high = draw_row(first, 0, n, weights), 0, n
        if fold_starts is not None:
            k = np.searchsorted(fold_starts, i, side="right")
            low, high = fold_starts[k - 1], fold_starts[k]
        j = draw_row(second, low, high, weights)
        if i != j and (labels is None or labels[i] != labels[j]):
            return i, j
    return None


def draw_constrained(X, p, seed, stream, labels=None, fold_starts=None, mask=None, weights=None):
    """Return a = 2 (z - z') / ||z - z'||^2, b = -a'(z + z') / 2; X must hold no equal rows that may be paired.

    Where there is a mask (p, d), z and z' are what it leaves of two rows.
    """
    X = np.asarray(X, np.float64)
    A, b = np.zeros((p, X.shape[1])), np.zeros(p)
    for unit in range(p):
        pair = draw_pair(unit, len(X), seed, stream, labels, fold_starts, weights)
        if pair is not None:
            one, other = (X[i] * (1.0 if mask is None else mask[unit]) for i in pair)
            A[unit] = 2 * (one - other) / ((one - other) @ (one - other))
            b[unit] = -A[unit] @ (one + other) / 2
    return A, b
