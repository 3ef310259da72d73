"""Fixtures of the core's tests."""

import pytest
from threadpoolctl import threadpool_limits

from sstpl import _core


@pytest.fixture(scope="session", autouse=True)
def one_thread_each():
    """NumPy's BLAS and ours on one thread: on busy cores the many small problems are faster so."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def with_threads():
    """Return a call under a given number of the core's threads; the number before is put back afterwards."""
    before = _core.num_threads()

    def call(n_threads, function, *arguments, **options):
        _core.set_num_threads(n_threads)
        return function(*arguments, **options)

    yield call
    _core.set_num_threads(before)


@pytest.fixture
def sums_of():
    """Return the core's sums of rows H, Y."""

    def build(H, Y, weights=None):
        sums = _core.Sums(H.shape[1], Y.shape[1])
        sums.add_rows(H, Y, weights)
        return sums

    return build
