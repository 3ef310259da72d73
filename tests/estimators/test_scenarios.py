"""The estimators in the hands of users: real data, and scikit-learn's tools around the models."""

import numpy as np
import onnxruntime
import pandas as pd
import polars as pl
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.feature_selection import VarianceThreshold
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_predict, train_test_split
from sklearn.pipeline import make_pipeline

import sstpl
from sstpl import SSTPLClassifier, SSTPLRegressor, SSTPLTransformer, cli

SMALL = {"hidden_width": 150, "max_depth": 2, "n_subsystems": 2, "scaling": "quantile", "hidden_columns": "all"}


@pytest.fixture(scope="module")
def segment(real_data):
    data = real_data("segment")
    return train_test_split(data["X"], data["y"], train_size=700, test_size=400, random_state=0, stratify=data["y"])


@pytest.fixture(scope="module")
def energy(real_data):
    data = real_data("energy")
    return train_test_split(data["X"], data["y"], test_size=0.25, random_state=0)


@pytest.fixture
def model():
    return SSTPLClassifier(**SMALL, random_state=0)


def test_a_search_over_a_pipeline_finds_the_wider_model(segment, model):
    X, X_test, y, y_test = segment
    pipeline = make_pipeline(VarianceThreshold(), model)
    grid = {"sstplclassifier__hidden_width": [5, 150]}
    search = GridSearchCV(pipeline, grid, cv=3, n_jobs=1).fit(X, y)
    assert search.best_params_ == {"sstplclassifier__hidden_width": 150}
    assert search.best_score_ == pytest.approx(search.score(X_test, y_test), abs=0.04)


def test_cross_validated_probabilities_agree_with_those_of_the_test_rows(segment, model):
    X, X_test, y, y_test = segment
    crossed = cross_val_predict(model, X, y, cv=3, method="predict_proba")
    np.testing.assert_allclose(crossed.sum(axis=1), 1, atol=1e-6)
    on_test = log_loss(y_test, model.fit(X, y).predict_proba(X_test))
    assert log_loss(y, crossed) == pytest.approx(on_test, abs=0.1)
    assert on_test < 0.5 * log_loss(y_test, np.full((len(y_test), 7), 1 / 7))


def test_calibration_by_others_does_not_beat_the_probabilities_by_much(segment, model):
    X, X_test, y, y_test = segment
    around = CalibratedClassifierCV(model, cv=3).fit(X, y).predict_proba(X_test)
    own = model.fit(X, y).predict_proba(X_test)
    assert log_loss(y_test, own) < log_loss(y_test, around) + 0.05


def test_stacked_with_a_forest_it_is_no_worse_than_the_forest(segment, model):
    X, X_test, y, y_test = segment
    forest = RandomForestClassifier(50, random_state=0)
    stack = StackingClassifier([("forest", forest), ("sstpl", model)], LogisticRegression(max_iter=2000), cv=3)
    assert stack.fit(X, y).score(X_test, y_test) > forest.fit(X, y).score(X_test, y_test) - 0.01


def test_features_by_name_reach_the_next_step_as_a_frame(segment, model):
    X, _, y, _ = segment
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
    scores = SSTPLTransformer(model, forward_widths=(3,))
    columns = ColumnTransformer([("scores", scores, list(frame)[:10]), ("rest", "passthrough", list(frame)[10:])])
    made = columns.set_output(transform="pandas").fit_transform(frame, y)
    assert list(made)[:7] == [f"scores__score_{label}" for label in np.unique(y)]
    assert list(made)[7:10] == [f"scores__forward1_{unit}" for unit in range(3)]
    np.testing.assert_array_equal(made["rest__x10"], frame["x10"])
    pd.testing.assert_frame_equal(columns.transform(frame)[list(made)[10:]], made[list(made)[10:]])


def test_permuting_a_column_of_noise_costs_nothing_and_the_best_column_much(energy):
    X, X_test, y, y_test = energy
    noise = np.random.default_rng(0).normal(size=(len(X) + len(X_test), 1)).astype(X.dtype)
    model = SSTPLRegressor(**SMALL, random_state=0).fit(np.hstack([X, noise[: len(X)]]), y)
    rows = np.hstack([X_test, noise[len(X) :]])
    importance = permutation_importance(model, rows, y_test, n_repeats=3, random_state=0).importances_mean
    assert importance.max() > 0.3
    assert abs(importance[-1]) < 0.02


def test_a_saved_model_its_export_and_its_report_say_the_same(segment, model, tmp_path):
    X, X_test, y, _ = segment
    fitted = model.fit(X, y)
    fitted.save(tmp_path / "segment.safetensors")
    loaded = sstpl.load(tmp_path / "segment.safetensors")
    probabilities = loaded.predict_proba(X_test)
    np.testing.assert_array_equal(probabilities, fitted.predict_proba(X_test))
    session = onnxruntime.InferenceSession(loaded.to_onnx().SerializeToString())
    label, exported, _ = session.run(None, {"X": X_test.astype(np.float32)})
    np.testing.assert_allclose(exported, probabilities, atol=1e-4)
    np.testing.assert_array_equal(label, loaded.predict(X_test))
    shown = sstpl.report(loaded)
    assert str(shown) == str(sstpl.report(fitted))
    assert "levels" in shown.figures


def test_names_as_labels_and_columns(segment, model):
    X, X_test, y, y_test = segment
    names = np.array(["brick", "sky", "leaves", "cement", "window", "path", "grass"])
    named = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
    fitted = model.fit(named, pd.Series(names[y]))
    assert list(fitted.feature_names_in_) == list(named)
    assert list(fitted.classes_) == sorted(names)
    accuracy = fitted.score(pd.DataFrame(X_test, columns=list(named)), names[y_test])
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(named.rename(columns={"x0": "other"}))
    assert accuracy == pytest.approx(model.fit(X, y).score(X_test, y_test), abs=0.03)


def test_outputs_fitted_together_are_predicted_better_than_by_a_line(energy):
    X, X_test, y, y_test = energy
    X, X_test = X.astype(np.float64), X_test.astype(np.float64)
    both, both_test = np.column_stack([y, np.sin(X[:, 0] * 9)]), np.column_stack([y_test, np.sin(X_test[:, 0] * 9)])
    model = SSTPLRegressor(**SMALL, random_state=0).fit(X, both)
    assert model.predict(X_test).shape == both_test.shape
    errors = np.mean((model.predict(X_test) - both_test) ** 2, axis=0)
    line = np.mean((Ridge().fit(X, both).predict(X_test) - both_test) ** 2, axis=0)
    assert (errors < 0.3 * line).all()
    inside = np.abs(model.predict_interval(X_test, 0.9).mean(axis=1) - both_test)
    assert ((inside <= np.ptp(model.predict_interval(X_test, 0.9), axis=1) / 2).mean(axis=0) > 0.8).all()


def test_missing_values_and_categories_of_any_frame_cost_little(segment, model):
    X, X_test, y, y_test = segment
    complete = model.fit(X, y).score(X_test, y_test)
    rng = np.random.default_rng(0)

    def spoiled(rows):
        frame = pd.DataFrame(rows.astype(np.float64), columns=[f"x{i}" for i in range(rows.shape[1])])
        frame = frame.mask(rng.random(rows.shape) < 0.05)
        frame["bright"] = pd.cut(frame["x9"], [-1, 20, 60, 200], labels=["dark", "grey", "light"])
        return frame

    train, test = spoiled(X), spoiled(X_test)
    fitted = model.fit(train, y)
    assert fitted.score(test, y_test) > complete - 0.05
    np.testing.assert_array_equal(fitted.predict(pl.from_pandas(test)), fitted.predict(test))


def test_a_rare_class_is_found_more_often_where_classes_weigh_the_same(segment):
    X, X_test, y, y_test = segment
    kept = (y != 3) | (np.arange(len(y)) % 10 == 0)
    recalls = []
    for class_weight in (None, "balanced"):
        model = SSTPLClassifier(**SMALL, class_weight=class_weight, random_state=0).fit(X[kept], y[kept])
        recalls.append((model.predict(X_test[y_test == 3]) == 3).mean())
    assert recalls[1] > recalls[0]


def test_rows_that_come_in_batches_make_the_model_of_all_rows(segment):
    X, X_test, y, y_test = segment
    options = {"hidden_width": 150, "scaling": "feature", "dtype": "float64", "random_state": 0}
    growing = SSTPLClassifier(**options).partial_fit(X[:300], y[:300], classes=np.unique(y))
    for start in range(300, 700, 100):
        growing.partial_fit(X[start : start + 100], y[start : start + 100])
    at_once = SSTPLClassifier(**options).partial_fit(X[:300], y[:300], classes=np.unique(y))
    at_once.partial_fit(X[300:], y[300:])
    np.testing.assert_allclose(growing.decision_function(X_test), at_once.decision_function(X_test), atol=1e-4)
    assert growing.score(X_test, y_test) > 0.85
    assert growing.forget(X[300:], y[300:]).score(X_test, y_test) < growing.partial_fit(X[300:], y[300:]).score(
        X_test, y_test
    )


def test_the_command_line_python_and_another_runtime_predict_the_same_from_a_csv(segment, tmp_path, capsys):
    X, X_test, y, _ = segment
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])]).assign(kind=y)
    frame.to_csv(tmp_path / "train.csv", index=False)
    frame.iloc[:0, :-1].reindex(range(len(X_test))).assign(**dict(zip(frame, X_test.T, strict=False))).to_csv(
        tmp_path / "test.csv", index=False
    )
    path = str(tmp_path / "model")
    fit = ["fit", f"{tmp_path}/train.csv", "--target", "kind", "-o", path, "--quiet", "--seed", "0"]
    assert cli.main([*fit, "--set", "hidden_width=150", "max_depth=2", "n_subsystems=2"]) == 0
    assert cli.main(["predict", path, f"{tmp_path}/test.csv", "--proba", "-o", f"{tmp_path}/p.csv", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    told, test = pd.read_csv(tmp_path / "p.csv"), pd.read_csv(tmp_path / "test.csv")
    loaded = sstpl.load(path)
    np.testing.assert_array_equal(told["prediction"], loaded.predict(test))
    session = onnxruntime.InferenceSession(loaded.to_onnx().SerializeToString())
    label, probabilities, _ = session.run(None, {"X": test.to_numpy(np.float32)})
    np.testing.assert_array_equal(label, told["prediction"])
    np.testing.assert_allclose(probabilities, told[[f"proba_{name}" for name in loaded.classes_]], atol=1e-4)


def test_a_callback_ends_a_fit_when_it_is_good_enough(energy):
    X, X_test, y, y_test = energy
    told = []

    def good_enough(step):
        told.append(step)
        return step.stage == "level"

    model = SSTPLRegressor(random_state=0, callback=good_enough).fit(X, y)
    assert (model.depth_, model.n_subsystems_) == (1, 1)
    assert told
    assert model.score(X_test, y_test) > 0.95
