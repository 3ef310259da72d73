"""Which input map suits the data, how hidden units are drawn, and which of the mapped columns they see.

Each candidate is a narrow chain of up to two levels, and is judged on rows that the chain left out. One level would not
do: units that see all columns are ahead there, and units that see few gain most from the scores of a level below.

Scores of subsystems are averaged, and an average gains by members that err differently. So other units than the best
are tried beside these: the mean of the scores of both, against the mean of two chains of the best of different seeds.
Where others do better, subsystems alternate between the two kinds.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from sstpl import _core
from sstpl._budget import Budget
from sstpl._callbacks import Tell
from sstpl._given import Given
from sstpl._inputs import InputMap
from sstpl._maps import Candidate, Map, subsets
from sstpl._parallel import side_by_side, workers_for
from sstpl._progress import Progress
from sstpl._recursive import DISTANCE, FIRST_WIDTH, RecursiveFit, RecursiveOptions
from sstpl._report import Step
from sstpl._rows import leave_part_out
from sstpl._selection import Score, score_predictions
from sstpl._typing import Floats, Labels, Weights

MOST_COLUMNS_OF_TRIALS = 2000  # of an encoded table: wide rows, such as pixels, cost too much eightfold
ROWS_OF_TRIALS = 10_000
LEVELS_OF_TRIALS = 2
_STREAM_TRIAL = 5
_WIDTH = 500
_SHARE_OF_ROWS = 0.8  # that a subsystem learns from by default
_PARTS, _MOST_PARTS = 5, 3  # of the rows, of which one is left out at a time
_CENTERS_FOR_OTHERS = 3  # at most, in width, as it is in the end
_LEAST_GAIN_OF_CENTERS = 0.01  # of the squared error, for what they cost more: as of a doubled width
_ROWS_TO_JUDGE = 3000  # at least, where there are as many
_IMAGES_TO_JUDGE = 1500  # whose maps differ more
_LEAST_ERROR = 1e-300  # which an error is compared with where it is zero
_STILL_OPEN = 1.2  # times the least error so far: who has more is tried no further
_SEED_STEP = 1 << 32  # as between subsystems


@dataclass(frozen=True)
class Units:
    """What hidden units are: how they are drawn, and what they see of the mapped columns."""

    weights: str
    columns: str  # "all", "subsets", or "above": subsets above the first level

    def resolve(self, options: RecursiveOptions, fitted: Map) -> RecursiveOptions:
        """Return the options of chains of such units."""
        sees_all = self.columns == "all" or (self.columns == "above" and options.max_depth == 1)
        fields, groups = (None, None) if sees_all else subsets(fitted)
        above = self.columns == "above"
        activation = DISTANCE if self.weights == "centers" else options.activation
        return replace(
            options,
            hidden_weights=self.weights,
            activation=activation,
            fields=fields,
            groups=groups,
            first_sees_all=above,
        )


def units(options: RecursiveOptions, columns: str, fitted: Map) -> list[Units]:
    """Return what is allowed by ``hidden_weights`` and ``hidden_columns``, and makes a difference."""
    if options.hidden_weights == "centers":
        return [Units("centers", "all")]
    views = [columns] if columns != "auto" else _views(options.max_depth, fitted)
    if options.hidden_weights != "auto":
        return [Units(options.hidden_weights, view) for view in views]
    found = [Units("constrained", view) for view in views]
    if isinstance(fitted, InputMap) and "subsets" in views:
        found.append(Units("normal", "subsets"))
    if isinstance(fitted, InputMap) and options.tries_centers:
        found.append(Units("centers", "all"))
    return found


def _views(depth: int, fitted: Map) -> list[str]:
    if not isinstance(fitted, InputMap):
        return ["subsets"]
    if not fitted.groups.any():  # made of a single column of X
        return ["all"]
    return ["all", "above", "subsets"] if depth > 1 else ["all", "subsets"]


def width_of_trials(n_rows: int) -> int:
    """Return the width of levels: much narrower ones would be ahead where draws differ little."""
    return max(1, min(_WIDTH, n_rows // 2))


def n_parts(n_rows: int, wanted: int = _ROWS_TO_JUDGE) -> int:
    """Return how many parts of the rows are left out in turn, to judge by as many as wanted."""
    return int(np.clip(np.ceil(wanted * _PARTS / n_rows), 1, min(_MOST_PARTS, n_rows)))


@dataclass
class _Contender:
    """A map with units, and what was found of them: rows that its chains left out, and their scores."""

    candidate: Candidate
    units: Units
    fitted: Map
    mapped: Floats
    rows: list[Labels] = field(default_factory=list)
    scores: list[Floats] = field(default_factory=list)
    seconds: float = 0.0
    beside: float | None = None  # the error of a mean with the best one, relative to that of two of the best

    def again(self) -> _Contender:
        """Return the same before it has been tried."""
        return _Contender(self.candidate, self.units, self.fitted, self.mapped)


@dataclass(frozen=True)
class Trial:
    """What candidates are tried on, and how their chains are fitted."""

    X: Given
    targets: Floats
    labels: Labels | None
    options: RecursiveOptions
    columns: str
    n_folds: int
    seed: int
    n_threads: int
    progress: Progress
    weights: Weights
    tell: Tell
    alternates: bool = False  # whether subsystems may alternate between two kinds of units
    n_centers: int = 0

    def with_centers_where_all_rows_can_be(self) -> Trial:
        """Return the trial without centers where levels have fewer units than rows.

        There they gain less over other units than they cost: up to 4096 of them, where those often stop at 1024.
        """
        options = self.options
        fits = _SHARE_OF_ROWS * len(self.X) <= (options.hidden_width or options.max_hidden_width)
        return replace(self, options=replace(options, tries_centers=options.tries_centers and fits))

    def on_some_rows(self) -> Trial:
        """Return the trial on at most 10,000 rows, with narrow chains."""
        width = min(width_of_trials(len(self.X)), self.options.hidden_width or self.options.max_hidden_width)
        own_width = width if self.options.hidden_width else min(self._n_centers(width), self.options.max_hidden_width)
        return replace(self, n_centers=own_width)._on_some_rows(width)

    def _n_centers(self, width: int) -> int:
        """Return the width of levels of centers, which end up wider than others if there are as many rows."""
        share = _SHARE_OF_ROWS * len(self.X) / FIRST_WIDTH
        return int(width * np.clip(share, 1, _CENTERS_FOR_OTHERS))

    def _on_some_rows(self, width: int) -> Trial:
        narrow = replace(self.options, hidden_width=width, max_depth=min(LEVELS_OF_TRIALS, self.options.max_depth))
        if len(self.X) <= ROWS_OF_TRIALS:
            return replace(self, X=self.X.here(), options=narrow)
        rows = _core.sample_rows(self.seed, _STREAM_TRIAL, self.labels, len(self.X), ROWS_OF_TRIALS / len(self.X))
        own = None if self.labels is None else np.ascontiguousarray(self.labels[rows])
        weights = None if self.weights is None else self.weights[rows]
        return replace(
            self, X=self.X[rows].here(), targets=self.targets[rows], labels=own, options=narrow, weights=weights
        )

    def units(self, fitted: Map) -> list[Units]:
        """Return the units to try with a map."""
        return units(self.options, self.columns, fitted)

    def run(self, candidates: list[Candidate]) -> tuple[Candidate, list[Units], list[Step]]:
        """Try every map with all units that it may have; return the best map, its kinds of units, and all steps."""
        n_workers = workers_for(len(self.X), self.options.first_width, self.n_threads)
        fitted = side_by_side([partial(self._fit, candidate) for candidate in candidates], n_workers)
        contenders: list[_Contender] = []
        for candidate, own in zip(candidates, fitted, strict=True):
            if not contenders or not _too_wide(own):
                mapped = own.transform(self.X)
                contenders += [_Contender(candidate, kind, own, mapped) for kind in self.units(own)]
        in_question = contenders
        wanted = _ROWS_TO_JUDGE if isinstance(fitted[0], InputMap) else _IMAGES_TO_JUDGE
        for part in range(n_parts(len(self.X), wanted)):
            side_by_side([partial(self._leave_out, one, part) for one in in_question], n_workers)
            errors = [self._score(one) for one in in_question]
            least = max(score.fit for score in errors) * _STILL_OPEN
            in_question = [one for one, score in zip(in_question, errors, strict=True) if score.fit >= least]
        best = max(in_question, key=self._merit)
        kinds = [best, *self._partner(best, contenders)]
        steps = [self._step(one, kinds) for one in contenders]
        for step in steps:
            self.tell(step)
        return best.candidate, [one.units for one in kinds], steps

    def _partner(self, best: _Contender, contenders: list[_Contender]) -> list[_Contender]:
        """Return whose scores do better beside those of the best, with the same map, than another of the best's own."""
        others = [one for one in contenders if one.candidate is best.candidate and one is not best]
        if not self.alternates or not others:
            return []
        twin = best.again()
        for part in range(len(best.rows)):
            self._leave_out(twin, part, other_draw=True)
        best.beside = 1.0
        ratios = []
        for one in others:
            own = min(self._score(twin, len(one.rows), best).fit, -_LEAST_ERROR)
            one.beside = self._score(one, beside=best).fit / own
            ratios.append(one.beside * self._handicap(one))
        least = int(np.argmin(ratios))
        return [others[least]] if ratios[least] < 1 else []

    def _seed(self, part: int) -> int:
        return self.seed + part * _SEED_STEP

    def _fit(self, candidate: Candidate) -> Map:
        self.progress.stage(f"input map: {candidate.name}")
        return candidate.fit(self.X, weights=self.weights)

    def _leave_out(self, one: _Contender, part: int, other_draw: bool = False) -> None:
        """Score a part of the rows by a chain that left it out."""
        start = perf_counter()
        self.progress.stage(f"input map: {one.candidate.name}")
        share = 1 - 1 / _PARTS
        split = leave_part_out(self.seed, part, self._seed(part), self.labels, len(self.X), share, self.n_folds)
        rows, held = split.take(one.mapped, self.targets, self.labels, self.weights)
        left_out = split.left_out
        if held is None:  # of a single row
            held, left_out = rows, split.rows
        options = replace(one.units.resolve(self.options, one.fitted), hidden_width=self._width(one))
        seed = self._seed(part + _PARTS if other_draw else part)
        fit = RecursiveFit(rows, options, seed, self.progress, Budget(), held)
        fit.alphas = fit.alphas[::2]  # a factor of 10 hardly shows
        one.rows.append(left_out)
        one.scores.append(fit.run().subsystem.predict(held.X))
        one.seconds += perf_counter() - start

    def _width(self, one: _Contender) -> int | None:
        return self.n_centers if one.units.weights == "centers" else self.options.hidden_width

    def _score(self, one: _Contender, n_parts: int | None = None, beside: _Contender | None = None) -> Score:
        """Score a candidate, alone or with another, on the rows that it has left out, or on the first parts of them."""
        rows, scores = np.concatenate(one.rows[:n_parts]), np.concatenate(one.scores[:n_parts])
        if beside is not None:
            scores = (scores + np.concatenate(beside.scores)[: len(scores)]) / 2
        labels = None if self.labels is None else self.labels[rows]
        weights = None if self.weights is None else self.weights[rows]
        return score_predictions(scores, self.targets[rows], labels, weights)

    def _merit(self, one: _Contender) -> float:
        """Return minus the squared error; of centers a little more, which have to be ahead by that."""
        return self._score(one).fit * self._handicap(one)

    def _handicap(self, one: _Contender) -> float:
        return 1 + (_LEAST_GAIN_OF_CENTERS if one.units.weights == "centers" else 0.0)

    def _step(self, one: _Contender, kinds: list[_Contender]) -> Step:
        best = kinds[0]
        score, reference = self._score(one), self._score(best, len(one.rows))
        detail: dict[str, Any] = {
            "map": one.candidate.name,
            "hidden_weights": one.units.weights,
            "columns": one.units.columns,
            "n_samples": sum(map(len, one.rows)),
            "relative_error": score.fit / reference.fit if reference.fit < 0 else 1.0,
            "beside_best": one.beside,
            "width": self._width(one),
        }
        return Step("map", 0, one.seconds, score, accepted=one in kinds, detail=detail)


def _too_wide(fitted: Map) -> bool:
    return isinstance(fitted, InputMap) and fitted.n_columns_out > MOST_COLUMNS_OF_TRIALS


def choose(candidates: list[Candidate], trial: Trial) -> tuple[Map, list[RecursiveOptions], list[Step]]:
    """Return the map with the least error of its trial, fitted on all rows, options with its units, and what was tried.

    The options are those of the best units, and of others where subsystems should alternate between the two.
    """
    trial = trial.with_centers_where_all_rows_can_be()
    if len(candidates) == 1:
        fitted = candidates[0].fit(trial.X, weights=trial.weights)
        kinds = trial.units(fitted)
        if len(kinds) == 1:
            return fitted, [kinds[0].resolve(trial.options, fitted)], []
    best, kinds, steps = trial.on_some_rows().run(candidates)
    fitted = best.fit(trial.X, weights=trial.weights)
    return fitted, [kind.resolve(trial.options, fitted) for kind in kinds], steps
