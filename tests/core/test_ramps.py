"""Ramps of columns: equal to the twin to the last bit, whatever the precision of rows and results."""

import numpy as np
import pytest

from reference import problems, ramps
from sstpl import _core

each_dtype = pytest.mark.parametrize("dtype", problems.DTYPES)


def some(n_columns, m, seed=0):
    rng = np.random.default_rng(seed)
    low = rng.normal(size=m)
    columns = rng.integers(n_columns, size=m)
    return columns, low, low + rng.uniform(0, 2, m), rng.normal(size=m), rng.uniform(0.1, 3, m)


@each_dtype
@pytest.mark.parametrize("single", [True, False])
@pytest.mark.parametrize(("n", "d", "m"), [(1, 1, 1), (7, 3, 9), (2000, 40, 50), (5, 3, 0), (0, 3, 2)])
def test_results_equal_the_twin(n, d, m, single, dtype):
    X, chosen = problems.normal(n, d, dtype=dtype), some(d, m)
    found = _core.apply_ramps(X, *chosen, single)
    expected = ramps.apply(X, *chosen).astype(np.float32 if single else np.float64)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_open_ramps_let_everything_through():
    X = problems.normal(20, 2)
    ends = np.full(2, -np.inf), np.full(2, np.inf)
    found = _core.apply_ramps(X, np.array([1, 0]), *ends, np.zeros(2), np.ones(2), False)
    np.testing.assert_array_equal(found, X[:, ::-1])


@pytest.mark.parametrize("column", [-1, 3])
def test_columns_that_are_not_there_are_refused(column):
    chosen = list(some(3, 2))
    chosen[0] = np.array([0, column])
    with pytest.raises(ValueError, match="ramps are of columns of X"):
        _core.apply_ramps(problems.normal(4, 3), *chosen, True)


@each_dtype
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize(("n", "d", "m"), [(1, 1, 1), (7, 3, 9), (2000, 40, 50), (5, 3, 0), (0, 3, 2)])
def test_shares_add_up_to_the_twin(n, d, m, centred, weighted, dtype):
    X, (columns, low, high, *_) = problems.normal(n, d, dtype=dtype), some(d, m)
    X[: n // 3, -1] = np.nan
    mean = np.linspace(0, 1, m) if centred else None
    w = np.linspace(0.5, 2, n) if weighted else None
    before = np.linspace(1, 2, m)
    found = _core.add_shares(X, columns, low, high, mean, w, before)
    np.testing.assert_allclose(found, before + ramps.shares(X, columns, low, high, mean, w), rtol=1e-12)


def test_shares_of_blocks_are_those_of_all_rows_to_the_last_bit():
    X, (columns, low, high, *_) = problems.normal(1000, 7), some(7, 9)
    ends = columns, low, high, None, None
    parts = np.zeros(9)
    for rows in np.split(X, [1, 400, 977]):
        parts = _core.add_shares(rows, *ends, parts)
    np.testing.assert_array_equal(parts, _core.add_shares(X, *ends, np.zeros(9)))
