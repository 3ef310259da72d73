"""Rows in partitions, on the engine that runs all in this process: the fit of the same rows in one array."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits

from sstpl import SSTPLClassifier, SSTPLRegressor, _core
from sstpl._engines import reduced
from sstpl._solving import solve_path
from sstpl.distributed import HereEngine, PartitionedRows

UNEVEN = (0, 7, 7, 300, 301)  # an empty partition, one of 7 rows, one of one


def unpacked(value):
    return pickle.loads(value) if isinstance(value, bytes) else value


class PicklingEngine(HereEngine):
    """Sends everything as bytes, and notes which functions ran."""

    def __init__(self):
        self.ran = []

    def put(self, value):
        return pickle.dumps(value)

    def map(self, function, *columns, alone=False):
        self.ran.append(getattr(function, "func", function).__name__)
        sent = pickle.loads(pickle.dumps(function))
        rows = zip(*columns, strict=True)
        return [pickle.dumps(sent(*map(unpacked, row))) for row in rows]

    def get(self, refs):
        return [pickle.loads(ref) for ref in refs]


def partitions(X, cuts=UNEVEN):
    return PartitionedRows(PicklingEngine(), [pickle.dumps(part) for part in np.split(X, cuts)])


def steps(model):
    """Return everything that a fit has chosen."""
    found = [(step.stage, step.level, step.alpha, step.accepted) for _, step in model.report_.numbered_steps()]
    return found, model.depth_, [len(sub.levels) for sub in model.subsystems_], [sub.width for sub in model.subsystems_]


def same_model(model, other, X, tolerance):
    scores = "decision_function" if hasattr(model, "decision_function") else "predict"
    expected, found = getattr(other, scores)(X), getattr(model, scores)(X)
    assert steps(model) == steps(other)
    assert model._input_map.scaling == other._input_map.scaling
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())
    own = "oof_decision_function_" if scores == "decision_function" else "oof_prediction_"
    np.testing.assert_allclose(
        getattr(model, own), getattr(other, own), rtol=0, atol=tolerance * np.abs(expected).max()
    )


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-9), (np.float32, 2e-3)])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_classifier_is_that_of_the_rows_in_one_array(dtype, tolerance, weighted):
    X, y = load_digits(return_X_y=True)
    X, y = X.astype(dtype), y.astype(str)
    weights = np.arange(len(y)) % 3 + 0.5 if weighted else None
    options = {"hidden_width": 100, "random_state": 0}
    here = SSTPLClassifier(**options).fit(X, y, weights)
    rows = partitions(X)
    model = SSTPLClassifier(**options).fit(rows, y, weights)
    same_model(model, here, X, tolerance)
    np.testing.assert_allclose(model.predict_proba(X), here.predict_proba(X), atol=10 * tolerance)
    np.testing.assert_array_equal(model.predict(partitions(X)), model.predict(X))


@pytest.mark.parametrize(
    "options",
    [{"hidden_weights": "normal"}, {"hidden_weights": "centers"}, {"hidden_columns": "subsets"}, {"scaling": "none"}],
)
def test_a_regressor_is_that_of_the_rows_in_one_array(options):
    X, y = load_diabetes(return_X_y=True)
    X[np.random.default_rng(0).random(X.shape) < 0.1] = np.nan
    y = np.stack([y, -(y**2)], axis=1)
    options |= {"hidden_width": 60, "random_state": 0}
    here = SSTPLRegressor(**options).fit(X, y)
    same_model(SSTPLRegressor(**options).fit(partitions(X), y), here, X, 1e-8)


def test_without_a_search_sums_are_solved_with_the_first_penalty_that_cholesky_takes():
    rng = np.random.default_rng(0)
    folds = []
    for _ in range(3):
        folds.append(_core.Sums(6, 2))
        X = rng.normal(size=(40, 3))
        folds[-1].add_rows(np.hstack([X, X]), rng.normal(size=(40, 2)))  # of rank 3
    for alphas, taken in (([0.1, 1.0], 0.1), ([0.0, 0.1, 1.0], 0.1)):
        found = solve_path(folds, alphas, search=False, without_folds=True)
        expected = solve_path(folds, [taken], without_folds=True)
        assert (found.alpha, found.errors) == (taken, [])
        for one, other in zip([found.whole, *found.without], [expected.whole, *expected.without], strict=True):
            np.testing.assert_array_equal(one["weights"], other["weights"])


def test_more_units_than_rows_are_the_dual_form_of_the_rows_in_one_array():
    X, y = load_diabetes(return_X_y=True)
    options = {"hidden_width": 500, "random_state": 0}
    here = SSTPLRegressor(**options).fit(X, y)
    same_model(SSTPLRegressor(**options).fit(partitions(X), y), here, X, 1e-9)


def test_partitions_of_one_class_give_the_same_model():
    X, y = load_digits(return_X_y=True)
    order = np.argsort(y, kind="stable")
    X, y = X[order], y[order]
    options = {"hidden_width": 100, "n_subsystems": 1, "random_state": 0}
    cuts = np.searchsorted(y, np.arange(1, 10))
    same_model(SSTPLClassifier(**options).fit(partitions(X, cuts), y), SSTPLClassifier(**options).fit(X, y), X, 1e-9)


def test_copies_in_different_partitions_are_merged_and_rows_without_weight_scored():
    X, y = load_digits(return_X_y=True)
    X, y = np.concatenate([X[:400], X[100:200]]), np.concatenate([y[:400], y[100:200]])
    weights = np.ones(500)
    weights[::7] = 0.0
    options = {"hidden_width": 100, "n_subsystems": 1, "random_state": 0}
    here = SSTPLClassifier(**options).fit(X, y, weights)
    same_model(SSTPLClassifier(**options).fit(partitions(X), y, weights), here, X, 1e-9)


def test_no_array_of_all_rows_is_ever_fetched():
    X = np.random.default_rng(0).standard_normal((30_000, 8))
    y = X[:, 0] * X[:, 1] > 0
    most = []

    class Watching(HereEngine):
        def get(self, refs):
            most.append(sum(one.nbytes for one in refs if isinstance(one, np.ndarray) and one.shape[1:] == (8,)))
            return refs

    rows = PartitionedRows(Watching(), np.split(X, UNEVEN))
    SSTPLClassifier(hidden_width=30, n_subsystems=1, scaling="feature", hidden_columns="all").fit(rows, y)
    assert 0 < max(most) < X.nbytes / 3


def test_a_tree_reduces_in_any_shape():
    def add(*values):
        return sum(values)

    for n in (1, 2, 4, 5, 17):
        assert reduced(HereEngine(), add, list(range(n))) == n * (n - 1) // 2


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "partitions must hold at least one"),
        ([np.ones(3)], "partition 0 of X must be 2-D"),
        ([np.ones((2, 2)), np.ones((2, 3))], "partition 1 of X must have 2 columns"),
        ([np.ones((2, 2)), np.array([[1.0, np.inf]])], "partition 1 of X contains infinity in row 0, column 1"),
        ([np.array([["a", "b"]])], "partition 0 of X must hold numbers"),
    ],
)
def test_what_is_wrong_with_a_partition_is_named(parts, message):
    with pytest.raises(ValueError, match=message):
        PartitionedRows(HereEngine(), parts)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"architecture": "paper"}, "architecture='recursive'"),
        ({"selection": "gcv"}, "selection='kfold'"),
        ({"image_shape": (8, 8)}, "image_shape must be None"),
        ({"categorical_features": [1]}, "categorical_features must be"),
        ({"categorical_features": np.array([1, 2])}, "categorical_features must be"),
    ],
)
def test_what_cannot_be_fitted_in_partitions_is_an_error_and_changes_nothing(options, message):
    X, y = load_digits(return_X_y=True)
    model = SSTPLClassifier(**options)
    with pytest.raises(ValueError, match=message):
        model.fit(partitions(X), y)
    assert not hasattr(model, "n_features_in_")


def test_rows_to_predict_must_have_the_columns_of_fit():
    X, y = load_digits(return_X_y=True)
    parts = np.split(X, UNEVEN)
    names = [f"pixel {i}" for i in range(64)]
    model = SSTPLClassifier(hidden_width=50, n_subsystems=1).fit(PartitionedRows(HereEngine(), parts, names), y)
    assert list(model.feature_names_in_) == names
    with pytest.raises(ValueError, match="must have the columns of fit"):
        model.predict(PartitionedRows(HereEngine(), parts, names[::-1]))
    model.fit(PartitionedRows(HereEngine(), parts), y)
    with pytest.raises(ValueError, match="63 features"):
        model.predict(PartitionedRows(HereEngine(), [part[:, 1:] for part in parts]))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(PartitionedRows(HereEngine(), parts), y[1:])
