"""Model files and tables made from good ones by changing bytes: read, or refused as documented; not a test itself."""

import contextlib
import gzip
import hashlib
import io
import random
import re
import tempfile
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

import sstpl
from estimators import model_files
from sstpl import ModelFormatError, cli
from sstpl.cli._columns import read_labelled, require_features
from sstpl.cli._output import UsageError

KINDS = ("model", "sealed model", "csv", "csv.gz", "parquet", "npz")
_CHECKSUM = re.compile(rb'sha256[\\"]+: [\\"]+([0-9a-f]{64})')
_MOST_FEATURES = 10_000  # of a model that is asked to predict


@cache
def _models():
    """Return the bytes of small models."""
    kinds = ("stack, quantile", "images, one layer", "paper, all blocks", "stack, several outputs")
    return [_saved(model_files.fitted(kind)[0]) for kind in kinds] + [_saved(model_files.awkward()[0])]


def _saved(model):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        model.save(path)
        return path.read_bytes()


def _table():
    X, y = model_files.table()
    text = ["a", 'b "c"', "d,e", "", "?", "NaN"]
    return pd.DataFrame(X[:6, :4]).add_prefix("c").assign(text=text, target=y[:6])


@cache
def seeds(kind):
    """Return good files of a kind, as bytes."""
    if "model" in kind:
        return _models()
    out = io.BytesIO()
    if kind == "parquet":
        _table().to_parquet(out, engine="pyarrow", index=False)
    elif kind == "npz":
        np.savez(out, X=np.arange(12.0).reshape(4, 3), y=np.arange(4), X_test=np.ones((2, 3), "f4"))
    else:
        text = _table().to_csv(index=False).encode()
        others = [text, text.replace(b",", b";"), b"\xef\xbb\xbfa;b\n1,5;2\n2,5;3\n", b'"a\nb",c\n1,2\n3,4\n']
        return [gzip.compress(one, mtime=0) for one in others] if kind.endswith("gz") else others
    return [out.getvalue()]


@cache
def _predictor(folder):
    """Return the path of a model of the table's columns."""
    table = _table()
    model = sstpl.SSTPLRegressor(hidden_width=3, n_subsystems=1, scaling="feature")
    path = str(Path(folder) / "predictor")
    model.fit(table[["c0", "c1", "c2"]].iloc[:4], table["target"].iloc[:4]).save(path)
    return path


def sealed(data):
    """Return a model file with the checksum that its bytes have, as its author could."""
    found = _CHECKSUM.search(data)
    if found is None:
        return data
    blank = data[: found.start(1)] + b"0" * 64 + data[found.end(1) :]
    return data[: found.start(1)] + hashlib.sha256(blank).hexdigest().encode() + data[found.end(1) :]


def try_file(kind, data, folder):
    """Read a file of these bytes; return "refused" or "read", or raise what nobody may see."""
    path = Path(folder) / f"file.{kind}"
    path.unlink(missing_ok=True)
    path.write_bytes(sealed(data) if kind == "sealed model" else data)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return _try_model(path) if "model" in kind else _try_table(path, folder)


def _try_model(path):
    try:
        model = sstpl.load(path)
    except ModelFormatError:
        return "refused"
    if model.n_features_in_ <= _MOST_FEATURES and model._categories is None:
        X = np.random.default_rng(0).normal(size=(2, model.n_features_in_))
        assert model.predict(X).shape[0] == 2
    repr(model)
    model.report_.to_dict()
    return "read"


def _try_table(path, folder):
    quiet = io.StringIO()
    with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        code = cli.main(["predict", _predictor(folder), str(path)])
    assert code in (0, 1), quiet.getvalue()
    assert code == 0 or len(quiet.getvalue().splitlines()) == 1, quiet.getvalue()
    target = None if path.suffix == ".npz" else "-1"
    try:
        require_features(str(path), read_labelled(str(path), target))
    except (ValueError, OSError, UsageError, MemoryError):
        return "refused"
    return "read"


def changed(kind, seed):
    """Return a good file with some bytes changed, drawn by a number."""
    rng = random.Random(seed)
    data = bytearray(rng.choice(seeds(kind)))
    for _ in range(rng.choice([1, 1, 2, 5])):
        at, length = rng.randrange(len(data) + 1), rng.choice([1, 2, 8, 40])
        how = rng.choice(["set", "cut", "insert", "copy", "end"])
        if how == "set":
            data[at : at + length] = rng.choices([rng.randrange(256), 0, 255, 34, 44, 45, 57], k=length)
        elif how == "cut":
            del data[at : at + length]
        elif how == "insert":
            data[at:at] = rng.randbytes(length)
        elif how == "copy":
            start = rng.randrange(len(data) + 1)
            data[at : at + length] = data[start : start + length]
        else:
            del data[at:]
    return bytes(data)
