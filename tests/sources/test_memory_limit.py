"""A file of five times the memory that there is, fitted and predicted under a limit that the system enforces."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.lib.format import open_memmap

N_ROWS, N_COLUMNS, MIB = 200_000, 500, 2**20
LIMIT = 4 * N_ROWS * N_COLUMNS / 5 / MIB

PROGRAM = """
import json, resource, sys
from pathlib import Path
import numpy as np
from sstpl import SSTPLRegressor

def data():
    return int(Path("/proc/self/status").read_text().split("VmData:")[1].split()[0]) * 1024

path, limit, n_outputs, capped = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "capped"
X = np.load(path, mmap_mode="r")
y = np.array(X[:, :n_outputs] * X[:, n_outputs : 2 * n_outputs], dtype=np.float64)
settings = dict(hidden_width=16, n_subsystems=2, scaling="feature", hidden_columns="all", random_state=0, n_threads=1)
SSTPLRegressor(**settings).fit(np.array(X[:600]), y[:600])  # the buffers of the BLAS
if capped:
    resource.setrlimit(resource.RLIMIT_DATA, (data() + int(limit * 2**20),) * 2)
    model = SSTPLRegressor(**settings, memory_limit=limit).fit(path, y)
else:
    X = np.array(X)
    model = SSTPLRegressor(**settings).fit(X, y)
print(json.dumps({
    "scores": model.oof_prediction_[:1000].tolist(),
    "predicted": model.predict(path if capped else X)[::50].tolist(),
    "map": model._input_map.scaling,
}))
"""


def ran(path, n_outputs, how):
    command = [sys.executable, "-c", PROGRAM, str(path), str(LIMIT), str(n_outputs), how]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.npy"
    X = open_memmap(path, mode="w+", dtype=np.float32, shape=(N_ROWS, N_COLUMNS))
    rng = np.random.default_rng(0)
    for start in range(0, N_ROWS, 5000):
        X[start : start + 5000] = rng.random((5000, N_COLUMNS), dtype=np.float32)
    return path


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the limit is of Linux, and read from /proc")
def test_a_file_of_five_times_the_limit_is_fitted_within_it(path):
    assert path.stat().st_size >= 5 * LIMIT * MIB
    assert ran(path, 1, "capped") == ran(path, 1, "free")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the limit is of Linux, and read from /proc")
def test_scores_that_take_more_than_the_limit_are_in_files(path):
    n_outputs = 60
    assert 2 * 4 * N_ROWS * n_outputs > LIMIT * MIB  # targets, and scores of a single level
    assert ran(path, n_outputs, "capped") == ran(path, n_outputs, "free")
