"""Nothing is left behind by fits and predictions: no memory, and no reference to what was given."""

import gc
import sys
import weakref

import numpy as np
import pytest

from reliability import isolation
from sstpl import SSTPLClassifier, SSTPLRegressor

SMALL = {"hidden_width": 30, "max_depth": 2, "n_subsystems": 2, "random_state": 0}

REPEATED = """
import re, sys
from pathlib import Path
import numpy as np
from sstpl import SSTPLClassifier, SSTPLRegressor

def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

n_fits = int(sys.argv[1])
rng = np.random.default_rng(0)
X = rng.standard_normal((150, 6))
y = X[:, 0] * X[:, 1]
small = {"hidden_width": 40, "max_depth": 2, "n_subsystems": 2, "random_state": 0, "n_threads": 1, "scaling": "feature"}

def once():
    model = SSTPLRegressor(**small).fit(X, y)
    model.predict(X)
    model.predict_interval(X)
    if turn % 4 == 0:
        SSTPLClassifier(**small).fit(X, y > 0).predict_proba(X)
        SSTPLRegressor(**small).partial_fit(X, y).predict(X)

held = []
for turn in range(n_fits):
    once()
    held.append(resident())
third = n_fits // 3
print(max(held[-third:]) - max(held[third:2 * third]))
"""


@pytest.mark.skipif(not isolation.IS_LINUX, reason="resident memory is read from /proc")
def test_memory_does_not_grow_with_the_number_of_fits():
    grown = int(isolation.lines(REPEATED, 200)[0])
    assert grown < 1.5 * 2**20  # some 70 fits; a leak of the rows alone would be half a mebibyte


@pytest.mark.parametrize("estimator", [SSTPLClassifier, SSTPLRegressor])
def test_nobody_keeps_the_rows_or_the_model(estimator):
    X = np.random.default_rng(0).standard_normal((100, 5))
    y = (X[:, 0] > 0).astype(float)
    before = sys.getrefcount(X), sys.getrefcount(y)
    for _ in range(5):
        model = estimator(**SMALL).fit(X, y)
        scores = model.predict(X)
    kept, rows, out = weakref.ref(model), weakref.ref(X), weakref.ref(scores)
    gc.collect()
    assert (sys.getrefcount(X), sys.getrefcount(y)) == before
    del X, y, scores
    gc.collect()
    assert rows() is None  # though the model lives
    assert out() is None
    del model
    gc.collect()
    assert kept() is None


def test_a_fit_that_fails_keeps_nothing():
    X = np.random.default_rng(0).standard_normal((100, 5))
    model = SSTPLRegressor(**SMALL, callback=lambda step: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        model.fit(X, X[:, 0])
    rows = weakref.ref(X)
    del X
    gc.collect()
    assert rows() is None
