"""Small fitted models of every kind, and what the tests of files compare; not a test itself."""

import copy
from contextlib import contextmanager, nullcontext
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes, load_digits

from sstpl import SSTPLClassifier, SSTPLRegressor, _levels
from sstpl import _model_file as container

STACK = {"hidden_width": 12, "max_depth": 2, "n_subsystems": 2, "random_state": 0}
PAPER = {
    "architecture": "paper",
    "hidden_widths": (12, 8),
    "readout_width": 12,
    "fusion_width": 16,
    "n_subsystems": 2,
    "random_state": 0,
}
N_ROWS = 160


def images():
    X, y = load_digits(return_X_y=True)
    return X[:N_ROWS], y[:N_ROWS]


def table():
    X, y = load_diabetes(return_X_y=True)
    return X[:N_ROWS], y[:N_ROWS]


def _classes(names):
    return lambda y: np.asarray(names)[(y > 100).astype(int) + (y > 200)]


@contextmanager
def landmarks():
    """Let levels of any size have landmarks, half as many as units."""
    small = {"_LEAST_COLUMNS_TO_SHARE": 1, "_LEAST_WIDTH_TO_SHARE": 1, "_UNITS_OF_LANDMARK": 2}
    with mock.patch.multiple(_levels, **small, _LANDMARKS_OF_CLASS=1):
        yield


# name: estimator, parameters, rows, what is made of the targets
KINDS = {
    "stack, feature": (SSTPLClassifier, STACK | {"scaling": "feature"}, images, None),
    "stack, quantile": (SSTPLClassifier, STACK | {"scaling": "quantile"}, table, _classes(["low", "mid", "high"])),
    "stack, piecewise": (SSTPLRegressor, STACK | {"scaling": "piecewise"}, table, None),
    "stack, sample": (SSTPLRegressor, STACK | {"scaling": "sample", "hidden_columns": "subsets"}, images, None),
    "stack, none": (SSTPLClassifier, STACK | {"scaling": "none"}, table, _classes([False, True, True])),
    "stack, chosen map": (SSTPLClassifier, STACK, table, _classes([-1.0, 0.0, 2.0])),
    "stack, several outputs": (SSTPLRegressor, STACK | {"scaling": "feature"}, table, lambda y: np.c_[y, -y, y**2]),
    "stack, landmarks": (SSTPLClassifier, STACK | {"hidden_width": 20, "hidden_columns": "all"}, images, None),
    "stack, centers": (SSTPLRegressor, STACK | {"hidden_weights": "centers", "scaling": "quantile"}, table, None),
    "stack, one column": (SSTPLRegressor, STACK | {"scaling": "feature"}, table, lambda y: y[:, np.newaxis]),
    "images, one layer": (SSTPLClassifier, STACK | {"image_shape": (8, 8), "image_filters": 3}, images, None),
    "images, chosen map": (SSTPLClassifier, STACK | {"image_shape": (8, 8)}, images, lambda y: y.astype(np.uint8)),
    "images, pixels": (SSTPLClassifier, STACK | {"image_shape": (4, 8, 2), "image_filters": 0}, images, None),
    "images, numbers": (SSTPLRegressor, STACK | {"image_shape": [8, 8], "image_filters": 2}, images, None),
    "paper": (SSTPLClassifier, PAPER, images, lambda y: y.astype(str).astype(object)),
    "paper, all blocks": (SSTPLClassifier, PAPER | {"fusion": "all", "scaling": "quantile"}, images, None),
    "paper, lasso": (SSTPLClassifier, PAPER | {"encoder_penalty": "lasso"}, table, _classes(["a", "b", "c"])),
    "paper, numbers": (SSTPLRegressor, PAPER | {"fusion": "all", "activation": "leaky_relu"}, table, None),
}


@cache
def fitted(kind, dtype="float64"):
    """Return a fitted model and its rows."""
    estimator, parameters, rows, targets = KINDS[kind]
    X, y = rows()
    X = X.astype(dtype)
    with landmarks() if "landmarks" in kind else nullcontext():
        return estimator(**parameters).fit(X, y if targets is None else targets(y)), X


@cache
def named():
    """Return a model whose columns have names, and its rows."""
    X, y = table()
    X = pd.DataFrame(X).add_prefix("column \N{GREEK SMALL LETTER ALPHA}")
    return SSTPLRegressor(**STACK, scaling="feature").fit(X, y), X


@cache
def constant():
    """Return a model of columns that do not vary, and its rows."""
    X = np.ones((30, 3))
    return SSTPLRegressor(**STACK).fit(X, np.arange(30.0)), X


@cache
def awkward(scaling="feature"):
    """Return a model of rows with missing values and categories, both strings and numbers; and its rows."""
    X, y = table()
    X = pd.DataFrame(X).add_prefix("c")
    X.loc[::5, "c2"] = np.nan
    X["c1"] = pd.Categorical(np.where(X["c1"] > 0, "\N{LATIN SMALL LETTER A WITH RING ABOVE}", None))
    X["c3"] = pd.Categorical(np.arange(len(X)) % 70)
    return SSTPLRegressor(**STACK, scaling=scaling).fit(X, y), X


@cache
def grown(kind="numbers"):
    """Return a model of one level that rows were added to and taken from; and its rows and targets."""
    X, y = table()
    if kind == "classes":
        y = np.asarray(["low", "mid", "high"])[(y > 100).astype(int) + (y > 200)]
    estimator = SSTPLClassifier if kind == "classes" else SSTPLRegressor
    model = estimator(hidden_width=10, scaling="quantile", random_state=0, n_folds=3)
    model.partial_fit(X[:60], y[:60]).partial_fit(X[60:], y[60:]).forget(X[40:50], y[40:50])
    return model.calibrate(X[:40], y[:40]), X, y


def scores(model, X):
    return model.decision_function(X) if isinstance(model, SSTPLClassifier) else model.predict(X)


def assert_same(one, other):
    """Assert that two values are of one type and equal, arrays bit for bit and in type."""
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        same = one.tolist() == other.tolist() if one.dtype == object else one.tobytes() == other.tobytes()
        assert same
    elif is_dataclass(one):
        for field in fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for name, value in one.items():
            assert_same(value, other[name])
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    else:
        assert one == other or (one != one and other != other)


@cache
def _contents(kind):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        fitted(kind)[0].save(path)
        return container.read(path)


def contents(kind):
    """Return header and arrays of the file of a model, for the caller to change."""
    return copy.deepcopy(_contents(kind))


def forge(path, header, arrays):
    """Write a file with a right checksum and whatever header and arrays, as its author could."""
    path.unlink(missing_ok=True)  # some file systems wait for the disk when a file is overwritten
    path.write_bytes(container._with_checksum(header, arrays))
