"""Constrained units: the pairs of rows that they are made of, from all rows or from few, here or elsewhere."""

import numpy as np
import pytest

from reference import constrained, problems
from sstpl import _core

each_dtype = pytest.mark.parametrize("dtype", problems.DTYPES)


@each_dtype
@pytest.mark.parametrize(("n", "d", "p"), [(2, 1, 1), (5, 2, 17), (17, 100, 5), (100, 5, 17), (100, 17, 100)])
@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("folded", [True, False])
def test_constrained_weights_equal_the_twin(n, d, p, labelled, folded, dtype):
    X = problems.normal(n, d, dtype=dtype)
    names = problems.labels(n, 3) if labelled else None
    starts = problems.fold_starts(n, 2) if folded else None
    A, b = _core.draw_hidden("constrained", X, p, 5, 3, names, starts)
    expected = constrained.draw_constrained(X, p, 5, 3, names, starts)
    for actual, wanted in zip((A, b), expected, strict=True):
        problems.assert_close(actual, wanted, dtype)


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("folded", [True, False])
def test_constrained_weights_of_weighted_rows_equal_the_twin(labelled, folded):
    X, weights = problems.normal(40, 5), np.abs(problems.normal(40, seed=1)) * (np.arange(40) % 3)
    names = problems.labels(40, 3) if labelled else None
    starts = problems.fold_starts(40, 3) if folded else None
    found = _core.draw_hidden("constrained", X, 100, 5, 3, names, starts, row_weights=weights)
    expected = constrained.draw_constrained(X, 100, 5, 3, names, starts, weights=weights)
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
    expected = constrained.draw_constrained(X, 200, 5, 3, **more, weights=weights, n_landmarks=20)
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
        i, j = constrained.draw_pair(unit, 60, 1, 0, names, starts)
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
    in_fold = [20 <= constrained.draw_pair(unit, 60, 1, 0, names, starts)[0] < 40 for unit in range(300)]
    np.testing.assert_array_equal(changed, in_fold)
    assert 60 < changed.sum() < 140


def layer_of(X, p, seed, stream, **options):
    """Draw pairs until all differ, as whoever holds the rows elsewhere does."""
    seen = {name: options.pop(name) for name in ("fields", "groups") if name in options}
    attempts = np.zeros(p, dtype=np.int64)
    while True:
        pairs = _core.draw_pairs(len(X), seed, stream, attempts, **options)
        A, b = _core.pair_layer(X[pairs[:, 0]], X[pairs[:, 1]], seed, stream, **seen)
        found = pairs[:, 0] >= 0
        A[~found], b[~found] = 0, 0
        again = found & ~A.any(axis=1)
        if not again.any():
            return A, b
        attempts = np.where(found, pairs[:, 2] + again, attempts)


@each_dtype
@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("seen", [{}, {"groups": np.arange(5)}, {"n_landmarks": 15}])
def test_a_layer_of_drawn_pairs_is_the_layer_drawn_from_the_rows(labelled, weighted, seen, dtype):
    X = np.round(problems.normal(60, 5, dtype=dtype))  # of few values: many pairs do not differ where a unit looks
    options = {"fold_starts": problems.fold_starts(60, 3)}
    options |= {"labels": problems.labels(60, 3)} if labelled else {}
    options |= {"row_weights": np.arange(60) % 3 + 0.5} if weighted else {}
    options |= seen
    A, b = layer_of(X, 40, 5, 3, **options)
    expected = _core.draw_hidden("constrained", X, 40, 5, 3, **options)
    np.testing.assert_array_equal(A, expected[0])
    np.testing.assert_array_equal(b, expected[1])


def test_pairs_that_cannot_be_found_are_minus_one():
    pairs = _core.draw_pairs(8, 5, 3, np.zeros(4, np.int64), labels=np.ones(8, np.int64))
    np.testing.assert_array_equal(pairs, -np.ones((4, 3)))


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
