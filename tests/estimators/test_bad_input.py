"""Bad input gets an error that names the argument, or a documented result."""

import numpy as np
import pandas as pd
import pytest

from sstpl import SSTPLClassifier, SSTPLRegressor


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("architecture", "deep"),
        ("hidden_width", 0),
        ("hidden_width", "wide"),
        ("max_hidden_width", 0),
        ("max_depth", 0),
        ("n_subsystems", 0),
        ("n_subsystems", "many"),
        ("max_subsystems", 0),
        ("subsystem_fraction", 0.0),
        ("subsystem_fraction", 1.5),
        ("activation", "swish"),
        ("hidden_weights", "gaussian"),
        ("alpha", -1e-3),
        ("alpha", float("nan")),
        ("alpha", "best"),
        ("selection", "test"),
        ("n_folds", 1),
        ("scaling", "minmax"),
        ("hidden_columns", "some"),
        ("image_shape", (8,)),
        ("image_shape", (8, 8, 1, 1)),
        ("image_shape", (7, 8)),
        ("image_shape", (8, 0)),
        ("image_filters", -1),
        ("image_filters", "many"),
        ("time_limit", -1.0),
        ("memory_limit", -1.0),
        ("dtype", "float16"),
        ("n_threads", 0),
        ("verbose", -1),
    ],
)
@pytest.mark.parametrize("estimator", [SSTPLClassifier, SSTPLRegressor])
def test_parameter_out_of_range_is_named(estimator, name, value, digits):
    X, y = digits
    with pytest.raises(ValueError, match=name):
        estimator(**{name: value}).fit(X[:50], y[:50])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden_widths", ()),
        ("hidden_widths", (10, 0)),
        ("hidden_widths", 10),
        ("encoder_penalty", "l0"),
        ("encoder_alpha", -1.0),
        ("activation", "relu"),
        ("readout_width", 0),
        ("fusion_width", 2.5),
        ("fusion", "one"),
        ("image_shape", (8, 8)),
    ],
)
@pytest.mark.parametrize("estimator", [SSTPLClassifier, SSTPLRegressor])
def test_parameter_of_the_paper_out_of_range_is_named(estimator, name, value, digits):
    X, y = digits
    with pytest.raises(ValueError, match=name):
        estimator(**{"architecture": "paper", name: value}).fit(X[:50], y[:50])


def test_wrong_shapes_are_named(small, digits):
    X, y = digits
    with pytest.raises(ValueError, match="2D array"):
        SSTPLClassifier(**small).fit(X[0], y[:1])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        SSTPLClassifier(**small).fit(X[:50], y[:49])
    model = SSTPLClassifier(**small).fit(X[:50], y[:50])
    with pytest.raises(ValueError, match="64 features"):
        model.predict(X[:, :10])


@pytest.mark.parametrize("bad", [-np.inf, np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_infinity_is_refused_and_its_column_named(small, digits, bad, dtype):
    X, y = digits[0][:50].astype(dtype), digits[1][:50]
    model = SSTPLClassifier(**small).fit(X, y)
    X[3, 5] = bad
    X[7, 4] = np.nan
    with pytest.raises(ValueError, match="X contains infinity in column 5;"):
        SSTPLClassifier(**small).fit(X, y)
    with pytest.raises(ValueError, match="X contains infinity in column 5;"):
        model.predict(X)
    named = pd.DataFrame(X).add_prefix("pixel")
    with pytest.raises(ValueError, match=r"X contains infinity in column 5 \('pixel5'\);"):
        SSTPLClassifier(**small).fit(named, y)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_targets_that_are_not_finite_are_refused(small, digits, bad):
    y = np.arange(50.0)
    y[3] = bad
    with pytest.raises(ValueError, match="y contains"):
        SSTPLRegressor(**small).fit(digits[0][:50], y)


def test_values_whose_sum_overflows_are_taken(small):
    X = np.random.default_rng(0).uniform(0.1, 1, size=(40, 3)) * 1e308
    model = SSTPLRegressor(**small).fit(X, np.arange(40.0))
    assert np.all(np.isfinite(model.predict(X)))


def test_one_class_is_refused(small, digits):
    with pytest.raises(ValueError, match="at least 2 classes, got 1 class"):
        SSTPLClassifier(**small).fit(digits[0][:50], np.ones(50))


def test_constant_columns_change_nothing(small, digits):
    X, y = digits
    wide = np.hstack([X, np.full((len(X), 3), 7.0)])
    plain = SSTPLClassifier(**small).fit(X[:300], y[:300]).decision_function(X)
    padded = SSTPLClassifier(**small).fit(wide[:300], y[:300]).decision_function(wide)
    assert np.array_equal(plain, padded)


def test_only_constant_columns_give_the_most_frequent_class(small):
    y = np.array([0] * 30 + [1] * 20)
    model = SSTPLClassifier(**small | {"alpha": 1e-3}).fit(np.ones((50, 4)), y)
    assert np.all(model.predict(np.ones((5, 4))) == 0)


def test_fewer_rows_than_columns(small):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 200))
    y = (X[:, :100].sum(axis=1) > 0).astype(int)
    model = SSTPLClassifier(**small).fit(X, y)
    assert model.oof_decision_function_.shape == (30,)
    assert np.all(np.isfinite(model.oof_decision_function_))
    assert np.all(np.isfinite(model.decision_function(rng.normal(size=(5, 200)))))


def test_target_of_zero_variance_is_predicted_by_its_value(small, digits):
    X = digits[0][:60]
    y = np.column_stack([X[:, 20], np.full(60, 3.25)])
    model = SSTPLRegressor(**small).fit(X, y)
    assert np.all(model.predict(X)[:, 1] == 3.25)
    constant = SSTPLRegressor(**small).fit(X, y[:, 1])
    assert np.all(constant.predict(X) == 3.25)


@pytest.mark.parametrize("scale", [1e-30, 1e30, 1e150])
def test_scale_of_columns_and_targets_does_not_matter(small, diabetes, scale):
    X, y = diabetes[0][:200], diabetes[1][:200]
    plain = SSTPLRegressor(**small).fit(X, y).predict(X)
    scaled = SSTPLRegressor(**small).fit(X * scale, y * scale).predict(X * scale)
    np.testing.assert_allclose(scaled / scale, plain, rtol=1e-6)


def test_two_rows_are_enough(small):
    model = SSTPLClassifier(**small).fit(np.array([[0.0], [1.0]]), [0, 1])
    assert model.predict([[0.0], [1.0]]).shape == (2,)
    assert np.all(np.isfinite(model.decision_function([[0.5]])))


def test_rare_classes_are_kept_in_every_subsystem(small, digits):
    X, y = digits
    rows = np.concatenate([np.flatnonzero(y == 0)[:60], np.flatnonzero(y == 1)[:60], np.flatnonzero(y == 2)[:1]])
    model = SSTPLClassifier(**small).fit(X[rows], y[rows])
    assert list(model.classes_) == [0, 1, 2]
    assert model.decision_function(X[:5]).shape == (5, 3)


@pytest.mark.filterwarnings("always")
def test_solve_that_falls_back_is_warned_about_and_recorded(small, digits):
    from scipy.linalg import LinAlgWarning

    X, y = digits
    chosen = small | {"alpha": 0.0, "activation": "identity"}  # 60 linear features of rank 30 at most
    with pytest.warns(LinAlgWarning, match="minimum-norm"):
        model = SSTPLClassifier(**chosen).fit(X[:500, 20:30], y[:500])
    solvers = {s.solver for report in model.report_.subsystems for s in report.steps}
    assert "eigen" in solvers
    assert np.all(np.isfinite(model.decision_function(X[:, 20:30])))
