"""Real data of known difficulty, default parameters, test rows touched once."""

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from sstpl import SSTPLClassifier, SSTPLRegressor


@pytest.mark.parametrize(("name", "floor"), [("segment", 0.94), ("satimage", 0.88), ("spambase", 0.90)])
def test_classification_reaches_what_the_data_allows(real_data, name, floor):
    data = real_data(name)
    X, X_test, y, y_test = train_test_split(
        data["X"], data["y"], train_size=1800, test_size=500, random_state=0, stratify=data["y"]
    )
    model = SSTPLClassifier(random_state=0, max_subsystems=2).fit(X, y)
    scores = model.oof_decision_function_
    guessed = model.classes_[(scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)]
    assert model.score(X_test, y_test) > floor
    assert np.mean(guessed == y) == pytest.approx(model.score(X_test, y_test), abs=0.03)


@pytest.mark.parametrize(("name", "ceiling"), [("concrete", 7.0), ("energy", 1.2)])
def test_regression_reaches_what_the_data_allows(real_data, name, ceiling):
    data = real_data(name)
    X, X_test, y, y_test = train_test_split(data["X"], data["y"], test_size=0.25, random_state=0)
    model = SSTPLRegressor(random_state=0, max_subsystems=2).fit(X, y)
    error = np.sqrt(np.mean((model.predict(X_test) - y_test) ** 2))
    out_of_fold = np.sqrt(np.mean((model.oof_prediction_ - y) ** 2))
    assert error < ceiling
    assert out_of_fold == pytest.approx(error, rel=0.35)
