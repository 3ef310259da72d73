"""The container of a model file: a header and arrays in one safetensors file, written as a whole or not at all.

    8 bytes   length N of the container's header, little-endian
    N bytes   the container's header, JSON: where each array lies; under "__metadata__" one string, our header, JSON too
    the rest  the arrays

Our header names the format, its version and a checksum: the SHA-256 of the whole file as it is while the checksum is 64
zeros. Nothing in a file names code, and reading one runs none. What header and arrays mean is not known here.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import stat
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import safetensors
from safetensors.numpy import save as to_bytes

FORMAT = "sstpl.model"
FORMAT_VERSION = 4  # 1: what predicts; 2: also the sums of partial_fit; 3: also landmarks; 4: also centers

_KEY = "sstpl"
_MOST_HEADER_BYTES = 2**24  # parsed, JSON takes up to thirty times as much memory
_LENGTH_BYTES = 8
_UNKNOWN_CHECKSUM = "0" * 64
_DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8"), "I64": np.dtype("<i8")}

Path: TypeAlias = "str | os.PathLike[str]"
Arrays: TypeAlias = dict[str, npt.NDArray[Any]]
Header: TypeAlias = dict[str, Any]


class ModelFormatError(ValueError):
    """A file is no model file, is damaged, was edited, or was written by a newer version of sstpl."""


def write(path: Path, header: Header, arrays: Arrays) -> None:
    """Write a file, which replaces what is at the path once it is complete, on the disk and read back.

    The header has "format", that of this module, and "format_version", that of it or an older one.

    Whatever fails, what was at the path before is left as it was.
    """
    target = os.path.realpath(path)  # a link goes on pointing to the file
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}  # others are written wrongly by 0.8
    data = _with_checksum(header, arrays)
    temporary = os.path.join(os.path.dirname(target), f".sstpl-{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            shutil.copymode(target, temporary)
        _require_same(temporary, arrays)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def read(path: Path) -> tuple[Header, Arrays]:
    """Return header and arrays of a file whose format, version and checksum are right.

    Raises
    ------
    ModelFormatError
        For any other file.
    OSError
        When there is no file, or it cannot be read.
    """
    data, length = _read_bytes(path)
    header = _parse_header(data[_LENGTH_BYTES : _LENGTH_BYTES + length])
    _check_version(header)
    if _checksum(data, length, header.pop("sha256", None)) is None:
        raise ModelFormatError("the checksum is wrong: the file is damaged or was edited")
    try:
        return header, {name: _array(info) for name, info in safetensors.deserialize(data)}  # type: ignore[no-untyped-call]
    except safetensors.SafetensorError as error:
        raise ModelFormatError(f"the arrays do not fit the file: {error}") from error


def _with_checksum(header: Header, arrays: Arrays) -> bytes:
    data = to_bytes(arrays, {_KEY: json.dumps({"sha256": _UNKNOWN_CHECKSUM, **header})})
    length = int.from_bytes(data[:_LENGTH_BYTES], "little")
    if length > _MOST_HEADER_BYTES:
        raise ValueError(
            f"a model file holds at most {_MOST_HEADER_BYTES} bytes of names, classes and report, these are {length}"
        )
    checksum = hashlib.sha256(data).hexdigest()
    return data.replace(_UNKNOWN_CHECKSUM.encode(), checksum.encode(), 1)


def _checksum(data: bytes, length: int, given: object) -> str | None:
    """Return the checksum of a file, or None where it is not the one given."""
    if not isinstance(given, str) or len(given) != len(_UNKNOWN_CHECKSUM) or not given.isascii():
        return None
    end = _LENGTH_BYTES + length
    found = hashlib.sha256(data[:end].replace(given.encode(), _UNKNOWN_CHECKSUM.encode(), 1))
    found.update(memoryview(data)[end:])
    return given if found.hexdigest() == given else None


def _read_bytes(path: Path) -> tuple[bytes, int]:
    """Return the content of a file that may be a model file, and the length of its container's header."""
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # opening a pipe would wait; a directory cannot be opened
        raise ModelFormatError("not a model file: not even a regular file")
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        if size < _LENGTH_BYTES or length > min(size - _LENGTH_BYTES, _MOST_HEADER_BYTES):
            raise ModelFormatError(
                f"not a model file, or cut short: its first bytes announce a header of {length} bytes, the file has "
                f"{size}, and a header at most {_MOST_HEADER_BYTES}"
            )
        file.seek(0)
        return file.read(), length


def _parse_header(head: bytes) -> Header:
    """Return our header out of that of the container."""
    try:
        metadata = json.loads(head)["__metadata__"]
        if not isinstance(metadata, dict) or list(metadata) != [_KEY]:
            raise ModelFormatError("not a model file: it has no header of ours")
        header = json.loads(metadata[_KEY], object_pairs_hook=_unique)
    except ModelFormatError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        raise ModelFormatError(f"not a model file: its header cannot be read ({error!r:.200})") from error
    if not isinstance(header, dict):
        raise ModelFormatError("not a model file: its header is not an object")
    return header


def _unique(pairs: list[tuple[str, Any]]) -> Header:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ModelFormatError("the header has a field twice")
    return found


def _check_version(header: Header) -> None:
    if header.get("format") != FORMAT:
        raise ModelFormatError(f"the format is {header.get('format')!r:.200}, expected {FORMAT!r}")
    version = header.get("format_version")
    if type(version) is not int or version < 1:
        raise ModelFormatError(f"format_version must be a whole number from 1, got {version!r:.200}")
    if version > FORMAT_VERSION:
        raise ModelFormatError(
            f"the file has format_version {version}, written by sstpl {header.get('sstpl_version')!r:.40}; this sstpl "
            f"reads format_version {FORMAT_VERSION} and older. Install a newer sstpl"
        )


def _array(info: dict[str, Any]) -> npt.NDArray[Any]:
    """Return one array, with memory of its own."""
    if info["dtype"] not in _DTYPES:
        raise ModelFormatError(f"an array is of type {info['dtype']!r}, which no array of a model is")
    dtype = _DTYPES[info["dtype"]]
    try:
        return np.ndarray(tuple(info["shape"]), dtype, buffer=info["data"])
    except (ValueError, TypeError, OverflowError) as error:  # sizes beyond an index, beside one that is 0
        raise ModelFormatError(f"an array has a shape that none can have: {error}") from error


def _require_same(path: str, arrays: Arrays) -> None:
    """Read a file back, and raise OSError unless it holds these arrays."""
    try:
        _, found = read(path)
    except ModelFormatError as error:
        raise OSError(f"the model file did not read back as it was written: {error}") from error
    if found.keys() != arrays.keys() or any(
        found[name].shape != array.shape or found[name].dtype != array.dtype or found[name].tobytes() != array.tobytes()
        for name, array in arrays.items()
    ):
        raise OSError("the model file did not read back as it was written: its arrays differ")
