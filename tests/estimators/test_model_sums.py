"""Sums in a model file: a model that was stopped goes on, bit for bit, and no file that lies does harm."""

import copy
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

import sstpl
from estimators.model_files import assert_same, forge, grown, images, scores, table
from estimators.test_model_file import GOLDEN
from estimators.test_model_file_fuzz import HYPOTHESIS, VALUES, places
from sstpl import ModelFormatError, SSTPLClassifier, SSTPLRegressor
from sstpl import _model_file as container

SMALL = {"hidden_width": 12, "scaling": "feature", "random_state": 0}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def saved(model, path):
    model.save(path, sums=True)
    return sstpl.load(path)


def comparable(model):
    """Return everything that is on a model, its sums as plain arrays."""
    growth = vars(model._growth) | {"folds": [list(fold.__getstate__()) for fold in model._growth.folds]}
    return {name: value for name, value in vars(model).items() if name != "_growth"} | {"growth": growth}


def frame():
    """Return rows with categories and missing values."""
    X, y = table()
    X = pd.DataFrame(X).add_prefix("c")
    X["c1"] = pd.Categorical(np.where(X["c1"] > 0, "a", "b"))
    X.loc[::7, "c2"] = np.nan
    return X, y


KINDS = {
    "classes": (SSTPLClassifier, {}, images),
    "numbers": (SSTPLRegressor, {}, table),
    "chosen map": (SSTPLRegressor, {"scaling": "auto"}, table),
    "a given penalty": (SSTPLRegressor, {"alpha": 0.1, "hidden_weights": "normal"}, table),
    "subsets": (SSTPLClassifier, {"hidden_columns": "subsets", "activation": "relu"}, images),
    "images": (SSTPLClassifier, {"scaling": "auto", "image_shape": (8, 8), "image_filters": 3}, images),
    "pixels": (
        SSTPLClassifier,
        {"scaling": "auto", "image_shape": (8, 8), "image_filters": 0, "hidden_columns": "all"},
        images,
    ),
    "categories": (SSTPLRegressor, {}, frame),
    "panels": (SSTPLRegressor, {"hidden_width": 1030, "alpha": 1.0}, table),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_model_goes_on_bit_for_bit(kind, dtype, path):
    estimator, parameters, rows = KINDS[kind]
    X, y = rows()
    model = estimator(**SMALL | parameters | {"dtype": dtype}).partial_fit(X[:70], y[:70])
    model.partial_fit(X[70:90], y[70:90]).forget(X[:10], y[:10])
    loaded = saved(model, path)
    assert_same(comparable(loaded), comparable(model))
    for one in (model, loaded):
        one.partial_fit(X[90:120], y[90:120]).forget(X[20:30], y[20:30]).calibrate(X[120:], y[120:])
        left = np.r_[10:20, 30:120]
        one.grow(X[10:120].iloc[left - 10] if rows is frame else X[left], y[left], 3)
        assert one.depth_ == 1
    assert_same(scores(loaded, X), scores(model, X))
    for report in (model.report_, loaded.report_):
        report.subsystems[0].seconds = report.subsystems[0].steps[0].seconds = 0.0
    assert_same(comparable(loaded), comparable(model))


PROGRAM = """
import sys
import numpy as np
import sstpl
path, rows, start, stop = sys.argv[1], np.load(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
model = sstpl.load(path) if start else sstpl.SSTPLRegressor(hidden_width=30, random_state=0)
for at in range(start, stop, 100):
    model.partial_fit(rows[at : at + 100, 1:], rows[at : at + 100, 0])
model.save(path, sums=True)
"""


def test_a_long_fit_is_stopped_and_goes_on_in_another_process(tmp_path):
    X = np.random.default_rng(0).normal(size=(1000, 5))
    np.save(tmp_path / "rows.npy", np.column_stack([X[:, 0] * X[:, 1], X]))
    for name, stops in (("at once", [1000]), ("stopped", [200, 700, 1000])):
        for start, stop in zip([0, *stops], stops, strict=False):
            command = [sys.executable, "-c", PROGRAM, tmp_path / name, tmp_path / "rows.npy", str(start), str(stop)]
            subprocess.run(command, check=True)
    (_, whole), (_, stopped) = (container.read(tmp_path / name) for name in ("at once", "stopped"))
    assert whole.keys() == stopped.keys()
    assert {"sums.4.gram", "sums.shift"} < whole.keys()
    assert all(whole[name].tobytes() == stopped[name].tobytes() for name in whole)


def test_classes_that_come_late_come_after_loading_too(path):
    X, y = images()
    model = SSTPLClassifier(**SMALL).partial_fit(X[y < 3], y[y < 3])
    loaded = saved(model, path)
    for one in (model, loaded):
        one.partial_fit(X[y >= 3], y[y >= 3])
    assert loaded.classes_.tolist() == list(range(10))
    assert_same(scores(loaded, X), scores(model, X))
    known = saved(SSTPLClassifier(**SMALL).partial_fit(X[y < 3], y[y < 3], classes=[0, 1, 2]), path)
    with pytest.raises(ValueError, match="y must hold classes that were fitted"):
        known.partial_fit(X, y)


def test_a_loaded_model_is_saved_to_the_same_bytes(path):
    grown()[0].save(path, sums=True)
    first = path.read_bytes()
    sstpl.load(path).save(path, sums=True)
    assert path.read_bytes() == first
    sstpl.load(path).save(path)
    grown()[0].save(path.with_name("other"))
    assert path.read_bytes() == path.with_name("other").read_bytes()


def test_sums_are_kept_only_where_they_are_asked_for_and_only_there_is_the_format_newer(path, monkeypatch):
    model, X, y = grown()
    model.save(path)
    assert container.read(path)[0]["format_version"] == 1
    with pytest.raises(NotFittedError, match="a model file that was saved with sums=True"):
        sstpl.load(path).forget(X, y)
    model.save(path, sums=True)
    assert container.read(path)[0]["format_version"] == 2
    monkeypatch.setattr(container, "FORMAT_VERSION", 1)
    with pytest.raises(ModelFormatError, match="format_version 2"):
        sstpl.load(path)


def test_sums_that_are_not_there_cannot_be_kept(path):
    X, y = table()
    fitted = SSTPLRegressor(**SMALL, n_subsystems=1).fit(X, y)
    with pytest.raises(NotFittedError, match="save with sums=True needs the sums of partial_fit"):
        fitted.save(path, sums=True)
    with pytest.raises(NotFittedError):
        SSTPLRegressor().save(path, sums=True)
    with pytest.raises(ValueError, match="sums must be True or False, got 'yes'"):
        fitted.save(path, sums="yes")
    assert not path.exists()


@pytest.mark.parametrize("path", [path for path in GOLDEN if "sums" in path.stem], ids=lambda path: path.stem)
def test_sums_of_earlier_versions_go_on(path):
    model = sstpl.load(path)
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as kept:
        model.partial_fit(kept["more"], kept["targets"])
        np.testing.assert_allclose(scores(model, kept["X"]), kept["after"], rtol=1e-6)


def contents(tmp_path, kind="classes"):
    grown(kind)[0].save(tmp_path / "true", sums=True)
    return container.read(tmp_path / "true")


LIES = [
    (("format_version",), 1, "unknown fields"),
    (("sums",), 5, "sums must be an object"),
    (("sums", "wings"), 2, "unknown fields"),
    (("sums", "hidden_weights"), "own", "sums.hidden_weights must be one of"),
    (("sums", "hidden_columns"), None, "sums.hidden_columns must be one of"),
    (("sums", "alpha"), -1.0, "sums.alpha must be a finite number"),
    (("sums", "alpha"), "auto", "sums.alpha must be a finite number"),
    (("sums", "seed"), -1, "sums.seed must be"),
    (("sums", "seed"), 2**40, "sums.seed must be"),
    (("sums", "classes_given"), 1, "sums.classes_given must be true or false"),
    (("sums", "folds"), [], "sums.folds must be a list of at least 1"),
    (("sums", "folds"), [{"n_samples": 0, "roundoff": 2.0**-53}], "belong to nothing|must have rows"),
    (("sums", "folds", 0), 3, "sums.0 must be an object"),
    (("sums", "folds", 0, "n_samples"), -1, "sums.0.n_samples must be"),
    (("sums", "folds", 0, "n_samples"), 2**60, "sums.0.n_samples must be"),
    (("sums", "folds", 0, "roundoff"), 0.5, "sums.0.roundoff must be that of a type"),
    (("sums", "folds", 0, "roundoff"), float("nan"), "sums.0.roundoff must be"),
    (("subsystems", 0, "widths"), [10, 10], "levels.1"),
]


@pytest.mark.parametrize(("where", "lie", "match"), LIES, ids=lambda part: repr(part)[:60])
def test_a_header_that_lies_is_refused_by_name(where, lie, match, path, tmp_path):
    header, arrays = copy.deepcopy(contents(tmp_path))
    place = header
    for key in where[:-1]:
        place = place[key]
    place[where[-1]] = lie
    forge(path, header, arrays)
    with pytest.raises(ModelFormatError, match=match):
        sstpl.load(path)


ARRAY_LIES = [
    ("sums.0.gram", lambda a: a[:-1], "must be float64"),
    ("sums.0.gram", lambda a: a[np.newaxis], "must be float64"),
    ("sums.0.gram", lambda a: a * np.nan, "not finite"),
    ("sums.0.gram", lambda a: a.astype(np.float32), "must be float64"),
    ("sums.0.cross", lambda a: a.T, "must be float64"),
    ("sums.0.feature_sums", lambda a: a[:0], "must be float64"),
    ("sums.1.target_sums", lambda a: a[1:], "must be float64"),
    ("sums.1.target_squares", lambda a: a * np.inf, "not finite"),
    ("sums.2.removed", lambda a: a - 1e9, "must not be negative"),
    ("sums.2.feature_rounding", lambda a: a - 1, "must not be negative"),
    ("sums.shift", lambda a: a[1:], "must be float64"),
]


@pytest.mark.parametrize(("name", "lie", "match"), ARRAY_LIES)
def test_an_array_that_lies_is_refused_by_name(name, lie, match, path, tmp_path):
    header, arrays = contents(tmp_path)
    forge(path, header, arrays | {name: np.ascontiguousarray(lie(arrays[name]))})
    with pytest.raises(ModelFormatError, match=match):
        sstpl.load(path)


def test_sums_do_not_go_with_models_that_have_none(path, tmp_path):
    header, arrays = contents(tmp_path)
    none = {name: array for name, array in arrays.items() if not name.startswith("sums.")}
    forge(path, header | {"sums": None}, none)
    assert not hasattr(sstpl.load(path), "_growth")
    oof = header | {"out_of_fold": {"n_samples": 3}}
    forge(path, oof, arrays | {"out_of_fold": np.zeros((3, 3))})
    with pytest.raises(ModelFormatError, match="out_of_fold must be null where there are sums"):
        sstpl.load(path)
    two = header | {"subsystems": header["subsystems"] * 2}
    again = {name.replace("subsystems.0", "subsystems.1"): a for name, a in arrays.items() if "subsystems.0" in name}
    forge(path, two, arrays | again)
    with pytest.raises(ModelFormatError, match="sums must be of a model of one subsystem"):
        sstpl.load(path)
    labels = header | {"targets": {"kind": "labels", "n_labels": 3, "dtype": "int64"}}
    forge(path, labels, arrays)
    with pytest.raises(ModelFormatError, match="not of several labels"):
        sstpl.load(path)


def refuses_or_goes_on(path, kind):
    """Load a file; if it is a model after all, let it go on as far as it goes."""
    _, X, y = grown(kind)
    try:
        model = sstpl.load(path)
    except ModelFormatError:
        return
    if model.n_features_in_ != X.shape[1]:
        return
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of absurd numbers
        for call in (
            lambda: model.partial_fit(X[:20], y[:20]).predict(X[:3]),
            lambda: model.forget(X[:20], y[:20]).predict(X[:3]),
            lambda: model.grow(X, y, 2).predict(X[:3]),
        ):
            try:
                assert call().shape[0] == 3
            except (ValueError, MemoryError):  # of which LinAlgError is one
                continue


@pytest.mark.parametrize("kind", ["classes", "numbers"])
@HYPOTHESIS
@given(data=st.data())
def test_headers_of_a_hostile_author_do_no_harm(kind, data, path, tmp_path):
    header, arrays = copy.deepcopy(contents(tmp_path, kind))
    where = data.draw(st.sampled_from([place for place in places(header) if place[0] == "sums"]))
    place = header
    for key in where[:-1]:
        place = place[key]
    place[where[-1]] = data.draw(VALUES)
    forge(path, header, arrays)
    refuses_or_goes_on(path, kind)


@pytest.mark.parametrize("kind", ["classes", "numbers"])
@HYPOTHESIS
@given(data=st.data())
def test_arrays_of_a_hostile_author_do_no_harm(kind, data, path, tmp_path):
    header, arrays = contents(tmp_path, kind)
    arrays = dict(arrays)
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from(sorted(name for name in arrays if name.startswith("sums."))))
        array = arrays[name].copy()
        at = data.draw(st.integers(0, array.size - 1))
        array.flat[at] = data.draw(st.floats(width=64) | st.sampled_from([0.0, 1e300, -1e300, 5e-324]))
        with np.errstate(all="ignore"):
            arrays[name] = array * data.draw(st.sampled_from([1.0, 1.0, -1.0, 1e150]))
    forge(path, header, arrays)
    refuses_or_goes_on(path, kind)
