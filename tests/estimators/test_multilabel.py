"""Several labels per row: columns of 0 and 1, each with a score and a probability of its own."""

import numpy as np
import onnxruntime
import pytest
from scipy import sparse
from sklearn.datasets import load_digits, make_multilabel_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_predict
from sklearn.multioutput import MultiOutputClassifier

import sstpl
from sstpl import SSTPLClassifier

ATTRIBUTES = {"even": (0, 2, 4, 6, 8), "round": (0, 3, 6, 8, 9), "straight": (1, 4, 7)}


@pytest.fixture(scope="module")
def problem():
    """Digits by what holds of them."""
    X, digits = load_digits(return_X_y=True)
    Y = np.column_stack([np.isin(digits, those) for those in ATTRIBUTES.values()]).astype(int)
    return X[:1200], Y[:1200], X[1200:], Y[1200:]


@pytest.fixture(scope="module")
def model(problem):
    return SSTPLClassifier(hidden_width=300, n_subsystems=2, random_state=0).fit(*problem[:2])


def test_every_label_is_learnt(problem, model):
    _, Y, X_test, Y_test = problem
    predicted = model.predict(X_test)
    assert predicted.dtype == Y.dtype
    assert (predicted == Y_test).mean() > 0.95
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    assert model.score(X_test, Y_test) == (predicted == Y_test).all(axis=1).mean()
    assert model.oof_decision_function_.shape == Y.shape
    assert ((model.oof_decision_function_ > 0) == Y).mean() > 0.95


def test_predictions_scores_and_probabilities_agree(problem, model):
    X_test = problem[2]
    scores, chances = model.decision_function(X_test), model.predict_proba(X_test)
    assert scores.shape == chances.shape == (597, 3)
    np.testing.assert_array_equal(model.predict(X_test), scores > 0)
    np.testing.assert_array_equal(chances > 0.5, scores > 0)
    np.testing.assert_allclose(model.predict_log_proba(X_test), np.log(chances))


def test_a_label_alone_is_a_classification_in_two_classes(problem):
    X, Y, X_test, _ = problem
    given = {"hidden_width": 60, "n_subsystems": 1, "max_depth": 1, "alpha": 1e-2, "subsystem_fraction": 1.0}
    given |= {"hidden_weights": "normal", "hidden_columns": "all", "scaling": "feature", "random_state": 0}
    given |= {"loss": "squared_error"}
    every = SSTPLClassifier(**given).fit(X, Y).decision_function(X_test)
    for column in range(3):
        own = SSTPLClassifier(**given).fit(X, Y[:, column]).decision_function(X_test)
        np.testing.assert_allclose(every[:, column], own, atol=1e-9)


def test_probabilities_are_no_worse_than_those_of_logistic_regression(problem):
    X, Y = make_multilabel_classification(3000, 20, n_classes=4, n_labels=2, random_state=0)
    ours = SSTPLClassifier(hidden_width=100, n_subsystems=2, random_state=0).fit(X[:1500], Y[:1500])
    linear = MultiOutputClassifier(LogisticRegression(max_iter=1000)).fit(X[:1500], Y[:1500])
    chances = np.column_stack([one[:, 1] for one in linear.predict_proba(X[1500:])])
    own = [log_loss(Y[1500:, k], ours.predict_proba(X[1500:])[:, k]) for k in range(4)]
    theirs = [log_loss(Y[1500:, k], chances[:, k]) for k in range(4)]
    assert np.mean(own) < np.mean(theirs)
    shown = ours.predict_proba(X[1500:])
    assert abs(shown.mean() - Y[1500:].mean()) < 0.02


@pytest.mark.parametrize("kind", [bool, np.uint8, float, sparse.csr_array, np.ndarray.tolist])
def test_any_array_of_zeros_and_ones_is_taken(problem, kind):
    X, Y = problem[0][:200], problem[1][:200]
    given = kind(Y) if kind in (sparse.csr_array, np.ndarray.tolist) else Y.astype(kind)
    small = {"hidden_width": 40, "n_subsystems": 1, "random_state": 0}
    found = SSTPLClassifier(**small).fit(X, given)
    np.testing.assert_array_equal(found.predict(X), SSTPLClassifier(**small).fit(X, Y).predict(X))
    assert isinstance(found.predict(X), np.ndarray)


def test_weights_are_copies(problem):
    X, Y = problem[0][:150], problem[1][:150]
    counts = np.random.default_rng(0).integers(0, 4, size=150)
    small = {"hidden_width": 40, "n_subsystems": 2, "random_state": 0}
    weighted = SSTPLClassifier(**small).fit(X, Y, sample_weight=counts)
    copied = SSTPLClassifier(**small).fit(X.repeat(counts, axis=0), Y.repeat(counts, axis=0))
    np.testing.assert_array_equal(weighted.predict_proba(X), copied.predict_proba(X))


def test_a_label_that_every_row_has_is_predicted(problem):
    X, Y = problem[0][:200], np.column_stack([np.ones(200, dtype=int), problem[1][:200, 0]])
    found = SSTPLClassifier(hidden_width=40, n_subsystems=1, random_state=0).fit(X, Y)
    assert found.predict(X)[:, 0].all()
    assert (found.predict_proba(X)[:, 0] > 0.9).all()


def test_the_paper_s_architecture_takes_labels(problem, small_paper):
    X, Y, X_test, Y_test = problem
    found = SSTPLClassifier(**small_paper).fit(X, Y)
    assert (found.predict(X_test) == Y_test).mean() > 0.85


def test_scikit_learn_s_tools_take_it(problem):
    X, Y = problem[0][:300], problem[1][:300]
    small = SSTPLClassifier(hidden_width=60, n_subsystems=1, random_state=0)
    predicted = cross_val_predict(small, X, Y, cv=3)
    assert (predicted == Y).mean() > 0.85


def test_a_model_file_and_an_exported_model_predict_the_same(problem, model, tmp_path):
    X_test = problem[2]
    model.save(tmp_path / "m")
    same = sstpl.load(tmp_path / "m")
    for method in ("predict", "decision_function", "predict_proba"):
        np.testing.assert_array_equal(getattr(same, method)(X_test), getattr(model, method)(X_test))
    np.testing.assert_array_equal(same.oof_decision_function_, model.oof_decision_function_)
    assert same.predict(X_test).dtype == model.predict(X_test).dtype
    model.to_onnx(tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    label, probabilities, scores = session.run(["label", "probabilities", "scores"], {"X": X_test.astype(np.float32)})
    np.testing.assert_allclose(scores, model.decision_function(X_test), atol=1e-5)
    np.testing.assert_allclose(probabilities, model.predict_proba(X_test), atol=1e-5)
    np.testing.assert_array_equal(label, scores > 0)


def test_a_report_shows_the_fit_and_no_rows(problem, model):
    shown = sstpl.report(model)
    assert "3 labels" in shown.to_html()
    with pytest.raises(ValueError, match="no rows of several labels"):
        sstpl.report(model, *problem[2:])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda Y: Y * 2, r"must hold 0 and 1, got \[0, 2\]"),
        (lambda Y: Y + np.arange(3), "multiclass-multioutput|1d array|Unknown label type"),
        (lambda Y: Y[:5], "inconsistent numbers of samples"),
    ],
)
def test_columns_that_are_no_labels_are_refused(problem, spoil, words):
    with pytest.raises(ValueError, match=words):
        SSTPLClassifier().fit(problem[0], spoil(problem[1]))


def test_what_needs_one_class_per_row_says_so(problem, model, tmp_path):
    X, Y = problem[:2]
    with pytest.raises(ValueError, match="predict_set is of one class per row"):
        model.predict_set(X)
    with pytest.raises(ValueError, match="class_weight needs one class per row, and y has 3 labels"):
        SSTPLClassifier(class_weight="balanced").fit(X, Y)
    with pytest.raises(ValueError, match="partial_fit takes one class per row, and y has 3 labels"):
        SSTPLClassifier().partial_fit(X, Y)
