"""Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC 2011)."""

import numpy as np

_MASK = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def philox(counter, key):
    """Ten rounds on counters (n, 4) and one key (2), all 32-bit words."""
    c = np.array(counter, dtype=np.uint64)
    k = np.array(key, dtype=np.uint64)
    for _ in range(10):
        a, b = np.uint64(0xD2511F53) * c[:, 0], np.uint64(0xCD9E8D57) * c[:, 2]
        left, right = (b >> _HALF) ^ c[:, 1] ^ k[0], (a >> _HALF) ^ c[:, 3] ^ k[1]
        c = np.stack([left, b & _MASK, right, a & _MASK], axis=1)
        k = (k + np.array([0x9E3779B9, 0xBB67AE85], np.uint64)) & _MASK
    return c


def words(seed, stream, positions, use=0):
    """Return the two 64-bit words at every position of one use of a stream."""
    at = np.atleast_1d(np.asarray(positions, dtype=np.uint64))
    counter = np.stack([at & _MASK, at >> _HALF, np.full_like(at, stream), np.full_like(at, use)], axis=1)
    c = philox(counter, (seed & 0xFFFFFFFF, seed >> 32))
    return c[:, 0] | (c[:, 1] << _HALF), c[:, 2] | (c[:, 3] << _HALF)


def unit(word):
    """Return the top 53 bits as a number in [0, 1)."""
    return (word >> np.uint64(11)).astype(np.float64) * 2.0**-53


def uniform(seed, stream, rows, cols, use=0):
    """Uniforms on [0, 1), row by row: position i gives numbers 2i and 2i + 1."""
    u, v = words(seed, stream, np.arange((rows * cols + 1) // 2), use)
    return np.stack([unit(u), unit(v)], axis=1).ravel()[: rows * cols].reshape(rows, cols)


def normal(seed, stream, rows, cols, use=0):
    """Return standard normals, row by row (Box and Muller 1958)."""
    u, v = words(seed, stream, np.arange((rows * cols + 1) // 2), use)
    radius, angle = np.sqrt(-2.0 * np.log(1.0 - unit(u))), 2.0 * np.pi * unit(v)
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return pairs.ravel()[: rows * cols].reshape(rows, cols)


def index(word, count):
    """Whole numbers on [0, count), one per word."""
    return np.minimum((unit(word) * count).astype(np.int64), count - 1)


def permutation(seed, stream, count):
    """Return a random order of 0 .. count - 1 (Fisher and Yates)."""
    order = np.arange(count)
    for i in range(count - 1, 0, -1):
        j = index(words(seed, stream, i)[0], i + 1)[0]
        order[i], order[j] = order[j], order[i]
    return order
