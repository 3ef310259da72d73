"""Ctrl-C in every stage: the call ends soon, with KeyboardInterrupt, and the estimator is as it was."""

import os
import threading

import pytest

from reliability import interrupts
from sstpl import _core

CASES = [(name, stage) for name, (_, _, stages) in interrupts.calls(0.05).items() for stage in stages]
SOON = 3.0  # seconds; half a second is what is wanted, and what bench/reliability.py reports, on a machine at rest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a process cannot interrupt itself on this system")


@pytest.fixture(scope="module")
def calls():
    return interrupts.calls(0.5)


@pytest.mark.parametrize(("name", "stage"), CASES)
def test_an_interrupt_ends_the_stage_soon_and_leaves_the_estimator_as_it_was(name, stage, calls):
    call, estimator, _ = calls[name]
    before, n_threads, workers = dict(vars(estimator)), _core.num_threads(), threading.active_count()
    for delay in (0.02, 0.005, 0.0):
        seconds = interrupts.seconds_to_return(call, stage, delay)
        after = dict(vars(estimator))
        if seconds is not None:
            break
        estimator.__dict__.clear()
        estimator.__dict__.update(before)
    assert seconds is not None, "the stage was over before the interrupt came"
    assert seconds < SOON
    assert after.keys() == before.keys()
    assert all(after[key] is before[key] for key in before)
    assert _core.num_threads() == n_threads
    assert threading.active_count() <= workers  # nobody works on
