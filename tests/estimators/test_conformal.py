"""Prediction intervals and sets, and how often they hold the truth."""

from itertools import pairwise

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import train_test_split

from sstpl import SSTPLClassifier, SSTPLRegressor
from sstpl._conformal import Conformity, class_conformity, class_sets, residual_conformity

SLACK = 0.01  # of coverage, for training rows and new rows that are not quite exchangeable


def test_the_rank_of_the_quantile_counts_the_new_row():
    values = Conformity(np.arange(1.0, 20.0)[:, None])  # 19 rows: with a new one 20
    for coverage, rank in ((0.5, 10), (0.9, 18), (0.91, 19), (0.95, 19), (1e-9, 1)):
        assert values.quantile(coverage) == [rank]
    assert values.quantile(0.951) == [np.inf]


def test_exchangeable_values_are_covered_as_asked():
    """Of 19 values and one more, all in random order, the last is within the quantile as often as asked."""
    rng = np.random.default_rng(0)
    held = []
    for _ in range(20_000):
        *known, new = rng.exponential(size=20)
        held.append(new <= Conformity(np.sort(known)[:, None]).quantile(0.9)[0])
    assert np.mean(held) == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / 20_000))


def test_values_are_absolute_residuals_of_each_output():
    scores, targets = np.array([[1.0, 0.0], [2.0, -3.0]]), np.array([[0.5, 1.0], [4.0, 0.0]])
    np.testing.assert_array_equal(residual_conformity(scores, targets).values, [[0.5, 1.0], [2.0, 3.0]])


def test_sets_are_the_classes_that_are_as_likely_as_those_of_training_rows():
    p = np.array([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25], [0.5, 0.45, 0.05]])
    values = class_conformity(p[[0, 1, 2], [0, 1, 1]]).values
    np.testing.assert_allclose(values[:, 0], [0.3, 0.55, 0.65])
    np.testing.assert_array_equal(class_sets(p, 0.6), [[1, 0, 0], [1, 0, 0], [1, 1, 0]])
    np.testing.assert_array_equal(class_sets(p, 0.1), np.eye(3)[[0, 0, 0]])  # the likeliest, as nothing conforms
    assert class_sets(p, np.inf).all()


@pytest.fixture(scope="module")
def regressor(small, diabetes):
    X, y = diabetes
    return SSTPLRegressor(**small).fit(X[:300], y[:300])


def test_intervals_are_the_prediction_and_a_quantile_of_out_of_fold_residuals(regressor, diabetes):
    X, y = diabetes
    residuals = np.sort(np.abs(y[:300] - regressor.oof_prediction_))
    low, high = regressor.predict_interval(X, coverage=0.8).T
    np.testing.assert_allclose((low + high) / 2, regressor.predict(X))
    np.testing.assert_allclose(high - low, 2 * residuals[241 - 1])  # ceil(301 * 0.8) = 241


def test_intervals_of_several_outputs_are_those_of_each(small, diabetes):
    X, y = diabetes[0][:200], diabetes[1][:200]
    Y = np.column_stack([y, 1e6 * X[:, 2], np.full(200, 3.0)])
    model = SSTPLRegressor(**small).fit(X, Y)
    intervals = model.predict_interval(X)
    assert intervals.shape == (200, 2, 3)
    np.testing.assert_allclose(intervals.mean(axis=1), model.predict(X))
    width = 2 * np.sort(np.abs(Y - model.oof_prediction_), axis=0)[181 - 1]  # ceil(201 * 0.9) = 181
    np.testing.assert_allclose(intervals[:, 1] - intervals[:, 0], np.tile(width, (200, 1)), rtol=1e-6, atol=1e-9)
    assert np.all(intervals[:, :, 2] == 3.0)


def test_intervals_have_the_precision_of_predictions(small, diabetes):
    X, y = diabetes[0][:100].astype(np.float32), diabetes[1][:100]
    assert SSTPLRegressor(**small).fit(X, y).predict_interval(X).dtype == np.float32


def test_too_few_rows_give_infinite_intervals_and_full_sets():
    X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 1, 0, 1])
    assert np.isinf(SSTPLRegressor(hidden_width=2).fit(X, y).predict_interval(X, 0.81)).all()
    assert np.isfinite(SSTPLRegressor(hidden_width=2).fit(X, y).predict_interval(X, 0.8)).all()
    assert SSTPLClassifier(hidden_width=2).fit(X, y).predict_set(X, 0.81).all()


def test_sets_grow_with_coverage_and_hold_the_predicted_class(small, digits):
    X, y = digits
    model = SSTPLClassifier(**small).fit(X[:600], y[:600])
    sets = [model.predict_set(X[600:], coverage) for coverage in (0.5, 0.9, 0.99, 0.999)]
    assert all(s.dtype == np.bool_ and s.shape == (len(X) - 600, 10) for s in sets)
    assert all(np.all(smaller <= larger) for smaller, larger in pairwise(sets))
    predicted = np.searchsorted(model.classes_, model.predict(X[600:]))
    assert sets[0][np.arange(len(predicted)), predicted].all()
    assert sets[-1].all()  # 600 rows cannot tell


@pytest.mark.parametrize("coverage", [0, 0.0, 1, 1.0, -0.5, 1.5, np.nan, "0.9", None, True])
def test_coverage_out_of_range_is_named(regressor, small, digits, diabetes, coverage):
    with pytest.raises(ValueError, match="coverage must be"):
        regressor.predict_interval(diabetes[0], coverage)
    model = SSTPLClassifier(**small).fit(digits[0][:50], digits[1][:50] % 2)
    with pytest.raises(ValueError, match="coverage must be"):
        model.predict_set(digits[0], coverage)


def test_unfitted_models_have_neither(digits):
    with pytest.raises(NotFittedError):
        SSTPLRegressor().predict_interval(digits[0])
    with pytest.raises(NotFittedError):
        SSTPLClassifier().predict_set(digits[0])


def halves(data, size):
    return train_test_split(data["X"], data["y"], train_size=size, test_size=size, random_state=0)


def within(held, coverage, n_train):
    """Whether a share of rows held is what this coverage makes likely.

    Its deviation is that of counting new rows, and of the quantile of training rows.
    """
    deviation = np.sqrt(coverage * (1 - coverage) * (1 / len(held) + 1 / n_train))
    return abs(np.mean(held) - coverage) < 3 * deviation + SLACK


@pytest.mark.parametrize("name", ["kin8nm", "power-plant"])
def test_intervals_cover_new_rows_as_asked(real_data, name):
    data = real_data(name)
    X, X_test, y, y_test = halves(data, min(3000, len(data["y"]) // 2))
    model = SSTPLRegressor(random_state=0, max_subsystems=2).fit(X, y)
    for coverage in (0.5, 0.8, 0.9, 0.95):
        low, high = model.predict_interval(X_test, coverage).T
        assert within((low <= y_test) & (y_test <= high), coverage, len(y)), coverage


@pytest.mark.parametrize("name", ["magic", "letter"])
def test_sets_cover_new_rows_as_asked_or_as_often_as_the_likeliest_class_is_right(real_data, name):
    X, X_test, y, y_test = halves(real_data(name), 3000)
    model = SSTPLClassifier(random_state=0, max_subsystems=2, max_hidden_width=1024).fit(X, y)
    accuracy = np.mean(model.predict(X_test) == y_test)
    for coverage in (0.8, 0.9, 0.95, 0.98):
        held = model.predict_set(X_test, coverage)[np.arange(len(y_test)), y_test]
        if coverage > accuracy:
            assert within(held, coverage, len(y)), coverage
        else:
            assert np.mean(held) >= accuracy
