"""Data for the demo and the benchmarks: scikit-learn's bundled digits, and ``.npz`` files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


@dataclass(frozen=True)
class Dataset:
    """Training and test rows of one problem."""

    name: str
    task: str  # "classification" or "regression"
    X_train: npt.NDArray[Any]
    y_train: npt.NDArray[Any]
    X_test: npt.NDArray[Any]
    y_test: npt.NDArray[Any]


def split(name: str, X: npt.NDArray[Any], y: npt.NDArray[Any], seed: int) -> Dataset:
    """Set a seeded fifth of the rows aside for testing, by class where y holds classes."""
    task = "classification" if y.dtype.kind in "iubOUS" else "regression"
    stratify = y if task == "classification" else None
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=seed, stratify=stratify)
    return Dataset(name, task, X_train, y_train, X_test, y_test)


def digits(seed: int) -> Dataset:
    """Return scikit-learn's bundled digits, 1797 images of 8 x 8 pixels."""
    X, y = load_digits(return_X_y=True)
    return split("digits", X, y, seed)


def load_npz(path: str | Path, seed: int) -> Dataset:
    """Load a data set from an ``.npz`` file, never running code from it.

    Parameters
    ----------
    path : str or Path
        File with arrays ``X_train, y_train, X_test, y_test``, or ``X, y`` (then split as `split` does). Integer
        or text targets are classes, other targets numbers.
    seed : int
        Of the split.

    Raises
    ------
    ValueError
        When the file is no ``.npz`` or lacks the arrays.
    OSError
        When it cannot be read.
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"data must be an .npz file, got {str(path)!r}")
    with np.load(path, allow_pickle=False) as arrays:
        names = set(arrays.files)
        if {"X_train", "y_train", "X_test", "y_test"} <= names:
            y = arrays["y_train"]
            task = "classification" if y.dtype.kind in "iubUS" else "regression"
            return Dataset(path.stem, task, arrays["X_train"], y, arrays["X_test"], arrays["y_test"])
        if {"X", "y"} <= names:
            return split(path.stem, arrays["X"], arrays["y"], seed)
    raise ValueError(f"{path} must hold X_train, y_train, X_test and y_test, or X and y; it holds {sorted(names)}")
