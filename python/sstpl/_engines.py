"""Where pieces of a fit run when its rows are in other processes: three operations that any cluster has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

Ref: TypeAlias = Any  # what stands for a value that is elsewhere

_FAN_IN = 4  # of a reduction: as few rounds as one machine's memory allows


class Engine(Protocol):
    """Runs pure functions elsewhere. A task may be lost, repeated or run twice: it changes nothing but its result."""

    def put(self, value: object) -> Ref:
        """Return what stands for a value of this process in arguments of tasks."""

    def map(self, function: Callable[..., object], *columns: Sequence[object], alone: bool = False) -> list[Ref]:
        """Begin ``function(*row)`` for every row of the columns, whose references stand for values.

        `alone` says that nothing else runs meanwhile: a task may use all threads of its machine.
        """

    def get(self, refs: Sequence[Ref]) -> list[Any]:
        """Return values, or raise the error of one that there is none of."""


def reduced(engine: Engine, function: Callable[..., object], refs: Sequence[Ref]) -> Ref:
    """Return ``function`` of all values, which are given to it four at a time, as a tree; it must be associative."""
    refs = list(refs)
    while len(refs) > 1:
        groups = [refs[i : i + _FAN_IN] for i in range(0, len(refs), _FAN_IN)]
        refs = [group[0] if len(group) == 1 else engine.map(function, *([ref] for ref in group))[0] for group in groups]
    return refs[0]


class HereEngine:
    """Runs everything in this process, at once: what an engine is, and how to see what the others do."""

    def put(self, value: object) -> Ref:
        """Return the value itself."""
        return value

    def map(self, function: Callable[..., object], *columns: Sequence[object], alone: bool = False) -> list[Ref]:
        """Return the results."""
        return [function(*row) for row in zip(*columns, strict=True)]

    def get(self, refs: Sequence[Ref]) -> list[Any]:
        """Return the values."""
        return list(refs)
