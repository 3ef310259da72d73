"""Readouts by their log-loss: gradients, steps by the factor of the ridge, and the maximum that they lead to."""

import numpy as np
import pytest

from reference import hidden, logistic, problems
from sstpl import _core, _logistic
from sstpl._logistic import Classes, FeaturesHere, fit_logistic

each_dtype = pytest.mark.parametrize("dtype", problems.DTYPES)
N_FOLDS, N_CLASSES = 3, 3


def problem(n=90, p=8, dtype=np.float64):
    """Return features that tell something of the classes, classes, and folds in order."""
    labels = problems.labels(n, N_CLASSES)
    H = problems.normal(n, p, dtype=dtype) + problems.one_hot(labels, p, dtype)
    return H, labels, np.repeat(np.arange(N_FOLDS), np.diff(problems.fold_starts(n, N_FOLDS)))


@each_dtype
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n", [1, 90, 2500])
def test_sums_equal_the_twin(n, weighted, dtype):
    H, labels, folds = problem(n, dtype=dtype)
    W = problems.normal(8, N_CLASSES * (N_FOLDS + 1), seed=1, dtype=dtype)
    b = problems.normal(W.shape[1], seed=2, dtype=dtype)
    w = np.random.default_rng(1).uniform(0, 2, n) if weighted else None
    found = _core.logistic_sums(H, labels, folds, N_FOLDS, W, b, w)
    for one, expected in zip(found, logistic.sums(H, labels, folds, N_FOLDS, W, b, w), strict=True):
        problems.assert_close(one, expected, dtype, 10)


@each_dtype
def test_features_equal_the_twin(dtype):
    X, A = problems.normal(40, 5, dtype=dtype), problems.normal(7, 5, seed=1, dtype=dtype)
    b, shift = (problems.normal(7, seed=k, dtype=dtype) for k in (2, 3))
    expected = hidden.features(X, A, b, "tanh") - shift
    problems.assert_close(_core.hidden_features(X, (A, b, shift), "tanh"), expected, dtype)


def test_a_factor_solves_with_the_matrix_that_the_ridge_solves_with():
    H = problems.normal(60, 12)
    sums = _core.Sums(12, 1)
    sums.add_rows(H, np.zeros((60, 1)))
    solution = _core.solve_ridge([sums], 0.1, True, keep_factor=True)
    U, scale, _ = solution["factor"]
    centred = H - H.mean(axis=0)
    penalised = centred.T @ centred + solution["solve"]["penalty"] * np.eye(12)
    B = problems.normal(12, 3)
    problems.assert_close(penalised @ _core.solve_by_factor(U, scale, B), B)


class Patient(FeaturesHere):
    """Features whose every step seems to be of use."""

    def step(self, W, intercept):
        self.count = getattr(self, "count", 0) - 1
        G, g, left_out = super().step(W, intercept)
        return G, g, np.full_like(left_out, self.count)


def fitted(H, labels, folds, alpha, weights=None, unused=None, kind=FeaturesHere, share=1.0):
    """Fit readouts of rows as they are: a layer of the identity."""
    p = H.shape[1]
    shift = np.full(p, 0.25, H.dtype)
    layer = np.eye(p, dtype=H.dtype), np.zeros(p, H.dtype), shift
    classes = Classes(labels, folds, N_CLASSES, N_FOLDS, weights)
    features = kind(H, lambda rows: H[rows], layer, "identity", classes)
    return fit_logistic(features, shift, alpha, share, classes, unused, lambda: None)


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("with_unused", "share"), [(False, 1.0), (True, 1.0), (False, 0.3)])
def test_steps_lead_to_the_least_loss_of_all_rows_and_without_each_fold(
    weighted, with_unused, share, kept, monkeypatch
):
    monkeypatch.setattr(_logistic, "MOST_STEPS", 300)
    if not kept:
        monkeypatch.setattr(_logistic, "BYTES_ALWAYS_KEPT", 0)
    H, labels, folds = problem()
    w = np.random.default_rng(1).uniform(0.5, 2, len(H)) if weighted else None
    unused = [np.array([k, 7 - k]) for k in range(N_FOLDS)] if with_unused else None
    found = fitted(H, labels, folds, 0.1, w, unused, Patient, share)
    mean = np.average(H, axis=0, weights=w)
    centred = H - mean
    penalty = share * 0.1 * np.trace((centred.T * (1.0 if w is None else w)) @ centred) / H.shape[1]
    V, a = logistic.maximum(H, labels, N_CLASSES, penalty, w)
    np.testing.assert_allclose(found.readout[0], V, atol=1e-6)
    np.testing.assert_allclose(found.readout[1] - found.readout[1].mean(), a - a.mean(), atol=1e-6)
    for k in range(N_FOLDS):
        others, own = folds != k, folds == k
        free = None if unused is None else np.setdiff1d(np.arange(8), unused[k])
        V, a = logistic.maximum(H[others], labels[others], N_CLASSES, penalty, None if w is None else w[others], free)
        expected = H[own] @ V + a
        scores = found.scores[own]
        np.testing.assert_allclose(
            scores - scores.mean(axis=1, keepdims=True), expected - expected.mean(axis=1, keepdims=True), atol=1e-5
        )


@pytest.mark.parametrize("weighted", [False, True])
def test_the_step_with_the_least_loss_of_rows_left_out_is_kept(weighted):
    H, labels, folds = problem()
    w = np.random.default_rng(1).uniform(0.5, 2, len(H)) if weighted else None
    found = fitted(H, labels, folds, 1e-2, w)
    losses = logistic.log_losses(found.scores, labels)
    assert min(found.losses) == pytest.approx(np.average(losses, weights=w))
    assert min(found.losses) < 0.98 * found.losses[0]


def test_the_first_step_from_zero_is_the_ridge():
    H, labels, folds = problem()
    zero = np.zeros((8, N_CLASSES * (N_FOLDS + 1)))
    G, g, _ = _core.logistic_sums(H, labels, folds, N_FOLDS, zero, np.zeros(zero.shape[1]))
    sums = _core.Sums(8, N_CLASSES)
    sums.add_rows(H, 2 * problems.one_hot(labels, N_CLASSES) - 1)
    ridge = _core.solve_ridge([sums], 0.1, True, keep_factor=True)
    U, scale, means = ridge["factor"]
    stepped = 2 * _core.solve_by_factor(U, scale, (G - np.outer(means, g))[:, :N_CLASSES].copy())
    problems.assert_close(stepped, ridge["weights"])


def test_steps_end_where_rows_left_out_are_worse_off():
    H, labels, folds = problem()
    found = fitted(H, np.random.default_rng(0).permutation(labels), folds, 1e-3)
    if found is not None:  # of classes that features tell nothing of, few steps are of use
        assert len(found.losses) < 8
        assert found.losses[0] - min(found.losses) < 0.05


def test_there_is_none_where_the_ridge_has_no_factor():
    H, labels, folds = problem()
    assert fitted(np.hstack([H, H]), labels, folds, 0.0) is None
