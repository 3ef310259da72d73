"""Whatever a file holds, `load` returns a model that predicts, or raises ModelFormatError and says why."""

import copy
import io
import json
import os
import pickle
import sys
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

import sstpl
from estimators.model_files import awkward, contents, fitted, forge, table
from sstpl import ModelFormatError, SSTPLRegressor
from sstpl import _model_file as container


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Return the path of a file of a few kilobytes."""
    X, y = table()
    parameters = {"hidden_width": 4, "max_depth": 1, "n_subsystems": 1, "scaling": "feature", "hidden_columns": "all"}
    path = tmp_path_factory.mktemp("tiny") / "model"
    SSTPLRegressor(**parameters, alpha=1.0, random_state=0).fit(X[:30], y[:30]).save(path)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model"


def refuses(path, match=None):
    with pytest.raises(ModelFormatError, match=match) as raised:
        sstpl.load(path)
    assert str(path) in str(raised.value)


def test_a_file_cut_short_anywhere_is_refused(tiny, path):
    whole = tiny.read_bytes()
    path.write_bytes(whole + b"\0")
    refuses(path)
    for length in reversed(range(len(whole))):
        os.truncate(path, length)
        refuses(path)


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80])
def test_a_byte_changed_anywhere_is_refused(tiny, path, mask):
    whole = tiny.read_bytes()
    path.write_bytes(whole)
    with open(path, "r+b", buffering=0) as file:
        for at, byte in enumerate(whole):
            file.seek(at)
            file.write(bytes([byte ^ mask]))
            refuses(path)
            file.seek(at)
            file.write(bytes([byte]))
    sstpl.load(path)


def test_an_edited_number_is_refused(tiny, path):
    path.write_bytes(tiny.read_bytes().replace(b'\\"alpha\\": 1.0', b'\\"alpha\\": 2.0'))
    refuses(path, "checksum is wrong")


def test_a_newer_version_is_named(tiny, path):
    header, arrays = container.read(tiny)
    forge(path, header | {"format_version": 5, "sstpl_version": "9.8.7", "wings": 2}, arrays)
    refuses(path, r"format_version 5, written by sstpl '9.8.7'; this sstpl reads format_version 4 and older")


def _zip():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("model", "x" * 100)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"\0" * 8,
        b"\0" * 100,
        b"\xff" * 100,
        (2).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (4).to_bytes(8, "little") + b"null",
        (200_000).to_bytes(8, "little") + b"[" * 200_000,
        pickle.dumps({"model": 1}),
        _zip(),
        b"tree\nversion=v4\n" * 10,
        json.dumps({"format": "sstpl.model"}).encode(),
    ],
    ids=lambda content: repr(content[:12]),
)
def test_a_file_of_another_kind_is_refused(content, path):
    path.write_bytes(content)
    refuses(path, "not a model file")


def test_safetensors_files_of_others_are_refused(path):
    arrays = {"x": np.zeros(3)}
    for metadata in (None, {"format": "pt"}, {"sstpl": "5"}, {"sstpl": "{"}, {"sstpl": "{}", "more": ""}):
        save_file(arrays, path, metadata)
        refuses(path)
    save_file(arrays, path, {"sstpl": '{"format": "sstpl.model", "format_version": 1, "format_version": 1}'})
    refuses(path, "twice")
    save_file(arrays, path, {"sstpl": "[" * 100_000})
    refuses(path, "RecursionError")


def test_nothing_is_imported_or_unpickled(path, monkeypatch):
    monkeypatch.setattr(pickle, "loads", None)
    monkeypatch.setattr(pickle, "load", None)
    model, _ = fitted("paper, all blocks")
    model.save(path)
    before = set(sys.modules)
    sstpl.load(path)
    assert set(sys.modules) == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes that are files")
def test_a_pipe_is_refused_without_waiting(path):
    os.mkfifo(path)
    refuses(path, "regular file")


def test_a_giant_announcement_takes_no_memory(tiny, path, monkeypatch):
    with open(path, "wb") as file:
        file.write((2**24 + 1).to_bytes(8, "little"))
        file.truncate(2**33)  # sparse
    refuses(path, "a header at most")


# What to put in place of a value of the header, by the path to it; what the message then says.
LIES = [
    (("class",), "object", "class must be one of"),
    (("class",), ["SSTPLClassifier"], "class must be"),
    (("dtype",), "float16", "dtype must be one of"),
    (("sstpl_version",), 1, "sstpl_version"),
    (("format_version",), True, "format_version"),
    (("format",), "sstpl", "format"),
    (("wings",), 2, "unknown fields"),
    (("parameters", "wings"), 2, "unknown fields"),
    (("parameters", "activation"), "swish", "activation"),
    (("parameters", "n_threads"), 10**9, "n_threads"),
    (("parameters", "random_state"), -1, "parameters"),
    (("parameters", "hidden_widths"), {"tuple": [[1]]}, "hidden_widths"),
    (("parameters", "hidden_widths"), {"list": [1]}, "hidden_widths"),
    (("features", "number"), 3, "columns must ascend, and be columns of X"),
    (("features", "names"), ["a"], "features.names"),
    (("input_map", "kind"), "other", "input_map.kind"),
    (("input_map", "scaling"), "feature", "do not go with"),
    (("input_map", "scaling"), "none", "do not go with"),
    (("input_map", "n_ramps"), 0, "do not go with"),
    (("input_map", "n_ramps"), 2**40, "input_map.n_ramps must be"),
    (("input_map", "n_knots"), 3, "input_map.scores.knots"),
    (("targets", "values"), ["low", "mid"], r"subsystems.0.levels.0.weights"),
    (("targets", "values"), ["mid", "low", "high"], "increasing classes"),
    (("targets", "values"), ["low", "low", "mid"], "increasing classes"),
    (("targets", "values"), ["high", "low", 3], "increasing classes"),
    (("targets", "dtype"), "U2", "increasing classes"),
    (("targets", "dtype"), "U99999999", "increasing classes"),
    (("targets", "dtype"), "V3", "targets.dtype"),
    (("targets", "kind"), "numbers", "targets"),
    (("subsystems",), [], "subsystems must be a list of at least 1"),
    (("subsystems", 0, "widths"), [], "widths"),
    (("subsystems", 0, "widths", 0), 11, r"must be float64 \(11, \d+\)"),
    (("subsystems", 0, "widths", 0), 2.0, "widths"),
    (("subsystems", 0, "gain"), float("nan"), "gain must be a finite number"),
    (("subsystems", 0, "gain"), 10**400, "gain"),
    (("subsystems", 0, "activation"), "relu6", "activation"),
    (("subsystems", 0, "kind"), "paper", "lacking fields"),
    (("out_of_fold", "n_samples"), 3, "out_of_fold"),
    (("report", "subsystems", 0, "score"), {"value": 1, "fit": 0.5}, "score.value"),
    (("report", "stopped_by_time"), 0, "stopped_by_time"),
]


@pytest.mark.parametrize(("where", "lie", "match"), LIES, ids=lambda part: repr(part)[:60])
def test_a_header_that_lies_is_refused_by_name(where, lie, match, path):
    header, arrays = copy.deepcopy(contents("stack, quantile"))
    place = header
    for key in where[:-1]:
        place = place[key]
    place[where[-1]] = lie
    forge(path, header, arrays)
    refuses(path, match)


ARRAY_LIES = [
    ("stack, quantile", "input_map.columns", lambda a: a + 1, "columns must ascend"),
    ("stack, quantile", "input_map.columns", lambda a: a[::-1], "columns must ascend"),
    ("stack, quantile", "input_map.columns", lambda a: a - 1, "columns must ascend"),
    ("stack, quantile", "input_map.ramps.columns", lambda a: a + 100, "columns that vary"),
    ("stack, quantile", "input_map.ramps.columns", lambda a: a - 2**40, "columns that vary"),
    ("stack, quantile", "input_map.scores.columns", lambda a: a + 2**62, "columns that vary"),
    ("stack, quantile", "input_map.ramps.spread", lambda a: a * 0, "ramps must ascend"),
    ("stack, quantile", "input_map.ramps.low", lambda a: a + 1e9, "ramps must ascend"),
    ("stack, quantile", "input_map.scores.starts", lambda a: a + 1, "starts must lead"),
    ("stack, quantile", "input_map.scores.starts", lambda a: np.r_[0, 2**62, a[2:]], "starts must lead"),
    ("stack, quantile", "input_map.scores.starts", lambda a: np.r_[0, -5, a[2:]], "starts must lead"),
    ("stack, quantile", "input_map.scores.starts", lambda a: np.r_[0, a[2], a[1], a[3:]], "two knots"),
    ("stack, quantile", "input_map.scores.starts", lambda a: np.r_[0, a[1], a[1], a[3:]], "two knots"),
    ("stack, quantile", "input_map.scores.knots", lambda a: a[::-1], "knots of a column must ascend"),
    ("stack, quantile", "out_of_fold", lambda a: a * np.inf, "not finite"),
    ("stack, quantile", "out_of_fold", lambda a: a.astype(np.float32), "must be float64"),
    ("stack, quantile", "subsystems.0.levels.0.hidden_bias", lambda a: a[:1], "hidden_bias"),
    ("stack, quantile", "subsystems.0.levels.0.weights", lambda a: a.T, "weights"),
    ("stack, quantile", "subsystems.0.levels.0.weights", lambda a: a[..., np.newaxis], "weights"),
    ("images, one layer", "input_map.layers.0.filters", lambda a: a[:, 1:], "filters"),
    ("images, one layer", "input_map.mean", lambda a: a[1:], "mean"),
    ("stack, several outputs", "targets.scale", lambda a: -a, "scale must be positive"),
    ("stack, several outputs", "targets.mean", lambda a: a.astype(np.float32), "targets.mean"),
    ("stack, landmarks", "subsystems.0.levels.0.landmarks.pairs", lambda a: a + 100, "numbers of"),
    ("stack, landmarks", "subsystems.0.levels.0.landmarks.pairs", lambda a: -1 - a, "numbers of"),
    ("stack, landmarks", "subsystems.0.levels.0.landmarks.pairs", lambda a: a[:, 0], "landmarks.pairs"),
    ("stack, landmarks", "subsystems.0.levels.0.landmarks.rows", lambda a: a[1:], "landmarks.rows"),
    ("stack, landmarks", "subsystems.0.levels.0.landmarks.scale", lambda a: a[1:], "landmarks.scale"),
    ("paper, all blocks", "subsystems.0.readout.hidden_bias", lambda a: a[1:], "hidden_bias"),
    ("paper, all blocks", "subsystems.0.backward.0.prototypes", lambda a: a[:, :0], "prototypes"),
    ("paper, all blocks", "subsystems.0.encoders.0.low", lambda a: a[:0], "low"),
]


@pytest.mark.parametrize(("kind", "name", "lie", "match"), ARRAY_LIES, ids=lambda part: str(part)[:50])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_an_array_that_lies_is_refused_by_name(kind, name, lie, match, path):
    header, arrays = contents(kind)
    forge(path, header, arrays | {name: np.ascontiguousarray(lie(arrays[name]))})
    refuses(path, match)


@pytest.mark.parametrize(
    ("lie", "match"),
    [
        ([3], "a list of"),
        ([2**40, 0], "a whole number"),
        ([3, 2.0], "a whole number"),
        ([-1, 0], "a whole number"),
        (7, "a list"),
    ],
)
def test_numbers_of_landmarks_that_lie_are_refused(lie, match, path):
    header, arrays = copy.deepcopy(contents("stack, landmarks"))
    assert header["format_version"] == 3
    assert len(header["subsystems"][0]["landmarks"]) == 2
    header["subsystems"][0]["landmarks"] = lie
    forge(path, header, arrays)
    refuses(path, match)


CATEGORY_LIES = [
    (("kept",), ["b", "a"], "ascending order"),
    (("kept",), ["a", "a"], "ascending order"),
    (("kept",), ["a", 1.0], "all strings or all finite floats"),
    (("kept",), [1, 2], "all strings or all finite floats"),
    (("kept",), [float("nan")], "all strings or all finite floats"),
    (("kept",), "ab", "must be a list"),
    (("pooled",), 1, "pooled must be true or false"),
    (("column",), 10, "features.categories.column"),
    (("column",), 3, "ascending order"),
    (("wings",), 2, "unknown fields"),
]


@pytest.mark.parametrize(("where", "lie", "match"), CATEGORY_LIES, ids=lambda part: repr(part)[:40])
def test_categories_that_lie_are_refused_by_name(where, lie, match, path):
    model, _ = awkward()
    model.save(path)
    header, arrays = container.read(path)
    header["features"]["categories"][0][where[0]] = lie
    forge(path, header, arrays)
    refuses(path, match)


@pytest.mark.parametrize(
    ("name", "lie", "match"),
    [
        ("columns", lambda a: a + 10, "flags must be of columns of X"),
        ("columns", lambda a: a[::-1], "columns of flags must ascend"),
        ("codes", lambda a: a - 5, "codes of flags"),
        ("on", lambda a: a * np.inf, "not finite"),
        ("off", lambda a: a[1:], "flags.off"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_flags_that_lie_are_refused_by_name(name, lie, match, path):
    model, _ = awkward()
    model.save(path)
    header, arrays = container.read(path)
    key = f"input_map.flags.{name}"
    forge(path, header, arrays | {key: np.ascontiguousarray(lie(arrays[key]))})
    refuses(path, match)
    forge(path, header | {"features": header["features"] | {"categories": []}}, arrays)
    refuses(path, "at least 1 entries")


def test_arrays_are_neither_more_nor_fewer(path):
    for kind in ("stack, quantile", "images, one layer", "paper, all blocks", "stack, several outputs"):
        header, arrays = contents(kind)
        forge(path, header, arrays | {"more": np.zeros(2)})
        refuses(path, "belong to nothing")
        for name in arrays:
            forge(path, header, {other: array for other, array in arrays.items() if other != name})
            refuses(path, "is missing")
    forge(path, header, arrays | {"more": np.zeros(2, dtype=np.int16)})
    refuses(path, "of type 'I16'")


def test_a_shape_beyond_any_index_is_refused(path):
    header, arrays = contents("stack, several outputs")
    forge(path, header, arrays | {"input_map.scores.knots": np.zeros((0, 0))})
    whole = path.read_bytes()
    shape = b'"input_map.scores.knots":{"dtype":"F64","shape":[0,0]'
    assert shape in whole
    forged = whole.replace(shape, shape.replace(b"[0,0]", b"[0,%d]" % 2**63))
    grown = len(forged) - len(whole)
    length = int.from_bytes(forged[:8], "little") + grown
    head = forged[8 : 8 + length]
    digest = json.loads(json.loads(head)["__metadata__"]["sstpl"])["sha256"].encode()
    blank = length.to_bytes(8, "little") + forged[8:].replace(digest, b"0" * 64, 1)
    path.write_bytes(blank.replace(b"0" * 64, container.hashlib.sha256(blank).hexdigest().encode(), 1))
    refuses(path, "a shape that none can have")
