"""What a fit keeps, what it leaves alone, and what it gives back."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sstpl import SSTPLClassifier, SSTPLRegressor, _core


@pytest.fixture(scope="module")
def fitted(small, digits):
    X, y = digits
    return SSTPLClassifier(**small).fit(X[:1200], y[:1200])


def test_digits_are_learnt(fitted, digits):
    X, y = digits
    assert fitted.score(X[1200:], y[1200:]) > 0.9


def test_a_regression_is_learnt(small, diabetes):
    X, y = diabetes
    model = SSTPLRegressor(**small).fit(X[:330], y[:330])
    assert model.score(X[330:], y[330:]) > 0.35


def test_out_of_fold_scores_agree_with_new_rows(fitted, digits):
    X, y = digits
    out_of_fold = np.mean(fitted.oof_decision_function_.argmax(axis=1) == y[:1200])
    assert out_of_fold == pytest.approx(fitted.score(X[1200:], y[1200:]), abs=0.05)
    in_sample = fitted.score(X[:1200], y[:1200])
    assert out_of_fold < in_sample


def test_same_seed_gives_the_same_bytes(small, digits):
    X, y = digits
    first = SSTPLClassifier(**small).fit(X[:500], y[:500]).decision_function(X)
    second = SSTPLClassifier(**small).fit(X[:500], y[:500]).decision_function(X)
    assert first.tobytes() == second.tobytes()


def test_another_seed_gives_another_model(small, digits):
    X, y = digits
    first = SSTPLClassifier(**small).fit(X[:500], y[:500]).decision_function(X)
    second = SSTPLClassifier(**small | {"random_state": 1}).fit(X[:500], y[:500]).decision_function(X)
    assert not np.allclose(first, second)


def test_refit_forgets_the_earlier_fit(small, digits):
    X, y = digits
    model = SSTPLClassifier(**small).fit(X[:300, :20], y[:300] % 3)
    refitted = model.fit(X[:500], y[:500]).decision_function(X)
    fresh = SSTPLClassifier(**small).fit(X[:500], y[:500]).decision_function(X)
    assert refitted.tobytes() == fresh.tobytes()


def test_pickled_model_predicts_the_same_bytes(fitted, digits):
    again = pickle.loads(pickle.dumps(fitted))
    assert again.decision_function(digits[0]).tobytes() == fitted.decision_function(digits[0]).tobytes()
    assert again.report_.to_dict() == fitted.report_.to_dict()


def test_failed_fit_leaves_the_estimator_as_it_was(fitted, digits):
    X, y = digits
    model = pickle.loads(pickle.dumps(fitted))
    before = model.decision_function(X)
    with pytest.raises(ValueError, match="class"):
        model.fit(X[:, :5], np.zeros(len(y)))
    assert model.n_features_in_ == 64
    assert model.decision_function(X).tobytes() == before.tobytes()
    unfitted = clone(fitted)
    with pytest.raises(ValueError, match="alpha"):
        unfitted.set_params(alpha=-1.0).fit(X, y)
    assert not [name for name in vars(unfitted) if name.endswith("_")]


def test_inputs_and_parameters_are_not_changed(small, digits):
    X, y = digits[0][:300].copy(), digits[1][:300].copy()
    model = SSTPLClassifier(**small)
    parameters = model.get_params()
    model.fit(X, y)
    assert np.array_equal(X, digits[0][:300])
    assert np.array_equal(y, digits[1][:300])
    assert model.get_params() == parameters


def test_subsystems_are_kept_while_the_score_of_their_mean_improves(small, digits):
    X, y = digits
    model = SSTPLClassifier(**small | {"n_subsystems": "auto", "max_subsystems": 4}).fit(X[:500], y[:500])
    scores = [s.system_score for s in model.report_.subsystems]
    accepted = [s.accepted for s in model.report_.subsystems]
    assert all(later > earlier for earlier, later in pairwise(scores[: model.n_subsystems_]))
    assert accepted == [True] * model.n_subsystems_ + [False] * (len(accepted) - model.n_subsystems_)


@pytest.mark.parametrize("hidden_weights", ["constrained", "orthogonal", "uniform", "normal"])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "leaky_relu", "identity"])
def test_every_draw_and_activation_learns(small, digits, hidden_weights, activation):
    X, y = digits
    chosen = small | {"hidden_weights": hidden_weights, "activation": activation}
    model = SSTPLClassifier(**chosen).fit(X[:1000], y[:1000])
    assert model.score(X[1000:], y[1000:]) > 0.85


def test_float32_is_kept_and_agrees_with_float64(small, digits):
    X, y = digits
    chosen = small | {"alpha": 1e-3}
    single = SSTPLClassifier(**chosen).fit(X[:500].astype(np.float32), y[:500]).decision_function(X.astype(np.float32))
    double = SSTPLClassifier(**chosen).fit(X[:500], y[:500]).decision_function(X)
    assert single.dtype == np.float32
    assert double.dtype == np.float64
    assert np.mean(single.argmax(axis=1) == double.argmax(axis=1)) > 0.97


def test_threads_are_put_back(small, digits):
    X, y = digits
    before = _core.num_threads()
    SSTPLClassifier(**small | {"n_threads": 1}).fit(X[:200], y[:200]).predict(X)
    assert _core.num_threads() == before


def test_pipeline_and_strings_as_labels(small, digits):
    X, y = digits
    names = np.array([f"digit {label}" for label in y])
    model = make_pipeline(StandardScaler(), SSTPLClassifier(**small)).fit(X[:500], names[:500])
    assert np.mean(model.predict(X[500:]) == names[500:]) > 0.85
