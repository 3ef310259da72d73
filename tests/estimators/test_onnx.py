"""Exported models: in another runtime they predict what they predict here."""

import builtins
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

import sstpl
from estimators.model_files import KINDS, PAPER, STACK, constant, fitted, images, named, scores, table
from sstpl import SSTPLClassifier, SSTPLRegressor

ALL = ("gelu", "identity", "leaky_relu", "relu", "sigmoid", "tanh")


def run(exported, X):
    """Return the outputs for rows, by onnxruntime."""
    onnx.checker.check_model(exported, full_check=True)
    session = onnxruntime.InferenceSession(exported.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"X": np.asarray(X, dtype=np.float32)})


def assert_predicts_the_same(exported, model, X, tolerance=1e-5):
    X = np.asarray(X, dtype=np.float32)
    expected = scores(model, X)
    *labels, found = run(exported, X)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    allowed = tolerance * np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=allowed)
    if isinstance(model, SSTPLClassifier):
        ordered = np.sort(np.c_[-expected, expected] if expected.ndim == 1 else expected, axis=1)
        clear = ordered[:, -1] - ordered[:, -2] > 2 * allowed
        assert clear.mean() > 0.9
        np.testing.assert_array_equal(labels[0][clear], model.predict(X)[clear])
        chances = model.predict_proba(X)
        assert labels[1].dtype == chances.dtype
        # An error of the scores is magnified by the map's steepest part, slope / (2 floor) near a small floor.
        slope, floor = model._calibration.slope, model._calibration.floor
        steepest = max(1.0, slope / (2 * floor) if floor > 0 else slope * np.cosh(np.abs(expected).max() / -floor))
        np.testing.assert_allclose(labels[1], chances, rtol=0, atol=max(steepest * allowed, 1e-6))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_exported_model_predicts_what_it_does_here(kind, dtype):
    model, X = fitted(kind, dtype)
    assert_predicts_the_same(model.to_onnx(), model, X, 1e-5 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ALL)
def test_every_activation_of_a_stack_is_exported(activation, dtype):
    X, y = table()
    model = SSTPLRegressor(**STACK, activation=activation, scaling="feature", alpha=0.1).fit(X.astype(dtype), y)
    assert_predicts_the_same(model.to_onnx(), model, X, 1e-5 if dtype == "float32" else 1e-6)


# Backward features of sigmoid may be constant up to rounding, which their scaling to [0, 1] then blows up.
@pytest.mark.parametrize(
    ("activation", "fusion"), [("identity", "all"), ("leaky_relu", "all"), ("sigmoid", "pair"), ("tanh", "all")]
)
def test_every_activation_of_the_paper_is_exported(activation, fusion):
    X, y = images()
    model = SSTPLClassifier(**PAPER, fusion=fusion, activation=activation).fit(X.astype(np.float32), y)
    assert_predicts_the_same(model.to_onnx(), model, X)


@pytest.mark.parametrize("name", ["segment", "spambase"])
def test_real_tables_are_predicted_the_same(name, real_data):
    data = real_data(name)
    rows = np.random.default_rng(0).permutation(len(data["X"]))[:600]
    X, y = data["X"][rows].astype(np.float32), data["y"][rows]
    model = SSTPLClassifier(hidden_width=200, n_subsystems=1, scaling="quantile", random_state=0).fit(X[:400], y[:400])
    assert_predicts_the_same(model.to_onnx(), model, X[400:])


def test_real_images_are_predicted_the_same(real_data):
    data = real_data("mnist")
    X, y = data["X_train"][:400].reshape(400, -1), data["y_train"][:400]
    parameters = {"hidden_width": 200, "n_subsystems": 1, "image_shape": (28, 28), "image_filters": 8}
    model = SSTPLClassifier(**parameters, random_state=0).fit(X[:300], y[:300])
    assert_predicts_the_same(model.to_onnx(), model, X[300:])


def test_ranks_at_between_and_beyond_knots_are_interpolated():
    model, X = fitted("stack, quantile")
    knots = model._input_map.scores.knots.astype(np.float32)
    middle = np.median(X, axis=0)
    column = model._input_map.scores.columns[0]
    rows = np.repeat(middle[np.newaxis], 3 * len(knots) + 2, axis=0)
    rows[:, column] = np.r_[knots, np.nextafter(knots, np.float32(9)), (knots + 0.01), -1e30, 1e30]
    assert_predicts_the_same(model.to_onnx(), model, rows, 1e-12)


@pytest.mark.parametrize("n_rows", [1, 5])
@pytest.mark.parametrize("kind", ["stack, quantile", "images, chosen map", "paper, all blocks", "stack, sample"])
def test_any_number_of_rows_is_taken(kind, n_rows):
    model, X = fitted(kind, "float32")
    found = run(model.to_onnx(), X[:n_rows])
    assert all(len(output) == n_rows for output in found)
    np.testing.assert_allclose(found[-1], scores(model, X[:n_rows]), rtol=0, atol=1e-5 * np.abs(found[-1]).max())


def awkward(n_kinds=3):
    """Return rows with missing values and a column of categories that are numbers, and targets."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4)).astype(np.float32)
    X[:, 2] = rng.integers(0, n_kinds, size=300) * 3.0
    X[rng.random(300) < 0.2, 0] = np.nan
    X[1:, 3] = np.nan
    return X, X[:, 1] + (X[:, 2] == 3.0)


@pytest.mark.parametrize("n_kinds", [2, 3, 90])
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("scaling", ["feature", "quantile", "piecewise", "sample", "none"])
def test_missing_values_and_categories_are_exported(scaling, missing, n_kinds):
    X, y = awkward(n_kinds)
    if missing:
        X[::7, 2] = np.nan
    model = SSTPLRegressor(**STACK, scaling=scaling, categorical_features=[2]).fit(X.astype(np.float64), y)
    new = X.copy()
    new[::3, 1] = np.nan
    new[::4, 2] = 1.0  # never seen
    new[::5, 2] = np.nan
    new[:3] = np.nan
    assert_predicts_the_same(model.to_onnx(), model, new, 1e-12)


def test_categories_that_are_no_float32_are_not_exported():
    X, y = awkward()
    frame = pd.DataFrame(X).add_prefix("c")
    for odd in ("abc", [0.1, 0.2, 0.3]):
        frame["c2"] = pd.Categorical([odd[int(v) // 3] for v in X[:, 2]])
        model = SSTPLRegressor(**STACK, scaling="feature").fit(frame, y)
        with pytest.raises(ValueError, match=r"the categories of column 2 are other.*categorical_features"):
            model.to_onnx()


@pytest.mark.parametrize("make", [named, constant])
def test_column_names_and_columns_that_do_not_vary_are_exported(make):
    model, X = make()
    *_, found = run(model.to_onnx(), X)
    rounded = X.astype(np.float32).astype(np.float64)
    np.testing.assert_allclose(found, model.predict(rounded), rtol=1e-10)


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [
        (np.array(["no", "\N{SNOWMAN}"]), object),
        (np.array(["a", "b"], dtype=object), object),
        (np.array([-5, 7], dtype=np.int8), np.int64),
        (np.array([0, 2**64 - 1], dtype=np.uint64), np.uint64),
        (np.array([False, True]), np.bool_),
        (np.array([0.0, 3.0], dtype=np.float32), np.float32),
    ],
    ids=lambda value: str(getattr(value, "dtype", value)),
)
def test_labels_are_classes_and_two_classes_have_one_score(labels, dtype):
    X, y = table()
    model = SSTPLClassifier(**STACK, scaling="feature").fit(X, labels[(y > 150).astype(int)])
    label, _, score = run(model.to_onnx(), X)
    assert label.dtype == dtype
    assert score.shape == (len(X),)
    np.testing.assert_array_equal(label, np.asarray(model.classes_)[(score > 0).astype(int)])


def test_versions_are_pinned_and_operators_are_standard():
    for kind in KINDS:
        exported = fitted(kind, "float32")[0].to_onnx()
        assert exported.ir_version == 10
        assert [(one.domain, one.version) for one in exported.opset_import] == [("", 17)]
        assert (exported.producer_name, exported.producer_version) == ("sstpl", sstpl.__version__)


def test_the_operators_mean_the_same_in_newer_sets():
    for kind in ("stack, quantile", "images, one layer", "paper, all blocks", "stack, sample"):
        model, X = fitted(kind, "float64")
        exported = model.to_onnx()
        exported.opset_import[0].version = 21
        assert_predicts_the_same(exported, model, X, 1e-12)


def test_a_model_is_written_and_returned(tmp_path):
    model, _ = fitted("stack, feature")
    path = tmp_path / "model.onnx"
    assert model.to_onnx(path) == onnx.load(path)


def test_a_loaded_model_is_exported_as_the_saved_one(tmp_path):
    for kind in ("paper", "stack, quantile", "images, chosen map"):
        model, _ = fitted(kind)
        model.save(tmp_path / "model")
        assert sstpl.load(tmp_path / "model").to_onnx() == model.to_onnx()


def test_a_model_that_is_not_fitted_is_not_exported():
    with pytest.raises(NotFittedError):
        SSTPLClassifier().to_onnx()


def test_the_package_does_without_what_only_export_needs():
    code = "import sys, sstpl; sys.exit(any(name in sys.modules for name in ('onnx', 'skl2onnx')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("missing", ["onnx", "skl2onnx"])
def test_what_is_not_installed_is_named(missing, monkeypatch):
    importing = builtins.__import__

    def without(name, *args, **kwargs):
        if name.partition(".")[0] == missing:
            raise ModuleNotFoundError(f"No module named {missing!r}")
        return importing(name, *args, **kwargs)

    for name in [name for name in sys.modules if name.startswith("sstpl._onnx")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    call = sstpl.register_onnx if missing == "skl2onnx" else fitted("stack, feature")[0].to_onnx
    with pytest.raises(ImportError, match=r"pip install sstpl\[onnx\]"):
        call()
