"""Rows in every form that a fit takes, and files for all that is made of them, however small."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, make_classification

from sstpl import _sources, _spill


@pytest.fixture
def files(monkeypatch):
    """Put every array into a file, and return the shapes of those that were."""
    made, empty_in_file = [], _spill.empty_in_file

    def noted(shape, dtype):
        made.append(shape)
        return empty_in_file(shape, dtype)

    monkeypatch.setattr(_spill, "empty_in_file", noted)
    monkeypatch.setattr(_sources, "empty_in_file", noted)
    monkeypatch.setattr(_spill, "SHARE_OF_MEMORY", 0)
    monkeypatch.setattr(_spill, "LEAST_BYTES", 1)
    return made


@pytest.fixture(scope="session")
def rows():
    """Return 700 rows of 9 columns with a few missing values, and their classes."""
    X, y = make_classification(700, 9, n_informative=5, n_redundant=0, random_state=0)
    X[::50, 4] = np.nan
    return X, y


@pytest.fixture(scope="session")
def digits():
    return load_digits(return_X_y=True)
