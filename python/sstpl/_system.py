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


class SubsystemFit(Protocol):
    """A subsystem about to be fitted."""

    steps: list[Step]

    def run(self) -> tuple[Subsystem, Floats]:
        """Fit; return the subsystem and the scores of its own rows, none of them by a solution that saw its target."""


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


class Bagged:
    """Out-of-bag scores of the training rows, averaged over the subsystems that left a row out."""

    def __init__(self, targets: Floats) -> None:
        self._total = np.zeros_like(targets)
        self._count = np.zeros((len(targets), 1), dtype=targets.dtype)

    def add(self, left_out: Labels, scores: Floats) -> None:
        """Add the scores of the rows that a subsystem left out."""
        self._total[left_out] += scores[left_out]
        self._count[left_out] += 1

    def scores_or(self, others: Floats) -> Floats:
        """Return the mean scores, and the others where no subsystem left the row out."""
        mean: Floats = np.where(self._count > 0, self._total / np.maximum(self._count, 1), others)
        return mean


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
        No row is scored by a solution that saw its target. With overlapping samples: the mean over the subsystems of
        out-of-fold scores (rows in a subsystem's sample) and out-of-bag scores (rows outside it). With disjoint ones:
        the out-of-bag score of the subsystem that left the row out; the out-of-fold mean where none did.
    report : Report
    """
    report = Report()
    subsystems: list[Subsystem] = []
    total = np.zeros(targets.shape, dtype=targets.dtype)
    bagged = Bagged(targets)
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
        subsystem, oof_scores = fit.run()
        scores = np.empty(targets.shape, dtype=targets.dtype)
        scores[split.rows] = oof_scores
        if held is not None:
            scores[split.left_out] = subsystem.predict(held.X)
        candidate = (total * index + scores) / (index + 1)
        system_score = score_predictions(candidate, targets, labels)
        accepted = not options.adaptive or best is None or system_score > best
        seconds = perf_counter() - start
        budget.spent("subsystem", seconds)
        own_score = score_predictions(scores, targets, labels)
        report.subsystems.append(
            SubsystemReport(len(split.rows), fit.steps, own_score, system_score, accepted, seconds)
        )
        if not accepted:
            break
        best, total = system_score, candidate
        subsystems.append(subsystem)
        bagged.add(split.left_out, scores)
    return System(tuple(subsystems)), bagged.scores_or(total) if options.disjoint else total, report
