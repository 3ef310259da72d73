"""Wide levels whose hidden units lie between few rows: the same scores by any way of asking, and no worse a model."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_digits

from estimators.model_files import landmarks
from sstpl import SSTPLClassifier
from sstpl._levels import n_landmarks

SMALL = {"hidden_width": 120, "hidden_columns": "all", "scaling": "feature", "n_subsystems": 1, "random_state": 0}


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X, y


def densely(model):
    """Return the model without its landmarks."""
    system = [
        replace(stack, levels=tuple(replace(level, landmarks=None) for level in stack.levels))
        for stack in model.subsystems_
    ]
    other = SSTPLClassifier()
    other.__dict__ |= vars(model) | {"subsystems_": tuple(system)}
    return other


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((60_000, 784, 3000, 10), 750),
        ((60_000, 784, 1024, 200), 800),  # some of every class
        ((60_000, 255, 3000, 10), 0),  # few columns
        ((60_000, 784, 1023, 10), 0),  # few units
        ((700, 784, 3000, 10), 0),  # fewer rows than landmarks
        ((60_000, 784, 1024, 300), 0),  # more of them than units
    ],
)
def test_how_many_rows_there_are_follows_from_the_sizes(shape, expected):
    assert n_landmarks(*shape) == expected


@pytest.mark.parametrize("depth", [1, 2])
def test_scores_are_those_of_the_hidden_weights(depth, digits):
    X, y = digits
    with landmarks():
        model = SSTPLClassifier(**SMALL, max_depth=depth).fit(X[:900], y[:900])
    level = model.subsystems_[0].levels[0]
    assert 40 < len(level.landmarks.rows) <= 60
    first, second = level.landmarks.rows[level.landmarks.pairs.T]
    np.testing.assert_allclose(level.landmarks.scale[:, None] * (first - second), level.hidden_weights, atol=1e-12)
    expected = densely(model).decision_function(X[900:])
    np.testing.assert_allclose(model.decision_function(X[900:]), expected, atol=1e-9)
    alone = np.concatenate([model.decision_function(X[i : i + 1]) for i in range(900, 910)])
    np.testing.assert_allclose(alone, expected[:10], atol=1e-9)


def test_few_rows_make_no_worse_units_than_all(digits):
    X, y = digits
    accuracies = []
    for seed in range(3):
        own = SMALL | {"hidden_width": 400, "max_depth": 1, "random_state": seed}
        with landmarks():
            shared = SSTPLClassifier(**own).fit(X[:1200], y[:1200])
        assert len(shared.subsystems_[0].levels[0].landmarks.rows) <= 200
        accuracies.append(
            [model.score(X[1200:], y[1200:]) for model in (shared, SSTPLClassifier(**own).fit(X[:1200], y[:1200]))]
        )
    few, all_rows = np.mean(accuracies, axis=0)
    assert few > all_rows - 0.01


@pytest.mark.parametrize("weights", ["normal", "uniform", "orthogonal"])
def test_units_of_random_weights_have_no_landmarks(weights, digits):
    X, y = digits
    with landmarks():
        model = SSTPLClassifier(**SMALL, max_depth=1, hidden_weights=weights).fit(X[:300], y[:300])
    assert model.subsystems_[0].levels[0].landmarks is None


def test_units_that_see_subsets_have_no_landmarks(digits):
    X, y = digits
    with landmarks():
        above = SSTPLClassifier(**SMALL | {"hidden_columns": "above"}, max_depth=2).fit(X[:300], y[:300])
    first, *more = above.subsystems_[0].levels
    assert first.landmarks is not None
    assert all(level.landmarks is None for level in more)
