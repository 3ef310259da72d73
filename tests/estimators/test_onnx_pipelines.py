"""Pipelines with our estimators in them, converted by skl2onnx, predict what they predict here."""

import numpy as np
import onnxruntime
import pytest
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.ensemble import StackingRegressor, VotingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import sstpl
from estimators.model_files import PAPER, STACK, table
from sstpl import SSTPLClassifier, SSTPLRegressor

FEATURE = STACK | {"scaling": "feature"}


@pytest.fixture(scope="module")
def rows():
    X, y = table()
    return X.astype(np.float32), y


def outputs(fitted, X, inputs=None, opset=17, **options):
    """Return what the converted estimator predicts."""
    sstpl.register_onnx()
    inputs = {"X": X} if inputs is None else inputs
    kinds = {np.dtype(np.float32): FloatTensorType, np.dtype(np.float64): DoubleTensorType}
    given = [(name, kinds[part.dtype]([None, part.shape[1]])) for name, part in inputs.items()]
    exported = convert_sklearn(fitted, initial_types=given, target_opset=opset, **options)
    session = onnxruntime.InferenceSession(exported.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("parameters", [STACK | {"scaling": "quantile"}, PAPER], ids=["stack", "paper"])
@pytest.mark.parametrize("names", [["no", "yes"], ["low", "mid", "high"], [3, 5, 9]], ids=str)
def test_a_pipeline_with_a_classifier_converts(parameters, names, rows):
    X, y = rows
    labels = np.asarray(names)[np.digitize(y, [120, 200][: len(names) - 1])]
    pipeline = make_pipeline(StandardScaler(), SSTPLClassifier(**parameters)).fit(X, labels)
    label, chances, found = outputs(pipeline, X)
    close(found, pipeline.decision_function(X))
    np.testing.assert_allclose(chances, pipeline.predict_proba(X), rtol=0, atol=1e-3)
    assert np.mean(label == pipeline.predict(X)) > 0.99


@pytest.mark.parametrize("opset", [17, 21])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_a_pipeline_with_a_regressor_converts(n_outputs, opset, rows):
    X, y = rows
    targets = y if n_outputs == 1 else np.c_[y, -y]
    pipeline = make_pipeline(MinMaxScaler(), SSTPLRegressor(**FEATURE)).fit(X, targets)
    (found,) = outputs(pipeline, X, opset=opset)
    close(found, pipeline.predict(X).reshape(len(X), -1))


@pytest.mark.parametrize("combine", [VotingRegressor, lambda of: StackingRegressor(of, LinearRegression(), cv=2)])
def test_several_of_them_fit_into_one_graph(combine, rows):
    X, y = rows
    both = [(str(seed), SSTPLRegressor(**FEATURE | {"random_state": seed})) for seed in (0, 1)]
    fitted = combine(both).fit(X, y)
    (found,) = outputs(fitted, X)
    close(found.ravel(), fitted.predict(X))


def test_a_search_in_a_pipeline_converts(rows):
    X, y = rows
    search = GridSearchCV(SSTPLClassifier(**FEATURE), {"alpha": [0.1, 1.0]}, cv=2)
    pipeline = make_pipeline(StandardScaler(), search).fit(X, y > 150)
    close(outputs(pipeline, X)[2], pipeline.decision_function(X))
    close(outputs(pipeline, X, options={id(pipeline): {"zipmap": False}})[2], pipeline.decision_function(X))


def test_columns_may_come_apart_and_in_float64(rows):
    X, y = rows
    model = SSTPLRegressor(**FEATURE).fit(X, y)
    close(outputs(model, X, {"a": X[:, :4], "b": X[:, 4:]})[0].ravel(), model.predict(X))
    close(outputs(model, X, {"X": X.astype(np.float64)})[0].ravel(), model.predict(X))


def test_labels_that_skl2onnx_has_no_type_for_are_named(rows):
    X, y = rows
    model = SSTPLClassifier(**FEATURE).fit(X, np.array([0, 1], dtype=np.uint64)[(y > 150).astype(int)])
    with pytest.raises(NotImplementedError, match="uint64"):
        outputs(model, X)


def test_older_operator_sets_are_refused(rows):
    X, y = rows
    with pytest.raises(RuntimeError, match="17 is higher than targeted"):
        outputs(SSTPLRegressor(**FEATURE).fit(X, y), X, opset=15)
