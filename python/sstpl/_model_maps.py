"""Input maps in a model file."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from sstpl import _model_schema as schema
from sstpl._flags import MISSING, Flags, no_flags
from sstpl._images import ConvLayer, ImageMap, ImageShape
from sstpl._inputs import InputMap, NormalScores, Ramps
from sstpl._maps import Map
from sstpl._model_file import ModelFormatError
from sstpl._model_schema import Reader, Writer

_BY_COLUMN = ("feature", "quantile", "piecewise")
_SCALINGS = (*_BY_COLUMN, "sample", "none")


def write(fitted: Map, out: Writer) -> dict[str, Any]:
    """Return the header's entry of an input map."""
    return _write_table(fitted, out) if isinstance(fitted, InputMap) else _write_images(fitted, out)


def read(info: Any, arrays: Reader, n_features: int) -> Map:
    """Return the input map of an entry."""
    kind = schema.choice("input_map.kind", info.get("kind") if isinstance(info, dict) else None, ("table", "images"))
    return (_read_table if kind == "table" else _read_images)(info, arrays, n_features)


def _write_table(fitted: InputMap, out: Writer) -> dict[str, Any]:
    out.put("input_map.columns", fitted.columns)
    if fitted.scaling == "none":
        out.put("input_map.fill", fitted.fill)
    out.record("input_map.ramps", fitted.ramps)
    out.record("input_map.scores", fitted.scores)
    info = {
        "kind": "table",
        "scaling": fitted.scaling,
        "n_columns": len(fitted.columns),
        "n_ramps": len(fitted.ramps.columns),
        "n_scores": len(fitted.scores.columns),
        "n_knots": len(fitted.scores.knots),
    }
    if len(fitted.flags.columns):
        out.record("input_map.flags", fitted.flags)
        info["n_flags"] = len(fitted.flags.columns)
    return info


def _read_table(info: Any, arrays: Reader, n_features: int) -> InputMap:
    sizes = ("n_columns", "n_ramps", "n_scores", "n_knots")
    info = schema.keyed("input_map", info, ("kind", "scaling", *sizes), optional=("n_flags",))
    scaling = schema.choice("input_map.scaling", info["scaling"], _SCALINGS)
    n_columns, n_ramps, n_scores, n_knots = (schema.integer(f"input_map.{name}", info[name]) for name in sizes)
    # Rows are mapped by ramps and scores or by neither; what nothing is written to would show old memory.
    if (n_ramps > 0) != (scaling in _BY_COLUMN and n_columns > 0):
        raise ModelFormatError(f"input_map: {n_ramps} ramps do not go with scaling {scaling!r} of {n_columns} columns")
    if n_scores and (scaling != "quantile" or n_columns == 0):
        raise ModelFormatError(f"input_map: {n_scores} scores do not go with scaling {scaling!r}")
    columns = arrays.take("input_map.columns", (n_columns,), np.int64)
    _require(_increases(columns) and _within(columns, n_features), "columns must ascend, and be columns of X")
    ramps = Ramps(
        arrays.take("input_map.ramps.columns", (n_ramps,), np.int64),
        *(
            arrays.take(f"input_map.ramps.{name}", (n_ramps,), np.float64)
            for name in ("low", "high", "center", "spread")
        ),
    )
    scores = NormalScores(
        arrays.take("input_map.scores.columns", (n_scores,), np.int64),
        arrays.take("input_map.scores.starts", (n_scores + 1,), np.int64),
        *(arrays.take(f"input_map.scores.{name}", (n_knots,), np.float64) for name in ("knots", "scores")),
    )
    for made_of in (ramps.columns, scores.columns):
        _require(bool(np.isin(made_of, columns).all()), "ramps and scores must be of columns that vary")
    _require(bool((ramps.low <= ramps.high).all() and (ramps.spread > 0).all()), "ramps must ascend, by some spread")
    _check_knots(scores.starts, scores.knots)
    flags = _read_flags(schema.integer("input_map.n_flags", info.get("n_flags", 0)), arrays, n_features)
    # Of "none", which took no missing values when the first files were written, they are 0 there.
    fill = np.zeros(n_columns if scaling == "none" else 0)
    if scaling == "none" and "input_map.fill" in arrays:
        fill = arrays.take("input_map.fill", fill.shape, np.float64)
    return InputMap(scaling, columns, ramps, scores, flags, fill, arrays.dtype)


def _read_flags(n_flags: int, arrays: Reader, n_features: int) -> Flags:
    if n_flags == 0:
        return no_flags()
    integers = (arrays.take(f"input_map.flags.{name}", (n_flags,), np.int64) for name in ("columns", "codes"))
    reals = (arrays.take(f"input_map.flags.{name}", (n_flags,), np.float64) for name in ("off", "on", "mean"))
    flags = Flags(*integers, *reals)
    _require(_within(flags.columns, n_features), "flags must be of columns of X")
    _require(bool((flags.columns[1:] >= flags.columns[:-1]).all()), "the columns of flags must ascend")
    _require(bool((flags.codes >= MISSING).all()), f"codes of flags must be at least {MISSING}")
    return flags


def _check_knots(starts: npt.NDArray[np.int64], knots: npt.NDArray[np.float64]) -> None:
    inner = starts[1:-1]
    ends = len(starts) and starts[0] == 0 and starts[-1] == len(knots)
    _require(bool(ends) and _within(starts, len(knots) + 1), "starts must lead from 0 to the number of knots")
    _require(bool((starts[1:] - starts[:-1] >= 2).all()), "a rank function needs two knots or more")
    first = np.zeros(len(knots), dtype=bool)
    first[inner] = True
    _require(bool((knots[1:] > knots[:-1])[~first[1:]].all()), "the knots of a column must ascend")


def _write_images(fitted: ImageMap, out: Writer) -> dict[str, Any]:
    out.record("input_map", fitted)
    for i, layer in enumerate(fitted.layers):
        out.record(f"input_map.layers.{i}", layer)
    return {
        "kind": "images",
        "shape": list(fitted.shape),
        "unit": fitted.unit,
        "layers": [
            {
                "patch": layer.patch,
                "grid": layer.grid,
                "overlap": layer.overlap,
                "contrast": layer.contrast,
                "n_filters": len(layer.filters),
            }
            for layer in fitted.layers
        ],
    }


def _read_images(info: Any, arrays: Reader, n_features: int) -> ImageMap:
    info = schema.keyed("input_map", info, ("kind", "shape", "unit", "layers"))
    sides = [schema.integer("input_map.shape", side, 1) for side in schema.items("input_map.shape", info["shape"])]
    if len(sides) != 3 or math.prod(sides) != n_features:
        raise schema.fail("input_map.shape", f"rows, columns and channels of {n_features} features", sides)
    shape: ImageShape = (sides[0], sides[1], sides[2])
    unit = schema.real("input_map.unit", info["unit"])
    _require(unit > 0, "unit must be positive")
    layers: list[ConvLayer] = []
    for i, layer in enumerate(schema.items("input_map.layers", info["layers"])):
        layers.append(_read_layer(f"input_map.layers.{i}", layer, arrays, layers[-1].map_shape if layers else shape))
    out = math.prod(layers[-1].map_shape if layers else shape)
    return ImageMap(shape, unit, tuple(layers), arrays.take("input_map.mean", (out,)), arrays.dtype)


def _read_layer(where: str, info: Any, arrays: Reader, shape: ImageShape) -> ConvLayer:
    info = schema.keyed(where, info, ("patch", "grid", "overlap", "contrast", "n_filters"))
    side = min(shape[:2])
    patch = schema.integer(f"{where}.patch", info["patch"], 1, side)
    _require(patch % 2 == 1, "the side of a patch must be odd")
    n_filters = schema.integer(f"{where}.n_filters", info["n_filters"], 1)
    return ConvLayer(
        shape,
        patch,
        schema.integer(f"{where}.grid", info["grid"], 1, side),
        schema.real(f"{where}.overlap", info["overlap"], 0.0, 1.0),
        schema.real(f"{where}.contrast", info["contrast"], 0.0),
        arrays.take(f"{where}.filters", (n_filters, patch * patch * shape[2])),
    )


def _increases(values: npt.NDArray[np.int64]) -> bool:
    return bool((values[1:] > values[:-1]).all())


def _within(values: npt.NDArray[np.int64], end: int) -> bool:
    return not len(values) or bool(values.min() >= 0 and values.max() < end)


def _require(condition: bool, rule: str) -> None:
    if not condition:
        raise ModelFormatError(f"input_map: {rule}")
