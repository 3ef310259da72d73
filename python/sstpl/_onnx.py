"""Fitted estimators as ONNX models: `SSTPLClassifier.to_onnx`, `SSTPLRegressor.to_onnx`, and pipelines of skl2onnx."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper

from sstpl import _validation as check
from sstpl._calibration import MOST_STRETCHED, Calibration
from sstpl._config import build_info
from sstpl._onnx_graph import IR_VERSION, OPSET, Graph, tensor_type
from sstpl._onnx_maps import add_map
from sstpl._recursive import DISTANCE, Level, Stack
from sstpl._subsystem import Subsystem
from sstpl._system import Subsystem as Trained
from sstpl._targets import ClassTargets, LabelTargets

_DISTANCE_SOFTENING = 2.0**-12  # as in the core


@dataclass(frozen=True)
class Output:
    """An output of a model: its name, the value in the graph, its type, and its columns, none for one dimension."""

    name: str
    value: str
    dtype: np.dtype[Any]
    n_columns: int | None

    @property
    def shape(self) -> list[str | int]:
        """Its shape, with a name for the number of rows."""
        return ["n"] if self.n_columns is None else ["n", self.n_columns]


def to_onnx(model: Any, path: str | os.PathLike[str] | None) -> onnx.ModelProto:
    """Return an estimator as an ONNX model; see `SSTPLClassifier.to_onnx`."""
    check.fitted(model)
    graph = Graph(model._input_map.dtype)
    outputs = add_model(graph, model, "X")
    for output in outputs:
        graph.nodes.append(helper.make_node("Identity", [output.value], [output.name]))
    given = helper.make_tensor_value_info("X", onnx.TensorProto.FLOAT, ["n", int(model.n_features_in_)])
    named = [helper.make_tensor_value_info(one.name, tensor_type(one.dtype), one.shape) for one in outputs]
    exported = helper.make_model(
        helper.make_graph(graph.nodes, type(model).__name__, [given], named, graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="sstpl",
        producer_version=build_info()["version"],
    )
    if path is not None:
        onnx.save_model(exported, os.fspath(path))
    return exported


def add_model(graph: Graph, model: Any, X: str) -> list[Output]:
    """Add a fitted estimator on rows X (n, n_features) of any type; return its outputs."""
    mapped = add_map(graph, model._input_map, model._categories, X)
    scores = [_add_subsystem(graph, subsystem, mapped) for subsystem in model.subsystems_]
    mean = graph.node("Div", graph.node("Sum", *scores), graph.number(len(scores)))
    return _add_outputs(graph, model, mean)


def outputs_of(model: Any) -> list[Output]:
    """Return the outputs that a fitted estimator has."""
    return _add_outputs(Graph(model._input_map.dtype), model, "scores")


def _add_outputs(graph: Graph, model: Any, scores: str) -> list[Output]:
    """Add what users see of the system's scores (n, n_outputs)."""
    targets = model._targets
    if isinstance(targets, ClassTargets):
        classes = targets.classes.astype(_label_dtype(targets.classes.dtype))
        label = graph.node("Gather", classes, graph.node("ArgMax", scores, axis=1, keepdims=0))
        labels = Output("label", label, classes.dtype, None)
        chances = _add_probabilities(graph, model._calibration, scores, len(classes))
        probabilities = Output("probabilities", chances, graph.dtype, len(classes))
        if len(classes) != 2:
            return [labels, probabilities, Output("scores", scores, graph.dtype, len(classes))]
        half = graph.node("MatMul", scores, np.array([-0.5, 0.5], dtype=graph.dtype))
        return [labels, probabilities, Output("scores", half, graph.dtype, None)]
    if isinstance(targets, LabelTargets):
        label = graph.cast(graph.node("Greater", scores, graph.number(0)), np.int64)
        column = graph.node("Reshape", scores, np.array([-1, 1]))
        both = graph.node("Concat", graph.node("Neg", column), column, axis=1)
        chances = _add_probabilities(graph, model._calibration, both, 2)
        chances = graph.node(
            "Reshape", graph.node("Gather", chances, np.array(1), axis=1), np.array([-1, targets.n_labels])
        )
        return [
            Output("label", label, np.dtype(np.int64), targets.n_labels),
            Output("probabilities", chances, graph.dtype, targets.n_labels),
            Output("scores", scores, graph.dtype, targets.n_labels),
        ]
    values = graph.node("Mul", graph.cast(scores, np.float64), targets.scale)
    values = graph.cast(graph.node("Add", values, targets.mean), graph.dtype)
    if targets.one_output:
        return [Output("prediction", graph.node("Squeeze", values, np.array([1])), graph.dtype, None)]
    return [Output("prediction", values, graph.dtype, len(targets.mean))]


def _add_probabilities(graph: Graph, calibration: Calibration, scores: str, n_classes: int) -> str:
    """Add `Calibration.probabilities`, in float64 as there."""
    evidence, factor = _add_evidence(graph, calibration.floor, scores)
    slope = calibration.slope * factor
    weights = graph.node("Softmax", graph.node("Mul", evidence, np.array(slope)), axis=1)
    kept = graph.node("Mul", weights, np.array(calibration.n_rows / (calibration.n_rows + 1)))
    mixed = graph.node("Add", kept, np.array(1 / (n_classes * (calibration.n_rows + 1))))
    return graph.cast(mixed, graph.dtype)


def _add_evidence(graph: Graph, floor: float, scores: str) -> tuple[str, float]:
    """Add the map of scores, and return what it is to be multiplied by; runtimes lack asinh and sinh in float64."""
    one = np.array(1.0)
    x = graph.node("Mul", graph.node("Add", graph.cast(scores, np.float64), one), np.array(0.5 / abs(floor)))
    if floor > 0:
        root = graph.node("Sqrt", graph.node("Add", graph.node("Mul", x, x), one))
        size = graph.node("Log", graph.node("Add", graph.node("Abs", x), root))
        return graph.node("Mul", graph.node("Sign", x), size), float(np.sqrt(1.0 + floor**2))
    x = graph.node("Min", graph.node("Max", x, np.array(-MOST_STRETCHED)), np.array(MOST_STRETCHED))
    rising, falling = graph.node("Exp", x), graph.node("Exp", graph.node("Neg", x))
    return graph.node("Sub", rising, falling), float(-floor / (2.0 * np.cosh(1.0 / floor)))


def _label_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type of labels: strings, bools and floats as they are, integers as int64 where it holds them."""
    if dtype.kind in "OU":
        return np.dtype(object)
    return np.dtype(np.int64) if dtype.kind in "iu" and dtype != np.uint64 else dtype


def _add_subsystem(graph: Graph, subsystem: Trained, X: str) -> str:
    """Add a subsystem on mapped rows; return its scores."""
    if isinstance(subsystem, Stack):
        return _add_stack(graph, subsystem, X)
    assert isinstance(subsystem, Subsystem)
    return _add_paper(graph, subsystem, X)


def _add_stack(graph: Graph, stack: Stack, X: str) -> str:
    scores = ""
    for level in stack.levels:
        fed = graph.node("Concat", X, graph.node("Mul", scores, graph.number(stack.gain)), axis=1) if scores else X
        features = (
            _add_distances(graph, level, fed) if stack.activation == DISTANCE else _add_units(graph, stack, level, fed)
        )
        scores = graph.node("Gemm", features, level.weights, level.intercept)
    return scores


def _add_units(graph: Graph, stack: Stack, level: Level, Z: str) -> str:
    return graph.activation(stack.activation, graph.node("Gemm", Z, level.hidden_weights, level.hidden_bias, transB=1))


def _add_distances(graph: Graph, level: Level, Z: str) -> str:
    """Add exp(-sqrt(b^2 r^2 + c)) of r^2 = |z|^2 + |a|^2 - 2 z'a, as in activation.hpp."""
    centers = level.hidden_weights
    squares = np.einsum("ij,ij->i", centers, centers).astype(graph.dtype)
    products = graph.node("Gemm", Z, centers, squares, alpha=-2.0, transB=1)
    distances = graph.node("Max", graph.node("Add", products, graph.sum(graph.node("Mul", Z, Z), 1)), graph.number(0))
    scaled = graph.node("Mul", distances, level.hidden_bias * level.hidden_bias)
    root = graph.node("Sqrt", graph.node("Add", scaled, graph.number(_DISTANCE_SOFTENING)))
    return graph.node("Exp", graph.node("Neg", root))


def _add_paper(graph: Graph, subsystem: Subsystem, X: str) -> str:
    forward, backward, readout = [X], [X], subsystem.readout
    for encoder in subsystem.encoders:
        code = graph.activation(subsystem.activation, graph.node("MatMul", forward[-1], encoder.weights.T))
        forward.append(graph.node("Mul", graph.node("Sub", code, encoder.low), encoder.scale))
    for layer in subsystem.backward:
        scores = graph.node("Gemm", backward[-1], layer.weights, layer.intercept)
        if layer.prototypes.size:
            scores = graph.node("MatMul", scores, layer.prototypes)
        backward.append(graph.activation(subsystem.activation, scores))
    blocks = [forward[i] for i in subsystem.forward_blocks] + [backward[j] for j in subsystem.backward_blocks]
    ranged = graph.node("Mul", graph.node("Sub", graph.node("Concat", *blocks, axis=1), readout.low), readout.scale)
    features = graph.node("Gemm", ranged, readout.hidden_weights, readout.hidden_bias, transB=1)
    return graph.node("Gemm", graph.activation(subsystem.activation, features), readout.weights, readout.intercept)
