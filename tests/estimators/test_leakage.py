"""No row's own label reaches its out-of-fold score."""

import numpy as np
import pytest

from sstpl import SSTPLClassifier, SSTPLRegressor


@pytest.mark.parametrize("hidden_weights", ["constrained", "orthogonal"])
@pytest.mark.parametrize(("n_samples", "n_features", "n_classes"), [(400, 10, 2), (400, 60, 2), (400, 30, 4)])
def test_random_labels_are_at_chance(small, hidden_weights, n_samples, n_features, n_classes):
    out_of_fold, test = [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(n_samples, n_features))
        y = rng.integers(0, n_classes, size=2 * n_samples)
        chosen = small | {"hidden_weights": hidden_weights, "random_state": seed}
        model = SSTPLClassifier(**chosen).fit(X, y[:n_samples])
        scores = model.oof_decision_function_
        guessed = (scores > 0).astype(int) if n_classes == 2 else scores.argmax(axis=1)
        out_of_fold.append(np.mean(guessed == y[:n_samples]))
        test.append(np.mean(model.predict(rng.normal(size=(n_samples, n_features))) == y[n_samples:]))
    # 3200 guesses: four standard errors of chance, and the choice of the best of several pairs on top.
    error = 4 * np.sqrt((1 / n_classes) * (1 - 1 / n_classes) / (8 * n_samples))
    assert np.mean(test) == pytest.approx(1 / n_classes, abs=error)
    assert np.mean(out_of_fold) < 1 / n_classes + error + 0.01


def test_random_targets_have_no_out_of_fold_fit(small):
    explained = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        X, y = rng.normal(size=(300, 20)), rng.normal(size=300)
        model = SSTPLRegressor(**small | {"random_state": seed}).fit(X, y)
        explained.append(1 - np.mean((model.oof_prediction_ - y) ** 2) / np.var(y))
    assert np.mean(explained) < 0.03


@pytest.mark.parametrize("fraction", [0.8, 1.0])
def test_random_labels_are_at_chance_whatever_the_depth(small_stack, fraction, monkeypatch):
    """Scores of a level stand beside X in the next, and know the labels of other folds."""
    monkeypatch.setattr("sstpl._recursive.clearly_less", lambda *_: True)
    out_of_fold = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        X, y = rng.normal(size=(400, 60)), rng.integers(0, 2, size=400)
        chosen = small_stack | {"subsystem_fraction": fraction, "random_state": seed, "n_subsystems": 1, "alpha": 1e-2}
        model = SSTPLClassifier(**chosen).fit(X, y)
        assert model.depth_ == 3
        out_of_fold.append(np.mean((model.oof_decision_function_ > 0) == y))
    assert np.mean(out_of_fold) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(3200))


@pytest.mark.parametrize("fraction", [0.8, 1.0])
@pytest.mark.parametrize("width", [50, 400])
def test_random_targets_have_no_fit_whatever_the_depth(small_stack, fraction, width, monkeypatch):
    """Scores that a level leaves out one by one are by solutions that saw scores that saw the target."""
    monkeypatch.setattr("sstpl._recursive.clearly_less", lambda *_: True)
    explained = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        X, y = rng.normal(size=(400, 20)), rng.normal(size=400)
        chosen = {"subsystem_fraction": fraction, "random_state": seed, "n_subsystems": 1, "alpha": 1e-2}
        model = SSTPLRegressor(**small_stack | chosen | {"hidden_width": width}).fit(X, y)
        assert model.depth_ == 3
        explained.append(1 - np.mean((model.oof_prediction_ - y) ** 2) / np.var(y))
    assert np.mean(explained) < 0.02
