"""A day's work: a fit by the command line predicts the same there, in Python and in another runtime."""

from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from sklearn.datasets import load_digits

import sstpl
from cli.conftest import SMALL
from sstpl.cli import fit


def read(path):
    return pd.read_parquet(path) if str(path).endswith(".parquet") else pd.read_csv(path)


def outputs(path, X):
    """Return the outputs of an exported model by name."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(None, {"X": X.to_numpy(np.float32)}), strict=True))


def test_a_classifier_predicts_the_same_here_in_python_and_in_onnxruntime(run, tmp_path, iris, classifier):
    model, rows = sstpl.load(classifier), read(iris[1])
    X = rows[model.feature_names_in_]
    same = sstpl.SSTPLClassifier(hidden_width=40, n_subsystems=2, random_state=0)
    train = read(iris[0])
    same.fit(train[X.columns], train["species"])
    np.testing.assert_array_equal(same.predict_proba(X), model.predict_proba(X))

    written = tmp_path / "p.csv"
    run("predict", classifier, iris[1], "--proba", "--set-coverage", "0.9", "-o", written)
    table = read(written)
    assert table["prediction"].tolist() == model.predict(X).tolist()
    # Older pandas reads numbers to within their last digit.
    probabilities = table[[f"proba_{name}" for name in model.classes_]]
    np.testing.assert_allclose(probabilities, model.predict_proba(X), rtol=1e-12, atol=0)
    np.testing.assert_array_equal(table[[f"in_set_{name}" for name in model.classes_]], model.predict_set(X, 0.9))

    exported = str(tmp_path / "iris.onnx")
    assert "probabilities" in run("export", classifier, "-o", exported)
    found = outputs(exported, X)
    assert found["label"].tolist() == table["prediction"].tolist()
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(X), atol=1e-4)


def test_a_regressor_predicts_the_same_here_in_python_and_in_onnxruntime(run, tmp_path, diabetes, regressor):
    model = sstpl.load(regressor)
    X = read(diabetes[1])[model.feature_names_in_]
    written = tmp_path / "p.parquet"
    run("predict", regressor, diabetes[1], "--interval", "0.8", "-o", written)
    table = read(written)
    np.testing.assert_array_equal(table["prediction"], model.predict(X))
    np.testing.assert_array_equal(table[["lower", "upper"]], model.predict_interval(X, 0.8))
    exported = str(tmp_path / "diabetes.onnx")
    assert run("export", regressor, "-o", exported, "--quiet") == ""
    np.testing.assert_allclose(outputs(exported, X)["prediction"], table["prediction"], rtol=1e-4)


def test_text_and_missing_values_are_features(run, run_json, tmp_path, write):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"kind": rng.choice(["a", "b", "3"], 200), "size": rng.normal(size=200)})
    frame["y"] = frame["kind"].map({"a": 0.5, "b": 2.0, "3": 4.0}) + frame["size"]
    frame.loc[::10, ["kind", "size"]] = np.nan
    frame.loc[frame["kind"].isna(), "y"] = -3.0
    train, threes = frame[:150], frame[150:][frame["kind"][150:] == "3"]
    model, test = tmp_path / "m", write("threes.csv", threes.to_csv(index=False))  # a column that looks like numbers
    found = run_json("fit", write("t.csv", train.to_csv(index=False)), "--target", "y", "--test", test, "-o", model)
    assert found["test"]["rmse"] < 0.5
    asked = run("predict", model, test)
    fitted = sstpl.load(model)
    X = threes[["kind", "size"]].astype({"kind": "category"})
    told = [float(line.split(",")[-1]) for line in asked.splitlines()[1:]]
    np.testing.assert_array_equal(told, fitted.predict(X))


def test_predictions_without_a_file_are_csv_on_stdout(run, tmp_path, iris, classifier):
    printed = run("predict", classifier, iris[1])
    run("predict", classifier, iris[1], "-o", tmp_path / "p.csv")
    assert printed == (tmp_path / "p.csv").read_text()


def test_what_fit_prints_is_what_the_model_file_holds(run_json, tmp_path, iris):
    path = tmp_path / "m.safetensors"
    found = run_json("fit", iris[0], "--target", "species", "-o", path, "--test", iris[1], *SMALL)
    model, test = sstpl.load(path), read(iris[1])
    assert set(found) == set(fit.KEYS)
    assert found["task"] == "classification"
    assert found["features"] == model.feature_names_in_.tolist()
    assert found["classes"] == model.classes_.tolist()
    assert found["width"] == [40] * model.n_subsystems_
    assert max(found["depth"]) == model.depth_
    assert found["out_of_fold"]["accuracy"] == model.report_.score.value
    assert found["test"]["accuracy"] == model.score(test[model.feature_names_in_], test["species"])
    assert model.get_params()["verbose"] == 0


def test_rows_set_aside_are_not_fitted_on(run_json, tmp_path, diabetes):
    path = tmp_path / "m.safetensors"
    found = run_json("fit", diabetes[0], "--target", "target", "-o", path, "--test-size", "0.25", *SMALL)
    assert found["rows"] == 225
    assert set(found["test"]) == {"r2", "rmse", "mae"}
    assert len(sstpl.load(path).oof_prediction_) == 225


def test_the_same_command_writes_the_same_model(run, tmp_path, iris):
    models = []
    for name in ("a", "b"):
        run("fit", iris[0], "--target", "species", "-o", tmp_path / name, "--threads", "1", "--quiet", *SMALL)
        models.append(sstpl.load(tmp_path / name))
    X = read(iris[1])[models[0].feature_names_in_]
    np.testing.assert_array_equal(models[0].decision_function(X), models[1].decision_function(X))


@pytest.mark.parametrize("test", [[], ["--test-size", "0.2"]], ids=["training rows", "test rows"])
def test_a_report_is_written_beside_the_model(run, tmp_path, iris, test):
    report = tmp_path / "report.html"
    printed = run("fit", iris[0], "--target", "species", "-o", tmp_path / "m", "--report", report, *test, *SMALL)
    assert str(report) in printed
    assert "SSTPLClassifier" in report.read_text()


def test_images_are_fitted_on_an_archive_and_tested_on_its_test_rows(run, run_json, tmp_path):
    X, y = load_digits(return_X_y=True)
    archive, model = tmp_path / "digits.npz", tmp_path / "m.safetensors"
    np.savez(
        archive,
        X_train=X[:400].astype(np.uint8),
        y_train=y[:400],
        X_test=X[400:600].astype(np.uint8),
        y_test=y[400:600],
    )
    options = ("--image-shape", "8", "8", "--set", "hidden_width=100", "n_subsystems=1", "image_filters=0")
    found = run_json("fit", archive, "-o", model, "--test", archive, *options)
    assert (found["rows"], found["features"], found["input_map"]) == (400, None, "pixels")
    assert found["test"]["accuracy"] > 0.7
    assert found["test"] == {
        k: v for k, v in run_json("evaluate", model, archive)["metrics"].items() if k in found["test"]
    }
    assert run("predict", model, archive).splitlines()[1:] == [
        str(label) for label in sstpl.load(model).predict(X[400:600].astype(np.float32))
    ]


def test_several_outputs_are_numbered(run, run_json, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    data, model = tmp_path / "two.npz", tmp_path / "m.safetensors"
    np.savez(data, X=X, y=X[:, :2])
    run("fit", data, "-o", model, "--quiet", *SMALL)
    assert run("predict", model, data, "--interval", "0.9").splitlines()[0] == (
        "prediction_1,prediction_2,lower_1,lower_2,upper_1,upper_2"
    )
    assert run_json("evaluate", model, data)["metrics"]["r2"] > 0.9


def test_no_header_and_columns_by_number(run, tmp_path, iris):
    lines = Path(iris[0]).read_text().splitlines()[1:]
    data, model = tmp_path / "bare.csv", tmp_path / "m.safetensors"
    data.write_text("\n".join(lines))
    run("fit", data, "--no-header", "--target", "-1", "--drop", "1", "-o", model, "--quiet", *SMALL)
    assert sstpl.load(model).feature_names_in_.tolist() == ["column2", "column3", "column4"]
    assert len(run("predict", model, data, "--no-header").splitlines()) == 1 + len(lines)


def test_a_summary_says_what_was_chosen_and_why(run, tmp_path, diabetes):
    printed = run("fit", diabetes[0], "--target", "target", "-o", tmp_path / "m", *SMALL)
    n_values = read(diabetes[0])["target"].nunique()
    assert f"regression: target 'target' has {n_values} different values" in printed
    for name in ("input map", "width", "depth", "subsystems", "alpha", "out-of-fold"):
        assert f"\n{name} " in printed


def test_limits_reach_the_estimator(run, run_json, tmp_path, iris):
    model = tmp_path / "m"
    run("fit", iris[0], "--target", "species", "-o", model, "--quiet", "--time-limit", "0", "--memory-limit", "0.5")
    parameters = run_json("inspect", model)["parameters"]
    assert parameters == {"memory_limit": 512.0, "random_state": 0, "time_limit": 0.0}
