"""Backward learning: equal to its twin, and the prototype form equal to the dense one."""

import numpy as np
import pytest

from reference import activation, backward, crossfit, problems, ridge
from sstpl import _core

each_dtype = pytest.mark.parametrize("dtype", problems.DTYPES)
each_inverse = pytest.mark.parametrize("name", activation.INVERTIBLE)
ALPHA = {np.float32: 0.1, np.float64: 1e-3}
WIDTHS = [(3,), (5, 3), (17, 5, 3), (2, 3), (2, 17, 3)]
MARGIN = 0.05


def network(d, widths, dtype=np.float64):
    """A_1 .. A_L with singular values near 1, the last layer as wide as the targets."""
    return [  # divided in float64: NumPy before 2 would divide float32 in float32
        (problems.normal(m, k, seed=layer, dtype=dtype).astype(np.float64) / np.sqrt(max(m, k))).astype(dtype)
        for layer, (k, m) in enumerate(zip((d, *widths[:-1]), widths, strict=True))
    ]


def classes(n, dtype=np.float64, c=3):
    """Return inputs, the class indicator, and the codes of the classes."""
    names = problems.labels(n, c)
    X = problems.normal(n, 6, dtype=dtype) + names[:, None].astype(dtype)
    return X, problems.one_hot(names, c, dtype), (2 * np.eye(c, dtype=dtype) - 1).astype(dtype)


@each_dtype
@each_inverse
@pytest.mark.parametrize("widths", WIDTHS)
@pytest.mark.parametrize("n", [1, 2, 17])
def test_propagated_targets_equal_the_twin(n, widths, name, dtype):
    weights, targets = network(6, widths, dtype), problems.normal(n, 3, dtype=dtype)
    found = _core.propagate_targets(weights, targets, name, MARGIN)
    expected = backward.propagate(weights, targets, name, MARGIN)
    assert [D.shape for D in found] == [(n, width) for width in widths]
    for actual, wanted in zip(found, expected, strict=True):
        assert actual.dtype == dtype
        problems.assert_close(actual, wanted, dtype, 100)


@pytest.mark.parametrize(("m", "k"), [(1, 1), (2, 5), (5, 2), (17, 17), (100, 17), (17, 100)])
def test_targets_pass_a_layer_by_its_pseudoinverse(m, k):
    A, targets = problems.normal(m, k), problems.normal(9, m)
    D = _core.propagate_targets([np.ones((k, 3)), A], targets, "identity", MARGIN)[0]
    problems.assert_close(D, targets @ ridge.transposed_pseudoinverse(A), loosen=1e3)
    if m <= k:
        problems.assert_close(D @ A.T, targets, loosen=1e3)


@each_dtype
def test_layers_of_deficient_rank_pass_the_least_norm_target(dtype):
    A = (problems.normal(8, 2) @ problems.normal(2, 6)).astype(dtype)
    targets = problems.normal(5, 8, dtype=dtype)
    D = _core.propagate_targets([np.ones((6, 3), dtype), A], targets, "identity", MARGIN)[0]
    problems.assert_close(D, targets @ np.linalg.pinv(A.T.astype(float), rcond=1e-3), dtype, 100)


@each_dtype
@each_inverse
@pytest.mark.parametrize("widths", WIDTHS)
@pytest.mark.parametrize("folded", [True, False])
def test_the_dense_form_equals_the_twin(widths, name, folded, dtype):
    X, _, _ = classes(60, dtype)
    Y = problems.normal(60, 3, dtype=dtype)
    weights, starts = network(6, widths, dtype), problems.fold_starts(60, 4) if folded else None
    found = _core.fit_backward(X, Y, None, weights, name, MARGIN, [ALPHA[dtype]], starts)
    expected = backward.fit_dense(X, Y, weights, name, MARGIN, ALPHA[dtype], starts)
    for layer, wanted in zip(found, expected, strict=True):
        assert layer["prototypes"].size == 0
        problems.assert_close(layer["weights"], wanted["weights"], dtype, 100)
        problems.assert_close(layer["scores"], wanted["oof_scores"], dtype, 100)


@each_dtype
@each_inverse
@pytest.mark.parametrize("widths", WIDTHS)
@pytest.mark.parametrize(("n", "folded"), [(60, True), (60, False), (14, False)])
def test_the_prototype_form_equals_the_twin(widths, name, n, folded, dtype):
    X, indicator, codes = classes(n, dtype)
    weights, starts = network(6, widths, dtype), problems.fold_starts(n, 2) if folded else None
    found = _core.fit_backward(X, indicator, codes, weights, name, MARGIN, [ALPHA[dtype]], starts)
    expected = backward.fit_prototypes(X, indicator, codes, weights, name, MARGIN, ALPHA[dtype], starts)
    for layer, wanted in zip(found, expected, strict=True):
        problems.assert_close(layer["prototypes"], wanted["prototypes"], dtype, 100)
        problems.assert_close(layer["scores"], wanted["oof_scores"], dtype, 100)


@each_inverse
@pytest.mark.parametrize("widths", WIDTHS)
def test_the_prototype_form_equals_the_dense_form(widths, name):
    X, indicator, codes = classes(60)
    weights, starts = network(6, widths), problems.fold_starts(60, 4)
    slim = _core.fit_backward(X, indicator, codes, weights, name, MARGIN, [1e-3], starts)
    dense = _core.fit_backward(X, indicator @ codes, None, weights, name, MARGIN, [1e-3], starts)
    for few, many in zip(slim, dense, strict=True):
        problems.assert_close(few["weights"] @ few["prototypes"], many["weights"], loosen=1e3)
        problems.assert_close(few["intercept"] @ few["prototypes"], many["intercept"], loosen=1e3)
        problems.assert_close(few["scores"] @ few["prototypes"], many["scores"], loosen=1e3)


def test_one_linear_sweep_over_an_invertible_output_layer_reproduces_least_squares():
    X, Y = problems.regression(60, 6, c=3)
    weights = [problems.normal(3, 6), np.linalg.qr(problems.normal(3, 3))[0]]
    top = _core.fit_backward(X, Y, None, weights, "identity", MARGIN, [1e-13])[-1]
    W, b = ridge.solve(X, Y, 0.0)
    problems.assert_close(top["scores"], X @ W + b, loosen=1e2)


def test_a_network_of_one_layer_is_the_cross_fitted_ridge():
    X, Y = problems.regression(40, 6, c=3)
    starts, path = problems.fold_starts(40, 4), [1e-3, 0.1, 10.0]
    (layer,) = _core.fit_backward(X, Y, None, network(6, (3,)), "tanh", MARGIN, path, starts)
    expected = crossfit.fit(X, Y, path, starts)
    assert layer["report"]["alpha"] == expected["alpha"]
    problems.assert_close(layer["scores"], expected["oof_scores"])


def test_scores_of_a_fold_do_not_depend_on_its_own_targets():
    X, indicator, codes = classes(60)
    arguments = codes, network(6, (5, 3)), "tanh", MARGIN, [0.1], problems.fold_starts(60, 3)
    before = _core.fit_backward(X, indicator, *arguments)[0]["scores"]
    indicator[20:40] = indicator[20:40][:, ::-1]
    after = _core.fit_backward(X, indicator, *arguments)[0]["scores"]
    problems.assert_close(after[20:40], before[20:40])


def bad_settings():
    short = problems.normal(5, 4), problems.normal(3, 5)
    yield {"weights": []}, "at least one layer"
    yield {"weights": [problems.normal(5, 7), problems.normal(3, 5)]}, "do not chain|input width"
    yield {"weights": list(short)}, "do not chain|input width"
    yield {"weights": [problems.normal(5, 6), problems.normal(3, 4)]}, "do not chain|input width"
    yield {"weights": [problems.normal(5, 6), problems.normal(4, 5)]}, "as wide as the targets"
    yield {"activation": "relu"}, "no inverse"
    yield {"activation": "gelu"}, "no inverse"
    yield {"activation": "nope"}, "activation must be"
    for margin in (0.0, 0.5, -1.0, np.nan):
        yield {"margin": margin}, "margin"
    yield {"alphas": []}, "at least one alpha"
    yield {"alphas": [np.nan]}, "alpha must be"
    yield {"codes": problems.normal(2, 3)}, "one row per class"
    yield {"codes": problems.normal(3, 4)}, "as wide as the targets"
    yield {"targets": problems.normal(8, 3)}, "as many rows"
    yield {"fold_starts": np.array([0, 4, 8])}, "fold_starts"


@pytest.mark.parametrize(("change", "words"), list(bad_settings()))
def test_bad_settings_are_refused_by_name(change, words):
    X, indicator, codes = classes(9)
    settings = {"X": X, "targets": indicator, "codes": codes, "weights": network(6, (5, 3)), "activation": "tanh"}
    with pytest.raises(ValueError, match=words):
        _core.fit_backward(**settings | {"margin": MARGIN, "alphas": [0.1]} | change)


@each_dtype
@pytest.mark.parametrize("form", ["prototypes", "dense"])
def test_whole_row_weights_are_copies_of_rows(form, dtype):
    X, E, codes = classes(60, dtype)
    counts, starts, chain = np.arange(60) % 4, problems.fold_starts(60, 3), network(6, (17, 5, 3), dtype)
    targets, codes = (E, codes) if form == "prototypes" else (E @ codes, None)

    def fit(rows, targets, starts, row_weights):
        solve = ("tanh", MARGIN, [0.01, 0.1, 1.0], starts)
        return _core.fit_backward(rows, targets, codes, chain, *solve, row_weights=row_weights)

    found = fit(X, targets, starts, counts.astype(float))
    ends = np.concatenate([[0], np.cumsum(counts)])[starts]
    copies = fit(X.repeat(counts, axis=0), targets.repeat(counts, axis=0), ends, None)
    for actual, wanted in zip(found, copies, strict=True):
        problems.assert_close(actual["weights"], wanted["weights"], dtype, 100)
        problems.assert_close(actual["scores"].repeat(counts, axis=0), wanted["scores"], dtype, 100)
