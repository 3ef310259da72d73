"""Readouts of classifiers by their log-loss, and the subsystems of one level that stand between deeper ones."""

import numpy as np
import onnxruntime
import pytest
from scipy.special import log_softmax
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

import sstpl
from reference import hidden, logistic
from sstpl import ModelFormatError, SSTPLClassifier
from sstpl._calibration import FLOORS, Calibration
from sstpl._logistic import MOST_STEPS, steps_that_pay

ONE = {"n_subsystems": 1, "hidden_columns": "all", "scaling": "feature", "random_state": 0, "dtype": "float64"}


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return train_test_split(X, y, test_size=0.5, random_state=0, stratify=y)


def told(model):
    """Return what every subsystem reports of its readout by log-loss."""
    return [
        step.detail["log_loss"]
        for subsystem in model.report_.subsystems
        for step in subsystem.steps
        if "log_loss" in step.detail
    ]


def test_the_readout_has_less_loss_on_the_training_rows_than_the_ridge(cancer):
    X, _, y, _ = cancer
    given = ONE | {"hidden_width": 40, "max_depth": 1, "subsystem_fraction": 1.0, "alpha": 1e-2}
    ridge, model = (SSTPLClassifier(**given, loss=loss).fit(X, y) for loss in ("squared_error", "log_loss"))
    [[level], [other]] = (one.subsystems_[0].levels for one in (model, ridge))
    np.testing.assert_array_equal(level.hidden_weights, other.hidden_weights)
    H = hidden.features(model._input_map.transform(X), level.hidden_weights, level.hidden_bias, "tanh")

    def loss(one):
        return logistic.log_losses(H @ one.weights + one.intercept, y).mean()

    assert loss(level) < 0.5 * loss(other)
    assert loss(level) < loss_of_scaled(H @ other.weights + other.intercept, y)
    [detail] = told(model)
    assert detail["losses"][0] == pytest.approx(np.log(2), abs=0.05)
    assert 0 < int(np.argmin(detail["losses"])) <= MOST_STEPS


def loss_of_scaled(scores, y):
    """Return the log-loss of scores with the best temperature."""
    return min(logistic.log_losses(k * scores, y).mean() for k in np.geomspace(0.5, 20, 100))


def test_probabilities_of_logistic_truth_are_better_than_those_of_the_ridge():
    rng = np.random.default_rng(0)
    found = {"squared_error": [], "log_loss": []}
    for seed in range(4):
        X = rng.normal(size=(4000, 6))
        margins = 4 * (X[:, 0] + np.sin(2 * X[:, 1]) + X[:, 2] * X[:, 3])
        y = rng.uniform(size=4000) < 1 / (1 + np.exp(-margins))
        for loss, losses in found.items():
            model = SSTPLClassifier(**ONE | {"random_state": seed}, hidden_width=400, max_depth=1, loss=loss)
            losses.append(log_loss(y[2000:], model.fit(X[:2000], y[:2000]).predict_proba(X[2000:])))
    assert np.mean(found["log_loss"]) < 0.97 * np.mean(found["squared_error"])


def test_every_other_subsystem_has_one_level():
    X, y = load_digits(return_X_y=True)
    model = SSTPLClassifier(hidden_width=100, n_subsystems=5, scaling="feature", random_state=0).fit(X[:900], y[:900])
    depths = [subsystem.depth for subsystem in model.subsystems_]
    assert depths[1::2] == [1, 1]
    assert min(depths[::2]) > 1
    assert len(told(model)) == 5
    ridge = SSTPLClassifier(**model.get_params() | {"loss": "squared_error"}).fit(X[:900], y[:900])
    assert min(subsystem.depth for subsystem in ridge.subsystems_) > 1
    assert told(ridge) == []


@pytest.mark.parametrize("hidden_weights", ["constrained", "centers"])
@pytest.mark.parametrize("max_depth", [1, 3])
def test_out_of_fold_scores_say_how_good_probabilities_are(hidden_weights, max_depth):
    X, y = load_digits(return_X_y=True)
    expected, new = [], []
    for seed in range(3):
        X_own, X_new, y_own, y_new = train_test_split(X, y, test_size=0.5, random_state=seed, stratify=y)
        model = SSTPLClassifier(
            hidden_width=200,
            n_subsystems=5,
            scaling="feature",
            hidden_weights=hidden_weights,
            hidden_columns="all",
            max_depth=max_depth,
            random_state=seed,
        ).fit(X_own, y_own)
        assert len(told(model)) == 5
        expected.append(model.report_.calibration.log_loss)
        new.append(log_loss(y_new, model.predict_proba(X_new)))
    # Scores of training rows are by solutions of fewer rows, so they promise no more than there is.
    assert 0.95 < np.mean(expected) / np.mean(new) < 1.6


def test_scores_of_training_rows_have_not_seen_their_labels():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(600, 10)), rng.integers(0, 2, 600)
    model = SSTPLClassifier(hidden_width=150, n_subsystems=4, scaling="feature", random_state=0, loss="log_loss")
    model.fit(X, y)
    assert abs(np.mean((model.oof_decision_function_ > 0) == y) - 0.5) < 0.06
    assert model.report_.calibration.log_loss > 0.68


def test_weight_k_is_the_same_as_k_copies(cancer):
    X, X_new, y, _ = cancer
    counts = np.arange(len(X)) % 3 + 1
    given = ONE | {"hidden_width": 30, "hidden_weights": "normal", "loss": "log_loss"}
    weighted = SSTPLClassifier(**given).fit(X, y, sample_weight=counts)
    copies = SSTPLClassifier(**given).fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
    np.testing.assert_allclose(copies.predict_proba(X_new), weighted.predict_proba(X_new), atol=1e-8)


def test_scores_are_logits_up_to_a_factor(cancer):
    X, X_new, y, y_new = cancer
    model = SSTPLClassifier(**ONE, hidden_width=60, loss="log_loss").fit(X, y)
    scores = model.decision_function(X_new)
    p = log_softmax(np.column_stack([-scores, scores]), axis=1)
    own = -p[np.arange(len(y_new)), y_new].mean()
    assert own < 1.3 * log_loss(y_new, model.predict_proba(X_new))


def test_files_keep_the_readout(cancer, tmp_path):
    X, X_new, y, _ = cancer
    model = SSTPLClassifier(hidden_width=60, n_subsystems=3, random_state=0, loss="log_loss").fit(X, y)
    model.save(tmp_path / "model.safetensors")
    loaded = sstpl.load(tmp_path / "model.safetensors")
    assert loaded.loss == "log_loss"
    np.testing.assert_array_equal(loaded.predict_proba(X_new), model.predict_proba(X_new))
    assert told(loaded) == told(model)


def test_maps_that_stretch_large_scores_are_kept_in_files_and_exported(cancer, tmp_path):
    X, X_new, y, _ = cancer
    model = SSTPLClassifier(**ONE, hidden_width=40).fit(X, y)
    for floor in (-1.0, -4.0):
        model._calibration = Calibration(1.3, floor, 200)
        path = tmp_path / "stretched.safetensors"
        model.save(path)
        np.testing.assert_array_equal(sstpl.load(path).predict_proba(X_new), model.predict_proba(X_new))
        session = onnxruntime.InferenceSession(model.to_onnx().SerializeToString())
        found = session.run(["probabilities"], {"X": X_new.astype(np.float32)})[0]
        np.testing.assert_allclose(found, model.predict_proba(X_new.astype(np.float32)), atol=1e-5)
    for floor in (0.0, -1e-3, np.nan):
        model._calibration = Calibration(1.3, floor, 200)
        with pytest.raises(ModelFormatError, match=r"calibration\.floor"):
            model.save(path)


def test_scores_of_any_size_have_probabilities():
    scores = np.array([[-1e9, 1e9], [1e9, -1e9], [0.0, 0.0], [50.0, 49.0]])
    for floor in FLOORS:
        p = Calibration(2.0, floor, 1000).probabilities(scores)
        assert np.isfinite(p).all()
        np.testing.assert_allclose(p.sum(axis=1), 1.0)
        np.testing.assert_array_equal(np.argmax(p[:2], axis=1), [1, 0])


def test_there_is_none_where_nothing_is_left_out_or_several_labels_are_asked_for(cancer):
    X, _, y, _ = cancer
    one = ONE | {"hidden_width": 40, "max_depth": 1, "subsystem_fraction": 1.0, "alpha": 1e-2, "n_folds": 1}
    assert told(SSTPLClassifier(**one, loss="log_loss").fit(X, y)) == []
    labels = SSTPLClassifier(**ONE, hidden_width=40, loss="log_loss").fit(X, np.column_stack([y, 1 - y]))
    assert told(labels) == []


def test_it_is_the_rule_where_it_costs_little_beside_the_sums():
    assert steps_that_pay(12_000, 20, 2048, 2, 5, 4)
    assert steps_that_pay(500, 800, 100, 10, 5, 4)
    assert not steps_that_pay(48_000, 1176, 4096, 10, 5, 4)  # MNIST
    assert steps_that_pay(1_000_000, 50, 4096, 2, 5, 4)
    assert not steps_that_pay(1_000_000, 300, 1024, 2, 5, 4)


def test_a_report_shows_how_the_loss_fell(cancer):
    X, _, y, _ = cancer
    model = SSTPLClassifier(hidden_width=40, n_subsystems=3, scaling="feature", random_state=0).fit(X, y)
    page = sstpl.report(model)
    assert len([axes for axes in page.figures["log-losses"].axes if axes.get_visible()]) == 3
    assert "Every other subsystem has one level" in page.to_html()
    for detail in told(model):
        assert f"{min(detail['losses']):.4g}" in page.to_html()


def test_another_loss_is_refused(cancer):
    with pytest.raises(ValueError, match=r"loss must be .*'log_loss'.* got 'hinge'"):
        SSTPLClassifier(loss="hinge").fit(cancer[0], cancer[2])
