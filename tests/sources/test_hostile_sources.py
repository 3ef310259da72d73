"""Sources that lie, fail, or hold what no row may hold: an error that says where, and nothing else has changed."""

import os
import tempfile

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from sources.kinds import Blocks, saved
from sstpl import SSTPLClassifier, SSTPLRegressor, _spill
from sstpl.sources import Parquet

SMALL = {"hidden_width": 20, "n_subsystems": 1, "random_state": 0}


class Lying(Blocks):
    """Blocks of rows that say they are so many."""

    def __init__(self, blocks, length):
        self.blocks, self.length = blocks, length

    def __len__(self):
        return self.length

    def iter_blocks(self):
        return iter(self.blocks)


def blocks_with(change):
    """Return three blocks of ten rows, the last of them changed."""
    blocks = list(np.random.default_rng(0).normal(size=(3, 10, 4)))
    blocks[2] = change(blocks[2])
    return blocks


def with_infinity(block):
    block[5, 3] = -np.inf
    return block


BAD = {
    "block 2 of X, from row 20, must have 4 columns as the first has, got 3": (lambda block: block[:, :3], 30),
    "block 2 of X, from row 20, must be 2-D, got shape \\(40,\\)": (lambda block: block.reshape(-1), 30),
    "block 2 of X, from row 20, must hold numbers, got dtype <U": (lambda block: block.astype(str), 30),
    "block 2 of X, from row 20, must hold numbers, got dtype complex": (lambda block: block + 1j, 30),
    "block 2 of X, from row 20, must end by row 29, which is len\\(X\\), got 10 rows": (lambda block: block, 29),
    "the blocks of X must have 31 rows, which is len\\(X\\), got 30": (lambda block: block, 31),
    "block 2 of X, from row 20, contains infinity in row 25, column 3": (with_infinity, 30),
    "X must have rows, and len\\(X\\) is 0": (lambda block: block, 0),
}


@pytest.mark.parametrize("message", BAD)
@pytest.mark.parametrize("in_file", [False, True])
def test_bad_blocks_are_named_and_change_nothing(message, in_file, request):
    if in_file:
        request.getfixturevalue("files")
    change, length = BAD[message]
    y = np.arange(length) % 2
    model = SSTPLClassifier(**SMALL).fit(np.random.default_rng(1).normal(size=(40, 4)), np.arange(40) % 2)
    before = dict(vars(model))
    with pytest.raises(ValueError, match=message):
        model.fit(Lying(blocks_with(change), length), y)
    with pytest.raises(ValueError, match=message):
        model.predict(Lying(blocks_with(change), length))
    assert vars(model) == before


def test_blocks_of_another_type_must_fit_in_that_of_the_first():
    source = Lying([np.zeros((5, 2), np.float32), np.zeros((5, 2))], 10)
    with pytest.raises(ValueError, match="block 1 of X, from row 5, must be of dtype float32 as the first is"):
        SSTPLRegressor(**SMALL).fit(source, np.arange(10.0))


def test_a_source_that_fails_half_way_leaves_no_file_and_the_model_as_it_was(files, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    class Failing(Blocks):
        def iter_blocks(self):
            yield self.X[:10]
            raise ConnectionError("the disk is gone")

    X = np.random.default_rng(0).normal(size=(40, 3))
    model = SSTPLRegressor(**SMALL).fit(X, X[:, 0])
    before = dict(vars(model))
    with pytest.raises(ConnectionError, match="the disk is gone"):
        model.fit(Failing(X, ()), X[:, 0])
    assert files == [(40, 3)]
    assert vars(model) == before
    assert os.listdir(tmp_path) == []


def test_files_have_no_name_and_go_with_their_arrays(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    array = _spill.empty_in_file((100, 3), np.float32)
    array[...] = 7.0
    assert os.listdir(tmp_path) == []
    assert array.sum() == 2100


def test_a_disk_that_is_too_small_is_said_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(OSError, match=r"need \d+ MiB in the folder .* are free: let the environment variable TMPDIR"):
        _spill.empty_in_file((2**50, 4), np.float64)
    assert os.listdir(tmp_path) == []


def test_a_block_may_be_overwritten_by_the_next_one():
    X = np.random.default_rng(0).normal(size=(60, 3))

    class OneBuffer(Blocks):
        def iter_blocks(self):
            buffer = np.empty((20, 3))
            for start in range(0, 60, 20):
                buffer[...] = self.X[start : start + 20]
                yield buffer

    model = SSTPLRegressor(**SMALL)
    expected = model.fit(X, X[:, 0]).oof_prediction_
    assert np.array_equal(model.fit(OneBuffer(X, ()), X[:, 0]).oof_prediction_, expected)


def test_a_frame_with_a_column_of_that_name_is_no_source():
    frame = pd.DataFrame({"iter_blocks": np.arange(30.0), "chunks": np.ones(30), "dtype": np.zeros(30)})
    model = SSTPLRegressor(**SMALL).fit(frame, frame["iter_blocks"])
    assert model.feature_names_in_.tolist() == list(frame.columns)


def test_what_is_no_source_is_refused_by_name(tmp_path):
    X, y = np.ones((10, 2)), np.arange(10.0)
    model = SSTPLRegressor(**SMALL)
    with pytest.raises(ValueError, match=r"a path must be of a .npy file, got 'rows.csv'"):
        model.fit("rows.csv", y)
    with pytest.raises(FileNotFoundError):
        model.fit(tmp_path / "none.npy", y)
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
        model.fit(saved(tmp_path / "one.npy", y), y)
    with pytest.raises(ValueError, match="X must be 2-D"):
        model.fit(h5py.File(tmp_path / "one.h5", "w").create_dataset("X", data=y), y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(Blocks(X, (10,)), y[:9])

    class Endless:
        def iter_blocks(self):
            yield X

    with pytest.raises(TypeError, match="must have __len__"):
        model.fit(Endless(), y)
    named = Blocks(X, (10,), columns=["a", "b", "c"])
    with pytest.raises(ValueError, match=r"X\.columns must be 2 strings"):
        model.fit(named, y)


@pytest.mark.parametrize("in_file", [False, True])
def test_predicting_other_columns_is_refused(in_file, request, tmp_path):
    if in_file:
        request.getfixturevalue("files")
    X = np.random.default_rng(0).normal(size=(40, 3))
    model = SSTPLRegressor(**SMALL).fit(X, X[:, 0])
    for source in (Blocks(X[:, :2], (40,)), saved(tmp_path / "rows.npy", X[:, :2])):
        with pytest.raises(ValueError, match="X has 2 features, but SSTPLRegressor is expecting 3"):
            model.predict(source)
    with pytest.raises(ValueError, match=r"X.* contains infinity in (row 3, )?column 1"):
        model.predict(saved(tmp_path / "rows.npy", np.where(X[3, 1] == X, np.inf, X)))


def test_parquet_columns_are_checked_by_name(tmp_path):
    table = pa.table({"a": [1.0, 2.0], "b": [True, None], "c": pa.array([7, 8], pa.decimal128(5))})
    pa.parquet.write_table(table, tmp_path / "rows.parquet")
    with pytest.raises(
        TypeError, match=r"columns must be of numbers, bools or text, got \{'c': 'decimal128\(5, 0\)'\}"
    ):
        Parquet(tmp_path / "rows.parquet")
    with pytest.raises(ValueError, match=r"has no columns \['d'\]"):
        Parquet(tmp_path / "rows.parquet", target="d")
    for columns in ([], ["a", "a"], ["a", "c"]):
        with pytest.raises(ValueError, match="one or more different names but the target's"):
            Parquet(tmp_path / "rows.parquet", columns, target="c")
    with pytest.raises(ValueError, match="no target was named"):
        _ = Parquet(tmp_path / "rows.parquet", ["a"]).target
    source = Parquet(tmp_path / "rows.parquet", target="c")
    assert source.columns == ["a", "b"]
    assert source.target.tolist() == [7, 8]
    assert np.array_equal(next(source.iter_blocks()), [[1, 1], [2, np.nan]], equal_nan=True)
