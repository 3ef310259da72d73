"""The synergetic system: subsystems on row samples of their own, added while the sum of their outputs improves."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

import numpy as np

from sstpl._paper import PaperFit, PaperOptions, Rows, Subsystem
from sstpl._progress import Progress
from sstpl._report import Report, Step, SubsystemReport
from sstpl._selection import Score, score_predictions, split_rows
from sstpl._typing import Floats, Labels

_SEED_STEP = 1 << 32  # subsystem k draws with seed + k * _SEED_STEP


@dataclass(frozen=True)
class SystemOptions:
    """How many subsystems, and on which rows."""

    n_subsystems: int  # the number, or the cap where `adaptive`
    adaptive: bool
    fraction: float
    n_folds: int


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


def fit_system(
    X: Floats,
    targets: Floats,
    labels: Labels | None,
    options: SystemOptions,
    paper: PaperOptions,
    seed: int,
    progress: Progress,
) -> tuple[System, Floats, Report]:
    """Fit subsystems on mapped rows X (n, d) and coded targets (n, c).

    Returns
    -------
    system : System
    scores : array of shape (n, c)
        The mean over the subsystems of out-of-fold scores (rows in a subsystem's sample) and out-of-bag scores
        (rows outside it): no row is scored by a solution that saw its target.
    report : Report
    """
    report = Report()
    subsystems: list[Subsystem] = []
    total = np.zeros(targets.shape, dtype=targets.dtype)
    best: Score | None = None
    for index in range(options.n_subsystems):
        start = perf_counter()
        subsystem, scores, steps, n_samples = _fit_one(
            X, targets, labels, options, paper, seed + index * _SEED_STEP, progress
        )
        candidate = (total * index + scores) / (index + 1)
        system_score = score_predictions(candidate, targets, labels)
        accepted = not options.adaptive or best is None or system_score > best
        report.subsystems.append(
            SubsystemReport(
                n_samples,
                steps,
                score_predictions(scores, targets, labels),
                system_score,
                accepted,
                perf_counter() - start,
            )
        )
        if not accepted:
            break
        best, total = system_score, candidate
        subsystems.append(subsystem)
    return System(tuple(subsystems)), total, report


def _fit_one(
    X: Floats,
    targets: Floats,
    labels: Labels | None,
    options: SystemOptions,
    paper: PaperOptions,
    seed: int,
    progress: Progress,
) -> tuple[Subsystem, Floats, list[Step], int]:
    """Fit one subsystem and score every training row honestly; return also its steps and the size of its sample."""
    split = split_rows(seed, labels, len(X), options.fraction, options.n_folds)

    def take(which: Labels, fold_starts: Labels) -> Rows:
        own = None if labels is None else np.ascontiguousarray(labels[which])
        return Rows(np.ascontiguousarray(X[which]), np.ascontiguousarray(targets[which]), own, fold_starts)

    held = take(split.left_out, split.fold_starts[:0]) if len(split.left_out) else None
    # The fit drops its rows before its widest solve, which needs the memory, so nobody else keeps them.
    fit = PaperFit(take(split.rows, split.fold_starts), paper, seed, progress, held)
    subsystem, oof_scores = fit.run()
    scores = np.empty(targets.shape, dtype=targets.dtype)
    scores[split.rows] = oof_scores
    if held is not None:
        scores[split.left_out] = subsystem.predict(held.X)
    return subsystem, scores, fit.steps, len(split.rows)
