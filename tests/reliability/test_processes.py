"""Processes and threads around a fit: forks while it runs, pools of every kind, two fits at once."""

import concurrent.futures
import multiprocessing
import os
import threading

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from reliability import isolation
from sstpl import SSTPLRegressor, _core

SETTINGS = {"hidden_width": 40, "max_depth": 2, "n_subsystems": 3, "random_state": 0}
CLOSE = {"rtol": 1e-6, "atol": 1e-6}

can_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

FORK = """
import os, sys, threading
import numpy as np
from sstpl import SSTPLRegressor, _core

n_forks, kind = int(sys.argv[1]), sys.argv[2]
_core.set_num_threads(2)
rng = np.random.default_rng(0)
X = rng.standard_normal((4000, 150))
Y = X[:, :2].copy()
ended, started = threading.Event(), threading.Event()

def solve():
    _core.fit_crossfit(X, Y, [0.1, 1.0], np.array([0, 2000, 4000]))

def fit():
    SSTPLRegressor(hidden_width=200, n_subsystems=2, max_depth=2, n_threads=2, random_state=0).fit(X[:1000], Y[:1000])

def work():
    while not ended.is_set():
        {"solves": solve, "fits": fit}[kind]()
        started.set()

thread = threading.Thread(target=work)
thread.start()
started.wait()
for _ in range(n_forks):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _core.set_num_threads(2)
            solve()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
ended.set()
thread.join()
print(n_forks)
"""


@can_fork
@pytest.mark.parametrize("kind", ["solves", "fits"])
def test_a_fork_while_another_thread_fits_hangs_neither_parent_nor_child(kind):
    assert isolation.lines(FORK, 10, kind, environment={"OPENBLAS_NUM_THREADS": "2"}) == ["10"]


@pytest.fixture(scope="module")
def rows():
    X, y = load_diabetes(return_X_y=True)
    return X[:150], y[:150]


def fit_and_predict(rows, seed):
    """Fit a small model; a function of this module, for pools of processes to find."""
    X, y = rows
    return SSTPLRegressor(**SETTINGS | {"random_state": seed}).fit(X, y).predict(X)


@pytest.fixture(scope="module")
def expected(rows):
    return [fit_and_predict(rows, seed) for seed in range(3)]


POOL = """
import concurrent.futures, multiprocessing, sys
import numpy as np
from reliability.test_processes import fit_and_predict
from sklearn.datasets import load_diabetes

if __name__ == "__main__":
    how, method = sys.argv[1:]
    X, y = load_diabetes(return_X_y=True)
    rows = X[:150], y[:150]
    expected = [fit_and_predict(rows, seed) for seed in range(3)]  # the parent's threads are at work before it forks
    context = multiprocessing.get_context(method)
    if how == "multiprocessing":
        with context.Pool(2) as pool:
            found = pool.starmap(fit_and_predict, [(rows, seed) for seed in range(3)])
    else:
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
            found = list(pool.map(fit_and_predict, [rows] * 3, range(3)))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)
    print("done")
"""


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
@pytest.mark.parametrize("how", ["multiprocessing", "concurrent.futures"])
def test_pools_of_processes_give_the_same_models(how, method, tmp_path):
    program = tmp_path / "pool.py"  # children read the main module again, so it has to be a file
    program.write_text(POOL)
    assert isolation.lines(program, how, method) == ["done"]


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_joblib_gives_the_same_models(backend, rows, expected):
    with joblib.parallel_config(backend):
        found = joblib.Parallel(2)(joblib.delayed(fit_and_predict)(rows, seed) for seed in range(3))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, **CLOSE)


def test_fits_in_several_threads_at_once_are_the_fits_one_after_the_other(rows, expected):
    before = _core.num_threads()
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        found = list(pool.map(fit_and_predict, [rows] * 9, [0, 1, 2] * 3))
    for one, other in zip(found, expected * 3, strict=True):
        np.testing.assert_allclose(one, other, **CLOSE)
    assert _core.num_threads() == before


def test_limits_of_threads_that_end_in_any_order_leave_the_setting_as_it_was():
    from sstpl._config import threads

    before = _core.num_threads()
    begun, go_on = threading.Barrier(2), threading.Event()

    def limit():
        with threads(before + 2):
            begun.wait()
            go_on.wait()

    other = threading.Thread(target=limit)
    with threads(before + 1):
        other.start()
        begun.wait()
    go_on.set()  # the one that began last ends last
    other.join()
    assert _core.num_threads() == before


def test_rows_of_one_array_may_be_predicted_by_several_threads(rows):
    X, y = rows
    model = SSTPLRegressor(**SETTINGS).fit(X, y)
    expected = model.predict(X)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for found in pool.map(model.predict, [X] * 20):
            np.testing.assert_allclose(found, expected, **CLOSE)
