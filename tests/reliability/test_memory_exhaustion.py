"""A process that runs out of memory raises MemoryError, before the work or during it, and goes on."""

import pytest

from reliability import isolation

PROGRAM = isolation.TESTS / "reliability" / "exhaustion.py"
WORK = ("classifier", "regressor", "wide", "paper", "images", "growing", "prediction", "file")
# With a BLAS that has worked before and with one that has not: its buffers are what it cannot do without.
LIMITS = {"warm": (1, 8), "cold": (8, 40)}

pytestmark = pytest.mark.skipif(not isolation.IS_LINUX, reason="limits on memory work on Linux alone")


def outcome(work, blas, mebibytes):
    """Return what became of a piece of work, or how its process ended."""
    done = isolation.run(PROGRAM, work, blas, mebibytes, seconds=120)
    printed = done.stdout.splitlines()[-1:]
    return printed[0] if done.returncode == 0 and printed else f"ended by {done.returncode}: {done.stderr[-2000:]}"


@pytest.mark.parametrize("work", WORK)
def test_no_work_ends_the_process_for_want_of_memory(work):
    blas = ("warm", "cold")[WORK.index(work) % 2]
    for mebibytes in LIMITS[blas]:
        assert outcome(work, blas, mebibytes) in ("MemoryError", "done")


def test_threads_that_there_were_before_need_no_memory_again():
    assert outcome("threads", "warm", 1) == "done"


def test_the_limits_of_these_tests_are_limits():
    assert outcome("regressor", "cold", 1) == "MemoryError"
    assert outcome("classifier", "warm", 0) == "MemoryError"
