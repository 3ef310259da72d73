"""Prediction: the short way past scikit-learn's checks, batches, single rows, and threads of worker processes."""

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV

from sstpl import SSTPLClassifier, _core


@pytest.fixture(scope="module")
def fitted(digits):
    X, y = digits
    return SSTPLClassifier(hidden_width=200, n_subsystems=2, random_state=0).fit(X[:600], y[:600])


@pytest.mark.parametrize("batch", [1, 2, 7, 600])
def test_scores_do_not_depend_on_the_batch(fitted, digits, batch):
    X = digits[0][600:1200]
    parts = [fitted.decision_function(X[start : start + batch]) for start in range(0, len(X), batch)]
    np.testing.assert_allclose(np.vstack(parts), fitted.decision_function(X), rtol=0, atol=1e-12)


def test_the_short_way_gives_what_the_checked_way_gives(fitted, digits):
    X = digits[0][600:700]
    expected = fitted.decision_function(X)
    for same in (X.tolist(), np.asfortranarray(X), X[:, ::-1][:, ::-1], pd.DataFrame(X).to_numpy(), X.astype(object)):
        np.testing.assert_allclose(fitted.decision_function(same), expected, rtol=0, atol=1e-12)
    for same in (X.astype(np.int64), X.astype(np.uint8), X.astype(np.float32)):
        np.testing.assert_allclose(fitted.decision_function(same), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_short_way_is_closed_to_what_is_not_finite(fitted, digits, bad, dtype):
    X = digits[0][600:610].astype(dtype)
    X[3, 5] = bad
    if np.isnan(bad):  # a missing value, which is the training mean
        assert np.isfinite(fitted.decision_function(X)).all()
        return
    with pytest.raises(ValueError, match="infinity"):
        fitted.predict(X)


def test_finite_rows_whose_sum_overflows_are_predicted(fitted, digits):
    X = digits[0][600:603].astype(np.float32)
    X[:2, :2] = np.finfo(np.float32).max
    assert len(fitted.predict(X)) == 3


@pytest.mark.parametrize("wrong", [np.zeros((2, 63)), np.zeros(64), np.zeros((0, 64)), np.zeros((1, 2, 32))])
def test_the_short_way_is_closed_to_other_shapes(fitted, wrong):
    with pytest.raises(ValueError, match=r"features|1D|0 sample|dim"):
        fitted.predict(wrong)


def test_names_are_still_compared(digits):
    X = pd.DataFrame(digits[0][:300]).add_prefix("pixel")
    model = SSTPLClassifier(hidden_width=50, n_subsystems=1, random_state=0).fit(X, digits[1][:300])
    with pytest.raises(ValueError, match="feature names"):
        model.predict(X.rename(columns={"pixel0": "other"}))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X.to_numpy())


def test_worker_processes_share_the_cores():
    workers = 2
    threads = joblib.Parallel(n_jobs=workers)(joblib.delayed(_core.num_threads)() for _ in range(workers))
    assert all(1 <= n <= max(1, joblib.cpu_count() // workers) for n in threads)


def test_a_grid_search_in_two_processes_finds_what_one_finds(digits):
    X, y = digits[0][:300], digits[1][:300]
    grid = {"alpha": [1e-3, 10.0]}
    model = SSTPLClassifier(hidden_width=60, n_subsystems=1, max_depth=1, random_state=0)
    one, two = (GridSearchCV(model, grid, cv=2, n_jobs=jobs).fit(X, y) for jobs in (1, 2))
    np.testing.assert_allclose(one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"], atol=1e-12)
