"""What a fit may hold: the ceiling of the streamed sums, measured in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

N_ROWS, N_COLUMNS, WIDTH, N_FOLDS = 40_000, 40, 2000, 5
MIB = 2**20

PROGRAM = f"""
import json
import numpy as np
from pathlib import Path
from sstpl import SSTPLClassifier

def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024

rng = np.random.default_rng(0)
X = rng.standard_normal(({N_ROWS}, {N_COLUMNS}), dtype=np.float32)
y = (X[:, 0] > 0).astype(np.int64)
model = SSTPLClassifier(
    hidden_width={WIDTH}, max_depth=1, n_subsystems=1, subsystem_fraction=1.0, scaling="feature",
    hidden_columns="all", alpha=1e-3, random_state=0,
)
model.fit(X[:600], y[:600])  # the threads and buffers of the BLAS
before = peak()
model.fit(X, y)
print(json.dumps({{"added": peak() - before, "X": X.nbytes}}))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_a_fit_holds_no_more_than_its_sums_and_some_blocks():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    # Mapped rows and the subsystem's copy of them; 8 p^2 bytes for each fold, the total and the solves; and blocks.
    ceiling = 2 * found["X"] + 8 * WIDTH**2 * (N_FOLDS + 3) + 64 * MIB
    assert found["added"] <= ceiling
    # Who holds the features of all rows beside the least that the sums take is above it.
    assert ceiling < 4 * N_ROWS * WIDTH + 4 * WIDTH**2 * (N_FOLDS + 2)
