"""Scores of the training rows for the report, none of them by a solution that saw the row's target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sstpl._blocks import blocks
from sstpl._rows import Split
from sstpl._spill import empty_beside, made_beside, zeros_beside
from sstpl._typing import Floats, Labels, Weights


@dataclass(frozen=True)
class OwnScores:
    """What a subsystem scores its own rows, sorted by fold.

    Attributes
    ----------
    base : array (n, c)
        By its base, no row by a solution that saw its target.
    whole : array (n, c), or None where there are none
        By all of it, every row by solutions that left it out, though fed with other rows' scores that saw its target.
    is_reported : bool
        Whether the whole's scores may be reported, or serve only where scores must be spread as those of new rows are.
    is_base : bool
        Whether the whole is the base, and nothing else.
    """

    base: Floats
    whole: Floats | None = None
    is_reported: bool = True
    is_base: bool = False

    @property
    def best(self) -> Floats:
        """The scores by the whole where they are known and may be reported, or by the base."""
        return self.base if self.whole is None or not self.is_reported else self.whole


class _Shares:
    """The share of the residual y - base that whole - base explains, weighted least squares per output."""

    def __init__(self, n_outputs: int) -> None:
        self._explained = np.zeros(n_outputs)
        self._residual = np.zeros(n_outputs)

    def add(self, residual: Floats, added: Floats, weights: Weights) -> None:
        weighted = residual if weights is None else residual * weights[:, np.newaxis]
        self._explained += np.sum(weighted * added, axis=0, dtype=np.float64)
        self._residual += np.sum(weighted * residual, axis=0, dtype=np.float64)

    def of(self) -> npt.NDArray[np.float64]:
        known = self._residual > 0
        share: npt.NDArray[np.float64] = np.where(known, self._explained / np.where(known, self._residual, 1.0), 0.0)
        return share

    @property
    def is_empty(self) -> bool:
        return not np.any(self._residual > 0)


class _Added:
    """The sum over subsystems of what they add to the scores of every row, and how many did."""

    def __init__(self, targets: Floats) -> None:
        self.sum = zeros_beside(targets, targets.shape, targets.dtype)
        self.count = np.zeros((len(targets), 1), dtype=targets.dtype)

    def add(self, rows: Labels, added: Floats) -> None:
        self.sum[rows] += added
        self.count[rows] += 1


class Blind:
    """The mean over subsystems of what their bases score every row, and of what the rest of them adds to that.

    The rows that a subsystem left out show truly what the rest adds. Of its own rows it may say so too (`OwnScores`),
    but there the scores that other rows feed to the upper levels knew the row's target y, and its upper levels learnt
    to undo what they knew: whole - base lacks a share of the residual y - base. The share is that by which it explains
    less of the residuals of own rows than of rows left out, one number per output over all subsystems that have upper
    levels, and is added.

    Where that may not be reported, `scores` takes what is added from rows left out alone: one subsystem's, or none's.
    `scores_as_new` takes all: its scores are spread as those of new rows are, which the whole of every subsystem
    scores. A map from scores to probabilities must be fitted to such, or it finds them too blunt.
    """

    def __init__(self, targets: Floats, weights: Weights = None) -> None:
        self._targets = targets
        self._weights = weights
        self._base = zeros_beside(targets, targets.shape, targets.dtype)
        self._added = _Added(targets)  # to rows left out
        self._added_to_own = _Added(targets)
        self._residual = zeros_beside(targets, targets.shape, targets.dtype)  # summed where own rows were added to
        self._subsystems = 0
        self._is_own_reported = True
        self._own, self._left_out = _Shares(targets.shape[1]), _Shares(targets.shape[1])

    def add(self, split: Split, own: OwnScores, base: Floats, whole: Floats) -> None:
        """Add a subsystem: the scores of its own rows, and base and whole scores of those that it left out."""
        for part in blocks(*base.shape):
            rows, added = split.left_out[part], whole[part] - base[part]
            self._base[rows] += base[part]
            self._added.add(rows, added)
            if not own.is_base:
                self._left_out.add(self._targets[rows] - base[part], added, self._weights_of(rows))
        self._subsystems += 1
        self._is_own_reported &= own.whole is None or own.is_reported
        for part in blocks(*own.base.shape):
            rows = split.rows[part]
            self._base[rows] += own.base[part]
            if own.whole is None:
                continue
            residual, added = self._targets[rows] - own.base[part], own.whole[part] - own.base[part]
            self._added_to_own.add(rows, added)
            if own.is_base:  # nothing is added, and so nothing undone
                continue
            self._residual[rows] += residual
            self._own.add(residual, added, self._weights_of(rows))

    def _weights_of(self, rows: Labels) -> Weights:
        return None if self._weights is None else self._weights[rows]

    def with_one(self, split: Split, own: OwnScores, base: Floats) -> Floats:
        """Return the mean of the base scores if a subsystem were added."""
        total = empty_beside(self._targets, self._targets.shape, self._targets.dtype)
        total[:] = self._base
        for rows, scores in ((split.rows, own.base), (split.left_out, base)):
            for part in blocks(*scores.shape):
                total[rows[part]] += scores[part]
        total /= self._subsystems + 1
        return total

    def scores(self) -> Floats:
        """Return the scores to report."""
        return self._mean(with_own=self._is_own_reported)

    def scores_as_new(self) -> Floats:
        """Return scores that are spread as those of new rows are, where rows left out tell how to correct own ones."""
        return self._mean(with_own=self._is_own_reported or not self._left_out.is_empty)

    def _mean(self, *, with_own: bool) -> Floats:
        lacking: Floats | None = None
        if with_own and not self._own.is_empty and not self._left_out.is_empty:
            lacking = (self._left_out.of() - self._own.of()).astype(self._targets.dtype)

        def scores(rows: slice) -> Floats:
            added, count = self._added.sum[rows], self._added.count[rows]
            if with_own:
                added, count = added + self._added_to_own.sum[rows], count + self._added_to_own.count[rows]
            if lacking is not None:
                added = added + self._residual[rows] * lacking
            mean: Floats = self._base[rows] / self._subsystems + added / np.maximum(count, 1)
            return mean

        return made_beside(self._targets, scores, self._targets.shape, self._targets.dtype)
