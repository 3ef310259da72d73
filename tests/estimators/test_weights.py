"""Sample weights and class weights: what is exact, and what they are for."""

import inspect
from itertools import pairwise

import numpy as np
import pytest
from sklearn import config_context
from sklearn.datasets import make_classification
from sklearn.metrics import balanced_accuracy_score, recall_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.estimator_checks import check_sample_weight_equivalence_on_dense_data

import sstpl
from sstpl import SSTPLClassifier, SSTPLRegressor
from sstpl._inputs import fit_input_map
from sstpl._model_file import ModelFormatError
from sstpl._model_values import read_parameter

# Nothing of the final solution depends on folds or samples: one level of data-free units, one penalty, all rows.
ONE_SOLVE = {
    "hidden_width": 40,
    "max_depth": 1,
    "alpha": 1e-2,
    "n_subsystems": 1,
    "subsystem_fraction": 1.0,
    "hidden_columns": "all",
    "random_state": 0,
}


@pytest.fixture(scope="module", params=["classifier", "regressor"])
def problem(request, small, diabetes, digits):
    """Return an estimator, its rows and targets, and the name of its out-of-fold scores."""
    if request.param == "regressor":
        X, y = diabetes
        return SSTPLRegressor(**small), X[:200], y[:200], "oof_prediction_"
    X, y = digits
    return SSTPLClassifier(**small), X[:200], y[:200], "oof_decision_function_"


@pytest.fixture(scope="module")
def weights():
    return np.random.default_rng(0).uniform(0.2, 3.0, size=200)


def scores_of(model, X):
    return model.predict(X) if isinstance(model, SSTPLRegressor) else model.decision_function(X)


@pytest.mark.parametrize("value", [1.0, 0.3, 1e-200])
def test_equal_weights_are_no_weights(problem, value):
    model, X, y, name = problem
    plain = model.fit(X, y)
    expected, blind = scores_of(plain, X), getattr(plain, name)
    weighted = model.fit(X, y, sample_weight=np.full(200, value))
    np.testing.assert_array_equal(scores_of(weighted, X), expected)
    np.testing.assert_array_equal(getattr(weighted, name), blind)


@pytest.mark.parametrize("unit", [0.25, 2.0**60, 3.0, 1e-250])
def test_only_ratios_of_weights_count(problem, weights, unit):
    model, X, y, name = problem
    expected, blind = scores_of(model.fit(X, y, weights), X), getattr(model, name)
    scaled = model.fit(X, y, unit * weights)
    tolerance = {} if np.frexp(unit)[0] != 0.5 else {"rtol": 0, "atol": 0}  # a power of two rounds nothing
    np.testing.assert_allclose(scores_of(scaled, X), expected, **({"rtol": 1e-6, "atol": 1e-6} | tolerance))
    np.testing.assert_allclose(getattr(scaled, name), blind, **({"rtol": 1e-6, "atol": 1e-6} | tolerance))


def test_a_row_of_weight_zero_has_no_influence_at_all(problem, weights):
    model, X, y, name = problem
    kept = np.arange(200) % 7 != 3
    expected = scores_of(model.fit(X[kept], y[kept], weights[kept]), X)
    blind = getattr(model, name)
    spoiled, targets = np.where(kept[:, None], X, 1e6), np.where(kept, y, y[0])
    zeroed = model.fit(spoiled, targets, weights * kept)
    np.testing.assert_array_equal(scores_of(zeroed, X), expected)
    np.testing.assert_array_equal(getattr(zeroed, name)[kept], blind)
    np.testing.assert_allclose(getattr(zeroed, name)[~kept], scores_of(zeroed, spoiled)[~kept], rtol=1e-12)


@pytest.mark.parametrize("kind", ["orthogonal", "uniform", "normal"])
@pytest.mark.parametrize("scaling", ["feature", "quantile", "piecewise", "sample"])
def test_a_solve_on_weighted_rows_is_that_on_copies_of_them(kind, scaling, diabetes):
    X, y = diabetes[0][:150], np.column_stack([diabetes[1], diabetes[0][:, 2] ** 2])[:150]
    counts = np.random.default_rng(1).integers(0, 4, size=150)
    model = SSTPLRegressor(**ONE_SOLVE, hidden_weights=kind, scaling=scaling)
    weighted = model.fit(X, y, counts).predict(X)
    copies = model.fit(X.repeat(counts, axis=0), y.repeat(counts, axis=0)).predict(X)
    np.testing.assert_allclose(weighted, copies, rtol=1e-6)


@pytest.mark.parametrize("kind", ["orthogonal", "uniform", "normal"])
def test_a_single_solve_passes_the_check_of_scikit_learn(kind):
    model = SSTPLRegressor(**ONE_SOLVE, hidden_weights=kind, scaling="feature")
    check_sample_weight_equivalence_on_dense_data("SSTPLRegressor", model)


@pytest.mark.parametrize("scaling", ["feature", "quantile", "piecewise"])
def test_an_input_map_of_weighted_rows_is_that_of_copies_of_them(scaling):
    rng = np.random.default_rng(2)
    X = np.column_stack([rng.normal(size=300), rng.integers(0, 9, size=300), rng.exponential(size=300) ** 3])
    counts = rng.integers(1, 5, size=300)
    copies = fit_input_map(X.repeat(counts, axis=0), scaling, np.dtype(np.float64))
    weighted = fit_input_map(X, scaling, np.dtype(np.float64), counts / counts.mean())
    np.testing.assert_allclose(weighted.transform(X), copies.transform(X), rtol=1e-9, atol=1e-9)


def test_pairs_of_rows_are_drawn_as_often_as_from_copies(digits):
    X, few = digits[0][:400], digits[1][:400] == 0
    counts = np.where(few, 9, 1)

    def share_of_few(rows, y, weights):
        """Return how many of the rows that units were drawn from, which project to +1 and -1, are of the few."""
        model = SSTPLRegressor(**ONE_SOLVE | {"hidden_width": 300, "scaling": "none"}).fit(rows, y, weights)
        first = model.subsystems_[0].levels[0]
        ends = np.isclose(np.abs(model._input_map.transform(X) @ first.hidden_weights.T + first.hidden_bias), 1.0)
        return ends[few].sum() / ends.sum()

    y = digits[1][:400].astype(float)
    weighted = share_of_few(X, y, counts)
    assert weighted == pytest.approx(np.average(few, weights=counts), abs=0.08)
    assert weighted == pytest.approx(share_of_few(X.repeat(counts, axis=0), y.repeat(counts), None), abs=0.08)
    assert share_of_few(X, y, None) == pytest.approx(few.mean(), abs=0.08)


def test_intervals_cover_the_weighted_distribution():
    """Training rows are mostly quiet, new ones mostly loud, and the weights say so."""
    rng = np.random.default_rng(3)

    def draw(n, share):
        X, loud = rng.normal(size=(n, 3)), rng.random(n) < share
        return np.column_stack([X, loud]), X[:, 0] + np.where(loud, 1.0, 0.1) * rng.normal(size=n), loud

    (X, y, loud), (X_new, y_new, _) = draw(3000, 0.1), draw(3000, 0.9)
    model = SSTPLRegressor(hidden_width=50, n_subsystems=2, random_state=0)

    def covered(weights):
        low, high = model.fit(X, y, weights).predict_interval(X_new, 0.9).T
        return np.mean((low <= y_new) & (y_new <= high))

    assert covered(np.where(loud, 9.0, 1 / 9)) == pytest.approx(0.9, abs=0.03)
    assert covered(None) < 0.7


@pytest.fixture(scope="module")
def rare():
    """One row in a hundred is of class 1, and the classes overlap."""
    X, y = make_classification(6000, 10, n_informative=5, weights=[0.99], class_sep=0.5, flip_y=0.002, random_state=0)
    return train_test_split(X, y, stratify=y, random_state=0)


RARE = {"hidden_width": 150, "n_subsystems": 2, "random_state": 0}


def test_balanced_classes_find_the_rare_one(rare):
    X, X_test, y, y_test = rare
    plain = SSTPLClassifier(**RARE).fit(X, y).predict(X_test)
    balanced = SSTPLClassifier(**RARE, class_weight="balanced").fit(X, y).predict(X_test)
    assert recall_score(y_test, balanced) > recall_score(y_test, plain) + 0.2
    assert balanced_accuracy_score(y_test, balanced) > balanced_accuracy_score(y_test, plain) + 0.05


def test_balanced_classes_find_the_rare_one_of_real_data(real_data):
    data = real_data("magic")
    rng = np.random.default_rng(0)
    rare, common = (np.flatnonzero(data["y"] == label) for label in np.unique(data["y"])[::-1])
    rare, common = (common, rare) if len(rare) > len(common) else (rare, common)
    rows = np.concatenate([rng.permutation(rare)[:60], rng.permutation(common)[:6000]])
    X, y = data["X"][rows], np.repeat([1, 0], [60, 6000])
    X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)
    plain = SSTPLClassifier(**RARE).fit(X, y).predict(X_test)
    balanced = SSTPLClassifier(**RARE, class_weight="balanced").fit(X, y).predict(X_test)
    assert recall_score(y_test, balanced) > recall_score(y_test, plain) + 0.2
    assert balanced_accuracy_score(y_test, balanced) > balanced_accuracy_score(y_test, plain) + 0.05


def test_probabilities_and_scores_are_those_of_the_weighted_distribution(rare):
    X, X_test, y, y_test = rare
    model = SSTPLClassifier(**RARE, class_weight="balanced").fit(X, y)
    weights = compute_sample_weight("balanced", y_test)
    predicted = np.average(model.predict_proba(X_test)[:, 1], weights=weights)
    assert predicted == pytest.approx(0.5, abs=0.1)
    assert SSTPLClassifier(**RARE).fit(X, y).predict_proba(X_test)[:, 1].mean() < 0.05
    right = model.predict(X) == y
    blind = np.average((model.oof_decision_function_ > 0) == y, weights=compute_sample_weight("balanced", y))
    assert model.report_.score.value == pytest.approx(blind)
    assert blind <= np.average(right, weights=compute_sample_weight("balanced", y)) + 0.02


def test_random_labels_of_balanced_classes_are_at_chance(small_stack):
    found = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        X, y = rng.normal(size=(400, 20)), (np.arange(400) < 40).astype(int)
        model = SSTPLClassifier(**small_stack | {"random_state": seed}, class_weight="balanced").fit(X, y)
        found.append(balanced_accuracy_score(y, model.oof_decision_function_ > 0))
        assert model.report_.score.value == pytest.approx(found[-1])
    assert np.mean(found) == pytest.approx(0.5, abs=4 * 0.25 * np.sqrt(1 / 320 + 1 / 2880))


def test_class_weights_are_sample_weights(small, digits):
    X, y = digits[0][:200], np.array(["one", "other"])[(digits[1][:200] != 1).astype(int)]
    given = {"one": 3.0, "other": 0.5}
    for class_weight in ("balanced", given, {"one": 6.0}):
        by_class = SSTPLClassifier(**small, class_weight=class_weight).fit(X, y)
        by_row = SSTPLClassifier(**small).fit(X, y, compute_sample_weight(class_weight, y))
        np.testing.assert_allclose(by_class.decision_function(X), by_row.decision_function(X), rtol=1e-9, atol=1e-9)


def test_class_weights_multiply_sample_weights(small_stack, digits, weights):
    X, y = digits[0][:200], digits[1][:200] % 2
    both = SSTPLClassifier(**small_stack, class_weight={1: 4.0}).fit(X, y, weights)
    product = SSTPLClassifier(**small_stack).fit(X, y, weights * np.where(y == 1, 4.0, 1.0))
    np.testing.assert_allclose(both.decision_function(X), product.decision_function(X), rtol=1e-9, atol=1e-9)
    # "balanced" is by weight: each class has half of it.
    balanced = SSTPLClassifier(**small_stack, class_weight="balanced").fit(X, y, weights)
    totals = np.bincount(y, weights=weights)
    halves = SSTPLClassifier(**small_stack).fit(X, y, weights / totals[y])
    np.testing.assert_allclose(balanced.decision_function(X), halves.decision_function(X), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("class_weight", [None, "balanced"])
@pytest.mark.parametrize("n_rare", [1, 3])
def test_a_class_of_fewer_rows_than_folds_is_fitted(small, digits, n_rare, class_weight):
    X = digits[0][:120]
    y = (np.arange(120) < n_rare).astype(int)
    model = SSTPLClassifier(**small, class_weight=class_weight).fit(X, y)
    assert model.oof_decision_function_.shape == (120,)
    assert np.isfinite(model.oof_decision_function_).all()
    assert np.isfinite(model.predict_proba(digits[0])).all()
    assert model.predict_set(digits[0], 0.5).any(axis=1).all()


def test_images_take_weights(digits):
    X, y = digits[0][:300].astype(np.float32), digits[1][:300]
    weights = np.where(y == 8, 5.0, 0.5)
    model = SSTPLClassifier(image_shape=(8, 8), image_filters=4, hidden_width=100, n_subsystems=1, random_state=0)
    plain_mean = model.fit(X, y)._input_map.mean
    assert recall_score(y == 8, model.fit(X, y, weights).predict(X) == 8) == 1.0
    assert not np.allclose(model._input_map.mean, plain_mean)


def test_a_grid_search_routes_weights(small_stack, digits):
    X, y = digits[0][:200], digits[1][:200] % 2
    weights = np.where(np.arange(200) % 2, 1.0, 0.0)
    with config_context(enable_metadata_routing=True):
        model = SSTPLClassifier(**small_stack).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(model, {"alpha": [1e-3, 1e-1]}, cv=3).fit(X, y, sample_weight=weights)
        expected = SSTPLClassifier(**small_stack, alpha=search.best_params_["alpha"]).fit(X, y, weights)
        np.testing.assert_array_equal(search.predict(X), expected.predict(X))
        assert search.score(X, y, sample_weight=weights) == expected.score(X[1::2], y[1::2])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda w: -w, "sample_weight must not be negative"),
        (lambda w: w * np.where(np.arange(200) == 3, np.nan, 1), "sample_weight contains NaN"),
        (lambda w: w[:-1], r"sample_weight must have shape \(200,\)"),
        (lambda w: w[:, None], r"sample_weight must have shape \(200,\)"),
        (lambda w: 0 * w, "sample_weight must be positive for at least 2 rows, is zero for all but 0"),
        (lambda w: w * (np.arange(200) == 3), "is zero for all but 1"),
        (lambda w: w * np.inf, "sample_weight contains infinity"),
    ],
)
def test_weights_that_are_none_are_refused_and_change_nothing(problem, weights, spoil, message):
    model, X, y, _ = problem
    before = dict(vars(model.fit(X, y)))
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, spoil(weights))
    assert vars(model) == before


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ("even", "class_weight must be None, 'balanced' or a dict"),
        ([1.0, 2.0], "class_weight must be None, 'balanced' or a dict"),
        ({0: -1.0}, r"class_weight\[0\] must be a finite number in \(0, inf\)"),
        ({0: 0.0}, r"class_weight\[0\] must be a finite number in \(0, inf\)"),
        ({0: "much"}, r"class_weight\[0\] must be a finite number in \(0, inf\)"),
        ({5: 1.0}, r"The classes, .*, are not in class_weight"),
    ],
)
def test_class_weights_that_are_none_are_refused(small, digits, class_weight, message):
    X, y = digits[0][:100], digits[1][:100] % 2
    with pytest.raises(ValueError, match=message):
        SSTPLClassifier(**small, class_weight=class_weight).fit(X, y)


def test_weights_that_leave_one_class_are_refused(small, digits):
    X, y = digits[0][:100], digits[1][:100] % 2
    with pytest.raises(ValueError, match="y must hold at least 2 classes, got 1 class"):
        SSTPLClassifier(**small).fit(X, y, sample_weight=y)


@pytest.mark.parametrize("class_weight", [{"a": 2.0, "b": 0.5}, {"a": np.float32(2)}, "balanced", None, {}])
def test_class_weights_are_kept_in_a_model_file(class_weight, tmp_path, digits):
    X, y = digits[0][:100], np.array(["a", "b"])[digits[1][:100] % 2]
    model = SSTPLClassifier(hidden_width=20, class_weight=class_weight, random_state=0).fit(X, y)
    model.save(tmp_path / "m.safetensors")
    loaded = sstpl.load(tmp_path / "m.safetensors")
    assert loaded.get_params() == model.get_params()
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_class_weights_of_numbers_keep_their_type_in_a_model_file(tmp_path, digits):
    X, y = digits[0][:100], digits[1][:100] % 2
    model = SSTPLClassifier(hidden_width=20, class_weight={np.int64(1): 3, 0: 1.5}, random_state=0).fit(X, y)
    model.save(tmp_path / "m.safetensors")
    class_weight = sstpl.load(tmp_path / "m.safetensors").class_weight
    assert class_weight == {1: 3, 0: 1.5}
    assert [type(part) for pair in class_weight.items() for part in pair] == [int, int, int, float]


def test_a_model_of_zero_weights_and_few_effective_rows_is_kept_in_a_file(tmp_path, diabetes):
    X, y = diabetes[0][:60], diabetes[1][:60]
    weights = np.where(np.arange(60) % 4, 1e-6, 0.0)
    weights[1] = 1.0  # as good as one row
    model = SSTPLRegressor(hidden_width=10, random_state=0).fit(X, y, weights)
    model.save(tmp_path / "m.safetensors")
    loaded = sstpl.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(loaded.oof_prediction_, model.oof_prediction_)
    np.testing.assert_array_equal(loaded.predict_interval(X, 0.3), model.predict_interval(X, 0.3))


def test_the_classifier_has_the_parameters_of_the_regressor_class_weight_and_loss():
    classifier, regressor = (inspect.signature(kind).parameters for kind in (SSTPLClassifier, SSTPLRegressor))
    assert classifier.keys() - regressor.keys() == {"class_weight", "loss"}
    assert all(classifier[name] == regressor[name] for name in regressor)
    model = SSTPLClassifier(**{name: object() for name in classifier})
    assert len({id(value) for value in model.get_params(deep=False).values()}) == len(classifier)
    assert [a for a, b in pairwise(regressor) if list(classifier).index(a) > list(classifier).index(b)] == []


@pytest.mark.parametrize(
    "edited", [{"dict": [["a"]]}, {"dict": [["a", 1.0, 2.0]]}, {"dict": [["a", {}]]}, {"dict": 3}, {"dict": [], "x": 1}]
)
def test_class_weights_of_an_edited_file_are_refused(edited):
    with pytest.raises(ModelFormatError, match=r"parameters\.class_weight"):
        read_parameter("class_weight", edited)
