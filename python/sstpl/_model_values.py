"""Parameters, targets and report in a model file."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from sstpl import _model_schema as schema
from sstpl._calibration import Calibration, CalibrationReport
from sstpl._categories import Categories
from sstpl._model_file import ModelFormatError
from sstpl._model_schema import Reader, Writer
from sstpl._report import Report, Step, SubsystemReport
from sstpl._selection import Score
from sstpl._targets import ClassTargets, LabelTargets, NumberTargets, Targets

_KINDS = ("classes", "labels", "numbers")
_NUMBERS = ("bool", *(f"{u}int{bits}" for u in ("", "u") for bits in (8, 16, 32, 64)), "float16", "float32", "float64")
_MOST_CHARACTERS = 2**24  # of an array of fixed-width strings, which may take more than its strings


def write_parameter(name: str, value: object) -> Any:
    """Return a parameter as a plain value; arrays become tuples, and a dict its pairs."""
    if isinstance(value, dict):
        return {"dict": [[_scalar(name, part) for part in pair] for pair in value.items()]}
    if isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, (str, bytes)):
        parts = [_scalar(name, part) for part in value]
        return parts if isinstance(value, list) else {"tuple": parts}
    return _scalar(name, value)


def _scalar(name: str, value: object) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    raise ValueError(
        f"{name} must be None, a number, a string or a sequence of these for a model file to hold it, got {value!r}; "
        f"change it with set_params({name}=...) before saving, which leaves the fitted model as it is"
    )


def read_parameter(name: str, value: Any) -> Any:
    """Return a parameter from its plain value."""
    where = f"parameters.{name}"
    if not isinstance(value, (list, dict)):
        return value
    if isinstance(value, dict) and "dict" in value:
        pairs = schema.items(where, schema.keyed(where, value, ("dict",))["dict"])
        pairs = [schema.items(where, pair, least=2) for pair in pairs]
        if any(len(pair) != 2 or isinstance(part, (list, dict)) for pair in pairs for part in pair):
            raise schema.fail(where, "pairs of plain values", value)
        return dict(pairs)
    parts = schema.items(where, value if isinstance(value, list) else schema.keyed(where, value, ("tuple",))["tuple"])
    if any(isinstance(part, (list, dict)) for part in parts):
        raise schema.fail(where, "a plain value or a sequence of them", value)
    return parts if isinstance(value, list) else tuple(parts)


def write_targets(targets: Targets, out: Writer) -> dict[str, Any]:
    """Return the header's entry of the targets."""
    if isinstance(targets, NumberTargets):
        out.record("targets", targets)
        return {"kind": "numbers", "n_outputs": len(targets.mean), "one_output": targets.one_output}
    if isinstance(targets, LabelTargets):
        return {"kind": "labels", "n_labels": targets.n_labels, "dtype": targets.dtype.name}
    classes = targets.classes
    dtype = classes.dtype.newbyteorder("=")
    if dtype.kind == "O" and all(type(name) is str for name in classes):
        tag = "object"
    elif dtype.kind == "U":
        tag = f"U{dtype.itemsize // 4}"
    elif dtype.name in _NUMBERS:
        tag = dtype.name
    else:
        raise ValueError(f"classes_ must be strings, bools, integers or floats for a model file, got {classes.dtype}")
    return {"kind": "classes", "dtype": tag, "values": classes.tolist()}


def read_targets(info: Any, arrays: Reader) -> Targets:
    """Return the targets of an entry."""
    kind = schema.choice("targets.kind", info.get("kind") if isinstance(info, dict) else None, _KINDS)
    if kind == "classes":
        info = schema.keyed("targets", info, ("kind", "dtype", "values"))
        return ClassTargets(_read_classes(info["dtype"], schema.items("targets.values", info["values"], least=2)))
    if kind == "labels":
        info = schema.keyed("targets", info, ("kind", "n_labels", "dtype"))
        n_labels = schema.integer("targets.n_labels", info["n_labels"], 2)
        return LabelTargets(n_labels, np.dtype(schema.choice("targets.dtype", info["dtype"], _NUMBERS)))
    info = schema.keyed("targets", info, ("kind", "n_outputs", "one_output"))
    n_outputs = schema.integer("targets.n_outputs", info["n_outputs"], 1)
    one = schema.flag("targets.one_output", info["one_output"])
    if one and n_outputs != 1:
        raise ModelFormatError(f"targets: one output, and {n_outputs} of them")
    shapes: dict[str, tuple[int, ...]] = {"mean": (n_outputs,), "scale": (n_outputs,)}
    targets = arrays.record(NumberTargets, "targets", shapes, np.float64, one_output=one)
    if not (targets.scale > 0).all():
        raise ModelFormatError("targets.scale must be positive")
    return targets


def _read_classes(tag: Any, values: list[Any]) -> npt.NDArray[Any]:
    wrong = schema.fail("targets", f"increasing classes of the type {tag!r:.40}", values)
    width = int(tag[1:]) if isinstance(tag, str) and tag[:1] == "U" and tag[1:].isdecimal() and len(tag) < 10 else 0
    kind: type = str
    if tag == "object" or width:
        dtype = np.dtype(object if tag == "object" else f"U{width}")
        if width * len(values) > max(_MOST_CHARACTERS, sum(len(v) for v in values if isinstance(v, str))):
            raise wrong
    else:
        dtype = np.dtype(schema.choice("targets.dtype", tag, _NUMBERS))
        kind = bool if dtype.kind == "b" else float if dtype.kind == "f" else int
    if any(type(value) is not kind for value in values):
        raise wrong
    try:
        classes = np.array(values, dtype=dtype)
    except OverflowError as error:
        raise wrong from error
    if classes.tolist() != values or any(not a < b for a, b in pairwise(values)):
        raise wrong  # cut short or rounded by the type; or not in order
    return classes


def write_categories(categories: Categories) -> list[dict[str, Any]]:
    """Return the header's entry of columns of categories."""
    parts = zip(categories.columns.tolist(), categories.kept, categories.pooled, strict=True)
    return [{"column": column, "kept": list(kept), "pooled": pooled} for column, kept, pooled in parts]


def read_categories(info: Any, n_features: int) -> Categories:
    """Return the columns of categories of an entry."""
    where = "features.categories"
    entries = [schema.keyed(where, one, ("column", "kept", "pooled")) for one in schema.items(where, info, least=1)]
    columns = [schema.integer(f"{where}.column", one["column"], 0, n_features - 1) for one in entries]
    if any(not a < b for a, b in pairwise(columns)):
        raise schema.fail(f"{where}.column", "in ascending order", columns)
    kept = tuple(_read_kept(f"{where}.kept", one["kept"]) for one in entries)
    pooled = tuple(schema.flag(f"{where}.pooled", one["pooled"]) for one in entries)
    return Categories(np.array(columns, dtype=np.int64), kept, pooled)


def _read_kept(where: str, value: Any) -> tuple[Any, ...]:
    values = schema.items(where, value)
    if not (all(type(v) is str for v in values) or all(type(v) is float and np.isfinite(v) for v in values)):
        raise schema.fail(where, "all strings or all finite floats", values)
    if any(not a < b for a, b in pairwise(values)):
        raise schema.fail(where, "in ascending order", values)
    return tuple(values)


def read_calibration(info: Any) -> Calibration:
    """Return the map from scores to probabilities of an entry."""
    info = schema.keyed("calibration", info, [field.name for field in fields(Calibration)])
    slope, floor = (
        schema.real("calibration.slope", info["slope"], 1e-300),
        schema.real("calibration.floor", info["floor"]),
    )
    if abs(floor) < 1e-2 and not floor > 1e-300:  # of logits that are stretched, it is -1 or less
        raise schema.fail("calibration.floor", "positive, or at most -0.01", floor)
    return Calibration(slope, floor, schema.integer("calibration.n_rows", info["n_rows"], 1))


def write_report(report: Report) -> dict[str, Any]:
    """Return the header's entry of a report; numbers that are not finite become NaN and Infinity, as in Python."""
    entry = asdict(report)
    if entry["calibration"] is not None:
        entry["calibration"]["tried"] = [list(pair) for pair in entry["calibration"]["tried"]]
    return entry


def read_report(info: Any) -> Report:
    """Return the report of an entry."""
    info = schema.keyed("report", info, [field.name for field in fields(Report)])
    return Report(
        [_step("report.preparation", step) for step in schema.items("report.preparation", info["preparation"])],
        [_subsystem("report.subsystems", one) for one in schema.items("report.subsystems", info["subsystems"])],
        schema.flag("report.stopped_by_time", info["stopped_by_time"]),
        None if info["calibration"] is None else _calibration_report("report.calibration", info["calibration"]),
        _score("report.score", info["score"]),
    )


def _typed(kind: type, *, optional: bool = False) -> Callable[[str, Any], Any]:
    def read(where: str, value: Any) -> Any:
        if type(value) is not kind and not (optional and value is None):
            raise schema.fail(where, f"a {kind.__name__}", value)
        return value

    return read


def _score(where: str, value: Any) -> Score | None:
    return None if value is None else Score(**_fields(where, value, {"value": _typed(float), "fit": _typed(float)}))


def _calibration_report(where: str, value: Any) -> CalibrationReport:
    return CalibrationReport(**_fields(where, value, _CALIBRATION))


def _pair(where: str, value: Any) -> tuple[float, float]:
    pair = schema.items(where, value, least=2)
    if len(pair) != 2 or any(type(part) is not float for part in pair):
        raise schema.fail(where, "two floats", value)
    return pair[0], pair[1]


def _step(where: str, value: Any) -> Step:
    return Step(**_fields(where, value, _STEP))


def _subsystem(where: str, value: Any) -> SubsystemReport:
    return SubsystemReport(**_fields(where, value, _SUBSYSTEM))


def _fields(where: str, value: Any, readers: dict[str, Callable[[str, Any], Any]]) -> dict[str, Any]:
    value = schema.keyed(where, value, readers)
    return {name: read(f"{where}.{name}", value[name]) for name, read in readers.items()}


# `detail` is whatever the core reported: plain values, which JSON holds no others of.
_STEP: dict[str, Callable[[str, Any], Any]] = {
    "stage": _typed(str),
    "level": _typed(int),
    "seconds": _typed(float),
    "score": _score,
    "accepted": _typed(bool),
    "alpha": _typed(float, optional=True),
    "rank": _typed(int, optional=True),
    "rcond": _typed(float, optional=True),
    "solver": _typed(str, optional=True),
    "detail": _typed(dict),
}
_SUBSYSTEM: dict[str, Callable[[str, Any], Any]] = {
    "n_samples": _typed(int),
    "steps": lambda where, value: [_step(where, step) for step in schema.items(where, value)],
    "score": _score,
    "system_score": _score,
    "accepted": _typed(bool),
    "seconds": _typed(float),
}
_CALIBRATION: dict[str, Callable[[str, Any], Any]] = {
    "slope": _typed(float),
    "floor": _typed(float),
    "log_loss": _typed(float),
    "tried": lambda where, value: [_pair(where, pair) for pair in schema.items(where, value)],
}
