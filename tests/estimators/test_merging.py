"""Models that were begun as copies and took in rows of their own: merged, they are the model of all rows."""

from copy import deepcopy

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import NotFittedError

from sstpl import SSTPLClassifier, SSTPLRegressor

DIGITS, LABELS = load_digits(return_X_y=True)


def begin(**options):
    model = SSTPLClassifier(hidden_width=40, random_state=0, **options)
    return model.partial_fit(DIGITS[:300], LABELS[:300], classes=np.arange(10))


@pytest.mark.parametrize("options", [{}, {"alpha": 1e-3}, {"dtype": "float32"}])
def test_merged_models_are_the_model_of_all_rows(options):
    begun = begin(**options)
    parts = [deepcopy(begun).partial_fit(DIGITS[k:1797:3], LABELS[k:1797:3]) for k in range(300, 303)]
    whole = deepcopy(begun).partial_fit(DIGITS[300:], LABELS[300:])
    model = deepcopy(begun)
    for part in parts[::-1]:
        assert model.merge(part, since=begun) is model
    assert model.report_.subsystems[0].n_samples == 1797
    assert model.report_.subsystems[0].steps[0].alpha == whole.report_.subsystems[0].steps[0].alpha
    tolerance = 1e-3 if "dtype" in options else 1e-9
    np.testing.assert_allclose(model.decision_function(DIGITS), whole.decision_function(DIGITS), atol=tolerance)


def test_merged_regressors_are_the_model_of_all_rows():
    X, y = load_diabetes(return_X_y=True)
    begun = SSTPLRegressor(hidden_width=30, random_state=0).partial_fit(X[:100], y[:100])
    model = deepcopy(begun).partial_fit(X[100:200], y[100:200])
    model.merge(deepcopy(begun).partial_fit(X[200:], y[200:]), since=begun)
    whole = deepcopy(begun).partial_fit(X[100:], y[100:])
    np.testing.assert_allclose(model.predict(X), whole.predict(X), rtol=1e-9)


def test_without_a_common_model_all_rows_of_both_count():
    begun = begin()
    assert deepcopy(begun).merge(begun).report_.subsystems[0].n_samples == 600


@pytest.mark.parametrize(
    "other",
    [
        SSTPLClassifier(hidden_width=41, random_state=0),
        SSTPLClassifier(hidden_width=40, random_state=1),
        SSTPLClassifier(hidden_width=40, random_state=0, n_folds=3),
    ],
)
def test_models_of_other_layers_do_not_add_up(other):
    other.partial_fit(DIGITS[:300], LABELS[:300], classes=np.arange(10))
    begun = begin()
    before = begun.decision_function(DIGITS)
    with pytest.raises(ValueError, match="copies of one that partial_fit has begun"):
        begun.merge(other)
    np.testing.assert_array_equal(begun.decision_function(DIGITS), before)


def test_models_of_other_classes_do_not_add_up():
    X, y = DIGITS[:300], LABELS[:300]
    few = SSTPLClassifier(hidden_width=40, random_state=0).partial_fit(X[y < 2], y[y < 2])
    more = deepcopy(few).partial_fit(X[y < 3], y[y < 3])
    other = SSTPLClassifier(hidden_width=40, random_state=0).partial_fit(X[y < 2], y[y < 2] + 5)
    with pytest.raises(ValueError, match="same classes"):
        few.merge(more)
    with pytest.raises(ValueError, match="other must have the classes of this model"):
        few.merge(other)


def test_what_cannot_be_merged_is_named():
    begun = begin()
    with pytest.raises(TypeError, match="other must be a SSTPLClassifier, got SSTPLRegressor"):
        begun.merge(SSTPLRegressor())
    with pytest.raises(NotFittedError, match="since has no sums"):
        begun.merge(begun, since=SSTPLClassifier())
    larger = deepcopy(begun).partial_fit(DIGITS[300:], LABELS[300:])
    with pytest.raises(ValueError, match="since must be the model that both were made from"):
        deepcopy(begun).merge(begun, since=larger)
