"""Rows that are in other processes, in partitions: which of them, in which order, and what is asked about them.

Numbers of rows, targets and scores are in this process; rows never are, but for the few that are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from sstpl import _partition_tasks as tasks
from sstpl._engines import Engine, Ref
from sstpl._given import Given
from sstpl._levels import Elsewhere, LevelOptions
from sstpl._logistic import Classes, Features, Layer
from sstpl._partition_levels import FeaturesElsewhere, fit_level
from sstpl._partition_tasks import LevelTask
from sstpl._typing import Floats, Labels, Weights

_Array = npt.NDArray[Any]
_Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Piece:
    """The rows of one partition that are asked about.

    Attributes
    ----------
    ref : Ref
        The partition, an array.
    rows : int64 array or None
        Which of its rows, in the order asked for; None for all.
    places : int64 array
        Where they stand among all rows that are asked about, ascending.
    """

    ref: Ref
    rows: Labels | None
    places: Labels


@dataclass(frozen=True)
class Partitioned(Elsewhere):
    """Rows of an array (n, n_columns) that is in partitions elsewhere.

    Attributes
    ----------
    engine : Engine
    refs : list of Ref
        The partitions, arrays of that many columns and any numbers of rows.
    starts : int64 array of shape (n_partitions + 1,)
        The number of the first row of each partition.
    rows : int64 array or None
        Which rows, by number, in any order; None for all.
    n_columns : int
    dtype : numpy dtype
    """

    engine: Engine
    refs: list[Ref]
    starts: Labels
    rows: Labels | None
    n_columns: int
    dtype: np.dtype[Any]

    def __len__(self) -> int:
        return int(self.starts[-1]) if self.rows is None else len(self.rows)

    def __getitem__(self, rows: slice) -> Partitioned:
        """Return a range of rows."""
        return self.take(np.arange(len(self), dtype=np.int64)[rows])

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""
        return len(self), self.n_columns

    def take(self, rows: Labels) -> Partitioned:
        """Return some of these rows."""
        return replace(self, rows=rows if self.rows is None else self.rows[rows])

    def pieces(self) -> Iterator[Piece]:
        """Yield the partitions that have any of these rows."""
        if self.rows is None:
            for ref, start, end in zip(self.refs, self.starts[:-1], self.starts[1:], strict=True):
                if end > start:
                    yield Piece(ref, None, np.arange(start, end, dtype=np.int64))
            return
        owner = np.searchsorted(self.starts, self.rows, side="right") - 1
        order = np.argsort(owner, kind="stable")
        ends = np.searchsorted(owner[order], np.arange(len(self.refs) + 1))
        for index, ref in enumerate(self.refs):
            places = order[ends[index] : ends[index + 1]]
            if len(places):
                yield Piece(ref, self.rows[places] - self.starts[index], places)

    def each(self, function: Callable[..., object], *by_row: _Array | None, each: Sequence[object] = ()) -> list[Ref]:
        """Begin ``function(rows of a partition, *their entries of by_row, *each)`` for all partitions."""
        pieces = list(self.pieces())
        parts = [[None if values is None else values[piece.places] for piece in pieces] for values in by_row]
        same = [[value] * len(pieces) for value in each]
        refs, rows = [piece.ref for piece in pieces], [piece.rows for piece in pieces]
        return self.engine.map(partial(tasks.on_rows, function), refs, rows, *parts, *same)

    def ask(self, function: Callable[..., object], *by_row: _Array | None, each: Sequence[object] = ()) -> list[Any]:
        """Return the answers of all partitions."""
        return self.engine.get(self.each(function, *by_row, each=each))

    def rowwise(self, refs: Sequence[Ref]) -> _Array:
        """Return in one array, row by row, what `each` began."""
        places = [piece.places for piece in self.pieces()]
        parts = self.engine.get(refs)
        if not parts:
            return np.zeros((0, self.n_columns), dtype=self.dtype)
        found = np.empty((len(self), *parts[0].shape[1:]), dtype=parts[0].dtype)
        for place, part in zip(places, parts, strict=True):
            found[place] = part
        return found

    def here(self) -> _Array:
        """Return the rows."""
        return self.rowwise(self.each(tasks.same))

    def fit_level(
        self, targets: Floats, fed: Floats | None, fed_then: Floats | None, options: LevelOptions
    ) -> dict[str, Any]:
        """Fit a level; see `_partition_levels`."""
        return fit_level(self, targets, fed, fed_then, options)

    def features(self, fed: Floats | None, layer: Layer, activation: str, classes: Classes) -> Features:
        """Return the features of the rows; see `_partition_levels`."""
        return FeaturesElsewhere(self, fed, LevelTask(layer, activation), classes)

    def scores(self, fed: Floats | None, levels: Sequence[Any], gain: float, activation: str) -> Floats:
        """Return the scores by levels."""
        known = self.engine.put(list(levels))
        return self.rowwise(self.each(tasks.stack_scores, fed, each=(known, gain, activation)))


@dataclass(frozen=True)
class GivenElsewhere(Given):
    """Checked rows in partitions; X is `Partitioned`."""

    X: Partitioned

    def here(self) -> Given:
        """Return the rows in this process."""
        return Given(self.X.here(), self.has_missing, self.categorical)

    def mapped(self, transform: Callable[[Given], Floats], n_columns: int, dtype: np.dtype[Any]) -> Any:
        """Return what a map makes of all partitions, as `Partitioned`."""
        known = self.X.engine.put((transform, Given(None, self.has_missing, self.categorical)))
        refs = self.X.engine.map(tasks.transformed, self.X.refs, [known] * len(self.X.refs))
        return replace(self.X, refs=refs, n_columns=n_columns, dtype=np.dtype(dtype))

    @property
    def is_plain(self) -> bool:
        """Whether the core can read all rows as they are: not here."""
        return False

    def numbers(self) -> Floats:
        """Return all rows; see `Given`."""
        return self.here().numbers()

    def hashes(self, seed: int) -> npt.NDArray[np.uint64]:
        """Return a hash of every row; see `_copies`."""
        found: npt.NDArray[np.uint64] = self.X.rowwise(self.X.each(tasks.hashes, each=(seed,)))
        return found

    def take(self, rows: slice, columns: Labels) -> _Reals:
        """Return columns of some rows; see `Given`."""
        return replace(self, X=self.X[rows]).here().take(slice(None), columns)

    def observed(self, columns: Labels, weights: Weights = None) -> Iterator[tuple[_Reals, Weights]]:
        """Yield columns; see `Given`."""
        if len(columns):
            yield from self.here().observed(columns, weights)

    def _sum(self, method: str, *arguments: object, weights: Weights) -> _Reals:
        found: list[_Reals] = self.X.ask(tasks.asked, weights, each=(method, arguments, self.has_missing))
        total: _Reals = np.sum(found, axis=0)
        return total

    def total(self, columns: Labels, part: Callable[[_Reals], _Reals], weights: Weights) -> _Reals:
        """Return sums over the rows; see `Given`."""
        return self._sum("total", columns, part, weights=weights)

    def shares(self, columns: Labels, low: _Reals, high: _Reals, mean: _Reals | None, weights: Weights) -> _Reals:
        """Return sums over the rows; see `Given`."""
        return self._sum("shares", columns, low, high, mean, weights=weights)

    def observed_weight(self, weights: Weights = None) -> _Reals:
        """Return the weight of rows with a value; see `Given`."""
        return self._sum("observed_weight", weights=weights)

    def missing_weight(self, weights: Weights = None) -> _Reals:
        """Return the weight of rows without a value; see `Given`."""
        return self._sum("missing_weight", weights=weights)

    def extremes(self) -> tuple[_Array, _Array]:
        """Return the least and the largest values; see `Given`."""
        ends = self.X.ask(tasks.asked, None, each=("extremes", (), self.has_missing))
        lows, highs = zip(*ends, strict=True)
        least, largest = (np.fmin, np.fmax) if self.has_missing else (np.minimum, np.maximum)
        return least.reduce(lows, axis=0), largest.reduce(highs, axis=0)
