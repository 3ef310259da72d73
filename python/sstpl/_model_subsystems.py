"""Trained subsystems in a model file."""

from __future__ import annotations

from typing import Any

import numpy as np

from sstpl import _model_schema as schema
from sstpl import _validation as check
from sstpl._levels import Landmarks
from sstpl._model_file import ModelFormatError
from sstpl._model_schema import Reader, Writer
from sstpl._recursive import DISTANCE, Level, Stack
from sstpl._subsystem import BackwardLayer, Encoder, Readout, Subsystem
from sstpl._system import Subsystem as Trained


def write(subsystem: Trained, name: str, out: Writer) -> dict[str, Any]:
    """Return the header's entry of a subsystem."""
    if isinstance(subsystem, Stack):
        return _write_stack(subsystem, name, out)
    assert isinstance(subsystem, Subsystem)
    return _write_paper(subsystem, name, out)


def read(info: Any, name: str, arrays: Reader, n_inputs: int, n_outputs: int) -> Trained:
    """Return the subsystem of an entry, which has so many inputs, columns of mapped rows, and so many outputs."""
    kind = schema.choice(f"{name}.kind", info.get("kind") if isinstance(info, dict) else None, ("stack", "paper"))
    return (_read_stack if kind == "stack" else _read_paper)(info, name, arrays, n_inputs, n_outputs)


def _write_stack(stack: Stack, name: str, out: Writer) -> dict[str, Any]:
    for i, level in enumerate(stack.levels):
        out.record(f"{name}.levels.{i}", level)
        if level.landmarks is not None:
            out.record(f"{name}.levels.{i}.landmarks", level.landmarks)
    widths = [level.width for level in stack.levels]
    info = {"kind": "stack", "activation": stack.activation, "gain": stack.gain, "widths": widths}
    numbers = [0 if level.landmarks is None else len(level.landmarks.rows) for level in stack.levels]
    return info | {"landmarks": numbers} if any(numbers) else info


def _read_stack(info: Any, name: str, arrays: Reader, n_inputs: int, n_outputs: int) -> Stack:
    info = schema.keyed(name, info, ("kind", "activation", "gain", "widths"), optional=("landmarks",))
    activation = schema.choice(f"{name}.activation", info["activation"], (*check.ALL_ACTIVATIONS, DISTANCE))
    levels = []
    widths = schema.items(f"{name}.widths", info["widths"], least=1)
    landmarks = schema.items(f"{name}.landmarks", info.get("landmarks", [0] * len(widths)))
    numbers = [schema.integer(f"{name}.landmarks", number) for number in landmarks]
    if len(numbers) != len(widths):
        raise schema.fail(f"{name}.landmarks", f"a list of {len(widths)} entries", landmarks)
    for i, width in enumerate(widths):
        units = schema.integer(f"{name}.widths", width, 1)
        shapes = {
            "hidden_weights": (units, n_inputs + (n_outputs if i else 0)),
            "hidden_bias": (units,),
            "weights": (units, n_outputs),
            "intercept": (n_outputs,),
        }
        shared = _read_landmarks(f"{name}.levels.{i}.landmarks", arrays, numbers[i], shapes["hidden_weights"])
        levels.append(arrays.record(Level, f"{name}.levels.{i}", shapes, landmarks=shared))
    return Stack(activation, schema.real(f"{name}.gain", info["gain"]), tuple(levels))


def _read_landmarks(name: str, arrays: Reader, number: int, shape: tuple[int, ...]) -> Landmarks | None:
    """Return the landmarks of hidden weights of a shape, or None where there are none."""
    if number == 0:
        return None
    units, columns = shape
    pairs = arrays.take(f"{name}.pairs", (units, 2), np.int64)
    if pairs.min() < 0 or pairs.max() >= number:
        raise schema.fail(f"the array '{name}.pairs'", f"numbers of {number} rows", pairs)
    rows: dict[str, tuple[int, ...]] = {"rows": (number, columns), "scale": (units,)}
    return arrays.record(Landmarks, name, rows, pairs=pairs)


def _write_paper(subsystem: Subsystem, name: str, out: Writer) -> dict[str, Any]:
    for i, encoder in enumerate(subsystem.encoders):
        out.record(f"{name}.encoders.{i}", encoder)
    for i, layer in enumerate(subsystem.backward):
        out.record(f"{name}.backward.{i}", layer)
    out.record(f"{name}.readout", subsystem.readout)
    return {
        "kind": "paper",
        "activation": subsystem.activation,
        "encoder_widths": [len(encoder.weights) for encoder in subsystem.encoders],
        "backward": [
            {"n_scores": layer.weights.shape[1], "n_prototypes": layer.prototypes.shape[1]}
            for layer in subsystem.backward
        ],
        "forward_blocks": list(subsystem.forward_blocks),
        "backward_blocks": list(subsystem.backward_blocks),
        "depth": subsystem.depth,
        "width": subsystem.width,
    }


def _read_paper(info: Any, name: str, arrays: Reader, n_inputs: int, n_outputs: int) -> Subsystem:
    named = ("encoder_widths", "backward", "forward_blocks", "backward_blocks", "depth", "width")
    info = schema.keyed(name, info, ("kind", "activation", *named))
    activation = schema.choice(f"{name}.activation", info["activation"], check.ACTIVATIONS)
    forward, encoders = [n_inputs], []
    for i, given in enumerate(schema.items(f"{name}.encoder_widths", info["encoder_widths"])):
        width = schema.integer(f"{name}.encoder_widths", given, 1)
        shapes: dict[str, tuple[int, ...]] = {"weights": (width, forward[-1]), "low": (width,), "scale": (width,)}
        encoders.append(arrays.record(Encoder, f"{name}.encoders.{i}", shapes))
        forward.append(width)
    backward, layers = [n_inputs], []
    for i, given in enumerate(schema.items(f"{name}.backward", info["backward"])):
        layer, width = _read_backward(given, f"{name}.backward.{i}", arrays, backward[-1])
        layers.append(layer)
        backward.append(width)
    forward_blocks = _blocks(f"{name}.forward_blocks", info["forward_blocks"], 0, len(encoders))
    backward_blocks = _blocks(f"{name}.backward_blocks", info["backward_blocks"], 1, len(layers))
    n_fused = sum(forward[i] for i in forward_blocks) + sum(backward[i] for i in backward_blocks)
    if n_fused == 0:
        raise ModelFormatError(f"{name}: the readout reads no block")
    units = schema.integer(f"{name}.width", info["width"], 1)
    shapes = {
        "low": (n_fused,),
        "scale": (n_fused,),
        "hidden_weights": (units, n_fused),
        "hidden_bias": (units,),
        "weights": (units, n_outputs),
        "intercept": (n_outputs,),
    }
    readout = arrays.record(Readout, f"{name}.readout", shapes)
    depth = schema.integer(f"{name}.depth", info["depth"], max(1, len(encoders)))
    return Subsystem(activation, tuple(encoders), tuple(layers), forward_blocks, backward_blocks, readout, depth)


def _read_backward(info: Any, name: str, arrays: Reader, n_inputs: int) -> tuple[BackwardLayer, int]:
    """Return a layer, and the number of its features."""
    info = schema.keyed(name, info, ("n_scores", "n_prototypes"))
    n_scores = schema.integer(f"{name}.n_scores", info["n_scores"], 1)
    n_prototypes = schema.integer(f"{name}.n_prototypes", info["n_prototypes"])
    prototypes = (n_scores, n_prototypes) if n_prototypes else (0, 0)
    shapes = {"weights": (n_inputs, n_scores), "intercept": (n_scores,), "prototypes": prototypes}
    return arrays.record(BackwardLayer, name, shapes), n_prototypes or n_scores


def _blocks(where: str, value: Any, low: int, high: int) -> tuple[int, ...]:
    return tuple(schema.integer(where, level, low, high) for level in schema.items(where, value))
