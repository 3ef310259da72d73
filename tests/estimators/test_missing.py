"""Missing values: mapped rows equal those of explicit preprocessing, and what is awkward is as documented."""

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from reference import inputs
from sstpl import SSTPLClassifier, SSTPLRegressor, SSTPLTransformer
from sstpl._inputs import fit_input_map

SCALINGS = ("feature", "quantile", "piecewise", "sample", "none")
each_scaling = pytest.mark.parametrize("scaling", SCALINGS)


def holed(n=200, seed=0, dtype=np.float64):
    """Six columns, in four of which values are missing: some, one, all but one, all."""
    rng = np.random.default_rng(seed)
    X = np.exp(rng.normal(size=(n, 6))).astype(dtype)
    X[rng.random(n) < 0.3, 0] = np.nan
    X[5, 1] = np.nan
    X[1:, 2] = np.nan
    X[:, 3] = np.nan
    return X


def targets(X, seed=0):
    return X[:, 4] + np.random.default_rng(seed).normal(size=len(X))


def fit(X, scaling, dtype=np.float64):
    return fit_input_map(X, scaling, np.dtype(dtype))


def expected_flags(train, X):
    """Return scikit-learn's indicators of missing values, standardised on the training rows and clipped."""
    some = [j for j in range(train.shape[1]) if 0 < np.isnan(train[:, j]).sum() < len(train)]
    indicator = MissingIndicator(features="all").fit(train[:, some])
    flags = StandardScaler().fit(indicator.transform(train[:, some]).astype(float))
    return np.clip(flags.transform(indicator.transform(X[:, some]).astype(float)), -inputs.CLIP, inputs.CLIP)


def by_observed(train, X, scaled):
    """Return columns that a function makes of the values that are there, 0 where there are none."""
    parts = []
    for t, x in zip(train.T, X.T, strict=True):
        t = t[~np.isnan(t)]
        if len(t) and np.ptp(t) > 0:
            made = scaled(t, np.nan_to_num(x))
            parts.append(np.where(np.isnan(x)[:, None], 0.0, made))
    return np.hstack(parts)


def ramps(t, x):
    E, at = inputs.piecewise(t, t), inputs.piecewise(t, x)
    Z = (at - E.mean(axis=0)) / E.std(axis=0)
    return np.hstack(
        [
            np.clip(Z[:, :1], -inputs.OUTER_CLIP, inputs.OUTER_CLIP),
            Z[:, 1:-1],
            np.clip(Z[:, -1:], -inputs.OUTER_CLIP, inputs.OUTER_CLIP),
        ]
    )


def expected(train, X, scaling):
    if scaling in ("feature", "quantile"):
        # scikit-learn's scaler takes its statistics from the values that are there.
        varying = [0, 1, 4, 5]
        Z = StandardScaler().fit(train[:, varying]).transform(X[:, varying])
        numbers = [SimpleImputer(strategy="constant", fill_value=0).fit_transform(np.clip(Z, -5, 5))]
        if scaling == "quantile":
            numbers.append(by_observed(train, X, lambda t, x: inputs.normal_scores(t, x)[:, None]))
    elif scaling == "piecewise":
        numbers = [by_observed(train, X, ramps)]
    elif scaling == "none":
        both = SimpleImputer(add_indicator=True).fit(train[:, [0, 1, 4, 5]]).transform(X[:, [0, 1, 4, 5]])
        return np.hstack([both, np.isnan(X[:, [2]])])
    else:
        some = X[:, [0, 1, 4, 5]]
        Z = (some - np.nanmean(some, axis=1, keepdims=True)) / np.nanstd(some, axis=1, keepdims=True)
        numbers = [np.nan_to_num(Z)]
    return np.hstack([*numbers, expected_flags(train, X)])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@each_scaling
def test_mapped_rows_equal_explicit_preprocessing(scaling, dtype):
    train, new = holed(dtype=dtype), holed(50, seed=1, dtype=dtype)
    new[:, :3] = np.where(np.isnan(new[:, :3]), 0.5, new[:, :3])
    new[::3, :4] = np.nan
    fitted = fit(train, scaling, dtype)
    for X in (train, new):
        tolerance = 1e-5 if dtype == np.float32 else 1e-8
        wanted = expected(train.astype(np.float64), X.astype(np.float64), scaling)
        np.testing.assert_allclose(fitted.transform(X), wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("scaling", [s for s in SCALINGS if s != "sample"])
def test_columns_without_missing_values_map_as_if_no_column_had_any(scaling):
    train, new = holed()[:, 4:], holed(50, seed=1)[:, 4:]
    beside = np.c_[train, np.where(np.arange(len(train)) % 2, np.nan, 1.0)]  # nothing but missing or not
    whole = fit(beside, scaling).transform(np.c_[new, np.ones(50)])
    np.testing.assert_array_equal(whole[:, :-1], fit(train, scaling).transform(new))


@each_scaling
def test_what_is_missing_in_prediction_alone_is_the_mean(scaling):
    train = np.nan_to_num(holed(), nan=1.5)[:, [0, 4, 5]]
    fitted = fit(train, scaling)
    row = train[:1].copy()
    row[0, 1] = np.nan
    Z = fitted.transform(row)
    if scaling == "sample":
        two = row[0, [0, 2]]
        np.testing.assert_allclose(Z[0], np.insert((two - two.mean()) / two.std(), 1, 0.0), atol=1e-12)
        return
    own = fitted.groups == 1
    mean = train[:, 1].mean() if scaling == "none" else 0.0
    np.testing.assert_allclose(Z[0, own], mean, rtol=1e-12)
    np.testing.assert_array_equal(Z[0, ~own], fitted.transform(train[:1])[0, ~own])


@each_scaling
def test_a_row_of_missing_values_alone_is_finite(scaling):
    fitted = fit(holed(), scaling)
    Z = fitted.transform(np.full((2, 6), np.nan))
    assert np.isfinite(Z).all()
    assert fit(np.full((4, 3), np.nan), scaling).transform(np.ones((2, 3))).tolist() == [[0.0], [0.0]]


@each_scaling
def test_rows_and_blocks_do_not_show(scaling, monkeypatch):
    X = holed()
    fitted = fit(X, scaling)
    whole = fitted.transform(X)
    assert np.vstack([fitted.transform(X[i : i + 1]) for i in range(len(X))]).tobytes() == whole.tobytes()
    assert fitted.transform(np.asfortranarray(X)).tobytes() == whole.tobytes()
    monkeypatch.setattr("sstpl._blocks.BLOCK_VALUES", 64)
    np.testing.assert_allclose(fit(X, scaling).transform(X), whole, rtol=1e-12, atol=1e-12)


def test_a_hidden_unit_that_sees_a_column_sees_where_it_is_missing():
    for scaling in SCALINGS:
        fitted = fit(holed(), scaling)
        flagged = fitted.groups[-3:]
        assert set(flagged.tolist()) <= set(range(fitted.groups.max() + 1))
        # Column 2 has a value in one row alone: nothing of it varies but that it is missing.
        assert flagged.tolist() == [0, 1, 2]
        assert np.count_nonzero(fitted.groups == 2) == 1


@pytest.mark.parametrize("seed", range(3))
def test_statistics_are_of_the_values_that_are_there(seed):
    X = holed(seed=seed)
    fitted = fit(X, "feature")
    np.testing.assert_allclose(fitted.ramps.center, np.nanmean(X[:, [0, 1, 4, 5]], axis=0), rtol=1e-12)
    np.testing.assert_allclose(fitted.ramps.spread, np.nanstd(X[:, [0, 1, 4, 5]], axis=0), rtol=1e-9)


def test_estimators_see_the_mapped_rows(small):
    X = holed()
    y = targets(X)
    model = SSTPLRegressor(**small | {"scaling": "feature", "hidden_columns": "all"}).fit(X, y)
    plain = SSTPLRegressor(**small | {"scaling": "none", "hidden_columns": "all"}).fit(expected(X, X, "feature"), y)
    np.testing.assert_allclose(model.predict(X), plain.predict(expected(X, X, "feature")), rtol=1e-6, atol=1e-6)


def test_a_missing_value_may_be_what_tells_classes_apart(small):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 4)), rng.integers(0, 2, size=300)
    X[y == 1, 2] = np.nan
    assert SSTPLClassifier(**small).fit(X[:200], y[:200]).score(X[200:], y[200:]) == 1.0


@pytest.mark.parametrize("estimator", [SSTPLClassifier, SSTPLRegressor])
def test_awkward_rows_are_taken(small, estimator):
    y = np.arange(40) % 2
    empty = np.full((40, 3), np.nan)
    assert np.isfinite(estimator(**small | {"alpha": 1e-3}).fit(empty, y).predict(empty)).all()
    one = empty.copy()
    one[7, 1] = 4.0
    assert np.isfinite(estimator(**small).fit(one, y).predict(empty)).all()
    assert np.isfinite(estimator(**small).fit([[np.nan], [1.0]], [0, 1]).predict([[np.nan]])).all()


def test_frames_say_missing_in_their_own_way(small):
    X = holed()[:, [0, 4]]
    y = targets(holed())
    kinds = {
        "float64": pd.DataFrame(X),
        "object": pd.DataFrame(X).astype(object).where(~np.isnan(X), None),
        "nullable": pd.DataFrame(X).convert_dtypes(),
        "pyarrow": pd.DataFrame(X).astype("double[pyarrow]"),
    }
    plain = SSTPLRegressor(**small).fit(X, y).predict(X)
    for kind, frame in kinds.items():
        frame.columns = ["a", "b"]
        assert frame.isna().to_numpy().any(), kind
        np.testing.assert_array_equal(SSTPLRegressor(**small).fit(frame, y).predict(frame), plain, err_msg=kind)
    integers = pd.DataFrame({"a": pd.array([1, None, 3, 4] * 50, dtype="Int64"), "b": X[:, 1]})
    floats = np.c_[[1, np.nan, 3, 4] * 50, X[:, 1]]
    same = SSTPLRegressor(**small).fit(floats, y).predict(floats)
    np.testing.assert_array_equal(SSTPLRegressor(**small).fit(integers, y).predict(integers), same)


def test_images_take_no_missing_values(digits):
    X, y = digits[0][:100].copy(), digits[1][:100]
    model = SSTPLClassifier(hidden_width=20, n_subsystems=1, image_shape=(8, 8), image_filters=2, random_state=0)
    assert not get_tags(model).input_tags.allow_nan
    model.fit(X, y)
    X[4, 4] = np.nan
    with pytest.raises(ValueError, match="X contains NaN, and images"):
        model.predict(X)
    with pytest.raises(ValueError, match="X contains NaN, and images"):
        model.fit(X, y)
    with pytest.raises(ValueError, match="X contains NaN, and images"):
        SSTPLClassifier(image_shape=(8, 8), image_filters=0).fit(X, y)


def test_tags_say_that_values_may_be_missing():
    for estimator in (SSTPLClassifier(), SSTPLRegressor(), SSTPLTransformer(), SSTPLTransformer(SSTPLRegressor())):
        assert get_tags(estimator).input_tags.allow_nan
    assert not get_tags(SSTPLTransformer(SSTPLClassifier(image_shape=(8, 8)))).input_tags.allow_nan


def test_the_transformer_takes_missing_values():
    X = holed()
    features = SSTPLTransformer(SSTPLRegressor(hidden_width=30, n_subsystems=1), forward_widths=(4,), random_state=0)
    assert np.isfinite(features.fit_transform(X, targets(X))).all()
    assert np.isfinite(features.transform(X)).all()
