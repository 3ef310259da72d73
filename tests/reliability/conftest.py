"""Fixtures of the tests of reliability."""

import pytest
from hypothesis import settings
from threadpoolctl import threadpool_limits

settings.register_profile("sstpl", derandomize=True, deadline=None, max_examples=60, database=None)
settings.load_profile("sstpl")


@pytest.fixture(scope="session", autouse=True)
def one_thread_each():
    """NumPy's BLAS and ours on one thread: on busy cores the many small problems are faster so."""
    with threadpool_limits(1):
        yield
