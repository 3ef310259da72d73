"""Ridge where digits are lost: deficient rank, duplicate and constant columns, huge means, overflow."""

import numpy as np
import pytest

from reference import problems, ridge
from sstpl import _core

each_dtype = pytest.mark.parametrize("dtype", problems.DTYPES)
LOOSEN = {np.float32: 100.0, np.float64: 1e4}


@pytest.fixture
def primal(sums_of):
    def solve(H, Y, alpha, intercept=True):
        return _core.solve_ridge([sums_of(H, Y)], alpha, intercept)

    return solve


def of_rank(rank, n, p, dtype):
    return (problems.normal(n, rank, seed=3) @ problems.normal(rank, p, seed=4)).astype(dtype)


@each_dtype
@pytest.mark.parametrize(("n", "p", "rank"), [(60, 12, 4), (60, 40, 20), (500, 100, 1)])
def test_deficient_rank_without_a_penalty_gives_the_least_norm_solution(n, p, rank, dtype, primal):
    H, Y = of_rank(rank, n, p, dtype), problems.normal(n, 2, dtype=dtype)
    found = primal(H, Y, 0.0)
    assert found["solve"]["solver"] == "eigen"
    assert found["solve"]["rank"] == rank
    Hc, Yc, _, _ = ridge.centred(H, Y)
    least = np.linalg.pinv(Hc, rcond=1e-4) @ Yc
    problems.assert_close(found["weights"], least, dtype, LOOSEN[dtype])


@each_dtype
@pytest.mark.parametrize("alpha", [1e-15, 1e-9, 1e-6, 1e-4, 1e-2])
def test_deficient_rank_never_blows_up_the_weights(alpha, dtype, primal):
    H, Y = of_rank(20, 200, 60, dtype), problems.normal(200, 3, dtype=dtype)
    found = primal(H, Y, alpha)
    least = np.linalg.pinv(H - H.mean(axis=0), rcond=1e-4) @ (Y - Y.mean(axis=0))
    assert np.isfinite(found["weights"]).all()
    assert np.linalg.norm(found["weights"]) < (1.5 if dtype == np.float32 else 1.01) * np.linalg.norm(least)
    assert found["solve"]["rcond"] < 1e-2 or found["solve"]["solver"] == "eigen"


@each_dtype
def test_deficient_rank_with_a_sound_penalty_equals_the_twin(dtype, primal):
    H, Y = of_rank(20, 200, 60, dtype), problems.normal(200, 3, dtype=dtype)
    problems.assert_close(primal(H, Y, 0.01)["weights"], ridge.solve(H, Y, 0.01)[0], dtype, 10)


@each_dtype
@pytest.mark.parametrize("alpha", [0.0, 1e-8, 1e-3])
def test_duplicate_columns_share_their_weight(alpha, dtype, primal):
    H, Y = problems.regression(50, 6, dtype=dtype)
    H[:, 4] = H[:, 1]
    found = primal(H, Y, alpha)
    assert np.isfinite(found["weights"]).all()
    problems.assert_close(found["weights"][4], found["weights"][1], dtype, LOOSEN[dtype])
    W, b = ridge.solve(H, Y, alpha)
    problems.assert_close(H @ found["weights"] + found["intercept"], H @ W + b, dtype, LOOSEN[dtype])


@each_dtype
@pytest.mark.parametrize("alpha", [0.0, 1e-12, 1e-3])
@pytest.mark.parametrize("constant", [0.0, 1.0, 0.1, 1234.567])
def test_a_constant_column_gets_no_weight(constant, alpha, dtype, primal):
    H, Y = problems.regression(300, 3, dtype=dtype)
    H[:, 1] = constant
    found = primal(H, Y, alpha)
    without = ridge.solve(H[:, [0, 2]], Y, alpha)[0]
    problems.assert_close(found["weights"][1], np.zeros(2), np.float32, 10)
    problems.assert_close(found["weights"][[0, 2]], without, np.float32, 10)


@each_dtype
@pytest.mark.parametrize("alpha", [0.0, 0.1])
def test_nothing_but_constant_columns_leaves_the_mean(alpha, dtype, primal):
    Y = problems.normal(20, 2, dtype=dtype)
    found = primal(np.ones((20, 3), dtype), Y, alpha)
    problems.assert_close(found["weights"], np.zeros((3, 2)), dtype)
    problems.assert_close(found["intercept"], Y.mean(axis=0), dtype)


@pytest.mark.parametrize("alpha", [0.0, 0.1])
def test_targets_of_zero_give_weights_of_zero(alpha, primal):
    found = primal(problems.normal(20, 3), np.zeros((20, 2)), alpha)
    np.testing.assert_array_equal(found["weights"], np.zeros((3, 2)))


@pytest.mark.parametrize(("n", "p"), [(5, 9), (1, 3), (2, 100)])
def test_fewer_rows_than_features_without_a_penalty_fit_exactly_with_least_norm(n, p, primal):
    H, Y = problems.regression(n, p)
    least = np.linalg.pinv(H - H.mean(axis=0)) @ (Y - Y.mean(axis=0))
    for found in (primal(H, Y, 0.0), _core.solve_ridge_dual(H, Y, 0.0, True)):
        problems.assert_close(found["weights"], least, loosen=1e4)
        problems.assert_close(H @ found["weights"] + found["intercept"], Y, loosen=1e4)


def test_a_huge_mean_costs_no_more_digits_than_its_square(primal):
    H, Y = problems.regression(400, 5)
    found = primal(H + 1e6, Y, 1e-3)  # relative to the variance, the sums are rounded to about 1e-4
    problems.assert_close(found["weights"], ridge.solve(H + 1e6, Y, 1e-3)[0], np.float32, 100)


@pytest.mark.parametrize("p", [1, 5])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_spread_lost_in_the_rounding_of_the_sums_is_not_trusted(seed, p, primal):
    spread = problems.normal(400, p, seed=seed)
    H, Y = 1e-3 * spread + 1e6, spread @ problems.normal(p, 2, seed=seed + 9)
    found = primal(H, Y, 1e-3)
    is_zero = np.linalg.norm(found["weights"]) < 1e-6 * np.linalg.norm(ridge.solve(H, Y, 1e-3)[0])
    assert is_zero or found["solve"]["rank"] < p or found["solve"]["rcond"] < 1e-9


@each_dtype
def test_scales_many_orders_apart_are_solved(dtype, primal):
    H, Y = problems.regression(300, 6, dtype=dtype)
    H = (H * np.logspace(-6, 6, 6)).astype(dtype)
    found = primal(H, Y, 0.0)
    W = ridge.solve(H / np.logspace(-6, 6, 6), Y, 0.0)[0]
    problems.assert_close(found["weights"] * np.logspace(-6, 6, 6)[:, None], W, dtype, 10)


def test_poor_condition_is_reported(primal):
    H, Y = problems.regression(50, 6)
    H[:, 4] = H[:, 1] + 1e-5 * problems.normal(50, seed=9)
    report = primal(H, Y, 0.0)["solve"]
    assert report["solver"] == "cholesky"
    assert 1e-13 < report["rcond"] < 1e-8
    assert primal(problems.normal(50, 6), Y, 1.0)["solve"]["rcond"] > 1e-2


@each_dtype
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["H", "Y"])
def test_sums_that_are_not_finite_are_refused(where, value, dtype, primal):
    H, Y = problems.regression(9, 3, dtype=dtype)
    (H if where == "H" else Y)[4, 1] = value
    with pytest.raises(np.linalg.LinAlgError, match="not finite"):
        primal(H, Y, 0.1)


def test_features_that_overflow_are_refused(primal):
    H, Y = problems.regression(9, 3, dtype=np.float32)
    with pytest.raises(np.linalg.LinAlgError, match="overflow"):
        primal(H * np.float32(1e20), Y, 0.1)
    with pytest.raises(np.linalg.LinAlgError, match="overflow"):
        primal(1e160 * H.astype(np.float64), Y.astype(np.float64), 0.1)


@pytest.mark.parametrize("where", ["H", "Y"])
def test_a_dual_problem_that_is_not_finite_is_refused(where):
    H, Y = problems.regression(4, 9)
    (H if where == "H" else Y)[1, 1] = np.nan
    with pytest.raises(np.linalg.LinAlgError, match="not finite"):
        _core.solve_ridge_dual(H, Y, 0.1, True)


def test_an_alpha_that_cannot_be_solved_has_an_infinite_error(sums_of):
    H, Y = of_rank(3, 60, 8, np.float64), problems.normal(60, 2)
    folds = [sums_of(H[:30], Y[:30]), sums_of(H[30:], Y[30:])]
    errors = _core.heldout_errors(folds, [0.0, 1e-2], True)
    assert np.isinf(errors[0])
    assert np.isfinite(errors[1])
