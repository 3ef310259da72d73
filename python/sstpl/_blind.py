"""Scores of the training rows for the report, none of them by a solution that saw the row's target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sstpl._rows import Split
from sstpl._typing import Floats


@dataclass(frozen=True)
class OwnScores:
    """What a subsystem scores its own rows, sorted by fold.

    Attributes
    ----------
    base : array (n, c)
        By its base, no row by a solution that saw its target.
    whole : array (n, c), or None where there are none
        By all of it, every row by solutions that left it out, though fed with other rows' scores that saw its target.
    """

    base: Floats
    whole: Floats | None = None

    @property
    def best(self) -> Floats:
        """The scores by the whole where they are known, or by the base."""
        return self.base if self.whole is None else self.whole


class _Shares:
    """The share of the residual y - base that whole - base explains, least squares per output."""

    def __init__(self, n_outputs: int) -> None:
        self._explained = np.zeros(n_outputs)
        self._residual = np.zeros(n_outputs)

    def add(self, residual: Floats, added: Floats) -> None:
        self._explained += np.sum(residual * added, axis=0, dtype=np.float64)
        self._residual += np.sum(np.square(residual), axis=0, dtype=np.float64)

    def of(self) -> npt.NDArray[np.float64]:
        known = self._residual > 0
        share: npt.NDArray[np.float64] = np.where(known, self._explained / np.where(known, self._residual, 1.0), 0.0)
        return share

    @property
    def is_empty(self) -> bool:
        return not np.any(self._residual > 0)


class Blind:
    """The mean over subsystems of what their bases score every row, and of what the rest of them adds to that.

    The rows that a subsystem left out show truly what the rest adds. Of its own rows it may say so too (`OwnScores`),
    but there the scores that other rows feed to the upper levels knew the row's target y, and its upper levels learnt
    to undo what they knew: whole - base lacks a share of the residual y - base. The share is that by which it explains
    less of the residuals of own rows than of rows left out, one number per output over all subsystems, and is added.
    """

    def __init__(self, targets: Floats) -> None:
        self._targets = targets
        self._base = np.zeros_like(targets)
        self._added = np.zeros_like(targets)
        self._residual = np.zeros_like(targets)  # summed where own rows were added to
        self._count = np.zeros((len(targets), 1), dtype=targets.dtype)
        self._subsystems = 0
        self._own, self._left_out = _Shares(targets.shape[1]), _Shares(targets.shape[1])

    def add(self, split: Split, own: OwnScores, base: Floats, whole: Floats) -> None:
        """Add a subsystem: the scores of its own rows, and base and whole scores of those that it left out."""
        self._base[split.rows] += own.base
        self._base[split.left_out] += base
        self._added[split.left_out] += whole - base
        self._count[split.left_out] += 1
        self._left_out.add(self._targets[split.left_out] - base, whole - base)
        self._subsystems += 1
        if own.whole is None:
            return
        residual = self._targets[split.rows] - own.base
        self._added[split.rows] += own.whole - own.base
        self._residual[split.rows] += residual
        self._count[split.rows] += 1
        self._own.add(residual, own.whole - own.base)

    def with_one(self, split: Split, own: OwnScores, base: Floats) -> Floats:
        """Return the mean of the base scores if a subsystem were added."""
        total = self._base.copy()
        total[split.rows] += own.base
        total[split.left_out] += base
        total /= self._subsystems + 1
        return total

    def scores(self) -> Floats:
        """Return the scores."""
        added = self._added
        if not self._own.is_empty and not self._left_out.is_empty:
            lacking = self._left_out.of() - self._own.of()
            added = added + self._residual * lacking.astype(added.dtype)
        scores: Floats = self._base / self._subsystems + added / np.maximum(self._count, 1)
        return scores
