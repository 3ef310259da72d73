"""The path of penalties from one eigendecomposition: leave-one-out and generalised cross-validation."""

import numpy as np
import pytest

from reference import problems, spectrum
from sstpl import SSTPLClassifier, SSTPLRegressor, _core

ALPHAS = [1e-3, 1e-2, 1e-1, 1.0, 10.0]
TWINS = {"loo": spectrum.leave_one_out, "gcv": spectrum.generalised}


def path_errors(H, Y, selection, intercept=True, weights=None, **options):
    fit = _core.fit_crossfit(
        np.ascontiguousarray(H), np.ascontiguousarray(Y), ALPHAS, None, intercept, weights=weights,
        selection=selection, **options,
    )  # fmt: skip
    return fit["report"]["path_errors"], fit["report"]["alpha"]


@pytest.mark.parametrize("selection", ["loo", "gcv"])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("n", "p", "c"), [(5, 2, 1), (17, 5, 2), (100, 17, 3), (40, 40, 1), (20, 33, 2)])
def test_the_path_equals_the_twin(selection, intercept, dtype, n, p, c):
    H, Y = problems.regression(n, p, c, 0)
    found, chosen = path_errors(H.astype(dtype), Y.astype(dtype), selection, intercept)
    expected = [TWINS[selection](H, Y, alpha, intercept) for alpha in ALPHAS]
    np.testing.assert_allclose(found, expected, rtol=5e-3 if dtype == np.float32 else 1e-7)
    assert chosen == ALPHAS[int(np.argmin(found))]


@pytest.mark.parametrize("selection", ["loo", "gcv"])
@pytest.mark.parametrize("p", [6, 45])
def test_a_row_of_weight_k_is_k_copies(selection, p):
    H, Y = problems.regression(30, p, 2, 1)
    weights = np.array([1.0, 2.0, 3.0] * 10)
    copies = np.repeat(np.arange(30), weights.astype(int))
    weighted, _ = path_errors(H, Y, selection, weights=weights)
    repeated, _ = path_errors(H[copies], Y[copies], selection)
    np.testing.assert_allclose(weighted, repeated, rtol=1e-9)


def test_blocks_of_rows_do_not_change_the_errors():
    H, Y = problems.regression(100, 12, 2, 2)
    whole, _ = path_errors(H, Y, "loo")
    np.testing.assert_allclose(path_errors(H, Y, "loo", block_rows=7, hold_bytes=0)[0], whole, rtol=1e-10)


def test_a_huge_mean_costs_nothing():
    H, Y = problems.regression(60, 5, 1, 3)
    plain, _ = path_errors(H, Y, "loo")
    np.testing.assert_allclose(path_errors(H + 1e6, Y + 1e6, "loo")[0], plain, rtol=1e-6)


def test_only_the_leading_features_score_the_path():
    H, Y = problems.regression(80, 20, 1, 4)
    found, _ = path_errors(H, Y, "gcv", path_width=8)
    expected = [spectrum.generalised(H[:, :8], Y, alpha, True) for alpha in ALPHAS]
    np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_an_unknown_selection_is_named():
    H, Y = problems.regression(10, 2, 1, 5)
    with pytest.raises(ValueError, match="selection must be"):
        path_errors(H, Y, "best")


@pytest.mark.parametrize("selection", ["loo", "gcv"])
@pytest.mark.parametrize("architecture", ["recursive", "paper"])
def test_estimators_choose_by_it(selection, architecture):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    narrow = {"hidden_width": 60, "hidden_widths": (20,), "readout_width": 20, "fusion_width": 60, "n_subsystems": 1}
    chosen = narrow | {"selection": selection, "architecture": architecture, "random_state": 0}
    assert SSTPLClassifier(**chosen).fit(X, X[:, 0] * X[:, 1] > 0).score(X, X[:, 0] * X[:, 1] > 0) > 0.8
    assert SSTPLRegressor(**chosen).fit(X, X[:, 0] + X[:, 1] ** 2).score(X, X[:, 0] + X[:, 1] ** 2) > 0.8
