"""One chain of the recursive two-way stack (algorithm, section 7): scores of a level stand beside X in the next.

    level 1: H_1 = hidden(X)              -> out-of-fold scores S_1
    level t: H_t = hidden([X, g S_{t-1}]) -> out-of-fold scores S_t

Out-of-fold scores of a level are blind to the row's own fold, but beside them stand scores of other rows that are
not: from the second level on they misjudge the level (tests/estimators/test_leakage.py). How deep the chain goes is
therefore decided on rows that the whole chain left out, and the penalty on the first level alone.

What is reported of regression rows is left out one by one: every level scores a row, as the levels below show it at
prediction, by its solution without that row. At the first level that is exact; above it `Blind` takes out what scores
of other rows knew of the row. Classification reports the first level's out-of-fold scores, because pairs of rows of
different classes tell the units of a fold about labels; those of the last level serve calibration alone.

Classes are predicted by a readout of the last level that has the least log-loss, where that is asked for (`_readout`).
All levels hand up scores of their ridge, and are chosen by its squared error; the first one's stay the base.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np

from sstpl._blind import OwnScores
from sstpl._blocks import blocks
from sstpl._budget import Budget, level_bytes
from sstpl._callbacks import Tell, nobody
from sstpl._config import threads_for
from sstpl._levels import Landmarks, LevelOptions, fit_level, level_scores, n_landmarks, some_rows
from sstpl._progress import Progress
from sstpl._readout import fit_log_loss
from sstpl._report import Step, step
from sstpl._rows import Rows
from sstpl._selection import alpha_path, clearly_less, gain_detail, path_detail, square_losses
from sstpl._spill import made_beside
from sstpl._system import Fitted
from sstpl._typing import Floats, Labels
from sstpl._weights import mean, variance

DISTANCE = "distance"  # the activation of units that are centers

_STREAM_LEVEL = 100
FIRST_WIDTH = 1024
_LEAST_GAIN = 0.01  # of a doubled width: the share by which the squared error must fall
_MOST_OF_THE_ROWS = 0.75
_LEAST_ROWS_TO_JUDGE = 20
_STANDARD_ERRORS = 1  # by which one more level must be better
_MOST_ROWS_OF_VARIANCE = 10_000
_SHARE_OF_PENALTY = 0.03  # of a readout by log-loss at the first level, which stops early; others have all of it
_MOST_FEEDBACK = 4.0  # variance of g S, in units of the variance of X


@dataclass(frozen=True)
class RecursiveOptions:
    """The choices of the estimators that a chain needs, resolved."""

    hidden_width: int | None  # None: doubled while it pays
    max_hidden_width: int
    max_depth: int
    activation: str
    hidden_weights: str
    alpha: float | None  # None: chosen on a path
    selection: str  # what scores the path
    feedback: float  # variance of g S for each output, in units of the variance of X
    fields: tuple[int, int, int, int] | None  # of an image: rows, columns, channels, least side
    groups: Labels | None  # of mapped columns, of which every unit sees some
    first_sees_all: bool  # whether units of the first level see everything nevertheless
    tries_centers: bool  # whether centers may be what suits a table
    by_log_loss: bool = False  # whether the readout that predicts has the least log-loss of classes
    one_level: bool = False  # whether one level is enough then

    @property
    def first_width(self) -> int:
        """The width that is given, or the one that the search begins with."""
        return self.hidden_width or min(FIRST_WIDTH, self.max_hidden_width)

    @property
    def widest(self) -> int:
        """The width that is given, or the largest one."""
        return self.hidden_width or self.max_hidden_width

    @property
    def has_centers(self) -> bool:
        """Whether hidden units are centers."""
        return self.hidden_weights == "centers"


@dataclass(frozen=True)
class Level:
    """A level: hidden layer (p, d) with bias (p,), and its readout (p, c) with intercept (c,)."""

    hidden_weights: Floats
    hidden_bias: Floats
    weights: Floats
    intercept: Floats
    landmarks: Landmarks | None = None

    @property
    def width(self) -> int:
        """Number of hidden units."""
        return len(self.hidden_weights)

    @property
    def arrays(self) -> tuple[Any, ...]:
        """What the core predicts with."""
        shared = None if self.landmarks is None else tuple(vars(self.landmarks).values())
        return self.hidden_weights, self.hidden_bias, self.weights, self.intercept, shared

    @property
    def flops(self) -> float:
        """Floating-point operations for each row."""
        projections = self.hidden_weights if self.landmarks is None else self.landmarks.rows
        return 2.0 * (projections.size + self.weights.size)


@dataclass(frozen=True)
class LevelFit:
    """A level, and what is known of it.

    Attributes
    ----------
    level : Level
    fed : array (n, c), or None where there are no folds
        Out-of-fold scores of its rows, which the next level sees.
    blind : array (n, c), or None
        Scores of its rows for the report: leave-one-out for regression, out-of-fold for classification.
    held : array (m, c)
        Scores of the rows left out.
    step : Step
    """

    level: Level
    fed: Floats | None
    blind: Floats | None
    held: Floats
    step: Step


@dataclass(frozen=True)
class Stack:
    """A trained chain: everything that prediction needs, as plain arrays."""

    activation: str
    gain: float
    levels: tuple[Level, ...]

    @property
    def depth(self) -> int:
        """Number of levels."""
        return len(self.levels)

    @property
    def width(self) -> int:
        """Number of hidden units of a level."""
        return self.levels[0].width

    def predict(self, X: Floats, n_rows: int | None = None) -> Floats:
        """Return scores (n, c) of mapped rows X (n, d) in the dtype of the weights.

        Of a block of `n_rows` the threads are those of all: their number may change how a score is rounded.
        """
        levels = [level.arrays for level in self.levels]
        flops = (len(X) if n_rows is None else n_rows) * sum(level.flops for level in self.levels)
        with threads_for(flops) if len(X) > 1 else nullcontext():  # a single row has a thread of its own in any case
            return level_scores(X, None, levels, self.gain, self.activation)


class RecursiveFit:
    """The fit of one chain."""

    def __init__(
        self, rows: Rows, options: RecursiveOptions, seed: int, progress: Progress, budget: Budget, held: Rows | None
    ) -> None:
        self.rows = rows
        self.held = held if held is not None and len(held.X) >= _LEAST_ROWS_TO_JUDGE else None
        self.n_left_out = 0 if held is None else len(held.X)
        self.options = options
        self.seed = seed
        self.is_regression = rows.labels is None
        # A row that is itself a center would be scored by its own unit, which a solution without it knows nothing of.
        self.leaves_rows_out = self.is_regression and rows.n_folds > 1 and not options.has_centers
        self.progress = progress
        self.budget = budget
        self.alphas = alpha_path(options.alpha, rows.X.dtype)
        self.searches = True  # for the best of them; otherwise the first, or larger ones where Cholesky refuses
        self.gain = 1.0
        self.steps: list[Step] = []

    def run(self, tell: Tell = nobody) -> Fitted:
        """Fit the chain, telling of every level."""
        first = last = self._fit_first(tell)
        by_log_loss = self.options.by_log_loss and self.rows.n_folds > 1
        deepest = 1 if by_log_loss and self.options.one_level else self._deepest()
        kept = [first]
        if deepest > 1:
            assert first.fed is not None
            self.gain = self._feedback_gain(first.fed)
        losses = None if self.held is None else square_losses(first.held, self.held.targets)
        n_outputs = self.rows.targets.shape[1]
        if losses is not None:
            assert self.held is not None
            error = float(mean(losses, self.held.weights)) / n_outputs
            first.step.detail["left_out"] = {"n_samples": len(losses), "error": error}
        for depth in range(2, deepest + 1):
            if not self.budget.allows(f"level of width {first.level.width}"):
                break
            last = self._fit_level(depth, first.level.width, last)
            if losses is not None and self.held is not None:
                new_losses = square_losses(last.held, self.held.targets)
                weights = self.held.weights
                last.step.accepted = clearly_less(new_losses, losses, _STANDARD_ERRORS, weights)
                last.step.detail["left_out"] = {
                    "n_samples": len(losses),
                    "error": float(mean(new_losses, weights)) / n_outputs,
                } | gain_detail(new_losses, losses, _STANDARD_ERRORS, n_outputs, weights)
                losses = new_losses
            tell(last.step)
            if not last.step.accepted:
                break
            kept.append(last)
        levels = [one.level for one in kept]
        stack = base = Stack(self.options.activation, self.gain, tuple(levels))
        if first.blind is None:
            return Fitted(stack, base, None)
        is_base, whole = len(kept) == 1, kept[-1].blind
        base = stack if is_base else replace(stack, levels=(first.level,))
        is_reported = self.leaves_rows_out or is_base
        found = self._fit_log_loss(kept) if by_log_loss else None
        if found is not None:
            level, whole = found
            stack, is_base = replace(stack, levels=(*levels[:-1], level)), False
        return Fitted(stack, base, OwnScores(first.blind, whole, is_reported, is_base))

    def _fit_log_loss(self, kept: list[LevelFit]) -> tuple[Level, Floats] | None:
        """Return the last level with a readout by log-loss, and its out-of-fold scores; None where there is none."""
        start = perf_counter()
        last, fed = kept[-1], self._fed(kept[-2].fed) if len(kept) > 1 else None
        self.progress.stage("log-loss")
        assert last.step.alpha is not None
        drawn = (self.seed, _STREAM_LEVEL + len(kept)) if self.options.has_centers else None
        share = 1.0 if len(kept) > 1 else _SHARE_OF_PENALTY
        with threads_for(self._cost(last.level.width)):
            found = fit_log_loss(
                self.rows, fed, last.level, self.options.activation, last.step.alpha, share, drawn, self.progress.tick
            )
        seconds = perf_counter() - start
        last.step.detail["log_loss"] = {"seconds": seconds, "losses": [] if found is None else found.losses}
        if found is None:
            return None
        weights, intercept = found.readout
        return replace(last.level, weights=weights, intercept=intercept), found.scores

    def _deepest(self) -> int:
        """Return how many levels may be tried: all where none are judged by choice, one where none can be."""
        return self.options.max_depth if self.held is not None or self.n_left_out == 0 else 1

    def _fit_first(self, tell: Tell) -> LevelFit:
        """Fit the first level, its width doubled while the out-of-fold error falls by more than a little.

        The penalty is chosen at the first width, as many features as a path is scored on. Wider levels lead with these,
        or, where units are orthogonal or lie between few rows, with others of their kind.
        The width stays below three quarters of the number of rows: near that number it costs most and gains least; but
        of centers there may be as many as rows, with which they gain most. Levels above centers have the next larger
        penalty: the scores that stand beside X there knew other rows. On rows left out of seven tables, squared errors
        were from 1.2 % less to 0.6 % more than with the same penalty.
        """
        width, widest = self._widths()
        best = self._fit_level(1, width, None)
        tell(best.step)
        while self.options.hidden_width is None and width < widest:
            width = min(2 * width, widest) if self.options.has_centers else 2 * width
            if not self.budget.holds(self._bytes(width)) or not self.budget.allows(
                f"level of width {width}", 3.0 * best.step.seconds
            ):
                break
            self._keep_alphas(best)
            candidate = self._fit_level(1, width, None)
            assert best.step.score is not None
            assert candidate.step.score is not None
            gained = 1.0 - candidate.step.score.fit / best.step.score.fit if best.step.score.fit < 0 else 0.0
            candidate.step.accepted = gained > 0
            best.step.accepted = not candidate.step.accepted
            tell(candidate.step)
            if candidate.step.accepted:
                best = candidate
            if gained < _LEAST_GAIN:
                break
        self._keep_alphas(best)
        self.alphas = self.alphas[1:] if self.options.has_centers and len(self.alphas) > 1 else self.alphas
        self.searches = False
        return best

    def _widths(self) -> tuple[int, int]:
        """Return the width to begin with, and the largest to try."""
        width, most, n_rows = self.options.first_width, self.options.max_hidden_width, len(self.rows.X)
        if not self.options.has_centers:
            most = min(most, int(_MOST_OF_THE_ROWS * n_rows))
            return width, width << max(0, (most // width).bit_length() - 1)
        most = min(most, n_rows)
        return width if self.options.hidden_width is not None else min(width, most), most

    def _keep_alphas(self, fit: LevelFit) -> None:
        """Keep the penalty of a first level for others; wider ones of centers, which are more alike, search onwards."""
        alpha = float(fit.step.alpha or 0.0)
        path = alpha_path(self.options.alpha, self.rows.X.dtype)
        self.alphas = [alpha, *(one for one in path if one > alpha)]
        self.searches = self.options.has_centers

    def _fit_level(self, depth: int, width: int, below: LevelFit | None) -> LevelFit:
        """Fit one level on X and the scores of the level below."""
        with threads_for(self._cost(width)):
            return self._fit_level_here(depth, width, below)

    def _fit_level_here(self, depth: int, width: int, below: LevelFit | None) -> LevelFit:
        self.progress.plan(self._cost(width))
        self.progress.stage(f"level {depth}, width {width}")
        start = perf_counter()
        has_fields = self.options.fields is not None or self.options.groups is not None
        sees_all = not has_fields or (depth == 1 and self.options.first_sees_all)
        options = LevelOptions(
            self.options.hidden_weights,
            width,
            self.options.activation,
            self.seed,
            _STREAM_LEVEL + depth,
            self.rows.labels,
            self.alphas,
            self.searches,
            self.rows.fold_starts,
            None if sees_all else self.options.fields,
            None if sees_all else self.options.groups,
            self._landmarks(width, below) if sees_all else 0,
            self.options.selection,
            leave_one_out=self.leaves_rows_out,
            row_weights=self.rows.weights,
            tick=self.progress.tick,
        )
        fed = None if below is None else self._fed(below.fed)
        fed_then = None if below is None or not self.leaves_rows_out else self._fed(below.blind)
        fit = fit_level(self.rows.X, self.rows.targets, fed, fed_then, options)
        shared = None if fit["landmarks"] is None else Landmarks(*fit["landmarks"])
        level = Level(fit["hidden_weights"], fit["hidden_bias"], fit["weights"], fit["intercept"], shared)
        held = self._score_held(level, None if below is None else below.held)
        self.progress.done(self._cost(width))
        seconds = perf_counter() - start
        self.budget.spent(f"level of width {width}", seconds)
        native: dict[str, Any] = fit["report"] | path_detail(
            self.alphas if self.searches else self.alphas[:1], fit["report"]["path_errors"]
        )
        native["width"] = width
        # A first level is scored on all its rows; a later one on rows that the chain left out, where there are any.
        by_fold = fit["oof_scores"]
        if depth == 1 or self.held is None:
            judged = None if by_fold is None else self.rows.score(by_fold)
        else:
            judged = self.held.score(held)
        level_step = step("level", depth, seconds, native, judged)
        self.steps.append(level_step)
        blind = fit["loo_scores"] if self.leaves_rows_out else by_fold
        return LevelFit(level, by_fold, blind, held, level_step)

    def _landmarks(self, width: int, below: LevelFit | None) -> int:
        """Return of how many rows the pairs of units are made that see all columns."""
        if self.options.hidden_weights != "constrained":
            return 0
        n_rows, n_columns = self.rows.X.shape
        n_outputs = self.rows.targets.shape[1]
        return n_landmarks(n_rows, n_columns + (0 if below is None else n_outputs), width, n_outputs)

    def _feedback_gain(self, scores: Floats) -> float:
        """Return g: the variance of g S, summed over columns, is the wanted multiple of that of X."""
        wanted = min(self.options.feedback * scores.shape[1], _MOST_FEEDBACK)
        own = float(np.sum(variance(scores, self.rows.weights)))
        X, some = some_rows(self.rows.X, _MOST_ROWS_OF_VARIANCE)
        weights = None if self.rows.weights is None else self.rows.weights[some]
        parts = blocks(X.shape[1], _MOST_ROWS_OF_VARIANCE)  # of columns
        total = float(np.sum(np.concatenate([variance(X[:, columns], weights) for columns in parts])))
        return float(np.sqrt(wanted * total / own)) if own > 0 and total > 0 else 1.0

    def _fed(self, scores: Floats | None) -> Floats | None:
        """Return the scores of the level below as the next one sees them; of a first level there are none."""
        if scores is None:
            return None
        gain = scores.dtype.type(self.gain)
        return made_beside(scores, lambda rows: scores[rows] * gain, scores.shape, scores.dtype)

    def _score_held(self, level: Level, held_scores: Floats | None) -> Floats:
        """Score the rows left out by one level on top of their scores below."""
        if self.held is None:
            return np.empty((0, self.rows.targets.shape[1]), dtype=self.rows.targets.dtype)
        return level_scores(self.held.X, self._fed(held_scores), [level.arrays], 1.0, self.options.activation)

    def _bytes(self, width: int) -> float:
        return level_bytes(len(self.rows.X), width, self.rows.n_folds, self.rows.X.dtype, self.is_regression)

    def _cost(self, width: int) -> float:
        """Return the estimated flops of a level, for the progress bar."""
        n, d = self.rows.X.shape
        folds = self.rows.n_folds
        n_passes, n_solves = (2, folds + 1) if folds > 1 else (1, 1)
        return float(2 * n_passes * n * d * width + n * width**2 + n_solves * width**3 / 3)
