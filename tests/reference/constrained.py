"""Constrained units, a = 2 (z - z') / ||z - z'||^2 with the bias at the midpoint of two rows z, z' of the data."""

import numpy as np

from reference import random

PAIRS, LANDMARKS = 2, 4  # uses of a layer's stream
ATTEMPTS = 256


def draw_row(word, low, high, weights=None):
    """Return a row of [low, high), with a probability in proportion to its weight."""
    if weights is None:
        return int(low + random.index(word, high - low)[0])
    edges = np.cumsum(weights[low:high])
    before = np.sum(weights[:low])
    return int(low + np.searchsorted(before + edges, before + random.unit(word)[0] * edges[-1], side="right"))


def draw_row_of(word, rows):
    return int(rows[random.index(word, len(rows))[0]])


def draw_landmarks(n_landmarks, n, seed, stream, weights=None):
    """Return the rows that pairs are made of, ascending; a row may be there more than once."""
    return np.sort([draw_row(random.words(seed, stream, k, LANDMARKS)[0], 0, n, weights) for k in range(n_landmarks)])


def draw_pair(unit, n, seed, stream, labels=None, fold_starts=None, weights=None, landmarks=None):
    """Return the first allowed pair of rows of a unit: of one fold, and of different classes where there are labels."""

    def end_of_pair(word, low, high):
        if landmarks is None:
            return draw_row(word, low, high, weights)
        return draw_row_of(word, landmarks[(landmarks >= low) & (landmarks < high)])

    for attempt in range(ATTEMPTS):
        first, second = random.words(seed, stream, unit * ATTEMPTS + attempt, PAIRS)
        i, low, high = end_of_pair(first, 0, n), 0, n
        if fold_starts is not None:
            k = np.searchsorted(fold_starts, i, side="right")
            low, high = fold_starts[k - 1], fold_starts[k]
        j = end_of_pair(second, low, high)
        if i != j and (labels is None or labels[i] != labels[j]):
            return i, j
    return None


def draw_constrained(X, p, seed, stream, labels=None, fold_starts=None, mask=None, weights=None, n_landmarks=0):
    """Return a = 2 (z - z') / ||z - z'||^2, b = -a'(z + z') / 2; X must hold no equal rows that may be paired.

    Where there is a mask (p, d), z and z' are what it leaves of two rows.
    """
    X = np.asarray(X, np.float64)
    A, b = np.zeros((p, X.shape[1])), np.zeros(p)
    landmarks = draw_landmarks(n_landmarks, len(X), seed, stream, weights) if n_landmarks else None
    for unit in range(p):
        pair = draw_pair(unit, len(X), seed, stream, labels, fold_starts, weights, landmarks)
        if pair is not None:
            one, other = (X[i] * (1.0 if mask is None else mask[unit]) for i in pair)
            A[unit] = 2 * (one - other) / ((one - other) @ (one - other))
            b[unit] = -A[unit] @ (one + other) / 2
    return A, b
