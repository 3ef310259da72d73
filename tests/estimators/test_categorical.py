"""Columns of categories: mapped rows equal those of scikit-learn's one-hot encoder, whatever kind they come as."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sstpl import SSTPLClassifier, SSTPLRegressor, SSTPLTransformer, _row_rules, report
from sstpl._categories import MOST_CATEGORIES, fit_categories

SMALL = {
    "hidden_width": 40,
    "n_subsystems": 1,
    "scaling": "feature",
    "hidden_columns": "all",
    "random_state": 0,
}
CITIES = ["oslo", "bergen", "tromso", "bodo"]


def frame(n=120, seed=0):
    """Return two quantities, and between and behind them two columns of categories: of four strings, and of two."""
    rng = np.random.default_rng(seed)
    city, flat = rng.choice(CITIES, n, p=[0.5, 0.3, 0.15, 0.05]), rng.choice(["no", "yes"], n)
    return pd.DataFrame({"size": rng.normal(size=n), "city": city, "age": rng.exponential(size=n), "flat": flat})


def typed(X):
    return X.astype({"city": "category", "flat": "category"})


def targets(X):
    return X["size"].to_numpy() + 2.0 * (X["city"] == "bergen").to_numpy() + (X["flat"] == "yes").to_numpy()


def expected(train, X, **options):
    """Return the standardised quantities, and what scikit-learn's encoder makes of the categories beside them."""
    numbers = StandardScaler().fit(train[["size", "age"]]).transform(X[["size", "age"]])
    encoder = OneHotEncoder(sparse_output=False, handle_unknown="ignore", drop="if_binary", **options)
    encoder.fit(train[["city", "flat"]])
    scaler = StandardScaler().fit(encoder.transform(train[["city", "flat"]]))
    return np.clip(np.hstack([numbers, scaler.transform(encoder.transform(X[["city", "flat"]]))]), -5, 5)


def mapped(model, X):
    return model._input_map.transform(_row_rules.prediction_rows(model, X))


def test_mapped_rows_equal_explicit_preprocessing():
    train, new = frame(), frame(30, seed=1)
    model = SSTPLRegressor(**SMALL).fit(typed(train), targets(train))
    for X in (train, new):
        np.testing.assert_allclose(mapped(model, typed(X)), expected(train, X), rtol=1e-9, atol=1e-9)
    plain = SSTPLRegressor(**SMALL | {"scaling": "none"}).fit(expected(train, train), targets(train))
    found = model.predict(typed(new))
    np.testing.assert_allclose(found, plain.predict(expected(train, new)), rtol=1e-6, atol=1e-6)


def test_they_are_worth_what_they_tell(small):
    X = frame(400)
    y = targets(X)
    told = SSTPLRegressor(**small).fit(typed(X[:300]), y[:300]).score(typed(X[300:]), y[300:])
    silent = SSTPLRegressor(**small).fit(X[["size", "age"]][:300], y[:300]).score(X[["size", "age"]][300:], y[300:])
    assert told > 0.95 > silent


@pytest.mark.parametrize(
    "setting",
    [["city", "flat"], np.array(["flat", "city"]), [1, 3], np.array([3, 1]), (False, True, False, True), "from_dtype"],
    ids=str,
)
def test_columns_are_named_in_every_way_that_gradient_boosting_knows(setting):
    X, y = frame(), targets(frame())
    given = typed(X) if isinstance(setting, str) else X
    model = SSTPLRegressor(**SMALL, categorical_features=setting).fit(given, y)
    HistGradientBoostingRegressor(categorical_features=setting, max_iter=1).fit(given, y)
    assert list(model.feature_names_in_) == ["size", "city", "age", "flat"]
    np.testing.assert_allclose(mapped(model, given), expected(X, X), rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(mapped(model, typed(X)), mapped(model, given))


def test_every_kind_of_column_gives_the_same():
    X, y = frame(), targets(frame())
    plain = SSTPLRegressor(**SMALL).fit(typed(X), y).predict(typed(X))
    kinds = {
        "objects": X.astype(object).astype({"size": float, "age": float}),
        "strings": X.astype({"city": "string", "flat": "string"}),
        "pyarrow": X.astype({"city": "string[pyarrow]", "flat": "string[pyarrow]"}),
        "array": X.to_numpy(dtype=object),
        "list": X.to_numpy(dtype=object).tolist(),
        "polars": pl.DataFrame(X.to_dict("list")),
    }
    for kind, given in kinds.items():
        model = SSTPLRegressor(**SMALL, categorical_features=[1, 3]).fit(given, y)
        np.testing.assert_array_equal(model.predict(given), plain, err_msg=kind)
    for dtype in (pl.Categorical, pl.Enum(sorted({*CITIES, "no", "yes"}))):
        given = kinds["polars"].with_columns(pl.col("city", "flat").cast(dtype))
        np.testing.assert_array_equal(SSTPLRegressor(**SMALL).fit(given, y).predict(given), plain)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.uint8])
def test_numbers_may_be_categories(dtype):
    rng = np.random.default_rng(0)
    X = np.c_[rng.integers(0, 100, size=80), rng.choice([3, 7, 40], size=80)].astype(dtype)
    model = SSTPLRegressor(**SMALL, categorical_features=[1]).fit(X, X[:, 0] * 1.0)
    strings = pd.DataFrame({0: X[:, 0].astype(float), 1: [{3: "a", 7: "b", 40: "c"}[v] for v in X[:, 1].tolist()]})
    strings.columns = ["x", "c"]
    same = SSTPLRegressor(**SMALL, categorical_features=["c"]).fit(strings, X[:, 0] * 1.0)
    np.testing.assert_allclose(mapped(model, X), mapped(same, strings), rtol=1e-6)
    frames = pd.DataFrame(X, columns=["x", "c"]).astype({"c": "category"})
    np.testing.assert_array_equal(mapped(SSTPLRegressor(**SMALL).fit(frames, X[:, 0] * 1.0), frames), mapped(model, X))


def test_none_means_that_codes_are_quantities():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=50), "c": pd.Categorical(rng.integers(0, 3, size=50))})
    model = SSTPLRegressor(**SMALL, categorical_features=None).fit(X, X["x"])
    np.testing.assert_array_equal(
        mapped(model, X), mapped(SSTPLRegressor(**SMALL).fit(X.to_numpy(), X["x"]), X.to_numpy())
    )


@pytest.mark.parametrize("seed", range(4))
def test_of_many_categories_the_most_frequent_stay_and_the_others_share_a_column(seed):
    rng = np.random.default_rng(seed)
    n_kinds = MOST_CATEGORIES + 20
    names = np.concatenate([np.arange(n_kinds), rng.geometric(0.05, size=2000) % n_kinds])
    X = pd.DataFrame({"x": rng.normal(size=len(names)), "c": pd.Categorical([f"k{v:03d}" for v in names])})
    model = SSTPLRegressor(**SMALL).fit(X, X["x"])
    encoder = OneHotEncoder(
        max_categories=MOST_CATEGORIES, sparse_output=False, handle_unknown="infrequent_if_exist"
    ).fit(X[["c"]].astype(str))
    new = X[:100].astype({"c": str})
    new.loc[:9, "c"] = "never seen"
    scaler = StandardScaler().fit(encoder.transform(X[["c"]].astype(str)))
    wanted = np.clip(scaler.transform(encoder.transform(new[["c"]])), -5, 5)
    assert wanted.shape[1] == MOST_CATEGORIES
    np.testing.assert_allclose(mapped(model, new)[:, 1:], wanted, rtol=1e-9, atol=1e-9)


def test_the_limit_itself_is_not_pooled():
    values = [float(v) for v in range(MOST_CATEGORIES)]
    assert fit_categories(np.array([0]), [values]).pooled == (False,)
    assert fit_categories(np.array([0]), [[*values, 99.5]]).pooled == (True,)


def test_what_was_not_seen_is_missing_and_what_was_never_missing_is_the_mean():
    X, y = frame(), targets(frame())
    model = SSTPLRegressor(**SMALL).fit(typed(X), y)
    for unknown in ("atlantis", None):
        new = X[:5].copy()
        new["city"] = pd.Series([unknown] * 5, dtype=object)
        Z = mapped(model, typed(new))
        np.testing.assert_array_equal(Z[:, 2:6], 0)
        np.testing.assert_array_equal(Z[:, [0, 1, 6]], mapped(model, typed(X[:5]))[:, [0, 1, 6]])


def test_missing_is_a_category_where_it_was_seen():
    X, y = frame(), targets(frame())
    X.loc[::7, "city"] = None
    model = SSTPLRegressor(**SMALL).fit(typed(X), y)
    filled = X.fillna({"city": "zzz"})  # last in order, as missing is
    np.testing.assert_allclose(mapped(model, typed(X)), expected(filled, filled), rtol=1e-9, atol=1e-9)
    new = X[:3].assign(city="atlantis")
    wanted = expected(filled, filled[:3].assign(city="zzz"))
    np.testing.assert_allclose(mapped(model, typed(new)), wanted, rtol=1e-9, atol=1e-9)
    # Missing and one category are two kinds, which one column tells apart.
    two = pd.DataFrame({"x": np.arange(6.0), "c": pd.Categorical(["a", None, "a", "a", None, "a"])})
    Z = mapped(SSTPLRegressor(**SMALL).fit(two, two["x"]), two)
    np.testing.assert_allclose(Z[:, 1], StandardScaler().fit_transform(two[["c"]].isna())[:, 0])


def test_scaling_none_leaves_zeros_and_ones():
    X, y = frame(), targets(frame())
    model = SSTPLRegressor(**SMALL | {"scaling": "none"}).fit(typed(X), y)
    flags = OneHotEncoder(sparse_output=False, drop="if_binary").fit_transform(X[["city", "flat"]])
    np.testing.assert_array_equal(mapped(model, typed(X)), np.hstack([X[["size", "age"]], flags]))
    new = mapped(model, typed(X[:1].assign(city="atlantis")))
    np.testing.assert_allclose(new[0, 2:6], flags[:, :4].mean(axis=0))


def test_a_hidden_unit_that_sees_a_column_sees_all_its_categories():
    X = frame()
    X.loc[3, "size"] = np.nan
    model = SSTPLRegressor(**SMALL | {"hidden_columns": "subsets", "hidden_weights": "normal"}).fit(
        typed(X), np.arange(120.0)
    )
    assert model._input_map.groups.tolist() == [0, 2, 0, 1, 1, 1, 1, 3]
    (stack,) = model.subsystems_
    seen = stack.levels[0].hidden_weights[:, :8] != 0
    for group in range(4):
        own = seen[:, model._input_map.groups == group]
        assert (own.all(axis=1) | ~own.any(axis=1)).all()
    assert not seen.all()


@pytest.mark.parametrize("estimator", [SSTPLClassifier, SSTPLRegressor])
def test_awkward_categories_are_taken(small, estimator):
    y = np.arange(40) % 2
    columns = {
        "rare": ["a"] * 39 + ["b"],
        "constant": ["a"] * 40,
        "missing": [None] * 40,
        "different": [f"row {i}" for i in range(40)],
    }
    for kind, values in columns.items():
        X = pd.DataFrame({"c": pd.Categorical(values)})
        model = estimator(**small | {"alpha": 1e-3}).fit(X, y)
        assert np.isfinite(model.predict(X)).all(), kind
    X = pd.DataFrame({"x": np.arange(40.0)} | {name: pd.Categorical(values) for name, values in columns.items()})
    X.loc[::3, "x"] = np.nan
    assert np.isfinite(estimator(**small).fit(X, y).predict(X)).all()
    two = pd.DataFrame({"c": pd.Categorical(["a", "b"])})
    assert np.isfinite(estimator(**small).fit(two, [0, 1]).predict(two)).all()


def test_the_paper_and_every_scaling_take_categories(small_paper):
    X, y = frame(), targets(frame())
    for scaling in ("auto", "feature", "quantile", "piecewise", "sample", "none"):
        for parameters in (small_paper, SMALL):
            model = SSTPLRegressor(**parameters | {"scaling": scaling}).fit(typed(X), y)
            assert np.isfinite(model.predict(typed(X))).all()


def test_the_transformer_takes_categories():
    X, y = typed(frame()), targets(frame())
    features = SSTPLTransformer(SSTPLRegressor(**SMALL), forward_widths=(3,), random_state=0)
    assert features.fit_transform(X, y).shape == (120, 4)
    assert list(features.feature_names_in_) == list(X.columns)


def test_a_report_shuffles_categories_like_quantities():
    X, y = frame(), targets(frame())
    shown = report(SSTPLRegressor(**SMALL).fit(typed(X), y), typed(X), y)
    assert "importance" in shown.figures


@pytest.mark.parametrize(
    ("setting", "match"),
    [
        ("all", "categorical_features must be 'from_dtype', None"),
        (3, "categorical_features must be 'from_dtype', None"),
        ([1.5], "categorical_features must be 'from_dtype', None"),
        ([1, "city"], "categorical_features must be 'from_dtype', None"),
        ([True, 3], "categorical_features must be 'from_dtype', None"),
        ([1, 4], r"columns in \[0, 3\]"),
        ([-1], r"columns in \[0, 3\]"),
        ([True, False], "a bool for each of 4 columns, got 2"),
        (["city", "town"], r"none named \['town'\]"),
    ],
)
def test_a_wrong_setting_is_named(setting, match):
    with pytest.raises(ValueError, match=match):
        SSTPLRegressor(categorical_features=setting).fit(frame(), np.arange(120.0))


def test_wrong_columns_are_named():
    X, y = frame(), targets(frame())
    with pytest.raises(ValueError, match="Expected 2D array"):
        SSTPLRegressor(categorical_features=[0]).fit(y, y)
    with pytest.raises(ValueError, match=r"columns \['city', 'flat'\] of X hold strings"):
        SSTPLRegressor(**SMALL).fit(X, y)
    with pytest.raises(ValueError, match=r"columns \['flat'\] of X hold strings"):
        SSTPLRegressor(**SMALL, categorical_features=["city"]).fit(pl.DataFrame(X.to_dict("list")), y)
    with pytest.raises(ValueError, match="none named"):
        SSTPLRegressor(**SMALL, categorical_features=["city"]).fit(X.to_numpy(dtype=object), y)
    model = SSTPLRegressor(**SMALL).fit(typed(X), y)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(typed(X).rename(columns={"city": "town"}))
    with pytest.raises(ValueError, match="column 'city' of X: categories must be strings or numbers as in fit"):
        model.predict(typed(X).assign(city=1.0))
    for odd, match in (
        (pd.Timestamp("2020-01-01"), "must be strings or finite numbers"),
        (np.inf, "must be strings or finite numbers"),
        (["a"], "must be strings or finite numbers"),
    ):
        given = X.astype({"city": object})
        given.at[3, "city"] = odd
        with pytest.raises(ValueError, match=f"column 'city' of X: categories {match}"):
            SSTPLRegressor(**SMALL, categorical_features=["city", "flat"]).fit(given, y)
    mixed = X.astype({"city": object})
    mixed.at[3, "city"] = 2
    with pytest.raises(ValueError, match="all strings or all numbers, got both"):
        SSTPLRegressor(**SMALL, categorical_features=["city", "flat"]).fit(mixed, y)
    with pytest.raises(ValueError, match=r"image_shape needs pixels, and columns \[3\]"):
        SSTPLRegressor(image_shape=(2, 2), categorical_features=[3]).fit(np.ones((9, 4)), np.arange(9.0))
