"""Whatever rows come from, the model is that of the same rows in memory, to the last bit."""

import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from joblib import Parallel, delayed
from numpy.testing import assert_allclose, assert_array_equal

from sources.kinds import FORMS, NAMES, Blocks, as_parquet, saved
from sstpl import SSTPLClassifier, SSTPLRegressor, _inputs
from sstpl.sources import Parquet

SMALL = {"hidden_width": 40, "max_depth": 2, "n_subsystems": 2, "random_state": 0}


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("form", FORMS)
def test_a_classifier_of_a_source_is_that_of_its_rows(form, dtype, rows, files, tmp_path):
    X, y = rows[0].astype(dtype), rows[1]
    expected = SSTPLClassifier(**SMALL).fit(X, y)
    assert not files
    source = form(X, tmp_path)
    found = SSTPLClassifier(**SMALL).fit(source, y)
    assert files
    assert_array_equal(found.oof_decision_function_, expected.oof_decision_function_)
    assert_array_equal(found.decision_function(X), expected.decision_function(X))
    for method in ("predict", "decision_function", "predict_proba", "predict_set"):
        assert_allclose(getattr(expected, method)(source), getattr(expected, method)(X), rtol=1e-5, atol=1e-6)
    assert found.score(source, y) == expected.score(X, y)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("form", FORMS)
def test_a_regressor_of_a_source_is_that_of_its_rows(form, rows, files, tmp_path):
    X, y = rows[0], np.nan_to_num(rows[0][:, :2]) ** 2
    expected = SSTPLRegressor(**SMALL).fit(X, y)
    source = form(X, tmp_path)
    found = SSTPLRegressor(**SMALL).fit(source, y)
    assert_array_equal(found.oof_prediction_, expected.oof_prediction_)
    assert_array_equal(found.predict(X), expected.predict(X))
    assert_allclose(found.predict_interval(source), expected.predict_interval(X), rtol=1e-9)


@pytest.mark.parametrize("scaling", ["feature", "quantile", "piecewise", "sample", "none"])
@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.uint8, bool, np.float16, np.int64])
def test_every_map_of_every_type_is_the_same_from_a_file(scaling, dtype, rows, files, tmp_path):
    X, y = (30 * np.nan_to_num(rows[0]) + 100).astype(dtype), rows[1]
    own = SMALL | {"scaling": scaling}
    found = SSTPLClassifier(**own).fit(saved(tmp_path / "rows.npy", X), y)
    assert_array_equal(found.oof_decision_function_, SSTPLClassifier(**own).fit(X, y).oof_decision_function_)


def test_weights_and_copies_are_the_same_from_a_file(rows, files, tmp_path):
    X, y = np.concatenate([rows[0], rows[0][:100]]), np.concatenate([rows[1], rows[1][:100]])
    weights = np.arange(len(X)) % 4
    expected = SSTPLClassifier(**SMALL).fit(X, y, weights).oof_decision_function_
    found = SSTPLClassifier(**SMALL).fit(saved(tmp_path / "rows.npy", X), y, weights)
    assert_array_equal(found.oof_decision_function_, expected)


def test_images_and_the_paper_are_the_same_from_a_file(digits, files, tmp_path):
    X, y = digits[0][:400], digits[1][:400]
    path = saved(tmp_path / "rows.npy", X)
    for own in ({"image_shape": (8, 8), "hidden_width": 30}, {"architecture": "paper", "hidden_widths": (20,)}):
        model = SSTPLClassifier(**own, random_state=0)
        expected = model.fit(X, y).oof_decision_function_
        assert_array_equal(model.fit(path, y).oof_decision_function_, expected)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("scaling", ["quantile", "piecewise"])
def test_ranks_of_a_sample_are_those_of_all_rows_but_for_its_error(scaling, weighted, monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 3))
    X[:, 1] = 0
    X[7, 1] = 5  # which the sample lacks
    weights = rng.uniform(1, 2, len(X)) if weighted else None
    every = _inputs.fit_input_map(X, scaling, np.dtype(np.float64), weights)
    monkeypatch.setattr(_inputs, "_MOST_ROWS_OF_RANKS", 5_000)
    some = _inputs.fit_input_map(X, scaling, np.dtype(np.float64), weights)
    assert_array_equal(some.ramps.columns, every.ramps.columns)
    new = rng.normal(size=(100, 3))
    new[:, 1] = 0
    # The rank of a sample of m is off by sqrt(p (1 - p) / m) or so.
    assert_allclose(some.transform(new), every.transform(new), atol=0.3)
    assert not np.array_equal(some.transform(new), every.transform(new))


def test_small_memmaps_are_fitted_in_memory(rows, files, monkeypatch, tmp_path):
    monkeypatch.setattr("sstpl._spill.SHARE_OF_MEMORY", 1 / 16)
    SSTPLClassifier(**SMALL).fit(saved(tmp_path / "rows.npy", rows[0]), rows[1])
    SSTPLClassifier(**SMALL).fit(Blocks(rows[0], (700,)), rows[1])
    assert not files


def test_names_of_a_source_are_those_of_the_model(rows, tmp_path):
    source = as_parquet(rows[0], tmp_path)
    model = SSTPLClassifier(**SMALL).fit(source, rows[1])
    assert model.feature_names_in_.tolist() == NAMES
    with pytest.raises(ValueError, match="must have the columns of fit"):
        model.predict(Parquet(tmp_path / "rows.parquet", columns=NAMES[::-1]))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(Blocks(rows[0], (700,)))


def test_a_row_group_may_be_of_any_length_and_nulls_are_missing(rows, tmp_path):
    X, y = rows
    columns = {name: pa.array(X[:, j], mask=np.isnan(X[:, j])) for j, name in enumerate(NAMES)}
    pa.parquet.write_table(pa.table(columns | {"y": y}), tmp_path / "rows.parquet", row_group_size=17)
    source = Parquet(tmp_path / "rows.parquet", target="y")
    assert len(source) == 700
    assert_array_equal(np.concatenate(list(source.iter_blocks())), X)
    assert_array_equal(source.target, y)


def test_scores_in_files_are_arrays_like_others_and_may_go_to_other_processes(rows, files, tmp_path):
    path = saved(tmp_path / "rows.npy", rows[0])
    model = SSTPLClassifier(**SMALL).fit(path, rows[1])
    shape = model.oof_decision_function_.shape
    assert len(files) > 5  # targets and scores, too
    for found in (model.oof_decision_function_, model.predict_proba(path), model.decision_function(path)):
        assert type(found) is np.ndarray
        assert not isinstance(found.base, np.memmap)
    elsewhere = Parallel(n_jobs=2)(delayed(getattr)(one, "oof_decision_function_") for one in (model, model))
    for found in (*elsewhere, pickle.loads(pickle.dumps(model)).oof_decision_function_):
        assert found.shape == shape
        assert_array_equal(found, model.oof_decision_function_)
