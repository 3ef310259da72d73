"""What a fit may spend: time, and threads."""

import pytest

from sstpl import _core
from sstpl._budget import Budget
from sstpl._config import threads_for


def test_no_limit_allows_everything():
    budget = Budget()
    budget.spent("level", 1e9)
    assert budget.allows("level")
    assert not budget.exhausted


def test_work_is_allowed_when_its_like_would_end_in_time():
    budget = Budget(100.0)
    budget.spent("level", 10.0)
    budget.spent("level", 5.0)
    budget.spent("subsystem", 1000.0)
    assert budget.allows("level")
    assert budget.allows("unknown")
    assert not budget.exhausted
    assert not budget.allows("subsystem")
    assert not budget.allows("unknown", 1000.0)
    assert budget.exhausted


def test_work_is_allowed_when_it_fits_into_memory():
    assert Budget(megabytes=2.0).holds(2 * 2**20)
    assert not Budget(megabytes=2.0).holds(2 * 2**20 + 1)
    assert Budget().holds(1e18)


@pytest.mark.parametrize("threads", [1, 2])
def test_small_work_runs_on_one_thread_and_large_work_as_before(threads):
    before = _core.num_threads()
    _core.set_num_threads(threads)
    try:
        with threads_for(1e6) as small:
            assert small == _core.num_threads() == 1
        with threads_for(1e12) as large:
            assert large == _core.num_threads() <= threads
        assert _core.num_threads() == threads
    finally:
        _core.set_num_threads(before)
