"""Which input map suits the data, and whether hidden units see all its columns or random subsets of them.

Each is tried with one narrow level, and judged by its out-of-fold squared error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter

import numpy as np

from sstpl import _core
from sstpl._budget import Budget
from sstpl._callbacks import Tell
from sstpl._given import Given
from sstpl._images import ImageMap, ImageShape, LayerPlan, fit_image_map
from sstpl._inputs import InputMap, fit_input_map
from sstpl._parallel import side_by_side, workers_for
from sstpl._progress import Progress
from sstpl._recursive import RecursiveFit, RecursiveOptions
from sstpl._report import Step
from sstpl._rows import Split, split_rows
from sstpl._typing import Floats, Labels, Weights

TABLE_MAPS = ("feature", "quantile", "piecewise")
MOST_COLUMNS_OF_TRIALS = 2000  # of an encoded table: wide rows, such as pixels, cost too much eightfold

ROWS_OF_TRIALS = 10_000
WIDTH_OF_TRIALS = 500
_STREAM_TRIAL = 5

_LEAST_FIELD, _LEAST_PIXEL_FIELD = 1, 3  # sides of receptive fields, in cells of the grid or in pixels

Map = InputMap | ImageMap
Fields = tuple[int, int, int, int]


@dataclass(frozen=True)
class Candidate:
    """A map by name, and what fits it on rows, given `weights`."""

    name: str
    fit: Callable[..., Map]


def table_maps(scaling: str, dtype: np.dtype[np.floating]) -> list[Candidate]:
    """Return the candidates for tables: three, or what is asked for."""
    names = TABLE_MAPS if scaling == "auto" else (scaling,)
    return [Candidate(name, partial(fit_input_map, scaling=name, dtype=dtype)) for name in names]


def image_maps(shape: ImageShape, n_filters: int | None, seed: int, dtype: np.dtype[np.floating]) -> list[Candidate]:
    """Return the candidates for images: one layer, and two; or what is asked for."""
    plans = {
        "one layer": (LayerPlan(5, 7, 0.0, 24),),
        "two layers": (LayerPlan(5, 14, 1.0, 8), LayerPlan(3, 4, 1.0, 64)),
    }
    if n_filters is not None:
        plans = {"given": (LayerPlan(5, 7, 0.0, n_filters),)} if n_filters else {"pixels": ()}
    return [
        Candidate(name, partial(fit_image_map, shape=shape, plans=layers, seed=seed, dtype=dtype))
        for name, layers in plans.items()
    ]


def receptive_fields(fitted: Map) -> Fields | None:
    """Return the image that hidden units see rectangles of, and the least side of those; None for tables."""
    if isinstance(fitted, InputMap):
        return None
    rows, cols, channels = fitted.map_shape
    return rows, cols, channels, min(_LEAST_FIELD if fitted.layers else _LEAST_PIXEL_FIELD, rows, cols)


def subsets(fitted: Map) -> tuple[Fields | None, Labels | None]:
    """Return the image, or the groups of mapped columns, of which hidden units may see parts."""
    return receptive_fields(fitted), fitted.groups if isinstance(fitted, InputMap) else None


def views(fitted: Map, columns: str, options: RecursiveOptions) -> Iterator[tuple[str, RecursiveOptions]]:
    """Yield what hidden units may see of mapped rows by ``hidden_columns``, and the options that say so."""
    is_table = isinstance(fitted, InputMap)
    if columns == "all" or (columns == "auto" and is_table):
        yield "all", options
    if columns == "subsets" or columns == "auto":
        fields, groups = subsets(fitted)
        if groups is None or groups.max() > 0 or columns == "subsets":
            yield "subsets", replace(options, fields=fields, groups=groups)


@dataclass(frozen=True)
class Trial:
    """What maps are tried on, and how their levels are fitted."""

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

    def on_some_rows(self) -> Trial:
        """Return the trial on at most 10,000 rows, with one narrow level."""
        width = min(WIDTH_OF_TRIALS, self.options.hidden_width or self.options.max_hidden_width)
        narrow = replace(self.options, hidden_width=width, max_depth=1)
        if len(self.X) <= ROWS_OF_TRIALS:
            return replace(self, X=self.X.here(), options=narrow)
        rows = _core.sample_rows(self.seed, _STREAM_TRIAL, self.labels, len(self.X), ROWS_OF_TRIALS / len(self.X))
        own = None if self.labels is None else np.ascontiguousarray(self.labels[rows])
        weights = None if self.weights is None else self.weights[rows]
        return replace(
            self, X=self.X[rows].here(), targets=self.targets[rows], labels=own, options=narrow, weights=weights
        )

    def run(self, candidates: list[Candidate]) -> list[tuple[Candidate, Step]]:
        """Try every map with all that hidden units may see of it."""
        split = split_rows(self.seed, self.labels, len(self.X), 1.0, self.n_folds)
        tasks = [partial(self._try, candidate, split, index == 0) for index, candidate in enumerate(candidates)]
        n_workers = workers_for(len(self.X), self.options.first_width, self.n_threads)
        return [pair for tried in side_by_side(tasks, n_workers) for pair in tried]

    def _try(self, candidate: Candidate, split: Split, is_first: bool) -> list[tuple[Candidate, Step]]:
        self.progress.stage(f"input map: {candidate.name}")
        fitted = candidate.fit(self.X, weights=self.weights)
        if not is_first and isinstance(fitted, InputMap) and fitted.n_columns_out > MOST_COLUMNS_OF_TRIALS:
            return []
        rows, _ = split.take(fitted.transform(self.X), self.targets, self.labels, self.weights)
        found = []
        for columns, options in views(fitted, self.columns, self.options):
            start = perf_counter()
            fit = RecursiveFit(rows, options, self.seed, self.progress, Budget(), None)
            fit.run()
            tried = replace(fit.steps[0], stage="map", level=0, accepted=False, seconds=perf_counter() - start)
            tried.detail |= {"map": candidate.name, "columns": columns}
            found.append((candidate, tried))
            self.tell(tried)
        return found


def choose_map(candidates: list[Candidate], trial: Trial) -> tuple[Map, RecursiveOptions, list[Step]]:
    """Return the map with the least error of its trial, fitted on all rows, the options with it, and what was tried."""
    if len(candidates) == 1:
        fitted = candidates[0].fit(trial.X, weights=trial.weights)
        found = list(views(fitted, trial.columns, trial.options))
        if len(found) == 1:
            return fitted, found[0][1], []
    tried = trial.on_some_rows().run(candidates)
    chosen, best = max(tried, key=lambda one: one[1].score.fit if one[1].score is not None else -np.inf)
    best.accepted = True
    fitted = chosen.fit(trial.X, weights=trial.weights)
    options = dict(views(fitted, best.detail["columns"], trial.options))[best.detail["columns"]]
    return fitted, options, [step for _, step in tried]
