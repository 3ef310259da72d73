"""What is made of rows elsewhere: weighted sums, leverages by a factor."""

import numpy as np
import pytest

from reference import hidden, leverage, problems
from sstpl import _core

each_dtype = pytest.mark.parametrize("dtype", problems.DTYPES)


@each_dtype
def test_weighted_sums_of_hidden_rows_equal_the_twin(dtype):
    X, Y = problems.regression(60, 4, dtype=dtype)
    A, b, shift = (problems.normal(*shape, seed=6, dtype=dtype) for shape in ((10, 4), (10,), (10,)))
    w = np.random.default_rng(1).uniform(0, 2, 60)
    sums = _core.Sums(10, Y.shape[1])
    _core.add_hidden_rows(sums, X, Y, (A, b, shift), "tanh", w)
    H = hidden.features(X, A, b, "tanh") - shift
    problems.assert_close(sums.gram, H.T @ (w[:, None] * H), dtype, 10)
    problems.assert_close(sums.cross, H.T @ (w[:, None] * Y), dtype, 10)
    assert sums.weight == pytest.approx(w.sum())


@each_dtype
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("then", [False, True])
def test_scores_without_every_row_follow_from_a_kept_factor(weighted, then, dtype):
    X, Y = problems.regression(60, 4, dtype=dtype)
    A, b = problems.normal(10, 4, dtype=dtype), problems.normal(10, seed=1, dtype=dtype)
    shift = problems.normal(10, seed=2, dtype=dtype)
    w = np.random.default_rng(1).uniform(0.1, 2, 60) if weighted else None
    X_then = X + problems.normal(60, 4, seed=3, dtype=dtype) / 8 if then else X
    sums = _core.Sums(10, Y.shape[1])
    _core.add_hidden_rows(sums, X, Y, (A, b, shift), "tanh", w)
    solution = _core.solve_ridge([sums], 0.1, True, keep_factor=True)
    U, scale, means = (part.astype(dtype) for part in solution["factor"])
    own, cross = _core.hidden_leverages(
        X, (A, b, shift), "tanh", (U, scale, means), 1 / sums.weight, X_then if then else None, w
    )
    H, H_then = (hidden.features(rows, A, b, "tanh") - shift for rows in (X, X_then))
    fitted, seen = (rows @ solution["weights"] + solution["intercept"] for rows in (H, H_then))
    scores = seen - (cross / (1 - own))[:, None] * (Y - fitted)
    problems.assert_close(scores, leverage.loo_scores(H, Y, 0.1, weights=w, at_prediction=H_then), dtype, 100)


def test_a_kept_factor_is_that_of_the_scaled_and_penalised_gram_matrix():
    H, Y = problems.regression(60, 12)
    sums = _core.Sums(12, Y.shape[1])
    sums.add_rows(H, Y)
    solution = _core.solve_ridge([sums], 0.1, True, keep_factor=True)
    U, scale, means = solution["factor"]
    centred = H - H.mean(axis=0)
    penalised = centred.T @ centred + solution["solve"]["penalty"] * np.eye(12)
    np.testing.assert_array_equal(U, np.triu(U))
    np.testing.assert_allclose(U.T @ U, scale[:, None] * penalised * scale, atol=1e-12)
    np.testing.assert_allclose(means, H.mean(axis=0), atol=1e-12)


def test_no_factor_is_kept_where_eigenvalues_solved():
    sums = _core.Sums(3, 1)
    sums.add_rows(np.ones((4, 3)) * np.arange(4.0)[:, None], np.arange(4.0)[:, None])
    assert _core.solve_ridge([sums], 0.0, True, keep_factor=True)["factor"] is None
