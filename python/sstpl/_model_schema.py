"""Values of a model file's header, checked, and arrays that must have the shapes these values ask for."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from sstpl._model_file import Arrays, ModelFormatError

R = TypeVar("R")

_LARGEST_SIZE = 2**31 - 1  # what a BLAS can index


def fail(where: str, expected: str, value: object) -> ModelFormatError:
    """Return the error that a value of the header is not what it should be."""
    return ModelFormatError(f"{where} must be {expected}, got {value!r:.200}")


def keyed(where: str, value: object, names: Iterable[str], optional: Iterable[str] = ()) -> dict[str, Any]:
    """Check an object that has these fields, and no others but optional ones."""
    if not isinstance(value, dict):
        raise fail(where, "an object", value)
    known = set(names) | set(optional) & value.keys()
    if value.keys() != known:
        lacking, unknown = sorted(known - value.keys()), sorted(value.keys() - known)
        raise ModelFormatError(f"{where}: lacking fields {lacking}, unknown fields {unknown!r:.200}")
    return value


def items(where: str, value: object, *, least: int = 0) -> list[Any]:
    """Check a list of at least so many entries."""
    if not isinstance(value, list) or len(value) < least:
        raise fail(where, f"a list of at least {least} entries", value)
    return value


def integer(where: str, value: object, low: int = 0, high: int = _LARGEST_SIZE) -> int:
    """Check a whole number in [low, high]."""
    if type(value) is not int or not low <= value <= high:
        raise fail(where, f"a whole number in [{low}, {high}]", value)
    return value


def real(where: str, value: object, low: float = -math.inf, high: float = math.inf) -> float:
    """Check a finite number in [low, high]."""
    if type(value) is not float or not math.isfinite(value) or not low <= value <= high:
        raise fail(where, f"a finite number in [{low:g}, {high:g}]", value)
    return value


def flag(where: str, value: object) -> bool:
    """Check a truth value."""
    if not isinstance(value, bool):
        raise fail(where, "true or false", value)
    return value


def choice(where: str, value: object, names: Collection[str]) -> str:
    """Check one of some names."""
    if not isinstance(value, str) or value not in names:
        raise fail(where, f"one of {sorted(names)}", value)
    return value


class Writer:
    """The arrays of a file to be written, by name."""

    def __init__(self) -> None:
        self.arrays: Arrays = {}

    def put(self, name: str, array: npt.NDArray[Any]) -> None:
        """Add an array."""
        assert name not in self.arrays
        self.arrays[name] = array

    def record(self, name: str, record: Any) -> None:
        """Add the fields of a dataclass that are arrays."""
        for field in fields(record):
            value = getattr(record, field.name)
            if isinstance(value, np.ndarray):
                self.put(f"{name}.{field.name}", value)


class Reader:
    """The arrays of a file that was read; each is taken once, with the type and shape that it must have."""

    def __init__(self, arrays: Arrays, dtype: np.dtype[np.floating]) -> None:
        self._arrays = dict(arrays)
        self.dtype = dtype  # of the model

    def __contains__(self, name: str) -> bool:
        """Whether there is an array of this name that was not taken."""
        return name in self._arrays

    def take(self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike | None = None) -> npt.NDArray[Any]:
        """Return an array, of the model's type unless said otherwise, whose numbers are finite."""
        array = self._arrays.pop(name, None)
        if array is None:
            raise ModelFormatError(f"the array {name!r} is missing")
        expected = self.dtype if dtype is None else np.dtype(dtype)
        if array.dtype != expected or array.shape != shape:
            raise fail(f"the array {name!r}", f"{expected} {shape}", f"{array.dtype} {array.shape}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ModelFormatError(f"the array {name!r} holds numbers that are not finite")
        return array

    def record(
        self,
        kind: type[R],
        name: str,
        shapes: dict[str, tuple[int, ...]],
        dtype: npt.DTypeLike | None = None,
        **others: object,
    ) -> R:
        """Return a dataclass of arrays of these shapes, and of other values."""
        return kind(**{f: self.take(f"{name}.{f}", shape, dtype) for f, shape in shapes.items()}, **others)

    def require_empty(self) -> None:
        """Raise unless every array was taken."""
        if self._arrays:
            raise ModelFormatError(f"the file has arrays that belong to nothing: {sorted(self._arrays)!r:.200}")
