"""The synergetic system: subsystems on row samples of their own, added while the sum of their outputs improves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Protocol

from sstpl._blind import Blind, OwnScores
from sstpl._budget import Budget
from sstpl._callbacks import Tell, TellOf
from sstpl._parallel import side_by_side, workers_for
from sstpl._report import Report, Step, SubsystemReport
from sstpl._rows import Rows, Split, leave_part_out, split_rows
from sstpl._selection import Score, score_predictions
from sstpl._spill import empty_beside
from sstpl._typing import Floats, Labels, Weights

_SEED_STEP = 1 << 32  # subsystem k draws with seed + k * _SEED_STEP


class Subsystem(Protocol):
    """A trained subsystem."""

    @property
    def depth(self) -> int:
        """Levels or forward layers."""

    @property
    def width(self) -> int:
        """Units of the widest hidden layer."""

    def predict(self, X: Floats, n_rows: int | None = None) -> Floats:
        """Return scores (n, c) of mapped rows X (n, d), which may be a block of `n_rows`."""


@dataclass(frozen=True)
class Fitted:
    """What the fit of a subsystem returns.

    Attributes
    ----------
    subsystem : Subsystem
    base : Subsystem
        The part of it that scores its own rows blindly, or all of it.
    own : OwnScores or None
        Its scores of its own rows, where there are folds.
    """

    subsystem: Subsystem
    base: Subsystem
    own: OwnScores | None


class SubsystemFit(Protocol):
    """A subsystem about to be fitted."""

    steps: list[Step]

    def run(self, tell: Tell) -> Fitted:
        """Fit, telling of every step."""


# Prepares a subsystem from its rows, its seed, the rows it leaves out, and one of its kind that was trained before it.
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

    def predict(self, X: Floats, n_rows: int | None = None) -> Floats:
        """Return scores (n, c) of mapped rows, which may be a block of `n_rows`."""
        total = self.subsystems[0].predict(X, n_rows)
        for subsystem in self.subsystems[1:]:
            total += subsystem.predict(X, n_rows)
        total /= len(self.subsystems)
        return total


@dataclass(frozen=True)
class _Trained:
    """A subsystem, and its scores: of its own rows, and by its base and as a whole of those that it left out."""

    split: Split
    subsystem: Subsystem
    steps: list[Step]
    sampled: OwnScores | None
    base: Floats
    whole: Floats
    seconds: float

    def score(self, targets: Floats, labels: Labels | None, weights: Weights) -> Score | None:
        """Score its own predictions of all rows."""
        if self.sampled is None:
            return None
        own = empty_beside(targets, targets.shape, targets.dtype)
        own[self.split.rows], own[self.split.left_out] = self.sampled.best, self.whole
        return score_predictions(own, targets, labels, weights)


@dataclass(frozen=True)
class _Train:
    """Trains one subsystem after another, or several side by side."""

    given: list[Floats]  # the mapped rows
    targets: Floats
    labels: Labels | None
    options: SystemOptions
    kinds: Sequence[Prepare]
    seed: int
    budget: Budget
    weights: Weights
    tell: TellOf

    def __call__(self, index: int, before: Subsystem | None) -> _Trained:
        """Train a subsystem, given one of its kind that was trained before it."""
        start = perf_counter()
        split = self.options.split(self.seed, index, self.labels, len(self.targets))
        # The fit may drop its rows before its widest solve, which needs the memory, so nobody else keeps them.
        rows, held = split.take(self.given[0], self.targets, self.labels, self.weights)
        if self.options.n_subsystems == 1:
            self.given.clear()  # nobody will ask again
        prepare = self.kinds[index % len(self.kinds)]
        fit = prepare(rows, self.seed + index * _SEED_STEP, held, before)
        del rows
        fitted = fit.run(partial(self.tell, index + 1))
        base = whole = self.targets[:0]
        if held is not None:
            base = whole = fitted.subsystem.predict(held.X)
            if fitted.base is not fitted.subsystem:
                base = fitted.base.predict(held.X)
        seconds = perf_counter() - start
        self.budget.spent("subsystem", seconds)
        return _Trained(split, fitted.subsystem, fit.steps, fitted.own, base, whole, seconds)


def fit_system(
    given: list[Floats],
    targets: Floats,
    labels: Labels | None,
    options: SystemOptions,
    kinds: Sequence[Prepare],
    seed: int,
    budget: Budget,
    n_workers: int,
    weights: Weights,
    tell: TellOf,
) -> tuple[System, Blind | None, Report]:
    """Fit subsystems on mapped rows (n, d) and coded targets (n, c), small ones up to `n_workers` at a time.

    They are of the given kinds in turn. Where their number adapts, it is judged once every kind has had its turn: the
    average is compared with that of a turn before, which holds the kinds in the same proportion. The mapped rows are
    the one entry of the list `given`, which is emptied where only one subsystem needs them.

    Returns
    -------
    system : System
    blind : Blind or None
        Its scores of the training rows, where there are folds.
    report : Report
    """
    report = Report()
    subsystems: list[Subsystem] = []
    blind = Blind(targets, weights) if options.n_folds > 1 else None
    best: Score | None = None
    train = _Train(given, targets, labels, options, kinds, seed, budget, weights, tell)
    index = 0
    while index < options.n_subsystems:
        if subsystems and not budget.allows("subsystem"):
            break
        # The first of each kind, one at a time: they may look for a width that serves the others.
        first = subsystems[: len(kinds)]
        widest = max((one.width for one in first), default=0)
        workers = workers_for(len(targets), widest, n_workers) if len(first) == len(kinds) else 1
        batch = range(index, min(index + workers, options.n_subsystems))
        before = [first[k % len(kinds)] if len(first) == len(kinds) else None for k in batch]
        for one in side_by_side([partial(train, k, b) for k, b in zip(batch, before, strict=True)], workers):
            system_score: Score | None = None
            if blind is not None and one.sampled is not None:
                with_one = blind.with_one(one.split, one.sampled, one.base)
                system_score = score_predictions(with_one, targets, labels, weights)
            # By the squared error: of a few thousand rows, accuracies are too coarse to show what one more adds.
            completes = (index + 1) % len(kinds) == 0
            is_judged = options.adaptive and completes
            accepted = not is_judged or best is None or system_score is None or system_score.fit > best.fit
            report.subsystems.append(
                SubsystemReport(
                    len(one.split.rows),
                    one.steps,
                    one.score(targets, labels, weights),
                    system_score,
                    accepted,
                    one.seconds,
                )
            )
            tell(index + 1, Step("subsystem", 0, one.seconds, system_score, accepted))
            if not accepted:
                return System(tuple(subsystems)), blind, report
            best = system_score if completes else best
            subsystems.append(one.subsystem)
            if blind is not None and one.sampled is not None:
                blind.add(one.split, one.sampled, one.base, one.whole)
            index += 1
    return System(tuple(subsystems)), blind, report
