"""Small pieces of work side by side, where threads within one would wait for each other longer than they work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sstpl._config import threads

T = TypeVar("T")

_FLOPS_WORTH_THREADS = 2e10  # of one hidden layer: above, threads within it do as well, and in less memory


def workers_for(n_rows: int, width: int, n_threads: int) -> int:
    """Return how many fits of a hidden layer of that width should run side by side."""
    return n_threads if float(n_rows) * width**2 < _FLOPS_WORTH_THREADS else 1


def side_by_side(tasks: Sequence[Callable[[], T]], n_workers: int) -> list[T]:
    """Return the results of tasks in their order, each computed by one thread of the core if they run side by side."""
    if n_workers < 2 or len(tasks) < 2:
        return [task() for task in tasks]
    with threads(1), ThreadPoolExecutor(n_workers) as pool:
        return [future.result() for future in [pool.submit(task) for task in tasks]]
