"""Data and small settings that the estimator tests share."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

# Narrow layers: every stage runs, and a fit takes a fraction of a second.
SMALL = {
    "paper": {
        "architecture": "paper",
        "hidden_widths": (60, 30),
        "readout_width": 60,
        "fusion_width": 150,
        "n_subsystems": 2,
        "random_state": 0,
    },
    "recursive": {
        "architecture": "recursive",
        "hidden_width": 100,
        "max_depth": 3,
        "n_subsystems": 2,
        "random_state": 0,
    },
}


@pytest.fixture(scope="session", params=["paper", "recursive"])
def small(request):
    return dict(SMALL[request.param])


@pytest.fixture(scope="session")
def small_paper():
    return dict(SMALL["paper"])


@pytest.fixture(scope="session")
def small_stack():
    return dict(SMALL["recursive"])


@pytest.fixture(scope="session")
def digits():
    return load_digits(return_X_y=True)


@pytest.fixture(scope="session")
def diabetes():
    return load_diabetes(return_X_y=True)


@pytest.fixture(scope="session")
def real_data():
    """Return a loader of the real data sets; tests that call it skip where the folder is absent."""

    def load(name):
        path = DATA / f"{name}.npz"
        if not path.exists():
            pytest.skip(f"needs the real data set {name}, which is not part of the repository")
        with np.load(path, allow_pickle=False) as arrays:
            return {key: arrays[key] for key in arrays.files}

    return load
