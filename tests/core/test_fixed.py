"""Wide fits on float rows where sums are made in whole numbers: those of the features that they are rounded to."""

from itertools import pairwise

import numpy as np
import pytest

from reference import fixed, problems
from sstpl import _core

N, P, FOLDS = 3600, 900, 3


@pytest.fixture(scope="module")
def problem():
    H = np.tanh(problems.normal(N, P, dtype=np.float32))
    return H, (H[:, :2] + problems.normal(N, 2, seed=1) / 4).astype(np.float32)


def ridge(features, H, Y, penalty):
    return np.linalg.solve(features.T @ features + penalty * np.eye(P), H.T.astype(np.float64) @ Y)


def test_the_twin_moves_a_column_by_less_than_its_bound():
    H = problems.normal(300, 50, dtype=np.float32) ** 3
    moved = np.linalg.norm(fixed.rounded(H) - H, axis=0) / np.linalg.norm(H, axis=0)
    assert moved.max() < 1.4e-3
    whole = np.round(4095 * np.tanh(H))
    whole[::128] = 4095
    np.testing.assert_array_equal(fixed.rounded(whole), whole)


@pytest.mark.parametrize("alpha", [1e-6, 1e-3])
def test_a_wide_fit_solves_for_the_rounded_features(problem, alpha):
    if _core.build_info()["simd"] != "avx512vnni":
        pytest.skip("sums are made in whole numbers on processors with AVX512-VNNI and without tiles")
    H, Y = problem
    starts = problems.fold_starts(N, FOLDS)
    fit = _core.fit_crossfit(H, Y, [alpha], starts, intercept=False)
    features = np.concatenate([fixed.rounded(H[a:b]) for a, b in pairwise(starts)])
    expected = ridge(features, H, Y, fit["report"]["solve"]["penalty"])
    np.testing.assert_allclose(fit["weights"], expected, atol=1e-5)
    plain = ridge(H.astype(np.float64), H, Y, fit["report"]["solve"]["penalty"])
    assert np.abs(expected - plain).max() > 1e-5  # or the test would not tell one from the other


@pytest.mark.parametrize("alpha", [1e-6, 1e-3])
@pytest.mark.parametrize("intercept", [True, False])
def test_scores_of_a_wide_fit_are_near_those_in_double(problem, alpha, intercept):
    H, Y = problem
    starts = problems.fold_starts(N, FOLDS)
    single, double = (
        _core.fit_crossfit(H.astype(dtype), Y.astype(dtype), [alpha], starts, intercept)["oof_scores"]
        for dtype in (np.float32, np.float64)
    )
    assert np.abs(single - double).max() < 1e-3 * np.abs(double).max()


def test_sums_of_fewer_than_four_rows_for_each_feature_are_not_rounded(problem):
    H, Y = (rows[: 4 * P - 1] for rows in problem)
    starts = problems.fold_starts(len(H), FOLDS)
    fit = _core.fit_crossfit(H, Y, [1e-6], starts, intercept=False)
    expected = ridge(H.astype(np.float64), H, Y, fit["report"]["solve"]["penalty"])
    np.testing.assert_allclose(fit["weights"], expected, atol=1e-5)
