"""Arrays are borrowed for the length of a call, results are handed over, and the interpreter stays free."""

import gc
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from reference import problems
from sstpl import _core

PEAK = """
import re
import numpy as np
from sstpl import _core

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024

A, b = np.ones((4, 64)), np.zeros(4)
fusion = (np.zeros(64), np.ones(64), A, b, np.ones((4, 1)), np.zeros(1))
X = np.random.default_rng(0).standard_normal((160_000, 64))
Y = X[:, :1].copy()
calls = {
    "fit_crossfit": lambda n: _core.fit_crossfit(X[:n], Y[:n], [0.1], hidden=(A, b), hold_bytes=0),
    "draw_hidden": lambda n: _core.draw_hidden("constrained", X[:n], 100, 0, 0),
    "fit_encoder": lambda n: _core.fit_encoder(X[:n], A, b, "tanh", "ridge", 0.1),
    "predict_subsystem": lambda n: _core.predict_subsystem(X[:n], [], [], fusion, [0], [], "tanh"),
    "sample_patches": lambda n: _core.sample_patches(X[:n], (8, 8, 1), 5, 0.1, 0, 0, 1000),
    "apply_conv": lambda n: _core.apply_conv(X[:n], np.ones((2, 9)), (8, 8, 1), 3, grid=1),
    "fit_level": lambda n: _core.fit_level([X[:n]], Y[:n], "constrained", 4, "tanh", 0, 0, None, [0.1]),
    "predict_stack": lambda n: _core.predict_stack(X[:n], [(A, b, np.ones((4, 1)), np.zeros(1))], 1.0, "tanh"),
}
for name, call in calls.items():
    call(20_000)
    before = peak()
    call(len(X))
    assert peak() - before < X.nbytes / 4, f"{name} needs {peak() - before} bytes for inputs of {X.nbytes}"
"""


def run(code):
    """Run code in an interpreter of its own, where a crash ends nothing else."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"ended by {done.returncode}: {done.stderr}"


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="peak memory is read from Linux's /proc")
def test_inputs_are_not_copied():
    run(PEAK)


@pytest.mark.parametrize("dtype", problems.DTYPES)
def test_files_mapped_read_only_work(tmp_path, dtype):
    X, Y = problems.regression(30, 5, dtype=dtype)
    X.tofile(tmp_path / "X")
    Y.tofile(tmp_path / "Y")
    mapped = [np.memmap(tmp_path / name, dtype, mode="r", shape=array.shape) for name, array in [("X", X), ("Y", Y)]]
    starts = problems.fold_starts(30, 3)
    for weights in (None, np.linspace(0.5, 1.5, 30)):
        expected = _core.fit_crossfit(X, Y, [0.1, 1.0], starts, weights=weights)
        actual = _core.fit_crossfit(*mapped, [0.1, 1.0], starts, weights=weights)
        np.testing.assert_array_equal(actual["weights"], expected["weights"])


def test_results_are_handed_over_without_a_copy_and_outlive_the_call():
    H, Y = problems.regression(30, 5)
    result = _core.fit_crossfit(H, Y, [0.1], problems.fold_starts(30, 3))
    for name in ("weights", "oof_scores"):
        array = result[name]
        assert not array.flags.owndata
        assert type(array.base).__name__ == "PyCapsule"
        assert array.flags.c_contiguous
        assert array.flags.writeable
    kept, copy = result["oof_scores"], result["oof_scores"].copy()
    del result
    gc.collect()
    problems.normal(1000, 100)
    np.testing.assert_array_equal(kept, copy)


def test_inputs_may_die_after_the_call():
    H, Y = problems.regression(30, 5)
    sums = _core.Sums(5, 2)
    sums.add_rows(H, Y)
    before = sums.cross
    H[:], Y[:] = np.nan, np.nan
    del H, Y
    gc.collect()
    np.testing.assert_array_equal(sums.cross, before)


def test_one_array_may_be_both_inputs_and_targets():
    H = problems.normal(20, 4)
    apart = _core.fit_crossfit(H, H.copy(), [0.1])
    np.testing.assert_array_equal(_core.fit_crossfit(H, H, [0.1])["weights"], apart["weights"])


@pytest.mark.parametrize("dtype", problems.DTYPES)
def test_misaligned_arrays_work_or_are_refused(dtype):
    size = np.dtype(dtype).itemsize
    H, Y = problems.regression(40, 33, dtype=dtype)
    raw = np.zeros(H.nbytes + size, np.uint8)
    raw[1 : 1 + H.nbytes] = np.frombuffer(H.tobytes(), np.uint8)
    misaligned = np.frombuffer(raw, dtype, H.size, offset=1).reshape(H.shape)
    assert not misaligned.flags.aligned
    try:
        result = _core.fit_crossfit(misaligned, Y, [0.1])
    except (TypeError, ValueError):
        return
    problems.assert_close(result["weights"], _core.fit_crossfit(H, Y, [0.1])["weights"], dtype)


def test_threads_of_python_may_fit_at_the_same_time():
    found = problems.regression(400, 40)
    starts = problems.fold_starts(400, 4)
    expected = _core.fit_crossfit(*found, [0.1, 1.0], starts)["oof_scores"]
    results = [None] * 4

    def work(i):
        for _ in range(5):
            results[i] = _core.fit_crossfit(*found, [0.1, 1.0], starts)["oof_scores"]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for scores in results:
        problems.assert_close(scores, expected)


def long_fit(**options):
    """About a second of work with a checkpoint at every row."""
    X, Y = problems.regression(60_000, 8)
    hidden = _core.draw_hidden("normal", X, 300, 0, 0)
    _core.fit_crossfit(X, Y, [0.1], hidden=hidden, block_rows=1, hold_bytes=0, **options)
    pytest.fail("the fit was not interrupted")


def test_what_a_tick_raises_ends_the_call():
    def tick():
        raise KeyError("stop")

    with pytest.raises(KeyError, match="stop"):
        long_fit(tick=tick)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timer on this system")
def test_signals_interrupt_a_call():
    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(KeyboardInterrupt):
            long_fit()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


REFUSED = """
import numpy as np
from sstpl._core import *
for call in {calls!r}:
    try:
        eval(call)
    except {errors}:
        continue
    raise AssertionError(call + " was not refused")
"""


@pytest.mark.parametrize("call", ["solve_ridge([None], 0.1, True)", "heldout_errors([None, None], [0.1], True)"])
def test_none_in_place_of_sums_is_a_type_error(call):
    run(REFUSED.format(calls=[call], errors="TypeError"))
    with pytest.raises(TypeError):
        _core.Sums(2, 1).merge(None)


def test_sizes_that_no_machine_has_are_errors_of_memory_or_value():
    calls = [
        "random_matrix(True, 0, 0, 10**9, 10**9)",
        "random_matrix(True, 0, 0, 2**62, 2**62)",
        "Sums(10**8, 1)",
        "draw_hidden('normal', np.ones((2, 10**5)), 10**12, 0, 0)",
        "sample_patches(np.ones((1, 1)), (1, 1, 1), 1, 0.0, 0, 0, 10**17)",
        "sample_patches(np.ones((1, 1)), (1, 1, 1), 2**31 + 1, 0.0, 0, 0, 1)",
        # Products of sizes that wrap to something small.
        "sample_patches(np.ones((1, 1)), (1, 1, 1), 2**32 + 1, 0.0, 0, 0, 1)",
        "apply_conv(np.ones((2, 0)), np.ones((1, 1)), (2**32, 2**32, 1), 1, grid=1)",
        "draw_hidden('normal', np.ones((2, 4)), 2, 0, 0, fields=(2**32, 2**32, 1, 2**31))",
    ]
    run(REFUSED.format(calls=calls, errors="(MemoryError, ValueError)"))
