"""Files that are not read into memory: the commands do with them what they do with those that are."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes

import sstpl
from cli.conftest import SMALL
from sstpl import _spill


@pytest.fixture
def diabetes_frame():
    return load_diabetes(as_frame=True).frame


@pytest.fixture
def large(monkeypatch):
    """Make every file too large for memory."""
    monkeypatch.setattr(_spill, "SHARE_OF_MEMORY", 0)


def fitted(run, data, target, path, *more):
    run("fit", data, "--target", target, "-o", path, "--quiet", *SMALL, *more)
    return sstpl.load(path)


def test_npy_files_are_fitted_predicted_and_evaluated(run, tmp_path, diabetes_frame, large):
    X, y = diabetes_frame.to_numpy()[:, :-1], diabetes_frame["target"].to_numpy()
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y)
    model = fitted(run, tmp_path / "X.npy", tmp_path / "y.npy", tmp_path / "m.safetensors")
    expected = sstpl.SSTPLRegressor(hidden_width=40, n_subsystems=2, random_state=0).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))
    run("predict", tmp_path / "m.safetensors", tmp_path / "X.npy", "-o", tmp_path / "p.csv")
    np.testing.assert_allclose(pd.read_csv(tmp_path / "p.csv")["prediction"], expected.predict(X))
    out = run("evaluate", tmp_path / "m.safetensors", tmp_path / "X.npy", "--target", tmp_path / "y.npy", "--json")
    assert json.loads(out)["metrics"]["r2"] == pytest.approx(expected.score(X, y))


def test_rows_of_npy_files_are_set_aside(run, tmp_path, diabetes_frame):
    np.save(tmp_path / "X.npy", diabetes_frame.to_numpy()[:, :-1])
    np.save(tmp_path / "y.npy", diabetes_frame["target"].to_numpy())
    names = tmp_path / "X.npy", "--target", tmp_path / "y.npy", "-o", tmp_path / "m.safetensors"
    found = json.loads(run("fit", *names, "--test-size", "0.2", "--json", *SMALL))
    assert found["rows"] == 353
    assert 0.3 < found["test"]["r2"] < 0.7


def test_parquet_that_does_not_fit_is_read_in_blocks(run, tmp_path, diabetes_frame, large):
    frame = diabetes_frame.assign(name="x")[["name", *diabetes_frame.columns]]
    frame.to_parquet(tmp_path / "train.parquet", row_group_size=50)
    frame[frame.columns[::-1]].to_parquet(tmp_path / "new.parquet")
    path = tmp_path / "m.safetensors"
    model = fitted(
        run, tmp_path / "train.parquet", "target", path, "--drop", "name", "--test", tmp_path / "new.parquet"
    )
    X, y = diabetes_frame.drop(columns="target"), diabetes_frame["target"]
    expected = sstpl.SSTPLRegressor(hidden_width=40, n_subsystems=2, random_state=0).fit(X, y)
    assert model.feature_names_in_.tolist() == list(X.columns)
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))
    run("predict", path, tmp_path / "new.parquet", "-o", tmp_path / "p.parquet")
    np.testing.assert_allclose(pd.read_parquet(tmp_path / "p.parquet")["prediction"], expected.predict(X))
    out = run("evaluate", path, tmp_path / "new.parquet", "--target", "target", "--json")
    assert json.loads(out)["metrics"]["r2"] == pytest.approx(expected.score(X, y))


def test_text_in_parquet_that_does_not_fit_is_categories(run, tmp_path, diabetes_frame, large):
    frame = diabetes_frame.assign(name=np.where(diabetes_frame["bmi"] > 0, "1", "2"))
    frame.to_parquet(tmp_path / "train.parquet", row_group_size=50)
    frame.to_csv(tmp_path / "new.csv", index=False)
    path = tmp_path / "m.safetensors"
    model = fitted(run, tmp_path / "train.parquet", "target", path, "--test", tmp_path / "new.csv")
    assert model._categories.kept == (("1", "2"),)
    X = frame.drop(columns="target").astype({"name": "category"})
    expected = sstpl.SSTPLRegressor(hidden_width=40, n_subsystems=2, random_state=0).fit(X, frame["target"])
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))
    run("predict", path, tmp_path / "train.parquet", "-o", tmp_path / "p.parquet")
    np.testing.assert_allclose(pd.read_parquet(tmp_path / "p.parquet")["prediction"], expected.predict(X))


def test_what_large_files_cannot_do_is_said(fail, tmp_path, diabetes_frame, large):
    np.save(tmp_path / "X.npy", np.ones((5, 2)))
    np.save(tmp_path / "y.npy", np.arange(4))
    np.save(tmp_path / "objects.npy", np.array([None, "x"]))
    diabetes_frame.assign(name=pd.Timestamp(0)).to_parquet(tmp_path / "rows.parquet")
    model = "-o", tmp_path / "m.safetensors"

    def said(*arguments):
        return fail("fit", *arguments, *model)[1]

    X, y = tmp_path / "X.npy", tmp_path / "y.npy"
    assert "--target of a .npy file is a .npy file" in said(X, "--target", "price")
    assert "as many rows" in said(X, "--target", y)
    assert "must have the shape (rows, columns), got (4,)" in said(y, "--target", y)
    assert "is no .npy file of numbers or text" in said(X, "--target", tmp_path / "objects.npy")
    assert "--test has no targets beside a .npy file" in said(X, "--target", y, "--test", X)
    assert "cannot be written as well" in fail("fit", X, "--target", y, "-o", y)[1]
    rows = tmp_path / "rows.parquet", "--target", "target"
    assert "got {'name': '" in said(*rows)
    assert "give them by --test" in said(*rows, "--drop", "name", "--test-size", "0.2")
    assert not (tmp_path / "m.safetensors").exists()
