"""Input maps as ONNX nodes, in the precision of the native ones: maps of tables compute in float64."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from sstpl._images import ConvLayer, ImageMap
from sstpl._inputs import InputMap, NormalScores
from sstpl._maps import Map
from sstpl._onnx_graph import Graph

_Reals = npt.NDArray[np.float64]


def add_map(graph: Graph, fitted: Map, X: str) -> str:
    """Map rows X (n, n_features) of any type; return the mapped rows."""
    return _add_table(graph, fitted, X) if isinstance(fitted, InputMap) else _add_images(graph, fitted, X)


def _add_table(graph: Graph, fitted: InputMap, X: str) -> str:
    if len(fitted.columns) == 0:
        shape = graph.node("Concat", graph.node("Shape", X, start=0, end=1), np.array([1]), axis=0)
        return graph.node("Expand", graph.number(0.0), shape)
    if fitted.scaling == "none":
        return graph.cast(graph.columns(X, fitted.columns), graph.dtype)
    if fitted.scaling == "sample":
        x = graph.cast(graph.columns(X, fitted.columns), np.float64)
        return graph.cast(_standardise_rows(graph, x, len(fitted.columns)), graph.dtype)
    ramps = fitted.ramps
    x = graph.cast(graph.columns(X, ramps.columns), np.float64)
    x = graph.node("Min", graph.node("Max", x, ramps.low), ramps.high)
    mapped = graph.cast(graph.node("Div", graph.node("Sub", x, ramps.center), ramps.spread), graph.dtype)
    if len(fitted.scores.columns) == 0:
        return mapped
    return graph.node("Concat", mapped, graph.cast(_add_scores(graph, fitted.scores, X), graph.dtype), axis=1)


def _standardise_rows(graph: Graph, x: str, n_columns: int) -> str:
    # As natively, but for the powers of two that keep squares from overflowing: those of float32 do not in float64.
    x = graph.node("Sub", x, graph.columns(x, np.array([0])))
    count = np.array(float(n_columns))
    x = graph.node("Sub", x, graph.node("Div", graph.sum(x, 1), count))
    spread = graph.node("Sqrt", graph.node("Div", graph.sum(graph.node("Mul", x, x), 1), count))
    positive = graph.node("Greater", spread, np.array(0.0))
    return graph.node("Div", x, graph.node("Where", positive, spread, np.array(1.0)))


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
    return graph.node("Add", left, graph.node("Mul", t, high_score))


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
