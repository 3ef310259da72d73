"""Estimators within scikit-learn pipelines that skl2onnx converts."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper
from skl2onnx import update_registered_converter
from skl2onnx.common import data_types

from sstpl._onnx import Output, add_model, outputs_of
from sstpl._onnx_graph import OPSET, Graph, tensor_type
from sstpl.classifier import SSTPLClassifier
from sstpl.regressor import SSTPLRegressor

_TYPES: dict[int, Any] = {
    TensorProto.BOOL: data_types.BooleanTensorType,
    TensorProto.DOUBLE: data_types.DoubleTensorType,
    TensorProto.FLOAT: data_types.FloatTensorType,
    TensorProto.INT64: data_types.Int64TensorType,
    TensorProto.STRING: data_types.StringTensorType,
}


def register() -> None:
    """Tell skl2onnx of the estimators; see `register_onnx`."""
    # A pipeline gives its classifier the option "zipmap", which is taken for that reason alone.
    zipmap = {"zipmap": [True, False, "columns"]}
    update_registered_converter(SSTPLClassifier, SSTPLClassifier.__name__, _shapes, _convert, True, _parse, zipmap)
    update_registered_converter(SSTPLRegressor, SSTPLRegressor.__name__, _shapes, _convert, True, _parse)


def _columns(model: Any, output: Output) -> int | None:
    """Return the columns of an output: predictions of numbers are always two-dimensional in skl2onnx."""
    return 1 if output.n_columns is None and isinstance(model, SSTPLRegressor) else output.n_columns


def _parse(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:
    operator = scope.declare_local_operator(type(model).__name__, model)
    operator.inputs = inputs
    for output in outputs_of(model):
        kind, n_columns = tensor_type(output.dtype), _columns(model, output)
        if kind not in _TYPES:
            raise NotImplementedError(f"skl2onnx has no labels of type {output.dtype}, which classes_ is of")
        rows = [None] if n_columns is None else [None, n_columns]
        operator.outputs.append(scope.declare_local_variable(output.name, _TYPES[kind](rows)))
    return operator.outputs


def _shapes(operator: Any) -> None:
    """Leave the shapes as the parser has set them."""


def _convert(scope: Any, operator: Any, container: Any) -> None:
    model = operator.raw_operator
    names = [variable.full_name for variable in operator.inputs]
    graph = Graph(model._input_map.dtype, scope.get_unique_operator_name(type(model).__name__) + "_")
    X = names[0] if len(names) == 1 else graph.node("Concat", *names, axis=1)
    values = []
    for output in add_model(graph, model, X):
        turned = _columns(model, output) != output.n_columns
        values.append(graph.node("Unsqueeze", output.value, np.array([1])) if turned else output.value)
    for constant in graph.constants:
        content: Any = list(constant.string_data) if constant.data_type == TensorProto.STRING else constant
        container.add_initializer(constant.name, constant.data_type, list(constant.dims), content)
    for node in graph.nodes:
        attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        inputs, outputs = list(node.input), list(node.output)
        container.add_node(node.op_type, inputs, outputs, op_version=OPSET, name=node.name, **attributes)
    for value, variable in zip(values, operator.outputs, strict=True):
        container.add_node("Identity", [value], [variable.full_name], op_version=OPSET, name=f"{value}_out")
