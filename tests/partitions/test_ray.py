"""The recipe for Ray, as the guide gives it: the model is the local one, also when a worker is killed on the way."""

import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sstpl import SSTPLClassifier
from sstpl.distributed import PartitionedRows

ray = pytest.importorskip("ray", reason="Ray is not among the packages that tests install")
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning"
)

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "machines.md"
SMALL = {"hidden_width": 40, "max_depth": 2, "n_subsystems": 2, "dtype": "float64", "random_state": 0}


@pytest.fixture(scope="module")
def cluster():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def recipe(**known):
    """Return what the names of the recipe stand for after it has run with some known."""
    [code] = [
        block for block in re.findall(r"^```py\n(.*?)^```$", GUIDE.read_text(), re.M | re.S) if "import ray" in block
    ]
    exec(code, known)
    return known


def test_the_recipe_of_the_guide_makes_the_local_model(cluster, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(900, 5))
    y = X[:, 0] * X[:, 1] > 0
    paths = [tmp_path / f"{part}.npy" for part in range(3)]
    for path, part in zip(paths, np.array_split(X, 3), strict=True):
        np.save(path, part)
    found = recipe(load=ray.remote(np.load), paths=paths, y=y)
    assert found["model"].score(X, y) > 0.8
    model, local = SSTPLClassifier(**SMALL).fit(found["rows"], y), SSTPLClassifier(**SMALL).fit(X, y)
    assert (model.depth_, model.n_subsystems_) == (local.depth_, local.n_subsystems_)
    assert_allclose(model.oof_decision_function_, local.oof_decision_function_, atol=1e-9)
    assert_allclose(model.decision_function(X), local.decision_function(X), atol=1e-9)


def die_once(marker, X):
    """Return the rows; the first time, end the process on the way."""
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return X


def test_a_worker_that_dies_changes_nothing(cluster, tmp_path):
    X = np.random.default_rng(1).normal(size=(600, 5))
    y = X[:, 0] > X[:, 1] ** 2
    engine = recipe(load=ray.remote(lambda part: part), paths=[X], y=y)["RayEngine"]()
    fragile = ray.remote(die_once)
    refs = [fragile.remote(tmp_path / "died", X[:200]), ray.put(X[200:])]
    model = SSTPLClassifier(**SMALL).fit(PartitionedRows(engine, refs), y)
    assert (tmp_path / "died").exists()
    assert_allclose(model.decision_function(X), SSTPLClassifier(**SMALL).fit(X, y).decision_function(X), atol=1e-9)
