"""Small pieces of work side by side, where threads within one would wait for each other longer than they work."""

from __future__ import annotations

from _thread import start_new_thread
from collections.abc import Callable, Sequence
from threading import Condition, local
from typing import Generic, TypeVar

from sstpl._config import threads

T = TypeVar("T")

_FLOPS_WORTH_THREADS = 2e10  # of one hidden layer: above, threads within it do as well, and in less memory


def workers_for(n_rows: int, width: int, n_threads: int) -> int:
    """Return how many fits of a hidden layer of that width should run side by side."""
    return n_threads if float(n_rows) * width**2 < _FLOPS_WORTH_THREADS else 1


class _Stopped(BaseException):
    """Ends a task that nobody waits for any longer; no task may catch it."""


class _Work(Generic[T]):
    """Tasks that several threads take one after another, until there are none or one has failed."""

    def __init__(self, tasks: Sequence[Callable[[], T]]) -> None:
        self._tasks = tasks
        self._changed = Condition()
        self._taken = 0
        self._under_way = 0
        self._results: dict[int, T] = {}
        self._errors: dict[int, BaseException] = {}
        self.stopped = False

    def run(self) -> None:
        """Take tasks and do them, in whatever thread."""
        _own.work = self
        try:
            while (index := self._take()) is not None:
                try:
                    self._results[index] = self._tasks[index]()
                except BaseException as error:  # to be raised by the thread that waits
                    self._errors[index] = error
                    self.stopped = True
                finally:
                    with self._changed:
                        self._under_way -= 1
                        self._changed.notify_all()
        finally:
            _own.work = None

    def _take(self) -> int | None:
        with self._changed:
            if self.stopped or self._taken == len(self._tasks):
                return None
            self._taken += 1
            self._under_way += 1
            return self._taken - 1

    def wait(self) -> None:
        """Wait for the tasks that were taken, and for no thread: one that had no memory to begin never ends."""
        with self._changed:
            while self._under_way:
                self._changed.wait()

    def results(self) -> list[T]:
        """Return the results, or raise the first error."""
        if self._errors:
            raise self._errors[min(i for i, error in self._errors.items() if not isinstance(error, _Stopped))]
        return [self._results[index] for index in range(len(self._tasks))]


_own = local()  # what the thread works on


def stop_if_unwanted() -> None:
    """End the task of this thread if the work that it is part of was interrupted or has failed; asked now and then."""
    work: _Work[object] | None = getattr(_own, "work", None)
    if work is not None and work.stopped:
        raise _Stopped


def side_by_side(tasks: Sequence[Callable[[], T]], n_workers: int) -> list[T]:
    """Return the results of tasks in their order, each computed by one thread of the core if they run side by side.

    An error of a task, or an interrupt of the caller, ends the others soon. The caller's thread takes part, and does
    all of it where the system gives no more threads.
    """
    if n_workers < 2 or len(tasks) < 2:
        return [task() for task in tasks]
    work = _Work(tasks)
    with threads(1):
        try:
            for _ in range(min(n_workers, len(tasks)) - 1):
                start_new_thread(work.run, ())  # threading.Thread would wait for it to begin, if need be for ever
        except (RuntimeError, MemoryError):
            pass  # the system gives no more threads
        try:
            work.run()
            work.wait()
        finally:
            work.stopped = True  # an interrupt of this thread
            work.wait()
    return work.results()
