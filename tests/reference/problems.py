"""Random problems, sizes and tolerances that the tests share."""

import numpy as np

SIZES = (1, 2, 5, 17, 100)
SHAPES = tuple((n, p) for n in SIZES for p in SIZES)  # tall, wide and square
DTYPES = (np.float32, np.float64)


def normal(*shape, seed=0, dtype=np.float64):
    """Return standard normals, C-ordered."""
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(dtype)


def regression(n, p, c=2, seed=0, dtype=np.float64):
    """H (n, p) and Y (n, c): a linear map, an offset and noise."""
    H = normal(n, p, seed=seed, dtype=dtype)
    Y = H @ normal(p, c, seed=seed + 1) / np.sqrt(p) + 0.3 * normal(n, c, seed=seed + 2) + 0.5
    return H, Y.astype(dtype)


def labels(n, n_classes, seed=0):
    """Class numbers 0 .. n_classes - 1, each at least once where n allows, in random order."""
    return np.random.default_rng([seed, n]).permutation(np.arange(n) % n_classes).astype(np.int64)


def one_hot(names, n_classes, dtype=np.float64):
    """Return the class indicator E (n, c)."""
    return np.eye(n_classes, dtype=dtype)[names]


def fold_starts(n, n_folds):
    """Boundaries of contiguous folds of nearly equal size."""
    return np.linspace(0, n, n_folds + 1).astype(np.int64)


def assert_close(actual, expected, dtype=np.float64, loosen=1.0):
    """Equal shapes, and entries that differ by a small multiple of the largest one."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape
    tolerance = (1e-4 if dtype == np.float32 else 1e-9) * loosen
    scale = max(1.0, np.abs(expected).max(initial=0.0))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * scale)
