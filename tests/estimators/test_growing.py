"""Models that grow: `partial_fit`, `forget`, `grow` and `calibrate` against one solve on all rows, and each other."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import LinAlgWarning
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from sklearn.utils import shuffle

import sstpl
from reference import growing as twin
from reference import ridge
from reference.path import looked_at
from sstpl import SSTPLClassifier, SSTPLRegressor, _growth
from sstpl._given import Given
from sstpl._selection import ALPHA_PATH

SMALL = {"hidden_width": 60, "scaling": "feature", "random_state": 0}
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])
# Of the scores' rounding in float32, which solves with a small penalty magnify.
TOLERANCE = {np.float32: 2e-3, np.float64: 1e-9}


def problem(n_rows=700, n_classes=4, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(n_classes, size=n_rows)
    X = rng.normal(size=(n_classes, 6))[y] + 0.7 * rng.normal(size=(n_rows, 6))
    return X.astype(dtype), y


def in_batches(model, X, y, first=200, step=90, order=None, **given):
    """Add the first rows, and then the others in batches, in the order given."""
    model.partial_fit(X[:first], y[:first], **given)
    batches = [slice(start, start + step) for start in range(first, len(X), step)]
    for k in range(len(batches)) if order is None else order(len(batches)):
        model.partial_fit(X[batches[k]], y[batches[k]])
    return model


def level(model):
    return model.subsystems_[0].levels[0]


def alpha_of(model):
    return model.report_.subsystems[0].steps[0].alpha


def features(model, X):
    mapped = model._input_map.transform(X)
    return twin.features(mapped, level(model).hidden_weights, level(model).hidden_bias, np.zeros(1))


def one_solve(model, X, Y):
    """Return a function from rows to the scores of one least-squares solve on all rows by the model's layer."""
    W, b = ridge.solve(features(model, X), Y, alpha_of(model))
    return lambda rows: features(model, rows) @ W + b


def codes(y, classes):
    return np.where(y[:, None] == classes, 1.0, -1.0)


def assert_same_scores(actual, expected, X, tolerance):
    np.testing.assert_allclose(actual.decision_function(X), expected.decision_function(X), rtol=0, atol=tolerance)


@each_dtype
@pytest.mark.parametrize("step", [1, 33, 500])
def test_batches_are_one_solve_on_all_rows(dtype, step):
    X, y = problem(dtype=dtype)
    model = in_batches(SSTPLClassifier(**SMALL), X[:400], y[:400], step=step)
    scores = one_solve(model, X[:400], codes(y[:400], model.classes_))(X[400:])
    np.testing.assert_allclose(model.decision_function(X[400:]), scores, rtol=0, atol=TOLERANCE[dtype])
    assert_same_scores(model, in_batches(SSTPLClassifier(**SMALL), X[:400], y[:400], step=200), X, TOLERANCE[dtype])


@each_dtype
def test_the_order_of_batches_does_not_matter(dtype):
    X, y = problem(dtype=dtype)
    first = in_batches(SSTPLClassifier(**SMALL), X, y)
    other = in_batches(SSTPLClassifier(**SMALL), X, y, order=lambda n: range(n)[::-1])
    assert alpha_of(first) == alpha_of(other)
    assert_same_scores(first, other, X, TOLERANCE[dtype])


@pytest.mark.parametrize("alpha", [1e-6, 1e-2])
def test_an_ill_conditioned_design_is_solved_like_least_squares_on_its_rows(alpha):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 8)) * 10.0 ** np.arange(-4, 4)
    X = np.hstack([X, X[:, :4] + 1e-7 * rng.normal(size=(500, 4)), 1e6 + X[:, :1]])
    y = X[:, 7] / 1e3 + np.tanh(X[:, 4]) + 0.1 * rng.normal(size=500)
    model = SSTPLRegressor(**SMALL | {"hidden_width": 300, "alpha": alpha}).partial_fit(X[:100], y[:100])
    for start in range(100, 400, 7):
        model.partial_fit(X[start : min(start + 7, 400)], y[start : min(start + 7, 400)])
    expected = one_solve(model, X[:400], y[:400, None])(X[400:])[:, 0]
    np.testing.assert_allclose(model.predict(X[400:]), expected, rtol=0, atol=1e-9 / alpha * 1e-3 + 1e-9)


@each_dtype
def test_several_outputs_are_one_solve_on_all_rows(dtype):
    X, _ = problem(dtype=dtype)
    Y = np.column_stack([np.sin(X[:, 0]), 1e3 + 50 * X[:, 1] * X[:, 2]]).astype(dtype)
    model = in_batches(SSTPLRegressor(**SMALL), X[:500], Y[:500])
    found, expected = model.predict(X[500:]), one_solve(model, X[:500], Y[:500])(X[500:])
    np.testing.assert_allclose(found, expected, rtol=0, atol=100 * TOLERANCE[dtype])
    assert model.score(X[500:], Y[500:]) > 0.5


def test_the_penalty_is_the_one_of_least_error_over_the_folds():
    X, y = problem()
    model = in_batches(SSTPLClassifier(**SMALL), X, y)
    Y, H = codes(y, model.classes_), features(model, X)
    folds = np.array([twin.fold(row, model._growth.seed, 5) for row in X])
    detail = model.report_.subsystems[0].steps[0].detail
    path, errors = list(ALPHA_PATH), []
    for alpha in path:
        error = 0.0
        for fold in range(5):
            W, b = ridge.solve(H[folds != fold], Y[folds != fold], alpha)
            error += ((H[folds == fold] @ W + b - Y[folds == fold]) ** 2).sum()
        errors.append(error / len(X))
    tried = ~np.isnan(looked_at(path, errors))
    np.testing.assert_array_equal(detail["alphas"], np.array(path)[tried])
    np.testing.assert_allclose(detail["path_errors"], np.array(errors)[tried], rtol=1e-6)
    assert alpha_of(model) == path[int(np.argmin(errors))]


def deal(X, seed, n_folds):
    """Return the fold of every row."""
    return (Given.of(X).hashes(seed) % np.uint64(n_folds)).astype(np.int64)


def test_the_fold_of_a_row_is_a_hash_of_its_values():
    X = np.random.default_rng(0).normal(size=(2000, 3)).astype(np.float32)
    X[:5] = [[0.0, -0.0, 1.0]] * 5
    X[5:10] = [[-0.0, 0.0, 1.0]] * 5
    folds = deal(X, 3, 4)
    assert folds.tolist() == [twin.fold(row, 3, 4) for row in X.astype(np.float64)]
    np.testing.assert_array_equal(folds, deal(np.asfortranarray(X, dtype=np.float64), 3, 4))
    assert len(set(folds[:10])) == 1
    np.testing.assert_allclose(np.bincount(folds) / 2000, 0.25, atol=0.05)
    assert (folds != deal(X, 4, 4)).mean() > 0.6
    whole = deal(np.arange(1000.0)[:, None], 0, 2)  # few bits of their mantissas differ
    assert 0.4 < whole.mean() < 0.6


@each_dtype
def test_rows_that_were_forgotten_were_never_added(dtype):
    X, y = problem(dtype=dtype)
    model = in_batches(SSTPLClassifier(**SMALL), X, y)
    some = np.random.default_rng(1).permutation(np.arange(200, 700))[:350]
    for rows in np.array_split(some, 4):
        model.forget(X[rows], y[rows])
    left = np.setdiff1d(np.arange(700), some)
    kept = in_batches(SSTPLClassifier(**SMALL), X[left], y[left])
    assert alpha_of(model) == alpha_of(kept)
    assert_same_scores(model, kept, X, 3 * TOLERANCE[dtype])
    assert model.report_.subsystems[0].n_samples == 350


def test_a_window_that_slides_over_many_rows_keeps_its_digits():
    X, y = problem(3000)
    model = SSTPLClassifier(**SMALL, alpha=1e-4).partial_fit(X[:300], y[:300])
    for start in range(300, 3000, 100):
        model.partial_fit(X[start : start + 100], y[start : start + 100])
        model.forget(X[start - 300 : start - 200], y[start - 300 : start - 200])
    scores = one_solve(model, X[-300:], codes(y[-300:], model.classes_))(X[:300])
    np.testing.assert_allclose(model.decision_function(X[:300]), scores, rtol=0, atol=1e-9)


def test_a_class_that_comes_late_is_one_that_was_known():
    X, y = problem(n_classes=5)
    late = np.sort(np.concatenate([np.flatnonzero(~np.isin(y, (0, 2)))[:200], np.flatnonzero(np.isin(y, (0, 2)))]))
    order = np.concatenate([np.flatnonzero(~np.isin(y, (0, 2)))[:200], late[np.isin(y[late], (0, 2))]])
    X, names = X[order], np.array(["a", "bb", "ccc", "d", "e"])[y[order]]
    known = in_batches(SSTPLClassifier(**SMALL), X, names, classes=["e", "d", "ccc", "bb", "a"])
    grown = in_batches(SSTPLClassifier(**SMALL), X, names)
    assert grown.classes_.tolist() == known.classes_.tolist() == ["a", "bb", "ccc", "d", "e"]
    assert_same_scores(grown, known, X, 1e-9)
    scores = one_solve(grown, X, codes(names, grown.classes_))(X)
    np.testing.assert_allclose(grown.decision_function(X), scores, rtol=0, atol=1e-9)


def test_two_classes_that_become_three_have_three_scores():
    X, y = problem(n_classes=3)
    two = y < 2
    model = SSTPLClassifier(**SMALL).partial_fit(X[two], y[two])
    assert model.decision_function(X).shape == (700,)
    assert model.partial_fit(X[~two], y[~two]).decision_function(X).shape == (700, 3)
    assert model.score(X, y) > 0.8


@each_dtype
@pytest.mark.parametrize("kind", ["constrained", "normal", "uniform", "centers"])
def test_a_model_that_was_grown_is_one_that_was_wider_at_once(kind, dtype):
    X, y = problem(dtype=dtype)
    options = SMALL | {"hidden_weights": kind, "hidden_columns": "all" if kind == "centers" else "subsets"}
    grown = SSTPLClassifier(**options).partial_fit(X, y).grow(X, y, 30)
    wide = SSTPLClassifier(**options | {"hidden_width": 90}).partial_fit(X, y)
    np.testing.assert_array_equal(level(grown).hidden_weights, level(wide).hidden_weights)
    if kind == "centers":  # whose bias is of the variance of those that were drawn with them
        np.testing.assert_allclose(level(grown).hidden_bias, level(wide).hidden_bias, rtol=0.05)
        return
    np.testing.assert_array_equal(level(grown).hidden_bias, level(wide).hidden_bias)
    assert_same_scores(grown, wide, X, TOLERANCE[dtype])


@pytest.mark.parametrize(("columns", "sees_all"), [("all", True), ("above", True), ("subsets", False)])
def test_units_of_the_one_level_see_what_those_of_a_first_level_do(columns, sees_all):
    X, y = problem()
    model = SSTPLClassifier(**SMALL, hidden_columns=columns).partial_fit(X, y)
    assert (level(model).hidden_weights != 0).all() == sees_all


def test_growing_is_one_solve_on_all_rows_whatever_came_before():
    X, y = problem()
    model = in_batches(SSTPLClassifier(**SMALL, hidden_weights="orthogonal"), X[:600], y[:600])
    model.forget(X[100:200], y[100:200])
    left = np.random.default_rng(0).permutation(np.r_[0:100, 200:600])
    model.grow(X[left], y[left], 15).partial_fit(X[600:], y[600:])
    left = np.r_[0:100, 200:700]
    assert level(model).width == 75
    scores = one_solve(model, X[left], codes(y[left], model.classes_))(X)
    np.testing.assert_allclose(model.decision_function(X), scores, rtol=0, atol=1e-9)


def test_nothing_is_solved_before_it_is_asked_for(monkeypatch):
    solved = []
    solve = _growth.Growth.solve
    monkeypatch.setattr(_growth.Growth, "solve", lambda self: solved.append(1) or solve(self))
    X, y = problem()
    model = in_batches(SSTPLClassifier(**SMALL), X, y, step=10)
    assert not solved
    model.predict(X)
    assert model.report_.subsystems[0].n_samples == 700
    assert (model.depth_, model.n_subsystems_, len(solved)) == (1, 1, 1)


def test_what_is_kept_does_not_grow_with_the_rows():
    X, y = problem(4000)
    model = SSTPLClassifier(**SMALL).partial_fit(X[:500], y[:500])
    size = len(pickle.dumps(model))
    model = in_batches(model, X[500:], y[500:])
    assert len(pickle.dumps(model)) < size + 100
    assert size < 8 * (5 * 61 * 70 + 60 * 8) + 20_000


def test_copies_go_on_by_themselves():
    X, y = problem()
    model = in_batches(SSTPLClassifier(**SMALL), X[:500], y[:500])
    model.predict(X)
    before = model.decision_function(X)
    expected = in_batches(SSTPLClassifier(**SMALL), X, y, step=500).decision_function(X)
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        again.partial_fit(X[500:], y[500:])
        np.testing.assert_allclose(again.decision_function(X), expected, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(model.decision_function(X), before)
    assert not vars(clone(model)).keys() & {"_growth", "classes_"}


def test_fit_and_partial_fit_begin_anew_after_each_other():
    X, y = problem()
    settings = SMALL | {"n_subsystems": 1, "max_depth": 2}
    fitted, grown = SSTPLClassifier(**settings).fit(X, y), SSTPLClassifier(**settings).partial_fit(X[:300], y[:300])
    other = SSTPLClassifier(**settings).partial_fit(X[:300], y[:300] + 1).fit(X, y)
    np.testing.assert_array_equal(other.predict_proba(X), fitted.predict_proba(X))
    assert vars(other).keys() == vars(fitted).keys()
    with pytest.warns(UserWarning, match="begins anew"):
        other.partial_fit(X[:300], y[:300])
    np.testing.assert_array_equal(other.decision_function(X), grown.decision_function(X))
    with pytest.raises(NotFittedError, match="calibrate"):
        other.predict_proba(X)
    assert not hasattr(other, "oof_decision_function_")


def test_probabilities_and_sets_come_from_rows_that_were_scored_before_they_were_added():
    X, y = shuffle(*problem(3000, n_classes=3), random_state=0)
    model = SSTPLClassifier(**SMALL).partial_fit(X[:500], y[:500])
    with pytest.raises(NotFittedError, match="calibrate"):
        model.predict_proba(X)
    model.calibrate(X[500:1500], y[500:1500]).partial_fit(X[500:1500], y[500:1500])
    p = model.predict_proba(X[1500:])
    np.testing.assert_allclose(p.sum(axis=1), 1)
    shares = np.bincount(y) / len(y)
    assert log_loss(y[1500:], p) < 0.6 * -np.sum(shares * np.log(shares))
    held = model.predict_set(X[1500:], coverage=0.9)[np.arange(1500), y[1500:]]
    assert 0.87 < held.mean() < 0.97
    assert model.report_.calibration.slope == model._calibration.slope
    late = X[:10], np.full(10, 3)
    assert model.partial_fit(*late).predict_proba(X[:5]).shape == (5, 4)


def test_intervals_come_from_rows_that_were_scored_before_they_were_added():
    X, _ = problem(3000)
    rng = np.random.default_rng(0)
    Y = np.column_stack([X[:, 0], 30 * X[:, 1]]) + rng.normal(size=(3000, 2)) * [1.0, 10.0]
    model = SSTPLRegressor(**SMALL).partial_fit(X[:500], Y[:500])
    with pytest.raises(NotFittedError, match="calibrate"):
        model.predict_interval(X)
    model.calibrate(X[500:1500], Y[500:1500]).partial_fit(X[500:1500], Y[500:1500])
    low, high = np.moveaxis(model.predict_interval(X[1500:], coverage=0.8), 1, 0)
    held = ((low <= Y[1500:]) & (Y[1500:] <= high)).mean(axis=0)
    np.testing.assert_allclose(held, 0.8, atol=0.05)


@pytest.mark.parametrize("calibrated", [False, True])
def test_a_model_file_holds_what_predicts(tmp_path, calibrated):
    X, y = problem()
    model = in_batches(SSTPLClassifier(**SMALL), X[:500], y[:500])
    if calibrated:
        model.calibrate(X[500:], y[500:])
    model.save(tmp_path / "model")
    loaded = sstpl.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.decision_function(X), model.decision_function(X))
    assert loaded.report_ == model.report_
    with pytest.raises(NotFittedError, match="needs the sums of partial_fit"):
        loaded.forget(X[:5], y[:5])
    if calibrated:
        np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
        assert loaded.to_onnx().graph.output[1].name == "probabilities"
    else:
        with pytest.raises(NotFittedError, match="calibrate"):
            loaded.predict_proba(X)


def test_a_regressor_in_a_model_file_predicts(tmp_path, diabetes):
    X, y = diabetes
    model = in_batches(SSTPLRegressor(**SMALL), X, y)
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(sstpl.load(tmp_path / "model").predict(X), model.predict(X))


def test_float32_rows_taken_away_again_and_again_are_warned_of():
    X, y = problem(dtype=np.float32)
    model = SSTPLClassifier(**SMALL).partial_fit(X[:300], y[:300])
    with pytest.warns(LinAlgWarning, match="left their rounding"):  # noqa: PT031
        for _ in range(12):
            model.partial_fit(X[300:], y[300:]).forget(X[300:], y[300:])
    exact = SSTPLClassifier(**SMALL, dtype="float64").partial_fit(X[:300], y[:300])
    for _ in range(12):
        exact.partial_fit(X[300:], y[300:]).forget(X[300:], y[300:])
    fresh = SSTPLClassifier(**SMALL).partial_fit(X[:300], y[:300])
    assert (model.predict(X) == fresh.predict(X)).mean() > 0.99


def classifier_mistakes(X, y):
    bad = X.copy()
    bad[3, 1] = np.inf
    return {
        "X must": lambda m: m.partial_fit(X[:, :5], y),
        "X contains infinity in column 1": lambda m: m.partial_fit(bad, y),
        "inconsistent numbers": lambda m: m.partial_fit(X, y[:5]),
        "labels like those before": lambda m: m.partial_fit(X, y.astype(str)),
        "Unknown label type": lambda m: m.partial_fit(X, y + 0.5),
        "classes must be those of the first call": lambda m: m.partial_fit(X, y, classes=[0, 1]),
        "0 sample": lambda m: m.partial_fit(X[:0], y[:0]),
        "y must hold classes that were fitted, got 7": lambda m: m.forget(X[:3], np.full(3, 7)),
        "rows that were added before": lambda m: m.forget(X[:200], np.zeros(200)),
        "at least one row": lambda m: m.forget(X, y),
        "as many rows": lambda m: m.grow(X[:5], y[:5], 3),
        "not the rows": lambda m: m.grow(X[::-1], y, 3),
        "n_hidden must be": lambda m: m.grow(X, y, 0),
        "classes that were fitted": lambda m: m.calibrate(X, y + 9),
    }


@pytest.mark.parametrize("mistake", range(14))
def test_an_invalid_call_changes_nothing(mistake):
    X, y = problem(300)
    model = SSTPLClassifier(**SMALL).partial_fit(X, y)
    model.predict(X)
    words, call = list(classifier_mistakes(X, y).items())[mistake]
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match=words if words != "X must" else "features"):
        call(model)
    assert pickle.dumps(model) == before


@pytest.mark.parametrize(
    ("settings", "given", "words"),
    [
        ({}, {"classes": [1]}, "classes must be at least 2 classes"),
        ({}, {"classes": [0, 1]}, "y must hold classes that were fitted, got 2, 3"),
        ({"selection": "gcv"}, {}, "selection must be 'kfold'"),
        ({"hidden_width": 0}, {}, "hidden_width must be"),
        ({"image_shape": (2, 2), "scaling": "auto"}, {}, "image_shape"),
    ],
)
def test_a_first_call_that_fails_leaves_an_unfitted_estimator(settings, given, words):
    X, y = problem(300)
    model = SSTPLClassifier(**SMALL | settings)
    before = dict(vars(model))
    with pytest.raises(ValueError, match=words):
        model.partial_fit(X, y, **given)
    assert vars(model) == before
    with pytest.raises(ValueError, match="at least 2 classes"):
        SSTPLClassifier(**SMALL).partial_fit(X, np.zeros(300))


def test_given_classes_are_the_only_ones():
    X, y = problem(300)
    model = SSTPLClassifier(**SMALL).partial_fit(X[y < 2], y[y < 2], classes=[0, 1, 2])
    with pytest.raises(ValueError, match="y must hold classes that were fitted, got 3"):
        model.partial_fit(X, y)


def test_a_regressor_refuses_other_outputs_and_other_rows():
    X, _ = problem(300)
    model = SSTPLRegressor(**SMALL).partial_fit(X, X[:, :2])
    for call in (model.partial_fit, model.forget, model.calibrate):
        with pytest.raises(ValueError, match="y must have 2 columns"):
            call(X, X[:, 0])
    with pytest.raises(ValueError, match="rows that were added before"):
        model.forget(np.full((50, 6), 30.0), X[:50, :2])


def test_features_that_overflow_do_not_spoil_the_sums():
    X, y = problem(300)
    model = SSTPLClassifier(**SMALL | {"scaling": "none"}, activation="relu").partial_fit(X, y)
    before = model.decision_function(X)
    with pytest.raises(np.linalg.LinAlgError, match="overflowed"):
        model.partial_fit(1e300 * X, y)
    np.testing.assert_array_equal(model.decision_function(X), before)


def test_what_needs_sums_says_that_there_are_none():
    X, y = problem(300)
    fitted = SSTPLClassifier(**SMALL, n_subsystems=1).fit(X, y)
    for model in (SSTPLClassifier(), fitted):
        for call in (lambda m: m.forget(X, y), lambda m: m.grow(X, y, 3)):
            with pytest.raises(NotFittedError, match="needs the sums of partial_fit"):
                call(model)
    with pytest.raises(AttributeError, match="no attribute 'subsystem'"):
        getattr(fitted, "subsystem")  # noqa: B009


def test_the_papers_architecture_has_no_partial_fit():
    with pytest.raises(AttributeError, match="partial_fit needs architecture='recursive', got 'paper'"):
        SSTPLClassifier(architecture="paper").partial_fit([[1.0], [2.0]], [0, 1])
    assert hasattr(SSTPLRegressor(), "partial_fit")


def test_memory_limit_is_that_of_the_sums():
    X, y = problem(300)
    with pytest.raises(MemoryError, match="width 3000"):
        SSTPLClassifier(**SMALL | {"hidden_width": 3000}, memory_limit=50).partial_fit(X, y)
    model = SSTPLClassifier(**SMALL, memory_limit=50).partial_fit(X, y)
    with pytest.raises(MemoryError, match="width 3060"):
        model.grow(X, y, 3000)


def test_digits_in_batches_are_as_good_as_one_level_on_all_rows(digits):
    X, y = shuffle(*digits, random_state=0)
    settings = {"hidden_width": 300, "random_state": 0}
    model = in_batches(SSTPLClassifier(**settings), X[:1400], y[:1400])
    whole = SSTPLClassifier(**settings, max_depth=1, n_subsystems=1, subsystem_fraction=1.0).fit(X[:1400], y[:1400])
    assert model.score(X[1400:], y[1400:]) > whole.score(X[1400:], y[1400:]) - 0.02
    assert model.score(X[1400:], y[1400:]) > 0.95


def test_images_grow_too(digits):
    X, y = digits
    model = SSTPLClassifier(hidden_width=150, image_shape=(8, 8), random_state=0)
    assert in_batches(model, X[:1400], y[:1400]).score(X[1400:], y[1400:]) > 0.93


@pytest.mark.parametrize("name", ["magic"])
def test_a_real_set_in_batches_is_as_good_as_one_level_on_all_rows(real_data, name):
    data = real_data(name)
    X, y = shuffle(data["X"], data["y"], random_state=0, n_samples=6000)
    settings = {"hidden_width": 200, "random_state": 0}
    model = in_batches(SSTPLClassifier(**settings), X[:5000], y[:5000], first=1000, step=400)
    whole = SSTPLClassifier(**settings, max_depth=1, n_subsystems=1, subsystem_fraction=1.0).fit(X[:5000], y[:5000])
    assert model.score(X[5000:], y[5000:]) > whole.score(X[5000:], y[5000:]) - 0.02


def test_class_weights_are_refused_where_sums_have_no_weights():
    X, y = np.eye(4), np.array([0, 1, 0, 1])
    with pytest.raises(ValueError, match="partial_fit takes no class_weight, got 'balanced'"):
        SSTPLClassifier(class_weight="balanced").partial_fit(X, y)


def frame_of(n_rows):
    """Return rows with categories and missing values, and their classes."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=n_rows), "b": rng.normal(size=n_rows)})
    frame["kind"] = pd.Categorical(rng.choice(["x", "y", "z"], n_rows))
    y = (frame["a"] + frame["b"] + (frame["kind"] == "x") > 0).astype(int)
    frame.loc[::9, "a"] = np.nan
    frame.loc[::11, "kind"] = np.nan
    return frame, y


def test_batches_with_categories_and_missing_values_make_the_model_of_all_rows():
    frame, y = frame_of(400)
    batches = SSTPLClassifier(**SMALL).partial_fit(frame[:200], y[:200])
    for start in range(200, 400, 50):
        batches.partial_fit(frame[start : start + 50], y[start : start + 50])
    first = SSTPLClassifier(**SMALL).partial_fit(frame[:200], y[:200])
    expected = first.decision_function(frame)
    at_once = first.partial_fit(frame[200:], y[200:]).decision_function(frame)
    np.testing.assert_allclose(batches.decision_function(frame), at_once, atol=1e-8)
    np.testing.assert_allclose(batches.forget(frame[200:], y[200:]).decision_function(frame), expected, atol=1e-8)


def test_a_report_shows_a_growing_model_and_rows():
    frame, y = frame_of(300)
    model = SSTPLClassifier(**SMALL).partial_fit(frame[:200], y[:200])
    shown = sstpl.report(model, frame[200:], y[200:])
    assert "200 rows" in str(shown)
    assert "reliability" not in shown.figures
    assert "confusion" in shown.figures
    model.calibrate(frame[200:250], y[200:250])
    assert "reliability" in sstpl.report(model, frame[250:], y[250:]).figures
    with pytest.raises(NotFittedError, match="no row's out-of-fold score"):
        sstpl.report(model, y=y[:200])
