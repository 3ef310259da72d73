"""Input maps as ONNX nodes, in the precision of the native ones: maps of tables compute in float64."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from sstpl._categories import Categories
from sstpl._flags import MISSING, Flags
from sstpl._images import ConvLayer, ImageMap
from sstpl._inputs import InputMap, NormalScores
from sstpl._maps import Map
from sstpl._onnx_graph import Graph

_Reals = npt.NDArray[np.float64]


def add_map(graph: Graph, fitted: Map, categories: Categories | None, X: str) -> str:
    """Map rows X (n, n_features) of any type, NaN for a missing value; return the mapped rows."""
    if not isinstance(fitted, InputMap):
        return _add_images(graph, fitted, X)
    parts = [_add_numbers(graph, fitted, X)] if len(fitted.columns) else []
    if len(fitted.scores.columns):
        parts.append(graph.cast(_add_scores(graph, fitted.scores, X), graph.dtype))
    if len(fitted.flags.columns):
        parts.append(graph.cast(_add_flags(graph, fitted.flags, categories, X), graph.dtype))
    if parts:
        return parts[0] if len(parts) == 1 else graph.node("Concat", *parts, axis=1)
    shape = graph.node("Concat", graph.node("Shape", X, start=0, end=1), np.array([1]), axis=0)
    return graph.node("Expand", graph.number(0.0), shape)


def _add_numbers(graph: Graph, fitted: InputMap, X: str) -> str:
    if fitted.scaling == "sample":
        x = graph.cast(graph.columns(X, fitted.columns), np.float64)
        return graph.cast(_standardise_rows(graph, x), graph.dtype)
    if fitted.scaling == "none":
        x = graph.cast(graph.columns(X, fitted.columns), graph.dtype)
        return graph.node("Where", graph.node("IsNaN", x), fitted.fill.astype(graph.dtype), x)
    ramps = fitted.ramps
    x = graph.cast(graph.columns(X, ramps.columns), np.float64)
    x = graph.node("Where", graph.node("IsNaN", x), ramps.center, x)
    x = graph.node("Min", graph.node("Max", x, ramps.low), ramps.high)
    return graph.cast(graph.node("Div", graph.node("Sub", x, ramps.center), ramps.spread), graph.dtype)


def _standardise_rows(graph: Graph, x: str) -> str:
    # As natively, but for the powers of two that keep squares from overflowing: those of float32 do not in float64.
    missing, zero, one = graph.node("IsNaN", x), np.array(0.0), np.array(1.0)
    there = graph.node("Where", missing, zero, one)
    count = graph.node("Max", graph.sum(there, 1), one)
    first = graph.node("GatherElements", x, graph.node("ArgMax", there, axis=1, keepdims=1), axis=1)
    x = graph.node("Where", missing, zero, graph.node("Sub", x, first))
    x = graph.node("Where", missing, zero, graph.node("Sub", x, graph.node("Div", graph.sum(x, 1), count)))
    spread = graph.node("Sqrt", graph.node("Div", graph.sum(graph.node("Mul", x, x), 1), count))
    positive = graph.node("Greater", spread, zero)
    return graph.node("Div", x, graph.node("Where", positive, spread, one))


def _add_flags(graph: Graph, flags: Flags, categories: Categories | None, X: str) -> str:
    """Add what `Flags.write` does, of categories that are numbers."""
    of_column = {} if categories is None else {column: i for i, column in enumerate(categories.columns.tolist())}
    columns, own = np.unique(flags.columns, return_inverse=True)
    parts = []
    for column in columns.tolist():
        x = graph.cast(graph.columns(X, np.array([column])), np.float64)
        if column in of_column:
            assert categories is not None
            x = _add_codes(graph, categories, of_column[column], x)
        parts.append(x)
    x = graph.columns(graph.node("Concat", *parts, axis=1), own.astype(np.int64))
    missing, of_missing = graph.node("IsNaN", x), flags.codes == MISSING
    equal = graph.node("Equal", x, flags.codes.astype(np.float64))
    hit = graph.node("Or", graph.node("And", missing, of_missing), equal)
    told = graph.node("Where", hit, flags.on, flags.off)
    unknown = graph.node("And", missing, ~np.isin(flags.columns, flags.columns[of_missing]))
    return graph.node("Where", unknown, flags.mean, told)


def _add_codes(graph: Graph, categories: Categories, index: int, x: str) -> str:
    """Add what `Categories.encode` does to a column (n, 1)."""
    kept = categories.kept[index]
    if any(isinstance(value, str) or float(np.float32(value)) != value for value in kept):
        raise ValueError(
            f"an ONNX model takes X of float32, and the categories of column {categories.columns[index]} are other: "
            "encode them, for example by scikit-learn's OrdinalEncoder, and list the column in categorical_features"
        )
    equal = graph.cast(graph.node("Equal", x, np.array([kept], dtype=np.float64)), np.float64)
    code = graph.sum(graph.node("Mul", equal, np.arange(len(kept), dtype=np.float64)), 1)
    known = graph.node("Greater", graph.sum(equal, 1), np.array(0.0))
    nan = np.array(np.nan)
    other = np.array(float(len(kept))) if categories.pooled[index] else nan
    return graph.node("Where", graph.node("IsNaN", x), nan, graph.node("Where", known, code, other))


def _add_scores(graph: Graph, scores: NormalScores, X: str) -> str:
    """Interpolate between knots, whose intervals are found by binary search, all columns at once."""
    own = [slice(*ends) for ends in zip(scores.starts[:-1], scores.starts[1:], strict=True)]
    n_intervals = 2 ** math.ceil(math.log2(max(at.stop - at.start for at in own) - 1))

    def table(values: _Reals, padding: float) -> _Reals:
        """Return the values at the knots, column after column, padded to the same number of intervals."""
        padded = np.full((len(own), n_intervals + 1), padding)
        for row, at in zip(padded, own, strict=True):
            row[: at.stop - at.start] = values[at]
        return padded.ravel()

    x = graph.cast(graph.columns(X, scores.columns), np.float64)
    missing = graph.node("IsNaN", x)
    x = graph.node("Max", x, scores.knots[scores.starts[:-1]])
    x = graph.node("Min", x, scores.knots[scores.starts[1:] - 1])
    knots = table(scores.knots, np.inf)
    at: str | npt.NDArray[np.int64] = np.arange(len(own)) * (n_intervals + 1)
    step = n_intervals // 2
    while step:
        further = graph.node("Add", at, np.array(step))
        at = graph.node("Where", graph.node("Less", graph.node("Gather", knots, further), x), further, at)
        step //= 2
    behind = graph.node("Add", at, np.array(1))
    low, high = (graph.node("Gather", knots, one) for one in (at, behind))
    t = graph.node("Div", graph.node("Sub", x, low), graph.node("Sub", high, low))
    values = table(scores.scores, 0.0)
    low_score, high_score = (graph.node("Gather", values, one) for one in (at, behind))
    left = graph.node("Mul", graph.node("Sub", np.array(1.0), t), low_score)
    between = graph.node("Add", left, graph.node("Mul", t, high_score))
    return graph.node("Where", missing, np.array(0.0), between)


def _add_images(graph: Graph, fitted: ImageMap, X: str) -> str:
    x = graph.cast(graph.node("Div", graph.cast(X, np.float64), np.array(fitted.unit)), graph.dtype)
    for layer in fitted.layers:
        x = _add_layer(graph, layer, x)
    x = graph.node("Sub", x, fitted.mean)
    if not fitted.layers:
        return x
    length = graph.node("Sqrt", graph.sum(graph.node("Mul", x, x), 1))
    positive = graph.node("Greater", length, graph.number(0.0))
    return graph.node("Div", x, graph.node("Where", positive, length, graph.number(1.0)))


def _add_layer(graph: Graph, layer: ConvLayer, x: str) -> str:
    """Normalise patches and filter them, average both signs over cells, first down and then across, take roots."""
    rows, cols, channels = layer.shape
    size = layer.patch * layer.patch * channels
    border = graph.node("Pad", x, np.array([0, 0, 0, 1]))  # one more column, of zeros
    q = graph.reshape(graph.columns(border, _patch_pixels(layer)), 0, rows * cols, size)
    q = graph.node("Sub", q, graph.node("Div", graph.sum(q, 2), graph.number(size)))
    if layer.contrast > 0:
        variance = graph.node("Div", graph.sum(graph.node("Mul", q, q), 2), graph.number(size))
        q = graph.node("Div", q, graph.node("Sqrt", graph.node("Add", variance, graph.number(layer.contrast))))
    responses = graph.node("MatMul", q, layer.filters.T)
    signs = graph.node("Relu", responses), graph.node("Relu", graph.node("Neg", responses))
    parts, n_parts = graph.node("Concat", *signs, axis=2), 2 * len(layer.filters)
    parts = graph.reshape(parts, 0, rows, cols * n_parts)
    parts = graph.node("MatMul", _cells(rows, layer).astype(graph.dtype), parts)
    parts = graph.reshape(parts, 0, layer.grid, cols, n_parts)
    parts = graph.node("MatMul", _cells(cols, layer).astype(graph.dtype), parts)
    return graph.reshape(graph.node("Sqrt", parts), 0, layer.grid * layer.grid * n_parts)


def _patch_pixels(layer: ConvLayer) -> npt.NDArray[np.int64]:
    """Return the columns of an image that its patches are made of, patch after patch; outside is one column more."""
    rows, cols, channels = layer.shape
    outside = np.int64(rows * cols * channels)
    offsets = np.arange(layer.patch) - layer.patch // 2
    y = (np.arange(rows)[:, np.newaxis] + offsets)[:, np.newaxis, :, np.newaxis, np.newaxis]
    x = (np.arange(cols)[:, np.newaxis] + offsets)[np.newaxis, :, np.newaxis, :, np.newaxis]
    inside = (y >= 0) & (y < rows) & (x >= 0) & (x < cols)
    pixels = np.where(inside, (y * cols + x) * channels + np.arange(channels), outside)
    return pixels.astype(np.int64).ravel()


def _cells(places: int, layer: ConvLayer) -> _Reals:
    """Return what averages places along a side (places) over cells (grid): their share of it, and what overlaps."""
    side = places / layer.grid
    average = np.zeros((layer.grid, places))
    for i, row in enumerate(average):
        begin = math.floor(side * (i - layer.overlap / 2) + 0.5)
        end = max(math.floor(side * (i + 1 + layer.overlap / 2) + 0.5), begin + 1)
        row[max(0, begin) : end] = 1.0 / (min(places, end) - max(0, begin))
    return average
