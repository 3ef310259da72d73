"""The input maps that may suit the data, and the parts of their columns that a hidden unit may see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from sstpl._images import ImageMap, ImageShape, LayerPlan, fit_image_map
from sstpl._inputs import InputMap, fit_input_map
from sstpl._typing import Labels

TABLE_MAPS = ("feature", "quantile", "piecewise")

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
