"""Hidden units that are centers: fits, what they refuse, files, ONNX, rows added, and rows in partitions."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.model_selection import train_test_split

import sstpl
from reference import centers, ridge
from sstpl import SSTPLClassifier, SSTPLRegressor
from sstpl import _model_file as container

CENTERS = {"hidden_weights": "centers", "random_state": 0}
SMALL = CENTERS | {"hidden_width": 60, "n_subsystems": 2, "max_depth": 2, "scaling": "quantile"}
ONE = CENTERS | {"n_subsystems": 1, "max_depth": 1, "scaling": "feature", "subsystem_fraction": 1.0, "dtype": "float64"}


def classes(n=200):
    X, y = load_breast_cancer(return_X_y=True)
    return X[:n], y[:n]


def numbers(n=200):
    X, y = load_diabetes(return_X_y=True)
    return X[:n], y[:n]


def level_of(model):
    [stack] = model.subsystems_
    assert stack.activation == "distance"
    return stack.levels[0]


def test_one_level_is_the_ridge_on_distances_to_all_rows():
    X, y = numbers()
    model = SSTPLRegressor(**ONE, alpha=1e-3).fit(X, y)
    level = level_of(model)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    assert level.width == len(X)  # as many as there are rows
    order = np.lexsort(level.hidden_weights.T), np.lexsort(Z.T)
    np.testing.assert_allclose(level.hidden_weights[order[0]], Z[order[1]], atol=1e-12)
    np.testing.assert_allclose(level.hidden_bias, centers.bias(Z, len(Z)))
    H = centers.features(Z, level.hidden_weights, level.hidden_bias)
    W, b = ridge.solve(H, y[:, None], 1e-3)
    np.testing.assert_allclose(model.predict(X), (H @ W + b)[:, 0], rtol=1e-6)


def test_a_given_width_is_kept_and_a_wide_one_takes_rows_again():
    X, y = numbers(60)
    assert level_of(SSTPLRegressor(**ONE, hidden_width=25).fit(X, y)).width == 25
    wide = SSTPLRegressor(**ONE, hidden_width=100).fit(X, y)
    assert len(np.unique(level_of(wide).hidden_weights, axis=0)) == 60


@pytest.mark.parametrize(("estimator", "rows"), [(SSTPLClassifier, classes), (SSTPLRegressor, numbers)])
def test_out_of_fold_scores_tell_the_error_of_new_rows(estimator, rows):
    X, y = rows(None)
    told, new = [], []
    for seed in range(6):
        X_own, X_new, y_own, y_new = train_test_split(X, y, test_size=0.5, random_state=seed)
        if estimator is SSTPLClassifier:
            model = estimator(**ONE | {"dtype": "auto", "loss": "squared_error"}).fit(X_own, y_own)
            told.append(np.mean((model.oof_decision_function_ - (y_own - 0.5)) ** 2))
            new.append(np.mean((model.decision_function(X_new) - (y_new - 0.5)) ** 2))
        else:
            model = estimator(**ONE | {"dtype": "auto"}).fit(X_own, y_own)
            told.append(np.mean((model.oof_prediction_ - y_own) ** 2))
            new.append(np.mean((model.predict(X_new) - y_new) ** 2))
    assert np.mean(told) == pytest.approx(np.mean(new), rel=0.1)


def test_they_are_ahead_where_targets_depend_on_distances():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(800, 4))
    y = np.cos(4 * np.linalg.norm(X, axis=1)) + 0.1 * rng.normal(size=800)
    options = {"random_state": 0, "n_subsystems": 1, "scaling": "feature"}
    errors = [
        1 - SSTPLRegressor(hidden_weights=kind, **options).fit(X[:600], y[:600]).score(X[600:], y[600:])
        for kind in ("centers", "constrained", "normal")
    ]
    assert errors[0] < 0.8 * min(errors[1:])


def test_they_are_among_the_units_that_are_tried_on_tables_alone():
    X, y = load_wine(return_X_y=True)
    tried = SSTPLClassifier(random_state=0, n_subsystems=1).fit(X, y).report_.preparation
    assert ("centers", "all") in {(step.detail["hidden_weights"], step.detail["columns"]) for step in tried}
    for options in ({"selection": "loo"}, {"hidden_columns": "subsets"}, {"max_hidden_width": len(X) // 2}):
        tried = SSTPLClassifier(random_state=0, n_subsystems=1, **options).fit(X, y).report_.preparation
        assert "centers" not in {step.detail["hidden_weights"] for step in tried}
    tried = SSTPLClassifier(random_state=0, hidden_width=50).partial_fit(X, y).report_.preparation
    assert {step.detail["hidden_weights"] for step in tried} == {"constrained", "normal"}


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"architecture": "paper"}, "hidden_weights='centers' needs architecture='recursive', got 'paper'"),
        ({"hidden_columns": "subsets"}, "hidden_columns must be 'auto' or 'all' with hidden_weights='centers'"),
        ({"selection": "loo"}, "selection must be 'kfold' with hidden_weights='centers', got 'loo'"),
    ],
)
def test_what_they_cannot_have_is_refused(options, match):
    X, y = classes(50)
    model = SSTPLClassifier(hidden_weights="centers", **options)
    with pytest.raises(ValueError, match=match):
        model.fit(X, y)
    assert not hasattr(model, "subsystems_")


@pytest.mark.parametrize("n_folds", [5, 1])
def test_one_fold_and_several_have_the_same_model(n_folds):
    X, y = numbers(80)
    model = SSTPLRegressor(**ONE, hidden_width=80, alpha=1e-3, n_folds=n_folds).fit(X, y)
    several = SSTPLRegressor(**ONE, hidden_width=80, alpha=1e-3).fit(X, y)
    np.testing.assert_allclose(model.predict(X), several.predict(X), rtol=1e-6)


def test_weights_are_copies():
    X, y = numbers(90)
    weights = np.arange(90) % 3
    copied = SSTPLRegressor(**ONE, alpha=1e-3).fit(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    weighted = SSTPLRegressor(**ONE, alpha=1e-3).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(weighted.predict(X), copied.predict(X), rtol=1e-6)


@pytest.mark.parametrize(("estimator", "rows"), [(SSTPLClassifier, classes), (SSTPLRegressor, numbers)])
def test_files_hold_them_from_version_4_on(estimator, rows, tmp_path, monkeypatch):
    X, y = rows()
    model = estimator(**SMALL).fit(X, y)
    model.save(tmp_path / "model")
    assert container.read(tmp_path / "model")[0]["format_version"] == 4
    loaded = sstpl.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    monkeypatch.setattr(container, "FORMAT_VERSION", 3)
    with pytest.raises(sstpl.ModelFormatError, match="format_version 4"):
        sstpl.load(tmp_path / "model")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_onnx_predicts_the_same_for_the_centers_themselves_too(dtype):
    runtime = pytest.importorskip("onnxruntime")
    X, y = numbers()
    model = SSTPLRegressor(**SMALL | {"hidden_width": 160, "dtype": dtype}).fit(X[:160], y[:160])
    session = runtime.InferenceSession(model.to_onnx().SerializeToString())
    rows = X.astype(np.float32)
    [told] = session.run(["prediction"], {"X": rows})
    expected = model.predict(rows)
    np.testing.assert_allclose(told, expected, atol=1e-5 * np.abs(expected).max())


def test_rows_added_are_those_of_one_call_and_units_are_those_of_more_rows():
    X, y = numbers()
    options = CENTERS | {"hidden_width": 50, "scaling": "feature", "dtype": "float64", "n_folds": 3}
    first = SSTPLRegressor(**options).partial_fit(X[:100], y[:100])
    parts = first.partial_fit(X[100:], y[100:])
    again = SSTPLRegressor(**options).partial_fit(X[:100], y[:100]).partial_fit(X[100:150], y[100:150])
    again.partial_fit(X[150:], y[150:])
    np.testing.assert_allclose(parts.predict(X), again.predict(X), rtol=1e-9)
    wider = SSTPLRegressor(**options).partial_fit(X, y)
    wider.grow(X, y, 20)
    whole = SSTPLRegressor(**options | {"hidden_width": 70}).partial_fit(X, y)
    level, other = level_of(wider), level_of(whole)
    np.testing.assert_array_equal(level.hidden_weights, other.hidden_weights)
    np.testing.assert_array_equal(wider._growth.center_folds, whole._growth.center_folds)


def test_sums_of_them_are_kept_in_files(tmp_path):
    X, y = numbers()
    model = SSTPLRegressor(**CENTERS, hidden_width=50, scaling="feature", n_folds=3).partial_fit(X[:100], y[:100])
    model.save(tmp_path / "model", sums=True)
    loaded = sstpl.load(tmp_path / "model").partial_fit(X[100:], y[100:])
    np.testing.assert_allclose(loaded.predict(X), model.partial_fit(X[100:], y[100:]).predict(X), rtol=1e-6)
    header, arrays = container.read(tmp_path / "model")
    for lie in (np.full(50, 3), np.full(50, -1)):
        container.write(tmp_path / "lie", header, arrays | {"sums.center_folds": lie})
        with pytest.raises(sstpl.ModelFormatError, match="must hold numbers of folds"):
            sstpl.load(tmp_path / "lie")
    header["sums"]["hidden_weights"] = "normal"
    container.write(tmp_path / "lie", header, arrays)
    with pytest.raises(sstpl.ModelFormatError, match="hidden_weights must be those of"):
        sstpl.load(tmp_path / "lie")
