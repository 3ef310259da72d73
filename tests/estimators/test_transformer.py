"""The two-way features: honest on training rows, named, and at home in pipelines."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

from sstpl import SSTPLClassifier, SSTPLRegressor, SSTPLTransformer

CHOSEN = {"hidden_width": 80, "n_subsystems": 1, "random_state": 0}


def transformer_of(estimator=SSTPLClassifier, **options):
    return SSTPLTransformer(estimator(**CHOSEN), random_state=0, **options)


def test_scores_are_those_of_the_estimator(digits):
    X, y, new = digits[0][:400], digits[1][:400], digits[0][400:500]
    transformer = transformer_of(forward_widths=(20, 10))
    first = transformer.fit_transform(X, y)
    model = SSTPLClassifier(**CHOSEN).fit(X, y)
    assert first.shape == (400, 10 + 20 + 10)
    assert np.array_equal(first[:, :10], model.oof_decision_function_)
    assert np.array_equal(transformer.transform(new)[:, :10], model.decision_function(new))


def test_training_rows_are_known_among_others(digits):
    X, y = digits[0][:400], digits[1][:400]
    transformer = transformer_of()
    first = transformer.fit_transform(X, y)
    mixed = np.vstack([digits[0][400:500], X[::-1]]).astype(np.float32)
    np.testing.assert_array_equal(transformer.transform(mixed)[100:], first[::-1])


def test_copies_with_different_targets_have_the_mean_score(digits):
    X, y = np.vstack([digits[0][:200], digits[0][:1]]), np.append(digits[1][:200], digits[1][0] + 1)
    transformer = transformer_of(forward_widths=())
    scores = transformer.fit_transform(X, y)
    own = transformer.estimator_.oof_decision_function_
    np.testing.assert_allclose(scores[0], (own[0] + own[200]) / 2, rtol=1e-12)
    np.testing.assert_array_equal(scores[200], scores[0])


def test_forward_features_lie_in_the_unit_interval_on_training_rows(digits):
    X, y = digits[0][:300], digits[1][:300]
    F = transformer_of(forward_widths=(30,)).fit(X, y).transform(X)[:, 10:]
    assert F.min() == pytest.approx(0.0, abs=1e-9)
    assert F.max() == pytest.approx(1.0, abs=1e-9)


def test_names_and_frames(digits):
    X, y = digits[0][:300], digits[1][:300] % 3
    transformer = transformer_of(forward_widths=(2,)).set_output(transform="pandas")
    frame = transformer.fit_transform(X, y)
    expected = ["score_0", "score_1", "score_2", "forward1_0", "forward1_1"]
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == expected == list(transformer.get_feature_names_out())
    binary = transformer_of(forward_widths=()).fit(X, y > 0)
    assert list(binary.get_feature_names_out()) == ["score_True"]


def test_a_pipeline_learns_from_them(digits):
    X, y = digits
    model = make_pipeline(transformer_of(forward_widths=(20,)), LogisticRegression(max_iter=500))
    assert model.fit(X[:900], y[:900]).score(X[900:], y[900:]) > 0.9


def test_numbers_are_a_regression(diabetes):
    X, y = diabetes[0], diabetes[1] + 0.5
    transformer = transformer_of(SSTPLRegressor, forward_widths=(5,))
    model = make_pipeline(transformer, Ridge()).fit(X[:330], y[:330])
    assert model.score(X[330:], y[330:]) > 0.3
    assert transformer.get_feature_names_out()[0] == "score_0"


def test_random_labels_tell_a_pipeline_nothing():
    """In-fold scores would fit any labels."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(600, 40)), rng.integers(0, 2, size=600)
    features = transformer_of(forward_widths=()).fit_transform(X, y)
    assert LogisticRegression().fit(features, y).score(features, y) < 0.5 + 4 * 0.5 / np.sqrt(600)


def test_no_estimator_is_a_default_one_by_the_type_of_y(digits, diabetes):
    X, y = digits[0][:120], digits[1][:120]
    transformer = SSTPLTransformer(forward_widths=(), random_state=3)
    first = transformer.fit_transform(X, y)
    assert np.array_equal(first, SSTPLClassifier(random_state=3).fit(X, y).oof_decision_function_)
    transformer.fit(diabetes[0][:120], diabetes[1][:120] + 0.5)
    assert isinstance(transformer.estimator_, SSTPLRegressor)
    with pytest.raises(ValueError, match="Unknown label type"):
        transformer.fit(X, np.array([object()] * 120))


def test_the_estimator_given_is_not_fitted(digits):
    estimator = SSTPLClassifier(**CHOSEN)
    transformer = SSTPLTransformer(estimator).fit(digits[0][:100], digits[1][:100])
    assert not hasattr(estimator, "subsystems_")
    assert transformer.n_features_in_ == 64
    with pytest.raises(TypeError, match="estimator must be an SSTPLClassifier"):
        SSTPLTransformer(Ridge()).fit(digits[0][:100], digits[1][:100])
    with pytest.raises(NotFittedError):
        SSTPLTransformer(estimator).transform(digits[0])


def test_wrong_widths_are_named(digits):
    with pytest.raises(ValueError, match="forward_widths"):
        SSTPLTransformer(forward_widths=(5, 0)).fit(digits[0][:50], digits[1][:50])
    with pytest.raises(TypeError, match="sample_weight"):
        SSTPLTransformer().fit_transform(digits[0][:50], digits[1][:50], sample_weight=None)
