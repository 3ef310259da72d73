"""Hashes of rows: the twin, and what they depend on."""

import numpy as np
import pytest

from reference import hashing, problems
from sstpl import _core


@pytest.mark.parametrize("dtype", problems.DTYPES)
@pytest.mark.parametrize("seed", [0, 5, 2**64 - 1])
@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (40, 61), (3, 0), (0, 3)])
def test_hashes_equal_the_twin(shape, seed, dtype):
    X = problems.normal(*shape, dtype=dtype)
    if X.size > 20:
        X[1, :3] = 0.0, -0.0, np.nan
        X[2, :3] = np.inf, -np.inf, np.finfo(dtype).tiny / 2
    found = _core.hash_rows(X, seed)
    assert found.dtype == np.uint64
    assert found.tolist() == [hashing.row(row, seed) for row in X.astype(np.float64)]


def test_hashes_do_not_depend_on_the_number_of_threads(with_threads):
    X = problems.normal(4000, 37)
    np.testing.assert_array_equal(with_threads(1, _core.hash_rows, X, 9), with_threads(2, _core.hash_rows, X, 9))


def test_every_bit_of_a_hash_depends_on_every_value():
    X = problems.normal(2000, 5)
    for column in range(5):
        other = X.copy()
        other[:, column] = np.nextafter(other[:, column], np.inf)
        changed = _core.hash_rows(X, 1) ^ _core.hash_rows(other, 1)
        share = ((changed[:, np.newaxis] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)).mean(axis=0)
        np.testing.assert_allclose(share, 0.5, atol=0.06)
