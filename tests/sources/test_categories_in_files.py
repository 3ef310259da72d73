"""Columns of categories in files: the model is that of a frame with the same categories, to the last bit."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pyarrow.dataset import dataset

import sstpl
from sources.kinds import Blocks
from sstpl import SSTPLClassifier, SSTPLRegressor, _adding
from sstpl._categories import MOST_CATEGORIES
from sstpl.sources import Parquet

SMALL = {"hidden_width": 40, "max_depth": 2, "n_subsystems": 2, "random_state": 0}


def frame(n_rows=600, seed=0, form=None):
    """Return rows of numbers and of categories: text, numbers, and more than are kept, some missing; and targets."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n_rows, 3)), columns=["a", "b", "c"])
    kind, size = rng.choice(["x", "\N{SNOWMAN}", "zz", "y"], n_rows), rng.integers(5, size=n_rows)
    y = X["a"] + (kind == "x") - (size == 2)
    X.insert(
        1,
        "kind",
        pd.Categorical(np.where(rng.random(n_rows) < 0.1, None, kind), categories=["zz", "y", "x", "u", "\N{SNOWMAN}"]),
    )
    X.insert(3, "size", pd.Categorical(size * 1.5))
    many = np.minimum(rng.geometric(0.02, n_rows), 2 * MOST_CATEGORIES)
    X.insert(5, "many", pd.Categorical([f"m{k}" for k in many]))
    X.loc[::7, "b"] = np.nan
    # Parquet keeps dictionaries of text alone.
    return X.drop(columns="size") if form in (as_parquet, as_text) else X, y.to_numpy()


def as_dictionaries(X, path):
    pa.feather.write_feather(X, str(path), chunksize=100)
    return Parquet(dataset(path, format="feather"))


def as_parquet(X, path):
    X.to_parquet(path, row_group_size=100)
    return Parquet(path)


def as_text(X, path):
    X.astype({"kind": object, "many": object}).to_parquet(path, row_group_size=130)
    return Parquet(path)


def as_own_codes(X, path):
    """Return codes as pandas has them, in an order of its own."""
    rows = X.copy()
    source = Blocks(None, (50, 1, 400, len(X) - 451), list(X.columns))
    source.categories = {}
    for index, name in enumerate(X.columns):
        if name in ("kind", "size", "many"):
            source.categories[index] = list(X[name].cat.categories)
            rows[name] = X[name].cat.codes.replace(-1, np.nan)
    source.X = rows.to_numpy(dtype=np.float64)
    return source


FORMS = [as_dictionaries, as_parquet, as_text, as_own_codes]


@pytest.mark.parametrize("in_file", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_a_model_of_a_file_with_categories_is_that_of_the_frame(form, in_file, request, tmp_path):
    X, y = frame(form=form)
    expected = SSTPLRegressor(**SMALL).fit(X, y)
    if in_file:
        request.getfixturevalue("files")
    source = form(X, tmp_path / "rows.parquet")
    model = SSTPLRegressor(**SMALL).fit(source, y)
    assert model._categories.kept == expected._categories.kept
    assert model._categories.pooled[0] is False
    assert model._categories.pooled[-1] is True
    assert_array_equal(model.oof_prediction_, expected.oof_prediction_)
    new, _ = frame(500, seed=1, form=form)
    assert_array_equal(model.predict(new), expected.predict(new))
    assert_array_equal(expected.predict(form(new, tmp_path / "new.parquet")), expected.predict(new))
    assert_array_equal(expected.predict(source), expected.predict(X))


@pytest.mark.parametrize("form", FORMS)
def test_categories_that_the_model_does_not_know_are_what_they_are_in_a_frame(form, tmp_path):
    X, y = frame(form=form)
    model = SSTPLRegressor(**SMALL).fit(X, y)
    new = X.assign(
        kind=pd.Categorical(np.where(X["kind"] == "x", "never seen", X["kind"].astype(object))),
        many=pd.Categorical(["neither"] * len(X)),
    )
    assert_array_equal(model.predict(form(new, tmp_path / "new.parquet")), model.predict(new))


def test_classes_weights_and_float32_rows_make_no_difference(tmp_path, files):
    X, y = frame()
    X = X.astype(dict.fromkeys("abc", np.float32))
    weights = np.arange(len(X)) % 3
    source = as_dictionaries(X, tmp_path / "rows.parquet")
    assert next(source.iter_blocks()).dtype == np.float32
    found = SSTPLClassifier(**SMALL).fit(source, y > 0, weights)
    expected = SSTPLClassifier(**SMALL).fit(X, y > 0, weights)
    assert_array_equal(found.oof_decision_function_, expected.oof_decision_function_)


@pytest.mark.parametrize("form", FORMS)
def test_rows_with_categories_are_added_and_forgotten(form, tmp_path):
    X, y = frame(form=form)
    more, targets = frame(300, seed=1, form=form)
    source, other = form(X, tmp_path / "rows.parquet"), form(more, tmp_path / "more.parquet")
    expected = SSTPLRegressor(**SMALL).partial_fit(X, y)
    model = SSTPLRegressor(**SMALL).partial_fit(source, y)
    assert_allclose(model.predict(X), expected.predict(X), atol=1e-9)
    before = model.predict(X)
    expected.partial_fit(more, targets)
    model.partial_fit(other, targets)
    assert_allclose(model.predict(X), expected.predict(X), atol=1e-9)
    assert_allclose(model.forget(other, targets).predict(X), before, atol=1e-8)


def test_the_categories_of_a_first_call_are_those_of_its_sample(tmp_path, monkeypatch):
    monkeypatch.setattr(_adding, "_MOST_FIRST_ROWS", 200)
    X, y = frame(form=as_text)
    model = SSTPLRegressor(**SMALL, scaling="feature").partial_fit(as_text(X, tmp_path / "rows.parquet"), y)
    assert model.report_.subsystems[0].n_samples == 600
    assert model._categories.kept[0] == ("x", "y", "zz", "\N{SNOWMAN}")
    assert model.score(X, y) > 0.8


def test_a_model_file_keeps_what_a_file_taught(tmp_path):
    X, y = frame(form=as_text)
    model = SSTPLRegressor(**SMALL).fit(as_text(X, tmp_path / "rows.parquet"), y)
    model.save(tmp_path / "model")
    assert_array_equal(sstpl.load(tmp_path / "model").predict(X), model.predict(X))


def test_codes_that_lie_are_refused_by_name():
    X, y = frame(300)
    model = SSTPLRegressor(**SMALL, scaling="feature").fit(X, y)
    for code in (4.5, -1.0, 5.0):
        source = as_own_codes(X, None)
        source.X[299, 1] = code
        for call in (SSTPLRegressor(**SMALL).fit, SSTPLRegressor(**SMALL).partial_fit, lambda X, y: model.predict(X)):
            with pytest.raises(ValueError, match=f"column 1 of X must hold codes of its 5 categories.* got {code}"):
                call(source, y)
    spoiled = {
        "X.categories must be a dict": [["x"]],
        "be a dict of numbers of columns": {"kind": ["x"]},
        "all strings or all numbers": {1: ["x", 2.0]},
        "must be different categories": {1: ["x", "x"]},
        "none of them missing": {1: ["x", None]},
        "must be of columns of X, which has 6": {6: ["x"]},
        "strings or finite numbers": {1: [object()]},
    }
    for message, categories in spoiled.items():
        source = as_own_codes(X, None)
        source.categories = categories
        with pytest.raises((TypeError, ValueError), match=message):
            SSTPLRegressor(**SMALL).fit(source, y)


def test_columns_of_categories_are_those_of_fit(tmp_path):
    X, y = frame(300)
    source = as_dictionaries(X, tmp_path / "rows.parquet")
    model = SSTPLRegressor(**SMALL, scaling="feature").fit(source, y)
    with pytest.raises(ValueError, match=r"in the columns of fit, \[1, 3, 5\], and has them in \[1, 5\]"):
        model.predict(as_dictionaries(X.astype({"size": float}), tmp_path / "other.parquet"))
    with pytest.raises(ValueError, match="column 3 of X: categories must be strings or numbers as in fit"):
        model.predict(as_dictionaries(X.assign(size=X["size"].astype(str).astype("category")), tmp_path / "o.parquet"))
    plain = SSTPLRegressor(**SMALL, scaling="feature").fit(X[["a", "b"]], y)
    with pytest.raises(ValueError, match=r"in the columns of fit, \[\], and has them in \[1\]"):
        plain.predict(as_dictionaries(X[["a", "kind"]].set_axis(["a", "b"], axis=1), tmp_path / "third.parquet"))
    for setting in (None, [1]):
        with pytest.raises(ValueError, match="categorical_features must be 'from_dtype' for a source"):
            SSTPLRegressor(**SMALL, categorical_features=setting).fit(source, y)
