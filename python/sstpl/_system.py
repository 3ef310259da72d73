"""The synergetic system: subsystems on row samples of their own, added while the sum of their outputs improves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

import numpy as np

from sstpl._budget import Budget
from sstpl._report import Report, Step, SubsystemReport
from sstpl._rows import Rows, Split, leave_part_out, split_rows
from sstpl._selection import Score, score_predictions
from sstpl._typing import Floats, Labels

_SEED_STEP = 1 << 32  # subsystem k draws with seed + k * _SEED_STEP


class Subsystem(Protocol):
    """A trained subsystem."""

    @property
    def depth(self) -> int:
        """Levels or forward layers."""

    def predict(self, X: Floats) -> Floats:
        """Return scores (n, c) of mapped rows X (n, d)."""

    def staged(self, X: Floats) -> tuple[Floats, Floats]:
        """Return the scores by its base, the part that scores its own rows blindly, and by the whole."""


class SubsystemFit(Protocol):
    """A subsystem about to be fitted."""

    steps: list[Step]

    def run(self) -> tuple[Subsystem, Floats]:
        """Fit; return the subsystem, and its base's scores of its own rows, none by a solution that saw its target."""


# Prepares a subsystem from its rows, its seed, the rows it leaves out, and the subsystem before it.
Prepare = Callable[[Rows, int, Rows | None, Subsystem | None], SubsystemFit]


@dataclass(frozen=True)
class SystemOptions:
    """How many subsystems, and on which rows."""

    n_subsystems: int  # the number, or the cap where `adaptive`
    adaptive: bool
    fraction: float
    n_folds: int
    disjoint: bool  # whether rows left out by one subsystem are not left out by the next

    def split(self, seed: int, index: int, labels: Labels | None, n_rows: int) -> Split:
        """Return the rows of a subsystem."""
        own = seed + index * _SEED_STEP
        if self.disjoint:
            return leave_part_out(seed, index, own, labels, n_rows, self.fraction, self.n_folds)
        return split_rows(own, labels, n_rows, self.fraction, self.n_folds)


@dataclass(frozen=True)
class System:
    """Trained subsystems; their scores are averaged."""

    subsystems: tuple[Subsystem, ...]

    def predict(self, X: Floats) -> Floats:
        """Return scores (n, c) of mapped rows."""
        total = self.subsystems[0].predict(X)
        for subsystem in self.subsystems[1:]:
            total += subsystem.predict(X)
        total /= len(self.subsystems)
        return total


class Blind:
    """Scores of the training rows, none of them by a solution that saw the row's target.

    Every subsystem scores every row with its base; the mean over subsystems is what averaging does. What the rest of a
    subsystem adds is known for the rows that it left out, and is added to their mean.
    """

    def __init__(self, targets: Floats) -> None:
        self._base = np.zeros_like(targets)
        self._added = np.zeros_like(targets)
        self._count = np.zeros((len(targets), 1), dtype=targets.dtype)
        self._subsystems = 0

    def add(self, split: Split, sampled: Floats, base: Floats, whole: Floats) -> None:
        """Add a subsystem: base scores of its own rows, base and whole scores of those it left out."""
        self._base[split.rows] += sampled
        self._base[split.left_out] += base
        self._added[split.left_out] += whole - base
        self._count[split.left_out] += 1
        self._subsystems += 1

    def with_one(self, split: Split, sampled: Floats, base: Floats) -> Floats:
        """Return the mean of the base scores if a subsystem were added."""
        total = self._base.copy()
        total[split.rows] += sampled
        total[split.left_out] += base
        total /= self._subsystems + 1
        return total

    def scores(self) -> Floats:
        """Return the scores."""
        scores: Floats = self._base / self._subsystems + self._added / np.maximum(self._count, 1)
        return scores


def fit_system(
    X: Floats,
    targets: Floats,
    labels: Labels | None,
    options: SystemOptions,
    prepare: Prepare,
    seed: int,
    budget: Budget,
) -> tuple[System, Floats, Report]:
    """Fit subsystems on mapped rows X (n, d) and coded targets (n, c).

    Returns
    -------
    system : System
    scores : array of shape (n, c)
        Of the training rows, see `Blind`.
    report : Report
    """
    report = Report()
    subsystems: list[Subsystem] = []
    blind = Blind(targets)
    best: Score | None = None
    for index in range(options.n_subsystems):
        if subsystems and not budget.allows("subsystem"):
            break
        start = perf_counter()
        split = options.split(seed, index, labels, len(X))
        # The fit may drop its rows before its widest solve, which needs the memory, so nobody else keeps them.
        rows, held = split.take(X, targets, labels)
        fit = prepare(rows, seed + index * _SEED_STEP, held, subsystems[-1] if subsystems else None)
        del rows
        subsystem, sampled = fit.run()
        base, whole = subsystem.staged(held.X) if held is not None else (targets[:0], targets[:0])
        system_score = score_predictions(blind.with_one(split, sampled, base), targets, labels)
        # By the squared error: of a few thousand rows, accuracies are too coarse to show what one more adds.
        accepted = not options.adaptive or best is None or system_score.fit > best.fit
        seconds = perf_counter() - start
        budget.spent("subsystem", seconds)
        own = np.empty_like(targets)
        own[split.rows], own[split.left_out] = sampled, whole
        own_score = score_predictions(own, targets, labels)
        report.subsystems.append(
            SubsystemReport(len(split.rows), fit.steps, own_score, system_score, accepted, seconds)
        )
        if not accepted:
            break
        best = system_score
        subsystems.append(subsystem)
        blind.add(split, sampled, base, whole)
    return System(tuple(subsystems)), blind.scores(), report
