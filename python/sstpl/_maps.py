"""Which input map suits the data: each is tried with one narrow level, and judged by its out-of-fold squared error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter

import numpy as np

from sstpl import _core
from sstpl._budget import Budget
from sstpl._images import ImageMap, ImageShape, LayerPlan, fit_image_map
from sstpl._inputs import InputMap, fit_input_map
from sstpl._progress import Progress
from sstpl._recursive import RecursiveFit, RecursiveOptions
from sstpl._report import Step
from sstpl._rows import split_rows
from sstpl._typing import Floats, Labels

TABLE_MAPS = ("feature", "quantile", "piecewise")
_MOST_COLUMNS = 2000  # of an encoded table: wide rows, such as pixels, cost too much eightfold

_MOST_ROWS = 10_000
_WIDTH = 500
_STREAM_TRIAL = 5

_LEAST_FIELD, _LEAST_PIXEL_FIELD = 1, 3  # sides of receptive fields, in cells of the grid or in pixels

Map = InputMap | ImageMap
Fields = tuple[int, int, int, int]


@dataclass(frozen=True)
class Candidate:
    """A map by name, and what fits it on rows."""

    name: str
    fit: Callable[[Floats], Map]


def table_maps(dtype: np.dtype[np.floating]) -> list[Candidate]:
    """Return the candidates for tables."""
    return [Candidate(name, partial(fit_input_map, scaling=name, dtype=dtype)) for name in TABLE_MAPS]


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


def choose_map(
    candidates: list[Candidate],
    X: Floats,
    targets: Floats,
    labels: Labels | None,
    options: RecursiveOptions,
    n_folds: int,
    seed: int,
    progress: Progress,
) -> tuple[Map, list[Step]]:
    """Return the map with the least error on at most 10,000 rows, fitted on all, and what was tried."""
    if len(candidates) == 1:
        return candidates[0].fit(X), []
    trial = np.arange(len(X), dtype=np.int64)
    if len(X) > _MOST_ROWS:
        trial = _core.sample_rows(seed, _STREAM_TRIAL, labels, len(X), _MOST_ROWS / len(X))
    own = None if labels is None else np.ascontiguousarray(labels[trial])
    narrow = replace(options, hidden_width=min(_WIDTH, options.max_hidden_width), max_depth=1)
    steps = list(_try_all(candidates, X[trial], targets[trial], own, narrow, n_folds, seed, progress))
    best = max(steps, key=lambda tried: tried.score.fit if tried.score is not None else -np.inf)
    best.accepted = True
    (chosen,) = [candidate for candidate in candidates if candidate.name == best.detail["map"]]
    return chosen.fit(X), steps


def _try_all(
    candidates: list[Candidate],
    X: Floats,
    targets: Floats,
    labels: Labels | None,
    options: RecursiveOptions,
    n_folds: int,
    seed: int,
    progress: Progress,
) -> Iterator[Step]:
    split = split_rows(seed, labels, len(X), 1.0, n_folds)
    for index, candidate in enumerate(candidates):
        start = perf_counter()
        progress.stage(f"input map: {candidate.name}")
        fitted = candidate.fit(X)
        if index > 0 and isinstance(fitted, InputMap) and fitted.n_columns_out > _MOST_COLUMNS:
            continue
        rows, _ = split.take(fitted.transform(X), targets, labels)
        fit = RecursiveFit(rows, replace(options, fields=receptive_fields(fitted)), seed, progress, Budget(None), None)
        fit.run()
        tried = replace(fit.steps[0], stage="map", level=0, accepted=False, seconds=perf_counter() - start)
        tried.detail["map"] = candidate.name
        yield tried
