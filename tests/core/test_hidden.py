"""Draws of hidden layers: their laws, their constraints, and independence of threads."""

import numpy as np
import pytest

from reference import hidden, problems
from sstpl import _core

each_dtype = pytest.mark.parametrize("dtype", problems.DTYPES)
each_kind = pytest.mark.parametrize("kind", ["orthogonal", "uniform", "normal", "constrained"])
each_shape = pytest.mark.parametrize(("d", "p"), problems.SHAPES)


@each_dtype
@each_shape
@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_independent_weights_equal_the_twin(d, p, kind, dtype):
    A, b = _core.draw_hidden(kind, np.ones((2, d), dtype), p, 5, 3)
    assert A.dtype == b.dtype == dtype
    for actual, expected in zip((A, b), hidden.draw_iid(kind, d, p, 5, 3), strict=True):
        problems.assert_close(actual, expected, dtype, 0.01)


@each_dtype
@each_shape
def test_orthogonal_weights_equal_the_twin(d, p, dtype):
    A, b = _core.draw_hidden("orthogonal", np.ones((2, d), dtype), p, 5, 3)
    expected = hidden.draw_orthogonal(d, p, 5, 3)[0]
    problems.assert_close(A, expected, dtype, 100 if dtype == np.float64 else 0.01)
    np.testing.assert_array_equal(b, np.zeros(p))


@each_dtype
@each_shape
def test_orthogonal_weights_are_orthonormal_on_their_short_side(d, p, dtype):
    A = _core.draw_hidden("orthogonal", np.ones((2, d), dtype), p, 1, 0)[0].astype(np.float64)
    gram = A @ A.T if p <= d else A.T @ A * (d / p)
    assert np.abs(gram - np.eye(min(p, d))).max() < (1e-9 if dtype == np.float64 else 1e-6)


@pytest.mark.parametrize("kind", ["uniform", "normal", "orthogonal"])
@pytest.mark.parametrize(("d", "p"), [(50, 400), (400, 50), (150, 150)])
def test_entries_have_variance_one_over_the_inputs(kind, d, p):
    A, b = _core.draw_hidden(kind, np.ones((2, d)), p, 9, 0)
    assert A.var() * d == pytest.approx(1.0, rel=0.05)
    assert abs(A.mean()) * np.sqrt(d) < 0.05
    assert -1 <= b.min() <= b.max() < 1


@each_kind
def test_the_same_seed_and_stream_draw_the_same_numbers_and_others_do_not(kind):
    X, names = problems.normal(30, 6), problems.labels(30, 2)
    drawn = [_core.draw_hidden(kind, X, 8, seed, stream, names) for seed, stream in [(1, 0), (1, 0), (2, 0), (1, 1)]]
    np.testing.assert_array_equal(drawn[0][0], drawn[1][0])
    for other in drawn[2:]:
        assert not np.array_equal(drawn[0][0], other[0])


def test_streams_far_apart_do_not_share_their_numbers():
    X = np.ones((2, 4))
    near, far = (_core.draw_hidden("normal", X, 6, 0, stream)[0] for stream in (0, 2**29))
    assert not np.array_equal(near, far)


@each_kind
@each_dtype
def test_draws_do_not_depend_on_the_number_of_threads(kind, dtype, with_threads):
    X, names = problems.normal(40, 300, dtype=dtype), problems.labels(40, 3)
    one, two = (with_threads(t, _core.draw_hidden, kind, X, 250, 3, 1, names) for t in (1, 2))
    if kind == "orthogonal":  # made orthonormal by the BLAS, whose rounding may change with its threads
        np.testing.assert_allclose(one[0], two[0], rtol=0, atol=8 * np.finfo(dtype).eps)
    else:
        np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])


def test_float_draws_are_the_rounded_double_draws():
    for kind in ("uniform", "normal", "orthogonal"):
        single, double = (_core.draw_hidden(kind, np.ones((2, 9), t), 5, 0, 0)[0] for t in problems.DTYPES)
        np.testing.assert_allclose(single, double, rtol=2e-7, atol=1e-9)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weights": "gaussian"}, "hidden_weights must be orthogonal, uniform, normal, constrained or centers"),
        ({"weights": ""}, "hidden_weights must be orthogonal, uniform, normal, constrained or centers"),
        ({"n_hidden": 0}, "at least one unit"),
        ({"n_hidden": -3}, "at least one unit"),
        ({"X": np.ones((5, 0))}, "at least one input column"),
        ({"X": np.ones((1, 3))[:0].reshape(0, 3)}, "at least one row"),
        ({"labels": np.zeros(4, np.int64)}, "one label per row"),
        ({"fold_starts": np.array([0, 5])}, "fold_starts"),
        ({"fold_starts": np.array([0, 3, 3, 5])}, "fold_starts"),
        ({"fold_starts": np.array([1, 3, 5])}, "fold_starts"),
        ({"fold_starts": np.array([0, 3, 6])}, "fold_starts"),
        ({"fold_starts": np.array([0, -1, 5])}, "fold_starts"),
    ],
)
def test_bad_settings_are_refused_by_name(change, words):
    settings = {"weights": "constrained", "X": problems.normal(5, 3), "n_hidden": 4, "seed": 0, "stream": 0} | change
    with pytest.raises(ValueError, match=words):
        _core.draw_hidden(**settings)
