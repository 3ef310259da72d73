"""Tasks of a fit on a Dask cluster."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

from sstpl._config import threads
from sstpl._engines import Ref

try:
    from dask.sizeof import sizeof
    from distributed import Client, Future, get_worker
except ImportError as error:
    raise ImportError("sstpl.dask needs Dask: pip install 'sstpl[dask]'") from error


class _Whole:
    """A value that is sent in one piece: arrays that Dask sends by themselves may begin at an odd byte."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpacked, (pickle.dumps(self.value, protocol=pickle.HIGHEST_PROTOCOL),)


def _unpacked(packed: bytes) -> _Whole:
    return _Whole(pickle.loads(packed))


def _size(whole: _Whole) -> int:
    return int(sizeof(whole.value))


sizeof.register(_Whole, _size)


def _in_worker(function: Callable[..., object], n_threads: int | None, alone: bool, *arguments: object) -> _Whole:
    """Run a task with the threads that it may use: its own one where others run beside it, else the worker's."""
    of_worker = int(get_worker().state.nthreads)
    if n_threads is None and (alone or of_worker > 1):
        n_threads = of_worker if alone else 1
    with threads(n_threads):
        values = (one.value if isinstance(one, _Whole) else one for one in arguments)
        return _Whole(function(*values))


class DaskEngine:
    """Runs pure functions on the workers of a Dask cluster; see `sstpl.distributed.PartitionedRows`.

    Every task has a key of its own and returns a value: where a worker is lost, Dask runs again what it had, from the
    partitions' own graph on.

    Parameters
    ----------
    client : distributed.Client
    n_threads : int, optional
        Threads of a task. By default a task has one thread where its worker runs several at a time, what the worker's
        environment says where it runs one, and all of the worker's where it solves and nothing else runs.
    """

    def __init__(self, client: Client, n_threads: int | None = None) -> None:
        self.client = client
        self.n_threads = n_threads
        self._begun = 0

    def put(self, value: object) -> Ref:
        """Return a future of a value: of a task and not of `scatter`, which loses it with a worker."""
        return self._submit("put", _same, _Whole(value))

    def map(self, function: Callable[..., object], *columns: Sequence[object], alone: bool = False) -> list[Ref]:
        """Return futures of results."""
        return [
            self._submit("task", _in_worker, function, self.n_threads, alone, *map(_sent, row))
            for row in zip(*columns, strict=True)
        ]

    def get(self, refs: Sequence[Ref]) -> list[Any]:
        """Return the values of futures."""
        return [whole.value for whole in self.client.gather(list(refs))]

    def _submit(self, kind: str, function: Callable[..., object], *arguments: object) -> Ref:
        # What comes later is done first: sums are added as they are made, and a worker holds few of them at a time.
        self._begun += 1
        with warnings.catch_warnings():
            # Scores and row numbers go with the task that needs them, so that they can be sent again.
            warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
            return self.client.submit(
                function, *arguments, key=f"sstpl-{kind}-{uuid4().hex}", pure=False, priority=self._begun
            )


def _same(whole: _Whole) -> _Whole:
    return whole


def _sent(argument: object) -> object:
    return argument if isinstance(argument, Future) else _Whole(argument)
