"""Sums of a layer that grows: rows and units added, rows taken away, outputs that come later, and their state."""

import copy
import pickle

import numpy as np
import pytest

from reference import growing, problems, ridge, sums
from sstpl import _core

each_dtype = pytest.mark.parametrize("dtype", problems.DTYPES)


def draw_layer(p, d, dtype=np.float64):
    return (
        problems.normal(p, d, seed=7, dtype=dtype),
        problems.normal(p, seed=8, dtype=dtype),
        (problems.normal(p, seed=9) / 8).astype(dtype),
    )


def leading(layer, p):
    return tuple(part[:p] for part in layer)


def hidden_sums(X, Y, layer):
    found = _core.Sums(len(layer[0]), Y.shape[1])
    _core.add_hidden_rows(found, X, Y, layer, "tanh")
    return found


def assert_sums(actual, expected, dtype=np.float64, loosen=1.0):
    for name in sums.FIELDS:
        wanted = expected[name] if isinstance(expected, dict) else getattr(expected, name)
        problems.assert_close(getattr(actual, name), wanted, dtype, loosen)


@each_dtype
@pytest.mark.parametrize(("n", "p"), problems.SHAPES)
def test_sums_of_hidden_rows_equal_the_twin(n, p, dtype):
    X, Y = problems.regression(n, 4, dtype=dtype)
    layer = draw_layer(p, 4, dtype)
    found = hidden_sums(X, Y, layer)
    assert_sums(found, growing.layer_sums(X, Y, *layer), dtype)
    assert (found.n_samples, found.roundoff) == (n, np.finfo(dtype).eps / 2)
    np.testing.assert_allclose(found.squares, np.diag(found.gram))


@each_dtype
@pytest.mark.parametrize("p", [0, 1, 7, 12])
def test_a_wider_layer_has_the_sums_of_all_its_units(p, dtype):
    X, Y = problems.regression(60, 4, dtype=dtype)
    layer = draw_layer(12, 4, dtype)
    found = _core.widened(hidden_sums(X, Y, leading(layer, p)), X, Y, layer, "tanh")
    assert_sums(found, growing.layer_sums(X, Y, *layer), dtype)


@each_dtype
def test_a_wider_layer_needs_the_rows_of_the_sums_in_any_order(dtype):
    X, Y = problems.regression(60, 4, dtype=dtype)
    layer = draw_layer(12, 4, dtype)
    found = hidden_sums(X, Y, leading(layer, 7))
    backwards = np.ascontiguousarray(X[::-1]), np.ascontiguousarray(Y[::-1])
    assert_sums(_core.widened(found, *backwards, layer, "tanh"), growing.layer_sums(X, Y, *layer), dtype)
    with pytest.raises(ValueError, match="rows of the sums, 60, got 59"):
        _core.widened(found, X[1:], Y[1:], layer, "tanh")
    for spoiled in (X, Y):
        before = spoiled[3].copy()
        spoiled[3] = spoiled[4]
        with pytest.raises(ValueError, match="X and y are not the rows"):
            _core.widened(found, X, Y, layer, "tanh")
        spoiled[3] = before


def test_units_that_give_nan_are_not_those_of_the_sums():
    X, Y = problems.regression(60, 4)
    A, b, shift = draw_layer(7, 4, np.float64)
    found = hidden_sums(X, Y, (A, b, shift))
    with pytest.raises(ValueError, match="X and y are not the rows"):
        _core.widened(found, X, Y, (A, np.full_like(b, np.nan), shift), "tanh")


def test_rows_that_were_subtracted_were_never_added(sums_of):
    H, Y = problems.regression(40, 6)
    found = sums_of(H, Y)
    found.subtract(sums_of(H[25:], Y[25:]))
    assert_sums(found, sums.sums(H[:25], Y[:25]))
    assert found.n_samples == 25
    problems.assert_close(found.removed, (H[25:] ** 2).sum(axis=0))
    with pytest.raises(ValueError, match="more rows than there are"):
        sums_of(H[:5], Y[:5]).subtract(found)
    with pytest.raises(ValueError, match="different shapes"):
        found.subtract(_core.Sums(6, 3))


def test_what_rows_that_were_subtracted_leave_behind_is_no_feature(sums_of):
    """A column that only the rows taken away had has weight zero, and the others those of a solve without it."""
    H, Y = problems.regression(60, 5)
    H[:, 2] = 0.1
    H[:30, 2] *= 1e4 * problems.normal(30, seed=3)
    found = sums_of(H, Y)
    found.subtract(sums_of(H[:30], Y[:30]))
    solution = _core.solve_ridge([found], 1e-6, True)
    np.testing.assert_array_equal(solution["weights"][2], 0.0)
    expected, _ = ridge.solve(H[30:], Y[30:], 1e-6)
    np.testing.assert_allclose(solution["weights"], expected, atol=1e-6)


def test_outputs_that_no_row_had_come_from_the_sums_of_features(sums_of):
    H, Y = problems.regression(30, 5, c=2)
    wider = np.column_stack([np.full(30, -1.0), Y[:, 1], Y[:, 0], np.full(30, -1.0)])
    assert_sums(sums_of(H, Y).with_outputs(np.array([-1, 1, 0, -1]), -1.0), sums.sums(H, wider))
    with pytest.raises(ValueError, match="no such column"):
        sums_of(H, Y).with_outputs(np.array([2]), -1.0)


def test_a_solve_that_may_not_fall_back_says_so(sums_of):
    H, Y = problems.regression(30, 3)
    singular = sums_of(np.hstack([H, H]), Y)
    assert not _core.solve_ridge([singular], 0.0, True, allow_fallback=False)["solved"]
    assert _core.solve_ridge([singular], 0.0, True)["solve"]["solver"] == "eigen"


@pytest.mark.parametrize("p", [0, 4, 1100])
def test_copies_and_pickles_are_the_same_sums_and_independent(p, sums_of):
    H, Y = problems.regression(9, max(p, 1))
    H = np.ascontiguousarray(H[:, :p])
    found = sums_of(H, Y)
    found.subtract(sums_of(H[:2], Y[:2]))
    for again in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):
        for name in (*sums.FIELDS, "squares", "removed", "n_samples", "roundoff"):
            np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
        again.merge(again)
        assert (again.n_samples, found.n_samples) == (14, 7)


@pytest.mark.parametrize("entry", range(10))
def test_a_state_of_other_types_is_refused(entry, sums_of):
    state = list(sums_of(*problems.regression(9, 4)).__getstate__())
    state[entry] = object()
    with pytest.raises(TypeError, match=r"state of Sums|must be a (string|real number)|not 'object'"):
        _core.Sums.__new__(_core.Sums).__setstate__(tuple(state))


@pytest.mark.parametrize("entry", range(7))
def test_a_state_of_other_sizes_is_refused(entry, sums_of):
    state = list(sums_of(*problems.regression(9, 4)).__getstate__())
    state[entry] = state[entry][:-1]
    with pytest.raises(ValueError, match="state of Sums"):
        _core.Sums.__new__(_core.Sums).__setstate__(tuple(state))
