"""The two-way features: honest on training rows, named, and at home in pipelines."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

from sstpl import SSTPLClassifier, SSTPLTransformer

CHOSEN = {"hidden_width": 80, "n_subsystems": 1, "random_state": 0}


def test_scores_are_those_of_the_estimator(digits):
    X, y = digits[0][:400], digits[1][:400]
    transformer = SSTPLTransformer(forward_widths=(20, 10), **CHOSEN)
    first = transformer.fit_transform(X, y)
    model = SSTPLClassifier(**CHOSEN).fit(X, y)
    assert first.shape == (400, 10 + 20 + 10)
    assert np.array_equal(first[:, :10], model.oof_decision_function_)
    again = transformer.transform(X)
    assert np.array_equal(again[:, :10], model.decision_function(X))
    assert np.array_equal(again[:, 10:], first[:, 10:])


def test_forward_features_lie_in_the_unit_interval_on_training_rows(digits):
    X, y = digits[0][:300], digits[1][:300]
    F = SSTPLTransformer(forward_widths=(30,), **CHOSEN).fit(X, y).transform(X)[:, 10:]
    assert F.min() == pytest.approx(0.0, abs=1e-9)
    assert F.max() == pytest.approx(1.0, abs=1e-9)


def test_names_and_frames(digits):
    X, y = digits[0][:300], digits[1][:300] % 3
    transformer = SSTPLTransformer(forward_widths=(2,), **CHOSEN).set_output(transform="pandas")
    frame = transformer.fit_transform(X, y)
    expected = ["score_0", "score_1", "score_2", "forward1_0", "forward1_1"]
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == expected == list(transformer.get_feature_names_out())
    binary = SSTPLTransformer(forward_widths=(), **CHOSEN).fit(X, y > 0)
    assert list(binary.get_feature_names_out()) == ["score_True"]


def test_a_pipeline_learns_from_them(digits):
    X, y = digits
    model = make_pipeline(SSTPLTransformer(forward_widths=(20,), **CHOSEN), LogisticRegression(max_iter=500))
    assert model.fit(X[:900], y[:900]).score(X[900:], y[900:]) > 0.9


def test_numbers_are_a_regression(diabetes):
    X, y = diabetes[0], diabetes[1] + 0.5
    transformer = SSTPLTransformer(forward_widths=(5,), **CHOSEN)
    model = make_pipeline(transformer, Ridge()).fit(X[:330], y[:330])
    assert model.score(X[330:], y[330:]) > 0.3
    assert transformer.get_feature_names_out()[0] == "score_0"
    assert not hasattr(transformer, "classes_")


def test_random_labels_tell_a_pipeline_nothing():
    """In-fold scores would fit any labels."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(600, 40)), rng.integers(0, 2, size=600)
    features = SSTPLTransformer(forward_widths=(), **CHOSEN).fit_transform(X, y)
    assert LogisticRegression().fit(features, y).score(features, y) < 0.5 + 4 * 0.5 / np.sqrt(600)


def test_refit_forgets_the_classes(digits, diabetes):
    transformer = SSTPLTransformer(**CHOSEN).fit(digits[0][:200], digits[1][:200])
    transformer.fit(diabetes[0], diabetes[1] + 0.5)
    assert not hasattr(transformer, "classes_")


def test_wrong_widths_are_named(digits):
    with pytest.raises(ValueError, match="forward_widths"):
        SSTPLTransformer(forward_widths=(5, 0)).fit(digits[0][:50], digits[1][:50])
    with pytest.raises(TypeError, match="sample_weight"):
        SSTPLTransformer().fit_transform(digits[0][:50], digits[1][:50], sample_weight=None)
