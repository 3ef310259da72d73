"""A process that is given ever less memory while it fits, predicts and saves; a program, and not a test itself.

Its arguments are the name of the work, whether the BLAS has worked before the limit is set, and MiB above what the
process holds when it is. It ends with 0 and prints what became of the work.
"""

import re
import resource
import sys
import tempfile
from pathlib import Path

import numpy as np

from sstpl import SSTPLClassifier, SSTPLRegressor, _core, load

SMALL = {"hidden_width": 200, "n_subsystems": 2, "max_depth": 2, "random_state": 0, "n_threads": 2}
WIDE = {"hidden_width": 1000, "dtype": "float32", "scaling": "feature", "max_depth": 1, "n_subsystems": 1}
PAPER = {
    "architecture": "paper",
    "hidden_widths": (300, 150),
    "readout_width": 300,
    "fusion_width": 500,
    "n_subsystems": 1,
    "random_state": 0,
}


def rows(n=2000, d=60):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


X, Y = rows()
FITTED = SSTPLClassifier(hidden_width=50, n_subsystems=1, random_state=0, scaling="feature")


def save_and_load():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        FITTED.save(path)
        load(path)


def grow():
    model = SSTPLRegressor(hidden_width=800, random_state=0)
    model.partial_fit(X[:500], X[:500, 0]).partial_fit(X[500:], X[500:, 0]).predict(X[:5])


def toggle_threads():
    for n_threads in (1, 2, 1, 2):
        _core.set_num_threads(n_threads)


WORK = {
    "classifier": lambda: SSTPLClassifier(**SMALL).fit(X, Y),
    "regressor": lambda: SSTPLRegressor(**SMALL).fit(X, X[:, 0]),
    "wide": lambda: SSTPLRegressor(**SMALL | WIDE).fit(X, X[:, 0]),
    "paper": lambda: SSTPLClassifier(**PAPER).fit(X, Y),
    "images": lambda: SSTPLClassifier(**SMALL, image_shape=(10, 6), image_filters=4).fit(X, Y),
    "growing": grow,
    "prediction": lambda: FITTED.predict(np.tile(X, (20, 1))),
    "file": save_and_load,
    "threads": toggle_threads,
}


def held():
    """Return the bytes of the address space that are taken."""
    return int(re.search(r"VmSize:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024


def main(name, warm, mebibytes):
    if warm:
        SSTPLClassifier(**SMALL | {"n_threads": None}).fit(X[:300], Y[:300])
    if name in ("prediction", "file"):
        FITTED.fit(X[:300], Y[:300])
    if name == "threads":
        toggle_threads()
    limit = int(held() + mebibytes * 2**20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    try:
        WORK[name]()
    except MemoryError:
        outcome = "MemoryError"
    else:
        outcome = "done"
    print(outcome)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] == "warm", float(sys.argv[3]))
