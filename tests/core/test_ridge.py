"""The one solver: equal to its twin in primal and dual form, its identities, and what it refuses."""

import itertools

import numpy as np
import pytest

from reference import crossfit, path, problems, ridge
from sstpl import _core

each_dtype = pytest.mark.parametrize("dtype", problems.DTYPES)
each_shape = pytest.mark.parametrize(("n", "p"), problems.SHAPES)
with_or_without_intercept = pytest.mark.parametrize("intercept", [True, False])
ALPHA = {np.float32: 0.1, np.float64: 1e-3}


@pytest.fixture
def primal(sums_of):
    def solve(H, Y, alpha, intercept=True, weights=None):
        return _core.solve_ridge([sums_of(H, Y, weights)], alpha, intercept)

    return solve


@each_dtype
@each_shape
@with_or_without_intercept
def test_the_primal_form_equals_the_twin(n, p, intercept, dtype, primal):
    H, Y = problems.regression(n, p, dtype=dtype)
    found = primal(H, Y, ALPHA[dtype], intercept)
    W, b = ridge.solve(H, Y, ALPHA[dtype], intercept)
    problems.assert_close(H @ found["weights"] + found["intercept"], H @ W + b, dtype)
    if n == 1 and intercept:
        return  # one centred row is nothing but rounding: the weights are anything small enough to predict it
    problems.assert_close(found["weights"], W, dtype)
    problems.assert_close(found["intercept"], b, dtype)
    expected = ridge.penalty(H, ALPHA[dtype], intercept)
    np.testing.assert_allclose(found["solve"]["penalty"], expected, rtol=1e-5, atol=1e-12)


@each_shape
@with_or_without_intercept
def test_the_dual_form_equals_the_twin(n, p, intercept):
    H, Y = problems.regression(n, p)
    found = _core.solve_ridge_dual(H, Y, 1e-3, intercept)
    W, b = ridge.solve(H, Y, 1e-3, intercept)
    problems.assert_close(found["weights"], W)
    problems.assert_close(found["intercept"], b)
    np.testing.assert_allclose(found["solve"]["penalty"], ridge.penalty(H, 1e-3, intercept), atol=1e-12)


@with_or_without_intercept
def test_weighted_ridge_equals_the_twin(intercept, primal):
    H, Y = problems.regression(40, 7)
    w = np.random.default_rng(0).uniform(0, 3, 40)
    found = primal(H, Y, 0.01, intercept, w)
    W, b = ridge.solve(H, Y, 0.01, intercept, w)
    problems.assert_close(found["weights"], W)
    problems.assert_close(found["intercept"], b)


@pytest.mark.parametrize("skipped", [(0, 0), (0, 3), (4, 9), (7, 12), (1, 12)])
def test_rows_left_out_of_the_dual_form_do_not_count(skipped):
    H, Y = problems.regression(12, 20)
    keep = np.delete(np.arange(12), slice(*skipped))
    found = _core.solve_ridge_dual(H, Y, 0.01, True, *skipped)
    W, b = ridge.solve(H[keep], Y[keep], 0.01)
    problems.assert_close(found["weights"], W)
    problems.assert_close(found["intercept"], b)


@pytest.mark.parametrize("q", [0, 1, 6, 11])
def test_leading_columns_are_a_ridge_of_their_own(q, sums_of):
    H, Y = problems.regression(50, 11)
    found = _core.solve_ridge([sums_of(H, Y)], 0.1, True, n_features=q)
    W, b = ridge.solve(H[:, :q], Y, 0.1)
    problems.assert_close(found["weights"], W)
    problems.assert_close(found["intercept"], b)


@with_or_without_intercept
def test_heldout_errors_from_sums_equal_explicit_k_fold(intercept, sums_of):
    H, Y = problems.regression(60, 9)
    starts, alphas = problems.fold_starts(60, 4), [1e-6, 1e-3, 0.1, 10.0]
    folds = [sums_of(H[fold], Y[fold]) for fold in crossfit.folds(starts)]
    for q in (9, 4):
        expected = crossfit.path_errors(H[:, :q], Y, alphas, starts, intercept)
        path.assert_searched(_core.heldout_errors(folds, alphas, intercept, q), alphas, expected)


def test_parts_taken_together_equal_their_merged_sums(sums_of):
    H, Y = problems.regression(40, 6)
    together = _core.solve_ridge([sums_of(H[:15], Y[:15]), sums_of(H[15:], Y[15:])], 0.1, True)
    problems.assert_close(together["weights"], ridge.solve(H, Y, 0.1)[0])


def test_stacked_rows_equal_doubled_penalty(primal):
    H, Y = problems.regression(30, 8)
    once = primal(H, Y, 0.1)
    twice = primal(np.vstack([H, H]), np.vstack([Y, Y]), 0.1)  # alpha is relative: the penalty doubles by itself
    problems.assert_close(twice["weights"], once["weights"])
    assert twice["solve"]["penalty"] == pytest.approx(2 * once["solve"]["penalty"])


def test_duplicated_columns_with_doubled_penalty_share_the_weights(primal):
    H, Y = problems.regression(30, 8)
    half = primal(H, Y, 0.1)["weights"] / 2
    problems.assert_close(primal(np.hstack([H, H]), Y, 0.2)["weights"], np.vstack([half, half]))


@pytest.mark.parametrize(("n", "p"), [(9, 8), (8, 8), (8, 9), (2, 3), (17, 100)])
def test_primal_and_dual_forms_agree(n, p, primal):
    H, Y = problems.regression(n, p)
    for name in ("weights", "intercept"):
        problems.assert_close(primal(H, Y, 0.01)[name], _core.solve_ridge_dual(H, Y, 0.01, True)[name])


def test_scaled_targets_scale_the_weights(primal):
    H, Y = problems.regression(30, 8)
    problems.assert_close(primal(H, -7 * Y, 0.1)["weights"], -7 * primal(H, Y, 0.1)["weights"])


def test_scaled_features_with_the_same_alpha_give_the_same_predictions(primal):
    H, Y = problems.regression(30, 8)
    problems.assert_close(100 * primal(100 * H, Y, 0.1)["weights"], primal(H, Y, 0.1)["weights"])


def test_permuted_columns_permute_the_weights(primal):
    H, Y = problems.regression(30, 8)
    order = np.random.default_rng(0).permutation(8)
    permuted = primal(np.ascontiguousarray(H[:, order]), Y, 0.1)["weights"]
    problems.assert_close(permuted, primal(H, Y, 0.1)["weights"][order])


def test_rotated_features_rotate_the_weights_and_keep_the_predictions(primal):
    H, Y = problems.regression(30, 8)
    Q = np.linalg.qr(problems.normal(8, 8))[0]
    turned, straight = primal(H @ Q, Y, 0.1)["weights"], primal(H, Y, 0.1)["weights"]
    problems.assert_close(turned, Q.T @ straight)
    problems.assert_close(H @ Q @ turned, H @ straight)


def test_the_gradient_vanishes_at_the_solution(primal):
    H, Y = problems.regression(30, 8)
    found = primal(H, Y, 0.1)
    residual = Y - H @ found["weights"] - found["intercept"]
    Hc = H - H.mean(axis=0)
    problems.assert_close(Hc.T @ residual, found["solve"]["penalty"] * found["weights"])
    problems.assert_close(residual.sum(axis=0), np.zeros(2))


@pytest.mark.parametrize(("n", "p"), [(30, 8), (8, 30)])
def test_the_weights_shrink_from_least_norm_to_zero_as_alpha_grows(n, p, primal):
    H, Y = problems.regression(n, p)
    norms = [np.linalg.norm(primal(H, Y, a)["weights"]) for a in [0, *np.logspace(-8, 12, 21)]]
    assert all(later <= earlier * (1 + 1e-9) for earlier, later in itertools.pairwise(norms))
    assert norms[-1] < 1e-10
    least = np.linalg.pinv(H - H.mean(axis=0)) @ (Y - Y.mean(axis=0))
    problems.assert_close(primal(H, Y, 0.0)["weights"], least, loosen=1e3)


def test_weights_that_count_rows_equal_repeated_rows(primal):
    H, Y = problems.regression(12, 5)
    counts = np.arange(12) % 3
    repeated = primal(np.repeat(H, counts, axis=0), np.repeat(Y, counts, axis=0), 0.1)
    problems.assert_close(primal(H, Y, 0.1, True, counts.astype(float))["weights"], repeated["weights"])


@pytest.mark.parametrize("alpha", [-1e-9, -1.0, np.nan, np.inf, -np.inf])
def test_bad_alphas_are_refused_by_name(alpha, primal, sums_of):
    H, Y = problems.regression(6, 3)
    with pytest.raises(ValueError, match="alpha must be finite and not negative"):
        primal(H, Y, alpha)
    with pytest.raises(ValueError, match="alpha must be finite and not negative"):
        _core.solve_ridge_dual(H, Y, alpha, True)
    with pytest.raises(ValueError, match="alpha must be finite and not negative"):
        _core.heldout_errors([sums_of(H, Y), sums_of(H, Y)], [0.1, alpha], True)


def test_sums_that_do_not_belong_together_are_refused(sums_of):
    one = sums_of(*problems.regression(6, 3))
    for other in (sums_of(*problems.regression(6, 4)), sums_of(*problems.regression(6, 3, c=3))):
        with pytest.raises(ValueError, match="different shapes"):
            _core.solve_ridge([one, other], 0.1, True)
        for folds in ([one, other], [other, one]):
            with pytest.raises(ValueError, match="shapes"):
                _core.heldout_errors(folds, [0.1], True, 3)


@pytest.mark.parametrize("skip", [(-1, 2), (3, 2), (2, 7), (0, 6)])
def test_bad_ranges_of_rows_are_refused(skip):
    with pytest.raises(ValueError, match="rows"):
        _core.solve_ridge_dual(*problems.regression(6, 3), 0.1, True, *skip)


def test_solves_of_nothing_are_refused(sums_of):
    one = sums_of(*problems.regression(6, 3))
    with pytest.raises(ValueError, match="at least one set of sums"):
        _core.solve_ridge([], 0.1, True)
    with pytest.raises(ValueError, match="at least two folds"):
        _core.heldout_errors([one], [0.1], True)
    with pytest.raises(ValueError, match="more leading columns"):
        _core.solve_ridge([one], 0.1, True, 4)
    with pytest.raises(ValueError, match="more leading columns"):
        _core.heldout_errors([one, one], [0.1], True, 4)
    with pytest.raises(TypeError):
        _core.solve_ridge(one, 0.1, True)
    with pytest.raises(TypeError):
        _core.solve_ridge([one], "0.1", True)
