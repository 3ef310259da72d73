"""Designs that lose digits: the solver within its error of the singular values in float64, and whole fits sane."""

import warnings

import numpy as np
import pytest
from scipy.linalg import LinAlgWarning

from reference import problems
from reliability import designs
from sstpl import SSTPLClassifier, SSTPLRegressor, _core

ROUNDOFF = {np.float32: 2.0**-24, np.float64: 2.0**-53}
SMALL = {"hidden_width": 30, "max_depth": 2, "n_subsystems": 2, "scaling": "feature", "random_state": 0}


def stated_error(H, condition, dtype):
    """Return the error that sums of this precision may have: a mean costs the digits of its square."""
    mean, spread = np.mean(H, axis=0), np.std(H, axis=0)
    varies = spread > 1e-12 * np.abs(H).max()
    cancelled = 1 + float(np.max((mean[varies] / spread[varies]) ** 2, initial=0.0))
    return 1e3 * ROUNDOFF[dtype] * condition * (cancelled if dtype == np.float64 else np.sqrt(cancelled))


@pytest.mark.parametrize("dtype", problems.DTYPES)
@pytest.mark.parametrize("alpha", [1e-6, 1e-3, 1.0])
@pytest.mark.parametrize("name", designs.DESIGNS)
def test_the_solver_is_within_its_error_of_the_singular_values_or_says_what_it_did(name, alpha, dtype):
    H = designs.DESIGNS[name]().astype(dtype)
    Y = problems.normal(len(H), 2, seed=9, dtype=dtype)
    sums = _core.Sums(H.shape[1], 2)
    sums.add_rows(H, Y)
    found = _core.solve_ridge([sums], alpha, True)
    fitted = H.astype(np.float64) @ found["weights"] + found["intercept"]
    truth, condition = designs.ridge_by_svd(H, Y, alpha)
    assert np.isfinite(fitted).all()
    allowed = stated_error(H.astype(np.float64), condition, dtype)
    error = np.linalg.norm(fitted - truth) / np.linalg.norm(Y)
    said = found["solve"]["solver"] == "eigen" or found["solve"]["rcond"] < 1e3 * ROUNDOFF[dtype]
    assert error <= allowed or said, (error, allowed, found["solve"])
    # And never worse than predicting nothing.
    if dtype == np.float64 or alpha >= 1e-3:
        assert np.linalg.norm(fitted - Y) <= (1 + 1e-3) * np.linalg.norm(Y - Y.mean(axis=0)) + 1e-6 * np.linalg.norm(Y)


def fitted(estimator, X, y, dtype):
    """Return a fitted model, of whose solves alone it may warn."""
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        model = estimator(**SMALL, dtype=dtype).fit(X, y)
    assert all(issubclass(one.category, LinAlgWarning) for one in raised), raised
    return model


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*designs.DESIGNS, *(f"extreme {name}" for name in designs.EXTREME)])
def test_a_whole_fit_is_finite_and_no_worse_than_the_mean(name, dtype):
    make = designs.EXTREME[name[8:]] if name.startswith("extreme ") else designs.DESIGNS[name]
    X = make()
    if len(X) < 2:
        with pytest.raises(ValueError, match="minimum of 2"):
            SSTPLRegressor(**SMALL, dtype=dtype).fit(X, np.ones(len(X)))
        return
    centred = X / np.abs(X).max()
    y = np.tanh(3 * (centred - centred.mean(axis=0)) @ np.ones(X.shape[1])) + 0.1 * problems.normal(len(X), seed=8)
    model = fitted(SSTPLRegressor, X, y, dtype)
    predicted = model.predict(X)
    assert np.isfinite(predicted).all()
    assert np.isfinite(model.oof_prediction_).all()
    if len(X) > 50:
        assert np.mean((predicted - y) ** 2) <= 1.05 * np.var(y)
    names = (y > np.median(y)).astype(int)
    classifier = fitted(SSTPLClassifier, X, names, dtype)
    p = classifier.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    assert ((p >= 0) & (p <= 1)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [0.0, 1e-30, 1e30, -7.25])
def test_targets_that_are_all_equal_are_predicted_exactly(value, dtype):
    X = problems.normal(40, 3)
    predicted = SSTPLRegressor(**SMALL, dtype=dtype).fit(X, np.full(40, value)).predict(X)
    np.testing.assert_allclose(predicted, value, rtol=1e-6)


@pytest.mark.parametrize("fraction", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("architecture", ["recursive", "paper"])
def test_a_class_of_one_row_is_in_every_sample(architecture, fraction):
    X, y = problems.normal(40, 3), np.r_[np.zeros(39, int), 1]
    widths = {"hidden_widths": (10,), "readout_width": 10, "fusion_width": 20, "n_subsystems": 2}
    chosen = SMALL if architecture == "recursive" else widths | {"random_state": 0}
    model = SSTPLClassifier(**chosen, architecture=architecture, subsystem_fraction=fraction).fit(X, y)
    assert model.classes_.tolist() == [0, 1]
    assert np.isfinite(model.decision_function(X)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0), (39, 2), (20, 1)])
def test_what_is_not_finite_is_found_wherever_it_is_and_named(place, bad):
    X = problems.normal(40, 3)
    model = SSTPLRegressor(**SMALL).fit(X, X[:, 0])
    spoiled = X.copy()
    spoiled[place] = bad
    what = "NaN" if np.isnan(bad) else "infinity"
    for call in (lambda: SSTPLRegressor(**SMALL).fit(spoiled, X[:, 0]), lambda: model.predict(spoiled)):
        if np.isnan(bad):  # a missing value
            call()
            continue
        with pytest.raises(ValueError, match=f"X contains infinity in column {place[1]}"):
            call()
    with pytest.raises(ValueError, match=f"y contains {what}"):
        SSTPLRegressor(**SMALL).fit(X, spoiled[:, place[1]])
    with pytest.raises(ValueError, match="sample_weight"):
        SSTPLRegressor(**SMALL).fit(X, X[:, 0], np.abs(spoiled[:, place[1]]))
