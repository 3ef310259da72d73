"""Kinds of input: number types, layouts, sparse matrices and frames give what their float64 copies give."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.utils import get_tags
from sklearn.utils.validation import _get_feature_names

from reference.calls import misaligned
from sstpl import SSTPLClassifier, SSTPLRegressor, SSTPLTransformer, _row_rules, report
from sstpl._inputs import fit_input_map

NO_COLUMNS = np.zeros(0, dtype=np.int64)
SCALINGS = ("feature", "quantile", "piecewise", "sample", "none")
SMALL_TYPES = ("f2", "i1", "u1", "i2", "u2", "?")
LARGE_TYPES = ("i4", "u4", "i8", "u8")
FORMATS = (sparse.csr_array, sparse.csc_array, sparse.coo_array, sparse.csr_matrix, sparse.csc_matrix)
MIB = 2**20

each_scaling = pytest.mark.parametrize("scaling", SCALINGS)


def whole_numbers(n=300, dtype="f8"):
    rng = np.random.default_rng(0)
    return (rng.integers(0, 100, size=(n, 12)) * (rng.random((n, 12)) < 0.5)).astype(dtype)


def mostly_zero(n=300, n_columns=30, dtype="f8", missing=False):
    rng = np.random.default_rng(0)
    X = sparse.csr_array(rng.normal(size=(n, n_columns)) * (rng.random((n, n_columns)) < 0.1), dtype=dtype)
    if missing:
        X.data[::17] = np.nan
    return X


@each_scaling
@pytest.mark.parametrize("dtype", SMALL_TYPES + LARGE_TYPES)
def test_any_type_of_numbers_maps_like_its_float64_copy(dtype, scaling):
    X = whole_numbers(dtype=dtype)
    for of_map in (np.float32, np.float64):
        plain = fit_input_map(X.astype(np.float64), scaling, np.dtype(of_map))
        fitted = fit_input_map(X, scaling, np.dtype(of_map))
        wanted = plain.transform(X.astype(np.float64))
        np.testing.assert_array_equal(fitted.transform(X), wanted)
        np.testing.assert_array_equal(fitted.transform(np.asfortranarray(X)), wanted)


@pytest.mark.parametrize("dtype", SMALL_TYPES)
def test_small_types_are_fitted_in_float32_and_like_it(dtype, small):
    X = whole_numbers(dtype=dtype)
    y = np.arange(len(X)) % 3
    model = SSTPLClassifier(**small).fit(X, y)
    found = model.decision_function(X)
    assert found.dtype == np.float32
    same = SSTPLClassifier(**small).fit(X.astype(np.float32), y)
    np.testing.assert_array_equal(found, same.decision_function(X.astype(np.float32)))


@pytest.mark.parametrize("dtype", LARGE_TYPES)
def test_large_types_are_fitted_in_float64_and_like_it(dtype, small):
    X = whole_numbers(dtype=dtype)
    y = np.arange(len(X)) * 1.0
    found = SSTPLRegressor(**small).fit(X, y).predict(X)
    assert found.dtype == np.float64
    same = SSTPLRegressor(**small).fit(X.astype(np.float64), y)
    np.testing.assert_array_equal(found, same.predict(X.astype(np.float64)))


def test_numbers_may_begin_at_any_byte(small):
    X = whole_numbers()
    y, weights = X[:, 0] / 7, np.arange(1.0, len(X) + 1)
    plain = SSTPLRegressor(**small).fit(X, y, weights).predict(X)
    odd = misaligned(X)
    assert not odd.flags.aligned
    same = SSTPLRegressor(**small).fit(odd, misaligned(y), misaligned(weights))
    np.testing.assert_array_equal(same.predict(odd), plain)


@pytest.mark.parametrize("filters", [0, 3])
def test_images_may_be_bytes_or_sparse(filters, digits):
    X, y = digits[0][:150], digits[1][:150]
    parameters = {"hidden_width": 30, "n_subsystems": 1, "image_shape": (8, 8), "image_filters": filters}
    model = SSTPLClassifier(**parameters, dtype="float32", random_state=0)
    plain = model.fit(X, y).decision_function(X)
    for same in (X.astype(np.uint8), X.astype(np.float16), sparse.csr_array(X)):
        np.testing.assert_array_equal(model.fit(same, y).decision_function(same), plain)


@pytest.mark.parametrize("dtype", ["f4", "f8", *SMALL_TYPES, *LARGE_TYPES])
def test_rows_of_numbers_are_not_copied(dtype):
    X = whole_numbers(dtype=dtype)
    model = SSTPLRegressor(hidden_width=10, n_subsystems=1, scaling="feature", random_state=0)
    for same in (X, np.asfortranarray(X), X[::2, ::2]):
        y = np.arange(len(same)) * 1.0
        rows, _, _ = _row_rules.training_rows(model, same, y, np.dtype(np.float64), NO_COLUMNS, classification=False)
        assert np.shares_memory(rows.X, same)
        assert np.shares_memory(_row_rules.prediction_rows(model.fit(same, y), same).X, same)


@each_scaling
@pytest.mark.parametrize("missing", [False, True])
def test_sparse_rows_map_like_dense_ones(scaling, missing, monkeypatch):
    X = mostly_zero(missing=missing)
    for _ in range(2):
        fitted, plain = (fit_input_map(rows, scaling, np.dtype(np.float64)) for rows in (X, X.toarray()))
        np.testing.assert_array_equal(fitted.transform(X), plain.transform(X.toarray()))
        monkeypatch.setattr("sstpl._blocks.BLOCK_VALUES", 999)  # and again in blocks of some rows


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("make", FORMATS)
def test_estimators_take_every_sparse_format(make, missing, small):
    X = mostly_zero(missing=missing)
    y = np.arange(300) % 2
    given, dense = make(X), X.toarray()
    before = given.copy()
    plain = SSTPLClassifier(**small).fit(dense, y)
    model = SSTPLClassifier(**small).fit(given, y)
    for rows in (given, dense):
        np.testing.assert_array_equal(model.decision_function(rows), plain.decision_function(dense))
    np.testing.assert_array_equal(given.toarray(), before.toarray())


def test_values_of_sparse_rows_may_come_in_parts(small):
    parts = sparse.csr_array((np.ones(6), np.array([1, 0, 1, 0, 0, 1]), np.array([0, 3, 4, 6])), shape=(3, 2))
    assert not parts.has_canonical_format
    y = np.array([1.0, 2.0, 3.0])
    model, plain = SSTPLRegressor(**small).fit(parts, y), SSTPLRegressor(**small).fit(parts.toarray(), y)
    np.testing.assert_array_equal(model.predict(parts), plain.predict(parts.toarray()))
    assert parts.nnz == 6


def test_what_sparse_rows_may_not_be_is_named(small):
    X = mostly_zero()
    y = np.arange(300) % 2
    infinite = X.copy()
    at = infinite.indptr[7]
    infinite.data[at] = np.inf
    with pytest.raises(ValueError, match=f"X contains infinity in column {X.indices[at]};"):
        SSTPLClassifier(**small).fit(infinite, y)
    with pytest.raises(ValueError, match=r"columns \[2\] of X are categories, which sparse X cannot have"):
        SSTPLClassifier(**small, categorical_features=[2]).fit(X, y)
    few = sparse.csr_array((np.ones(20_000), (np.arange(20_000), np.arange(20_000))))
    with pytest.raises(MemoryError, match="20000 rows of 20000 columns or more, twice, need about 6104 MiB"):
        SSTPLClassifier(**small, memory_limit=6000).fit(few, np.arange(20_000) % 2)
    wide = sparse.csr_array((np.ones(60_000), (np.arange(60_000), np.arange(60_000))))
    with pytest.raises(MemoryError, match="memory_limit is 4096 MiB"):
        SSTPLClassifier().fit(wide, np.arange(60_000) % 2)


def test_a_report_takes_sparse_rows(small_stack):
    X = mostly_zero(n=600, missing=True)
    y = np.arange(600) % 2
    model = SSTPLClassifier(**small_stack).fit(X, y)
    assert report(model, X, y).to_html() == report(model, X.toarray(), y).to_html()


def test_tags_say_that_rows_may_be_sparse():
    for estimator in (SSTPLClassifier(), SSTPLRegressor(), SSTPLTransformer()):
        assert get_tags(estimator).input_tags.sparse


POLARS = pytest.param(
    "polars",
    marks=pytest.mark.skipif(
        _get_feature_names(pl.DataFrame({"a": [1.0]})) is None,
        reason="scikit-learn before 1.8 does not see the names of columns of polars 2",
    ),
)


def frames_of(X):
    names = [f"c{j}" for j in range(X.shape[1])]
    plain = pd.DataFrame(X, columns=names)
    arrow = "float[pyarrow]" if X.dtype == np.float32 else "double[pyarrow]"
    nullable = "Float32" if X.dtype == np.float32 else "Float64"
    return {
        "pandas": plain,
        "nullable": plain.astype(nullable),
        "pyarrow": plain.astype(arrow),
        "polars": pl.DataFrame(X, schema=names),
    }


@pytest.mark.parametrize("kind", ["pandas", "nullable", "pyarrow", POLARS])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_frames_are_fitted_like_their_arrays(kind, dtype, small):
    X = np.exp(np.random.default_rng(0).normal(size=(100, 3))).astype(dtype)
    y = X[:, 0] * 2.0
    frame = frames_of(X)[kind]
    model = SSTPLRegressor(**small).fit(frame, y)
    assert list(model.feature_names_in_) == ["c0", "c1", "c2"]
    found = model.predict(frame)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, SSTPLRegressor(**small).fit(X, y).predict(X))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["c1", "c0", "c2"]])


def test_missing_values_of_polars_are_missing(small):
    X = np.exp(np.random.default_rng(0).normal(size=(100, 3)))
    X[::5, 1] = np.nan
    frame = pl.DataFrame(X, schema=["a", "b", "c"])
    empty = frame.with_columns(pl.col("b").fill_nan(None))
    integers = pl.DataFrame({"a": [1, None, 3, 4] * 25, "b": [True, False, None, True] * 25})
    floats = np.c_[[1, np.nan, 3, 4] * 25, [1, 0, np.nan, 1] * 25]
    y = np.arange(100.0)
    for rows, same in ((frame, X), (empty, X), (integers, floats)):
        found = SSTPLRegressor(**small).fit(rows, y).predict(rows)
        np.testing.assert_array_equal(found, SSTPLRegressor(**small).fit(same, y).predict(same))


@pytest.mark.parametrize("output", ["pandas", POLARS])
def test_the_transformer_returns_frames_and_takes_them(output, digits):
    kind = {"pandas": pd.DataFrame, "polars": pl.DataFrame}[output]
    y, names = digits[1][:120] % 3, [*map(str, range(64))]
    given, new = (
        kind(X, **({"columns": names} if kind is pd.DataFrame else {"schema": names}))
        for X in (digits[0][:120], digits[0][120:200])
    )
    estimator = SSTPLClassifier(hidden_width=30, n_subsystems=1, random_state=0)
    features = SSTPLTransformer(estimator, forward_widths=(2,), random_state=0).set_output(transform=output)
    frame = features.fit_transform(given, y)
    assert isinstance(frame, kind)
    assert list(frame.columns) == ["score_0", "score_1", "score_2", "forward1_0", "forward1_1"]
    assert list(features.feature_names_in_) == list(given.columns)
    np.testing.assert_array_equal(features.transform(given).to_numpy(), frame.to_numpy())
    np.testing.assert_array_equal(features.transform(new).to_numpy()[:, :3], features.estimator_.decision_function(new))


PROGRAM = """
import json, sys
import numpy as np
from pathlib import Path
from scipy import sparse
from sstpl import SSTPLClassifier, _row_rules
from sstpl._inputs import fit_input_map

def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024

kind, parameters = json.loads(sys.argv[1])
rng = np.random.default_rng(0)
if kind == "sparse":
    at = rng.integers(0, 20_000, size=100_000), rng.integers(0, 5_000, size=100_000)
    X = sparse.csr_array((rng.standard_normal(100_000, dtype=np.float32), at), shape=(20_000, 5_000))
else:
    X = rng.integers(0, 256, size=(40_000, 784), dtype=np.uint8)
y = np.arange(X.shape[0]) % 2
model = SSTPLClassifier(
    hidden_width=32, max_depth=1, n_subsystems=1, hidden_columns="all", alpha=1e-3, dtype="float32", random_state=0,
    **parameters,
)
model.fit(X[:500], y[:500])  # the threads and buffers of the BLAS
before = peak()
if "scaling" in parameters:
    none = np.zeros(0, dtype=np.int64)
    rows, _, _ = _row_rules.training_rows(model, X, y, np.dtype(np.float32), none, classification=True)
    fit_input_map(rows, parameters["scaling"], np.dtype(np.float32))
of_fit = peak() - before
mapped = model._input_map.transform(_row_rules.prediction_rows(model, X))
print(json.dumps({"fit": of_fit, "map": peak() - before, "mapped": mapped.nbytes}))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("bytes", {"scaling": "feature"}),
        ("bytes", {"image_shape": (28, 28), "image_filters": 0}),
        ("sparse", {"scaling": "feature"}),
    ],
    ids=str,
)
def test_rows_are_read_in_blocks(kind, parameters):
    command = [sys.executable, "-c", PROGRAM, json.dumps([kind, parameters])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    # Some blocks of rows, and the mapped rows. A float32 copy of X takes 119 MiB, that of the sparse one 381.
    assert found["fit"] <= 72 * MIB
    assert found["map"] <= found["mapped"] + 72 * MIB
