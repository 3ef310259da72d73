"""Units that are centers against their NumPy twins: draws, features, and scores of folds without their own units."""

import numpy as np
import pytest

from reference import centers, problems, ridge
from sstpl import _core

each_dtype = pytest.mark.parametrize("dtype", problems.DTYPES)


def rows(n, d, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(dtype)


@each_dtype
@pytest.mark.parametrize("p", [1, 30, 50, 120])
@pytest.mark.parametrize("weighted", [False, True])
def test_layers_equal_the_twin(p, weighted, dtype):
    X = rows(50, 4, dtype)
    weights = np.arange(50.0) % 4 if weighted else None
    drawn = centers.draw(50, p, 3, 1, weights)
    np.testing.assert_array_equal(_core.draw_centers(50, p, 3, 1, weights), drawn)
    A, b = _core.draw_hidden("centers", X, p, 3, 1, row_weights=weights)
    np.testing.assert_array_equal(A, X[drawn])
    np.testing.assert_allclose(b, centers.bias(A, min(p, 50)), rtol=8 * np.finfo(dtype).eps)
    made = _core.center_layer(np.ascontiguousarray(X[drawn]), min(p, 50))
    for one, other in zip(made, (A, b), strict=True):
        np.testing.assert_array_equal(one, other)


@each_dtype
@pytest.mark.parametrize("p", [12, 40, 70])
@pytest.mark.parametrize("weighted", [False, True])
def test_levels_and_their_scores_equal_the_twin(p, weighted, dtype):
    X, Y = rows(40, 3, dtype), rows(40, 2, dtype, seed=1)
    starts = np.array([0, 11, 25, 40])
    weights = 0.5 + np.arange(40.0) % 3 if weighted else None
    fit = _core.fit_level(
        [X], Y, "centers", p, "tanh", 3, 1, None, [1e-2], starts, row_weights=weights, oof_scores=np.empty_like(Y)
    )
    drawn = centers.draw(40, p, 3, 1, weights)
    H = centers.features(X, fit["hidden_weights"], fit["hidden_bias"])
    expected = centers.oof_scores(H, Y.astype(np.float64), drawn, 1e-2, starts, weights)
    problems.assert_close(fit["oof_scores"], expected, dtype, 100)
    W, b = ridge.solve(H, Y, 1e-2, weights=weights)
    level = [fit[name] for name in ("hidden_weights", "hidden_bias", "weights", "intercept")]
    new = rows(200, 3, dtype, seed=2)
    scores = _core.predict_stack(new, [tuple(level)], 1.0, "distance")
    expected = centers.features(new, *level[:2]) @ W + b
    problems.assert_close(scores, expected, dtype, 100)
    again = [_core.predict_stack(new[part], [tuple(level)], 1.0, "distance") for part in (slice(0, 7), slice(7, None))]
    problems.assert_close(np.concatenate(again), scores, dtype, 10)


def test_the_path_of_penalties_is_scored_without_the_units_of_a_fold():
    X, Y = rows(60, 2), rows(60, 1, seed=1)
    starts, alphas = np.array([0, 20, 40, 60]), [1e-6, 1e-3, 1.0]
    fit = _core.fit_level([X], Y, "centers", 60, "tanh", 3, 1, None, alphas, starts, oof_scores=np.empty_like(Y))
    drawn = centers.draw(60, 60, 3, 1)
    H = centers.features(X, fit["hidden_weights"], fit["hidden_bias"])
    errors = np.array([((centers.oof_scores(H, Y, drawn, alpha, starts) - Y) ** 2).mean() for alpha in alphas])
    told = np.array(fit["report"]["path_errors"])
    looked_at = np.isfinite(told)
    assert looked_at.sum() >= 2
    np.testing.assert_allclose(told[looked_at], errors[looked_at], rtol=1e-6)
    assert fit["report"]["alpha"] == alphas[np.argmin(errors)]


def targets(X, rng):
    return np.ascontiguousarray(np.sin(2 * X[:, :1]) + X[:, 1:2] * X[:, 2:3] + rng.normal(size=(len(X), 1)))


def errors(seed):
    """Return the errors of new rows, and of rows without their folds: without the units of these, and with all."""
    rng = np.random.default_rng(seed)
    X, fresh = rng.normal(size=(300, 4)), rng.normal(size=(3000, 4))
    Y, Y_fresh = targets(X, rng), targets(fresh, rng)
    starts = np.arange(0, 301, 60)
    fit = _core.fit_level([X], Y, "centers", 300, "tanh", 3, 1, None, [1e-3], starts, oof_scores=np.empty_like(Y))
    level = tuple(fit[name] for name in ("hidden_weights", "hidden_bias", "weights", "intercept"))
    new = _core.predict_stack(fresh, [level], 1.0, "distance") - Y_fresh
    plain = _core.fit_crossfit(X, Y, [1e-3], starts, hidden=level[:2], activation="distance")["oof_scores"]
    return [np.mean(residual**2) for residual in (new, fit["oof_scores"] - Y, plain - Y)]


def test_scores_of_folds_tell_the_error_of_new_rows_and_with_units_of_the_fold_would_not():
    new, by_fold, with_all = np.mean([errors(seed) for seed in range(8)], axis=0)
    assert abs(by_fold / new - 1) < 0.08
    assert with_all / new > 1.12
