"""Leave-one-out scores: equal to a refit without every row, in primal and dual form."""

import numpy as np
import pytest

from reference import hidden, leverage, problems
from sstpl import _core

each_dtype = pytest.mark.parametrize("dtype", problems.DTYPES)


def fit(X, Y, alpha, n_folds=3, **options):
    return _core.fit_crossfit(X, Y, [alpha], problems.fold_starts(len(X), n_folds), leave_one_out=True, **options)


@each_dtype
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize(("n", "p"), [(5, 2), (40, 5), (30, 25), (30, 60), (1100, 3)])
def test_scores_equal_the_twin(n, p, intercept, dtype):
    H, Y = problems.regression(n, p, dtype=dtype)
    found = fit(H, Y, 0.1, intercept=intercept)
    assert found["loo_scores"].dtype == dtype
    problems.assert_close(found["loo_scores"], leverage.loo_scores(H, Y, 0.1, intercept), dtype, 10)
    assert found["report"]["rows_left_out_alone"] == n


@each_dtype
@pytest.mark.parametrize("hold_bytes", [0, 2000, 1 << 28])
def test_scores_on_hidden_features_equal_the_twin_whatever_is_held(hold_bytes, dtype):
    X, Y = problems.regression(60, 4, dtype=dtype)
    A, b = problems.normal(10, 4, dtype=dtype), problems.normal(10, seed=1, dtype=dtype)
    found = fit(X, Y, 0.1, hidden=(A, b), hold_bytes=hold_bytes, block_rows=7)
    expected = leverage.loo_scores(hidden.features(X, A, b, "tanh"), Y, 0.1)
    problems.assert_close(found["loo_scores"], expected, dtype, 10)


@each_dtype
@pytest.mark.parametrize(("n", "p"), [(30, 4), (10, 25)])
def test_weighted_scores_equal_the_twin(n, p, dtype):
    H, Y = problems.regression(n, p, dtype=dtype)
    w = np.random.default_rng(n).uniform(0, 2, n)
    w[1] = 0.0
    found = fit(H, Y, 0.1, weights=w)
    problems.assert_close(found["loo_scores"], leverage.loo_scores(H, Y, 0.1, weights=w), dtype, 10)


@each_dtype
@pytest.mark.parametrize("hold_bytes", [0, 1 << 28])
@pytest.mark.parametrize(("n", "p"), [(40, 6), (20, 50)])
@pytest.mark.parametrize("weighted", [False, True])
def test_scores_of_rows_as_at_prediction_equal_the_twin(n, p, hold_bytes, weighted, dtype):
    X, Y = problems.regression(n, 4, dtype=dtype)
    A, b = problems.normal(p, 4, dtype=dtype), problems.normal(p, seed=1, dtype=dtype)
    then = (X + 0.3 * problems.normal(n, 4, seed=2, dtype=dtype)).astype(dtype)
    w = np.random.default_rng(n).uniform(0.1, 2, n) if weighted else None
    found = fit(X, Y, 0.1, hidden=(A, b), at_prediction=then, hold_bytes=hold_bytes, block_rows=9, weights=w)
    H, H_then = (hidden.features(rows, A, b, "tanh") for rows in (X, then))
    expected = leverage.loo_scores(H, Y, 0.1, weights=w, at_prediction=H_then)
    problems.assert_close(found["loo_scores"], expected, dtype, 10)


@pytest.mark.parametrize(("n", "p"), [(60, 8), (20, 30)])
def test_a_score_does_not_depend_on_the_row_s_own_target(n, p):
    H, Y = problems.regression(n, p)
    before = fit(H, Y, 0.1)["loo_scores"]
    Y[7] = 1e3
    after = fit(H, Y, 0.1)["loo_scores"]
    problems.assert_close(after[7], before[7], loosen=1e4)
    assert np.abs(np.delete(after - before, 7, axis=0)).max() > 1


def test_the_other_results_are_the_same_with_and_without():
    H, Y = problems.regression(50, 6)
    without = _core.fit_crossfit(H, Y, [0.1], problems.fold_starts(50, 3))
    found = fit(H, Y, 0.1)
    assert without["loo_scores"].shape == (0, 0)
    assert found["oof_scores"].tobytes() == without["oof_scores"].tobytes()
    assert found["weights"].tobytes() == without["weights"].tobytes()


def test_rows_whose_fit_is_their_target_have_the_scores_of_their_fold():
    H, Y = problems.regression(9, 20)
    found = fit(H, Y, 0.0)
    assert found["report"]["rows_left_out_alone"] == 0
    assert found["loo_scores"].tobytes() == found["oof_scores"].tobytes()


@pytest.mark.parametrize("shape", [(8, 2), (9, 3)])
def test_rows_as_at_prediction_must_be_like_the_inputs(shape):
    H, Y = problems.regression(9, 2)
    with pytest.raises(ValueError, match="must be like the inputs"):
        fit(H, Y, 0.1, at_prediction=problems.normal(*shape))


def test_scores_need_folds_beside_them():
    H, Y = problems.regression(9, 2)
    with pytest.raises(ValueError, match="need folds"):
        _core.fit_crossfit(H, Y, [0.1], leave_one_out=True)
