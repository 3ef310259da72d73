"""Scores of training rows by a whole system, none of them by a solution that saw the row's target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sstpl._rows import Split
from sstpl._typing import Floats


@dataclass(frozen=True)
class Staged:
    """Scores of rows by one subsystem.

    Attributes
    ----------
    base : array of shape (n, c)
        By its base, the part that scores its own rows blindly.
    whole : array of shape (n, c) or None
        By all of it; None for its own rows where that cannot be known.
    """

    base: Floats
    whole: Floats | None


class Blind:
    """The mean over subsystems of blind scores of every row.

    Every subsystem scores every row with its base, and the mean of that is what averaging does. What the rest of a
    subsystem adds is known twice, and neither is what the mean over subsystems will add to a new row:

    - of a row that the subsystem left out it is exact, but of one subsystem, so that nothing averages its errors;
    - of its own rows every subsystem may know it, so that there is a mean; but what other rows carry from level to
      level has seen the row's target, and what it says about it is worse than nothing.

    Both make a row look harder than it is. They are mixed by the one share t in [0, 1] that makes rows look easiest,
    found for the rows of a part, which one subsystem left out, on the rows of the other parts.
    """

    def __init__(self, targets: Floats) -> None:
        self._targets = targets
        self._base = np.zeros_like(targets)
        self._exact, self._own = np.zeros_like(targets), np.zeros_like(targets)
        self._part = np.full(len(targets), -1)
        self._n_exact, self._n_own = (np.zeros((len(targets), 1), dtype=targets.dtype) for _ in range(2))
        self._subsystems = 0

    def add(self, split: Split, sampled: Staged, left_out: Staged) -> None:
        """Add a subsystem's scores of its own rows, and of those it left out."""
        self._base[split.rows] += sampled.base
        self._base[split.left_out] += left_out.base
        if left_out.whole is not None:
            self._exact[split.left_out] += left_out.whole - left_out.base
            self._n_exact[split.left_out] += 1
        if sampled.whole is not None:
            self._own[split.rows] += sampled.whole - sampled.base
            self._n_own[split.rows] += 1
        self._part[split.left_out] = self._subsystems
        self._subsystems += 1

    def with_one(self, split: Split, sampled: Staged, left_out: Staged) -> Floats:
        """Return the mean of the base scores if a subsystem were added."""
        total = self._base.copy()
        total[split.rows] += sampled.base
        total[split.left_out] += left_out.base
        total /= self._subsystems + 1
        return total

    def scores(self) -> Floats:
        """Return the scores."""
        base: Floats = self._base / self._subsystems
        exact = self._exact / np.maximum(self._n_exact, 1)
        own = self._own / np.maximum(self._n_own, 1)
        both = (self._n_exact > 0) & (self._n_own > 0)
        scores: Floats = base + np.where(self._n_exact > 0, exact, own)
        change = np.where(both, self._n_own / self._subsystems * (own - exact), 0)
        if both.any():
            scores += change * self._share(self._targets - scores, change)
        return scores

    def _share(self, residual: Floats, change: Floats) -> Floats:
        """Return t for every row (n, 1): least squares of residuals on changes, over the rows of other parts."""
        products = np.einsum("ij,ij->i", residual, change, dtype=np.float64)
        squares = np.einsum("ij,ij->i", change, change, dtype=np.float64)
        share = np.zeros((len(residual), 1), dtype=residual.dtype)
        for part in np.unique(self._part[self._part >= 0]):
            others = self._part != part
            total = squares[others].sum()
            t = products[others].sum() / total if total > 0 else 0.0
            share[~others] = min(max(t, 0.0), 1.0)
        return share
