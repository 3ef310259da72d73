"""FISTA: it reaches the optimum of its objective, from above, and refuses what has none."""

import numpy as np
import pytest

from reference import lasso, problems
from sstpl import _core


def gram_problem(n, p, d=3):
    R, F = problems.normal(n, p), problems.normal(n, d)
    return R.T @ R, R.T @ F


@pytest.mark.parametrize(("n", "p"), problems.SHAPES)
@pytest.mark.parametrize("alpha", [0.01, 0.3])
def test_the_optimum_equals_coordinate_descent(n, p, alpha):
    G, B = gram_problem(n, p)
    found = _core.solve_lasso(G, B, alpha, 20_000, 1e-10)
    mu = lasso.penalty(B, alpha)
    D = lasso.solve(G, B, alpha, max_sweeps=300)
    assert found["penalty"] == mu
    best = lasso.objective(D, G, B, mu)
    reached = lasso.objective(found["weights"], G, B, mu)
    assert reached <= best + 1e-6 * max(1.0, abs(best))
    if n >= 2 * p:  # the optimum is unique
        problems.assert_close(found["weights"], D, loosen=1e4)


@pytest.mark.parametrize("alpha", [0.0, 0.01, 0.3, 0.9])
def test_the_conditions_of_an_optimum_hold(alpha):
    G, B = gram_problem(60, 20)
    found = _core.solve_lasso(G, B, alpha, 20_000, 1e-12)
    assert found["converged"]
    assert lasso.optimality_gap(found["weights"], G, B, found["penalty"]) < 1e-6 * np.abs(B).max()


@pytest.mark.parametrize(("n", "p"), problems.SHAPES)
def test_the_objective_never_rises_and_is_the_one_stated(n, p):
    G, B = gram_problem(n, p)
    found = _core.solve_lasso(G, B, 0.05, 200, 0.0)
    objective = np.array(found["objective"])
    assert len(objective) <= found["n_iter"] <= 200
    assert (np.diff(objective) <= 1e-12 * np.abs(objective[1:])).all()
    stated = lasso.objective(found["weights"], G, B, found["penalty"])
    assert objective[-1] == pytest.approx(stated, rel=1e-9)


def test_every_iteration_reports_its_objective():
    found = _core.solve_lasso(*gram_problem(17, 5), 0.05, 200, 0.0)  # runs into the rounding of the objective
    assert len(found["objective"]) == found["n_iter"]


def test_an_alpha_of_one_is_the_least_penalty_without_weights():
    G, B = gram_problem(40, 8)
    np.testing.assert_array_equal(_core.solve_lasso(G, B, 1.0, 100, 1e-6)["weights"], np.zeros((8, 3)))
    assert np.count_nonzero(_core.solve_lasso(G, B, 0.99, 1000, 1e-9)["weights"]) >= 1


def test_more_penalty_keeps_fewer_weights():
    G, B = gram_problem(200, 30)
    kept = [np.count_nonzero(_core.solve_lasso(G, B, a, 5000, 1e-10)["weights"]) for a in (0.0, 0.1, 0.3, 0.6, 1.0)]
    assert kept[0] == 90
    assert kept == sorted(kept, reverse=True)


def test_no_penalty_is_least_squares():
    G, B = gram_problem(60, 10)
    found = _core.solve_lasso(G, B, 0.0, 20_000, 1e-12)
    problems.assert_close(found["weights"], np.linalg.solve(G, B), loosen=1e3)


def test_the_step_is_safe_for_every_curvature():
    G, B = gram_problem(60, 10)
    found = _core.solve_lasso(G, B, 0.1, 500, 1e-9)
    assert found["lipschitz"] >= 0.999 * np.linalg.eigvalsh(G)[-1]


def test_nothing_to_explain_or_to_explain_with_gives_zero():
    G, B = gram_problem(20, 4)
    for gram, cross in [(np.zeros((4, 4)), B), (G, np.zeros((4, 3))), (G, B[:, :0])]:
        found = _core.solve_lasso(gram.copy(), cross.copy(), 0.1, 50, 1e-4)
        np.testing.assert_array_equal(found["weights"], np.zeros(cross.shape))


def test_too_few_iterations_are_reported():
    found = _core.solve_lasso(*gram_problem(30, 30), 1e-4, 3, 1e-12)
    assert found["n_iter"] == 3
    assert not found["converged"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"alpha": -0.1}, "alpha must be finite and not negative"),
        ({"alpha": np.nan}, "alpha must be finite and not negative"),
        ({"alpha": np.inf}, "alpha must be finite and not negative"),
        ({"max_iter": 0}, "max_iter must be at least 1"),
        ({"max_iter": -5}, "max_iter must be at least 1"),
        ({"tolerance": np.nan}, "tolerance"),
        ({"tolerance": -1.0}, "tolerance"),
        ({"B": np.ones((5, 2))}, r"G must be \(p, p\) and B \(p, d\)"),
        ({"G": np.ones((4, 3))}, r"G must be \(p, p\) and B \(p, d\)"),
    ],
)
def test_bad_settings_are_refused_by_name(change, words):
    G, B = gram_problem(20, 4)
    settings = {"G": G, "B": B, "alpha": 0.1, "max_iter": 50, "tolerance": 1e-4} | change
    with pytest.raises(ValueError, match=words):
        _core.solve_lasso(**settings)


@pytest.mark.parametrize("name", ["G", "B"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_problem_that_is_not_finite_is_not_solved(name, value):
    settings = dict(zip("GB", gram_problem(20, 4), strict=True))
    settings[name][1, 0] = value
    with pytest.raises(ValueError, match="finite"):
        _core.solve_lasso(**settings, alpha=0.1, max_iter=50, tolerance=1e-4)
