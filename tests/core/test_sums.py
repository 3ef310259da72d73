"""Accumulated sums: what they hold, that they merge, and what they refuse."""

import numpy as np
import pytest

from reference import problems, sums
from sstpl import _core

each_dtype = pytest.mark.parametrize("dtype", problems.DTYPES)
each_shape = pytest.mark.parametrize(("n", "p"), problems.SHAPES)


def assert_sums(actual, expected, dtype):
    for name in sums.FIELDS:
        problems.assert_close(getattr(actual, name), expected[name], dtype, loosen=0.1)


@each_dtype
@each_shape
def test_sums_equal_the_twin(n, p, dtype, sums_of):
    H, Y = problems.regression(n, p, c=3, dtype=dtype)
    found = sums_of(H, Y)
    assert_sums(found, sums.sums(H, Y), dtype)
    assert found.n_samples == n
    assert found.roundoff == np.finfo(dtype).eps / 2


@each_dtype
@each_shape
def test_weighted_sums_equal_the_twin(n, p, dtype, sums_of):
    H, Y = problems.regression(n, p, dtype=dtype)
    weights = np.random.default_rng(n).uniform(0, 2, n)
    assert_sums(sums_of(H, Y, weights), sums.sums(H, Y, weights), dtype)


@each_dtype
@pytest.mark.parametrize("p", [1023, 1024, 1025, 1100, 1537])
def test_sums_wider_than_one_panel_equal_the_twin(p, dtype, sums_of):
    H, Y = problems.regression(3, p, dtype=dtype)
    found = sums_of(H, Y)
    assert_sums(found, sums.sums(H, Y), dtype)
    np.testing.assert_array_equal(found.gram, found.gram.T)


@each_dtype
def test_rows_added_in_blocks_equal_rows_added_at_once(dtype, sums_of):
    H, Y = problems.regression(100, 17, dtype=dtype)
    parts = _core.Sums(17, 2)
    for row in range(0, 100, 9):
        parts.add_rows(H[row : row + 9], Y[row : row + 9])
    assert_sums(parts, {name: getattr(sums_of(H, Y), name) for name in sums.FIELDS}, dtype)


def test_merged_sums_equal_the_sums_of_all_rows(sums_of):
    H, Y = problems.regression(30, 5)
    w = np.linspace(0, 1, 20)
    merged = sums_of(H[:10], Y[:10])
    merged.merge(sums_of(H[10:], Y[10:], w))
    assert_sums(merged, sums.merge(sums.sums(H[:10], Y[:10]), sums.sums(H[10:], Y[10:], w)), np.float64)
    assert merged.n_samples == 30


def test_merging_keeps_the_coarser_roundoff(sums_of):
    merged = sums_of(*problems.regression(5, 3))
    merged.merge(sums_of(*problems.regression(5, 3, dtype=np.float32)))
    assert merged.roundoff == 2.0**-24


def test_sums_merged_with_themselves_double(sums_of):
    found = sums_of(*problems.regression(9, 4))
    before = {name: getattr(found, name) for name in sums.FIELDS}
    found.merge(found)
    assert_sums(found, {name: 2 * before[name] for name in sums.FIELDS}, np.float64)


def test_whole_weights_equal_repeated_rows(sums_of):
    H, Y = problems.regression(12, 5)
    counts = np.arange(12) % 4
    repeated = sums_of(np.repeat(H, counts, axis=0), np.repeat(Y, counts, axis=0))
    weighted = sums_of(H, Y, counts.astype(float))
    assert_sums(weighted, {name: getattr(repeated, name) for name in sums.FIELDS}, np.float64)


@each_dtype
def test_the_order_of_rows_does_not_matter(dtype, sums_of):
    H, Y = problems.regression(100, 5, dtype=dtype)
    order = np.random.default_rng(0).permutation(100)
    expected = {name: getattr(sums_of(H, Y), name) for name in sums.FIELDS}
    assert_sums(sums_of(H[order], Y[order]), expected, dtype)


def test_float_sums_do_not_lose_digits_with_the_number_of_blocks():
    H, Y = problems.regression(64, 8, dtype=np.float32)
    total = _core.Sums(8, 2)
    for _ in range(500):
        total.add_rows(H, Y)
    expected = 500 * sums.sums(H, Y)["gram"]
    assert np.abs(total.gram - expected).max() < 1e-6 * np.abs(expected).max()


def test_new_sums_are_zero_and_empty_blocks_add_nothing():
    found = _core.Sums(4, 2)
    found.add_rows(np.ones((1, 4))[:0], np.ones((1, 2))[:0])
    assert_sums(found, sums.sums(np.zeros((0, 4)), np.zeros((0, 2))), np.float64)
    assert found.n_samples == 0


@pytest.mark.parametrize(("p", "c"), [(0, 2), (3, 0), (0, 0)])
def test_sums_without_features_or_outputs_work(p, c, sums_of):
    found = sums_of(np.ones((4, p)), np.ones((4, c)))
    assert_sums(found, sums.sums(np.ones((4, p)), np.ones((4, c))), np.float64)


def test_what_is_read_is_a_copy(sums_of):
    found = sums_of(*problems.regression(9, 4))
    for name in sums.FIELDS[:-1]:
        before = getattr(found, name).copy()
        getattr(found, name)[:] = np.nan
        np.testing.assert_array_equal(getattr(found, name), before)
    with pytest.raises(AttributeError):
        found.weight = 3.0


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (-np.ones(9), "weights must be finite and not negative"),
        (np.r_[np.ones(8), np.nan], "weights must be finite and not negative"),
        (np.r_[np.nan, np.ones(8)], "weights must be finite and not negative"),
        (np.r_[np.ones(8), np.inf], "weights must be finite and not negative"),
        (np.ones(8), "one weight per row"),
        (np.ones((9, 1)), "weights must be 1-D"),
    ],
)
def test_bad_weights_are_refused_and_leave_the_sums_alone(weights, words, sums_of):
    H, Y = problems.regression(9, 4)
    found = sums_of(H, Y)
    with pytest.raises(ValueError, match=words):
        found.add_rows(H, Y, weights)
    assert_sums(found, sums.sums(H, Y), np.float64)


def test_an_empty_array_of_weights_is_not_no_weights(sums_of):
    H, Y = problems.regression(9, 4)
    with pytest.raises(ValueError, match="one weight per row"):
        sums_of(H, Y, np.ones(0))


@pytest.mark.parametrize(("p", "c"), [(5, 2), (4, 3)])
def test_sums_of_other_shapes_are_refused(p, c, sums_of):
    found = sums_of(*problems.regression(9, 4))
    other = problems.normal(9, p), problems.normal(9, c)
    with pytest.raises(ValueError, match=r"H must be \(n, n_features\) and Y \(n, n_outputs\)"):
        found.add_rows(*other)
    with pytest.raises(ValueError, match="different shapes"):
        found.merge(sums_of(*other))


@pytest.mark.parametrize("shape", [(-1, 2), (2, -1)])
def test_negative_sizes_are_refused(shape):
    with pytest.raises(ValueError, match="n_features and n_outputs must not be negative"):
        _core.Sums(*shape)


@pytest.mark.parametrize("shape", [("2", 2), (2.5, 2), (None, 2)])
def test_sizes_that_are_not_whole_numbers_are_type_errors(shape):
    with pytest.raises(TypeError):
        _core.Sums(*shape)
