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


@each_dtype
@pytest.mark.parametrize(("n", "d", "p"), [(2, 1, 1), (5, 2, 17), (17, 100, 5), (100, 5, 17), (100, 17, 100)])
@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("folded", [True, False])
def test_constrained_weights_equal_the_twin(n, d, p, labelled, folded, dtype):
    X = problems.normal(n, d, dtype=dtype)
    names = problems.labels(n, 3) if labelled else None
    starts = problems.fold_starts(n, 2) if folded else None
    A, b = _core.draw_hidden("constrained", X, p, 5, 3, names, starts)
    expected = hidden.draw_constrained(X, p, 5, 3, names, starts)
    for actual, wanted in zip((A, b), expected, strict=True):
        problems.assert_close(actual, wanted, dtype)


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("folded", [True, False])
def test_constrained_weights_of_weighted_rows_equal_the_twin(labelled, folded):
    X, weights = problems.normal(40, 5), np.abs(problems.normal(40, seed=1)) * (np.arange(40) % 3)
    names = problems.labels(40, 3) if labelled else None
    starts = problems.fold_starts(40, 3) if folded else None
    found = _core.draw_hidden("constrained", X, 100, 5, 3, names, starts, row_weights=weights)
    expected = hidden.draw_constrained(X, 100, 5, 3, names, starts, weights=weights)
    for actual, wanted in zip(found, expected, strict=True):
        problems.assert_close(actual, wanted)


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("folded", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_constrained_weights_between_few_rows_equal_the_twin(labelled, folded, weighted):
    X = problems.normal(90, 5)
    more = {"labels": problems.labels(90, 3)} if labelled else {}
    more |= {"fold_starts": problems.fold_starts(90, 3)} if folded else {}
    weights = np.arange(90) % 3 + 0.5 if weighted else None
    found = _core.draw_hidden("constrained", X, 200, 5, 3, **more, row_weights=weights, n_landmarks=20)
    expected = hidden.draw_constrained(X, 200, 5, 3, **more, weights=weights, n_landmarks=20)
    for actual, wanted in zip(found, expected, strict=True):
        problems.assert_close(actual, wanted)
    pairs = _core.draw_pairs(90, 5, 3, np.zeros(200, np.int64), **more, row_weights=weights, n_landmarks=20)
    assert len(np.unique(pairs[:, :2])) <= 20


def test_a_level_of_few_rows_is_the_level_of_its_weights():
    X, Y, names = problems.normal(400, 6), problems.normal(400, 2, seed=1), problems.labels(400, 2)
    shared = {"labels": names, "fold_starts": problems.fold_starts(400, 4)}
    level = _core.fit_level([X], Y, "constrained", 100, "tanh", 5, 3, alphas=[0.1], **shared, n_landmarks=25)
    A, b = _core.draw_hidden("constrained", X, 100, 5, 3, **shared, n_landmarks=25)
    np.testing.assert_array_equal(level["hidden_weights"], A)
    dense = _core.fit_crossfit(X, Y, [0.1], shared["fold_starts"], hidden=(A, b))
    for name in ("weights", "oof_scores"):
        np.testing.assert_allclose(level[name], dense[name], atol=1e-9)


@each_dtype
def test_the_two_samples_of_a_constrained_unit_project_to_plus_and_minus_one(dtype):
    X, names, starts = problems.normal(60, 7, dtype=dtype), problems.labels(60, 4), problems.fold_starts(60, 3)
    A, b = _core.draw_hidden("constrained", X, 200, 1, 0, names, starts)
    projections = (X @ A.T + b).astype(np.float64)
    for unit in range(200):
        i, j = hidden.draw_pair(unit, 60, 1, 0, names, starts)
        assert projections[i, unit] == pytest.approx(1.0, abs=1e-4)
        assert projections[j, unit] == pytest.approx(-1.0, abs=1e-4)
        assert names[i] != names[j]
        assert i // 20 == j // 20  # of one fold


def test_constrained_units_see_nothing_of_other_folds():
    X, names, starts = problems.normal(60, 7), problems.labels(60, 3), problems.fold_starts(60, 3)
    A = _core.draw_hidden("constrained", X, 300, 1, 0, names, starts)[0]
    other = X.copy()
    other[20:40] = problems.normal(20, 7, seed=1)
    changed = (_core.draw_hidden("constrained", other, 300, 1, 0, names, starts)[0] != A).any(axis=1)
    in_fold = [20 <= hidden.draw_pair(unit, 60, 1, 0, names, starts)[0] < 40 for unit in range(300)]
    np.testing.assert_array_equal(changed, in_fold)
    assert 60 < changed.sum() < 140


@pytest.mark.parametrize("kind", ["uniform", "normal", "orthogonal"])
@pytest.mark.parametrize(("d", "p"), [(50, 400), (400, 50), (150, 150)])
def test_entries_have_variance_one_over_the_inputs(kind, d, p):
    A, b = _core.draw_hidden(kind, np.ones((2, d)), p, 9, 0)
    assert A.var() * d == pytest.approx(1.0, rel=0.05)
    assert abs(A.mean()) * np.sqrt(d) < 0.05
    assert -1 <= b.min() <= b.max() < 1


@pytest.mark.parametrize(
    ("X", "names"),
    [
        (np.ones((1, 3)), None),  # no second row
        (np.ones((5, 3)), None),  # no distinct rows
        (problems.normal(5, 3), np.zeros(5, np.int64)),  # no second class
    ],
)
def test_a_pair_that_cannot_be_found_gives_weights_of_zero(X, names):
    A, b = _core.draw_hidden("constrained", X, 4, 0, 0, names)
    np.testing.assert_array_equal(A, np.zeros((4, 3)))
    np.testing.assert_array_equal(b, np.zeros(4))


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e30, 1e200])
def test_constrained_weights_are_finite_for_every_scale_of_the_inputs(scale):
    X = scale * problems.normal(20, 3)
    A, b = _core.draw_hidden("constrained", X, 10, 0, 0)
    projections = X @ A.T + b
    assert np.isfinite(projections).all()
    np.testing.assert_allclose(projections, problems.normal(20, 3) @ (A * scale).T + b, rtol=1e-6)
    assert (np.abs(projections).max(axis=0) > 0.99).all()


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
