"""An ONNX graph in the making. The operators used mean the same from opset 17 on."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper

OPSET = 17  # what the runtimes in use have; newer defaults of onnx are refused by some of them
IR_VERSION = 10

_LEAKY_SLOPE = 0.01  # as in the core

Value: TypeAlias = "str | npt.NDArray[Any]"  # what a node computes, by name; or a constant


class Graph:
    """Nodes and constants of a model that computes in one precision.

    Names begin with a prefix, so that graphs of several models fit into one.
    """

    def __init__(self, dtype: np.dtype[np.floating], prefix: str = "") -> None:
        self.dtype = dtype
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._prefix = prefix
        self._known: dict[int, tuple[str, npt.NDArray[Any]]] = {}

    def node(self, operator: str, *inputs: Value, **attributes: Any) -> str:
        """Add a node of one output; return its name."""
        names = [one if isinstance(one, str) else self._constant(one) for one in inputs]
        name = f"{self._prefix}{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, names, [name], name=name, **attributes))
        return name

    def _constant(self, array: npt.NDArray[Any]) -> str:
        """Return the name of a constant; an array that is used twice is there once."""
        if id(array) not in self._known:
            name = f"{self._prefix}constant_{len(self.constants)}"
            self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name))
            self._known[id(array)] = name, array  # kept, or another could get its id
        return self._known[id(array)][0]

    def number(self, value: float) -> npt.NDArray[Any]:
        """Return a constant of the model's precision."""
        return np.array(value, dtype=self.dtype)

    def cast(self, x: Value, dtype: npt.DTypeLike) -> str:
        """Convert to another type."""
        return self.node("Cast", x, to=tensor_type(np.dtype(dtype)))

    def columns(self, x: Value, columns: npt.NDArray[np.int64]) -> str:
        """Take columns of a matrix."""
        return self.node("Gather", x, columns, axis=1)

    def sum(self, x: Value, axis: int) -> str:
        """Sum along an axis, which stays with length 1."""
        return self.node("ReduceSum", x, np.array([axis]), keepdims=1)

    def reshape(self, x: Value, *shape: int) -> str:
        """Reshape; a length of 0 stands for the one that is there."""
        return self.node("Reshape", x, np.array(shape))

    def activation(self, name: str, z: Value) -> str:
        """Apply an activation."""
        if name == "identity":
            return self.node("Identity", z)
        if name == "leaky_relu":
            return self.node("Max", z, self.node("Mul", z, self.number(_LEAKY_SLOPE)))
        if name == "gelu":
            # Runtimes know the error function of float32 alone: its error is 1e-7, whatever the model's precision.
            scaled = self.cast(self.node("Mul", z, self.number(math.sqrt(0.5))), np.float32)
            tail = self.node("Add", self.cast(self.node("Erf", scaled), self.dtype), self.number(1.0))
            return self.node("Mul", self.node("Mul", z, self.number(0.5)), tail)
        return self.node({"tanh": "Tanh", "sigmoid": "Sigmoid", "relu": "Relu"}[name], z)


def tensor_type(dtype: np.dtype[Any]) -> int:
    """Return ONNX's name of a type."""
    return int(helper.np_dtype_to_tensor_dtype(dtype))
