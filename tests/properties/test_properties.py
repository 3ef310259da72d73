"""Identities of ridge and of backward learning, for shapes and penalties nobody thought of."""

import itertools

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from reference import crossfit, path, problems, ridge, sums
from sstpl import _core

SIZE = st.integers(1, 40)
OUTPUTS = st.integers(1, 4)
SEED = st.integers(0, 2**31)
ALPHA = st.floats(-6, 3).map(lambda exponent: 10.0**exponent)
# A centred problem of one or two rows can be all rounding; an honest ridge needs three.
ROWS = st.integers(3, 60)


@st.composite
def ridges(draw):
    """Draw H, Y, a relative penalty, and whether there is an intercept."""
    n, p, c = draw(ROWS), draw(SIZE), draw(OUTPUTS)
    return *problems.regression(n, p, c, draw(SEED)), draw(ALPHA), draw(st.booleans())


def sums_of(H, Y, weights=None):
    found = _core.Sums(H.shape[1], Y.shape[1])
    found.add_rows(np.ascontiguousarray(H), np.ascontiguousarray(Y), weights)
    return found


def solve(H, Y, alpha, intercept=True, weights=None):
    return _core.solve_ridge([sums_of(H, Y, weights)], alpha, intercept)


@given(ridges())
def test_the_solution_equals_the_twin(problem):
    H, Y, alpha, intercept = problem
    W, b = ridge.solve(H, Y, alpha, intercept)
    found = solve(H, Y, alpha, intercept)
    problems.assert_close(found["weights"], W, loosen=1e3)
    problems.assert_close(found["intercept"], b, loosen=1e3)


@given(ridges())
def test_primal_and_dual_forms_agree(problem):
    H, Y, alpha, intercept = problem
    H, Y = H[: H.shape[1] + 1], Y[: H.shape[1] + 1]  # the dual form is for few rows
    dual = _core.solve_ridge_dual(H, Y, alpha, intercept)
    primal = solve(H, Y, alpha, intercept)
    problems.assert_close(dual["weights"], primal["weights"], loosen=1e3)
    np.testing.assert_allclose(dual["solve"]["penalty"], primal["solve"]["penalty"], rtol=1e-9)


@given(ridges())
def test_the_gradient_of_the_objective_vanishes(problem):
    H, Y, alpha, intercept = problem
    found = solve(H, Y, alpha, intercept)
    Hc, Yc, _, _ = ridge.centred(H, Y, intercept)
    gradient = Hc.T @ (Yc - Hc @ found["weights"])
    problems.assert_close(gradient, found["solve"]["penalty"] * found["weights"], loosen=1e2)


@given(ridges(), st.integers(2, 4))
def test_stacked_rows_equal_multiplied_penalty(problem, copies):
    H, Y, alpha, intercept = problem
    once, stacked = (
        solve(H, Y, alpha, intercept),
        solve(np.tile(H, (copies, 1)), np.tile(Y, (copies, 1)), alpha, intercept),
    )
    problems.assert_close(stacked["weights"], once["weights"], loosen=1e3)
    np.testing.assert_allclose(stacked["solve"]["penalty"], copies * once["solve"]["penalty"], rtol=1e-9)


@given(ridges(), st.integers(2, 3))
def test_repeated_columns_share_their_weights(problem, copies):
    H, Y, alpha, intercept = problem
    shared = np.tile(solve(H, Y, alpha, intercept)["weights"] / copies, (copies, 1))
    problems.assert_close(solve(np.tile(H, copies), Y, copies * alpha, intercept)["weights"], shared, loosen=1e3)


@given(ridges(), SEED)
def test_permuted_columns_permute_and_permuted_rows_keep_the_weights(problem, seed):
    H, Y, alpha, intercept = problem
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(len(H)), rng.permutation(H.shape[1])
    expected = solve(H, Y, alpha, intercept)["weights"][columns]
    problems.assert_close(solve(H[rows][:, columns], Y[rows], alpha, intercept)["weights"], expected, loosen=1e3)


@given(ridges(), SEED)
def test_rotated_features_keep_the_predictions(problem, seed):
    H, Y, alpha, intercept = problem
    Q = np.linalg.qr(np.random.default_rng(seed).standard_normal((H.shape[1],) * 2))[0]
    straight, turned = solve(H, Y, alpha, intercept), solve(H @ Q, Y, alpha, intercept)
    problems.assert_close(turned["weights"], Q.T @ straight["weights"], loosen=1e3)


@given(ridges(), st.floats(-100, 100), st.floats(1e-3, 1e3))
def test_targets_scale_and_features_scale(problem, target_scale, feature_scale):
    H, Y, alpha, intercept = problem
    expected = target_scale / feature_scale * solve(H, Y, alpha, intercept)["weights"]
    found = solve(feature_scale * H, target_scale * Y, alpha, intercept)["weights"]
    problems.assert_close(found, expected, loosen=1e3)


@given(ridges(), st.floats(1.0, 100.0))
def test_more_penalty_gives_smaller_weights(problem, factor):
    H, Y, alpha, intercept = problem
    small, large = (np.linalg.norm(solve(H, Y, a, intercept)["weights"]) for a in (alpha, factor * alpha))
    assert large <= small * (1 + 1e-9)


@given(ridges(), SEED)
def test_whole_weights_equal_repeated_rows(problem, seed):
    H, Y, alpha, _ = problem
    counts = 1 + np.random.default_rng(seed).integers(0, 3, len(H))
    repeated = solve(np.repeat(H, counts, axis=0), np.repeat(Y, counts, axis=0), alpha)
    problems.assert_close(solve(H, Y, alpha, True, counts.astype(float))["weights"], repeated["weights"], loosen=1e3)


@given(ridges(), st.data())
def test_sums_of_any_split_of_the_rows_add_up(problem, data):
    H, Y, _, _ = problem
    cut = data.draw(st.integers(0, len(H)))
    merged = sums_of(H[:cut], Y[:cut])
    merged.merge(sums_of(H[cut:], Y[cut:]))
    expected = sums.sums(H, Y)
    for name in sums.FIELDS:
        problems.assert_close(getattr(merged, name), expected[name])


@given(ridges(), st.data(), st.sampled_from([1, 5, 1000]))
def test_a_cross_fitted_path_equals_refitting_without_every_fold(problem, data, block_rows):
    H, Y, alpha, intercept = problem
    inner = data.draw(st.sets(st.integers(1, len(H) - 1), min_size=1, max_size=4))
    starts, alphas = np.array([0, *sorted(inner), len(H)]), [alpha, 10 * alpha]
    smallest_training_set = len(H) - np.diff(starts).max()
    if smallest_training_set < 3:
        return
    found = _core.fit_crossfit(H, Y, alphas, starts, intercept, block_rows=block_rows)
    errors = crossfit.path_errors(H, Y, alphas, starts, intercept)
    path.assert_searched(found["report"]["path_errors"], alphas, errors, loosen=1e4)
    expected = crossfit.oof_scores(H, Y, found["report"]["alpha"], starts, intercept)
    problems.assert_close(found["oof_scores"], expected, loosen=1e4)


@st.composite
def networks(draw):
    """Draw inputs, class indicator, codes, a chain of layers, and an activation with an inverse."""
    c, d = draw(st.integers(2, 4)), draw(st.integers(2, 8))
    widths = [d, *draw(st.lists(st.integers(2, 12), max_size=2)), c]
    seed = draw(SEED)
    names = problems.labels(60, c, seed)
    X = problems.normal(60, d, seed=seed) + names[:, None] * problems.normal(1, d, seed=seed)
    weights = [problems.normal(m, k, seed=seed) / np.sqrt(max(m, k)) for k, m in itertools.pairwise(widths)]
    name = draw(st.sampled_from(["identity", "tanh", "sigmoid", "leaky_relu"]))
    return X, problems.one_hot(names, c), 2.0 * np.eye(c) - 1.0, weights, name


@given(networks(), st.floats(-3, 1).map(lambda exponent: 10.0**exponent), st.sampled_from([None, 2, 5]))
def test_prototypes_and_dense_targets_give_the_same_backward_network(network, alpha, n_folds):
    X, indicator, codes, weights, name = network
    starts = None if n_folds is None else problems.fold_starts(len(X), n_folds)
    common = weights, name, 0.05, [alpha], starts
    for prototypes in _core.propagate_targets(weights, codes, name, 0.05):
        assume(np.ptp(prototypes, axis=0).max() > 1e-3)  # clamping may make all classes one: features all rounding
    slim = _core.fit_backward(X, indicator, codes, *common)
    dense = _core.fit_backward(X, indicator @ codes, None, *common)
    for few, many in zip(slim, dense, strict=True):
        problems.assert_close(few["scores"] @ few["prototypes"], many["scores"], loosen=1e4)
        problems.assert_close(few["weights"] @ few["prototypes"], many["weights"], loosen=1e4)
        problems.assert_close(few["intercept"] @ few["prototypes"], many["intercept"], loosen=1e4)
