"""Which of the training rows a fit sees: one of every set of copies, with the weight of all of them.

A row of weight k is then the same as k copies of it. Copies never stand on both sides of a split, where a row would be
scored by a solution that saw it. Rows of unequal weight are put in the order of a hash of their values, so that weights
and copies come to the same folds and samples whatever order they were given in.

Where there are more than four copies of a row on average, columns have few values, new rows will have been seen
before, and a split that keeps copies together would ask for what is not needed: such rows stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sstpl import _core
from sstpl._blocks import blocks
from sstpl._given import Given
from sstpl._spill import empty_beside
from sstpl._typing import Floats, Labels, Weights

_MOST_COPIES = 4
_SEED_OF_X, _SEED_OF_Y = 0, 1

_Words = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Kept:
    """The rows that are fitted.

    Attributes
    ----------
    rows : int64 array of shape (n_kept,)
        Where they stand among the given ones.
    weights : float64 array of shape (n_kept,), or None where they are equal
    place : int64 array of shape (n_samples,)
        The entry of `rows` that every given row is a copy of; -1 for those of weight zero that are none.
    """

    rows: Labels
    weights: Weights
    place: Labels

    def spread(self, scores: Floats, unseen: Floats) -> Floats:
        """Return scores of all rows from those of the kept ones and of those that are no copies, in their order."""
        every = empty_beside(scores, (len(self.place), scores.shape[1]), scores.dtype)
        for part in blocks(*every.shape):
            fitted = self.place[part] >= 0
            every[part][fitted] = scores[self.place[part][fitted]]
        every[self.place < 0] = unseen
        return every


def kept_rows(given: Given, y: npt.NDArray[np.float64], weights: Weights) -> Kept | None:
    """Return which of the rows with targets y (n, c) are fitted, or None where that is all, of equal weight."""
    n_rows = len(given)
    kind, first = _kinds(given, y)
    summed = np.bincount(kind, weights=weights, minlength=len(first)).astype(np.float64)
    seen = summed > 0
    if np.count_nonzero(seen) < 2 or n_rows > _MOST_COPIES * len(first):
        kind, first = np.arange(n_rows), np.arange(n_rows)
        summed = np.ones(n_rows) if weights is None else weights
        seen = summed > 0
    if len(first) == n_rows and summed.min() == summed.max():
        return None
    order = np.flatnonzero(seen)
    if summed[seen].min() < summed[seen].max():
        order = order[np.argsort(_hash_both(given, y)[first[order]], kind="stable")]
    place = np.full(len(first), -1, dtype=np.int64)
    place[order] = np.arange(len(order))
    own = summed[order]
    return Kept(first[order].astype(np.int64), None if own.min() == own.max() else own, place[kind])


def _hash_both(given: Given, y: npt.NDArray[np.float64]) -> _Words:
    both: _Words = given.hashes(_SEED_OF_X) + _core.hash_rows(np.require(y, requirements=["C", "A"]), _SEED_OF_Y)
    return both


def _kinds(given: Given, y: npt.NDArray[np.float64]) -> tuple[Labels, Labels]:
    """Return for every row which of the different rows it is, numbered as they first occur, and where that is."""
    both = _hash_both(given, y)
    order = np.argsort(both, kind="stable")
    differs = np.concatenate([[True], both[order[1:]] != both[order[:-1]]])
    # Hashes of different rows may be equal, if rarely: what counts is values.
    again = np.flatnonzero(~differs)
    differs[again] = ~_equal(given, y, order[again], order[again - 1])
    kind = np.empty(len(given), dtype=np.int64)
    kind[order] = np.cumsum(differs) - 1
    first = order[differs]
    rank = np.empty(len(first), dtype=np.int64)
    by_place = np.argsort(first)
    rank[by_place] = np.arange(len(first))
    return rank[kind], first[by_place]


def _equal(given: Given, y: npt.NDArray[np.float64], left: Labels, right: Labels) -> npt.NDArray[np.bool_]:
    """Return whether rows are equal, pair by pair; a missing value equals a missing one."""
    same: npt.NDArray[np.bool_] = (y[left] == y[right]).all(axis=1)
    for part in blocks(len(left), given.n_features):
        a, b = given[left[part]].numbers(), given[right[part]].numbers()
        same[part] &= ((a == b) | (np.isnan(a) & np.isnan(b))).all(axis=1)
    return same
