"""What commands print and write: lines of names and values, JSON, and files that are whole or not there."""

from __future__ import annotations

import errno
import json
import math
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from sstpl._overview import shown


class UsageError(Exception):
    """Options that do not fit together, or not the files given: exit code 2."""


def print_facts(facts: Mapping[str, object]) -> None:
    """Print names and values, one line each."""
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}}  {shown(value)}")


def print_json(document: Mapping[str, object]) -> None:
    """Print a JSON object; numbers that JSON lacks (infinite, not a number) are null."""
    print(json.dumps(_plain(document), indent=2, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def require_place(path: str, *inputs: str | None) -> None:
    """Raise where a file cannot be written at a path, or would replace one that the command reads.

    Asked before the work, which may take minutes.
    """
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", folder)
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, "the folder cannot be written to", folder)
    if os.path.lexists(target) and not os.path.isfile(target):
        raise ValueError(f"{path} is no regular file, and cannot be replaced by one")
    if target in (os.path.realpath(given) for given in inputs if given is not None):
        raise ValueError(f"{path} is to be read, and cannot be written as well")


def write_whole(path: str, write: Callable[[str], object]) -> None:
    """Write a file by a function of its path; it replaces what is there once it is complete, or not at all."""
    target = os.path.realpath(path)  # a link goes on pointing to the file
    # The name ends as the target's does: what is written depends on it.
    temporary = os.path.join(os.path.dirname(target), f".sstpl-{secrets.token_hex(8)}-{os.path.basename(target)}")
    try:
        write(temporary)
        with suppress(FileNotFoundError):
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)


def verbosity(quiet: bool) -> int:
    """Return ``verbose`` of the estimators: a progress bar, where somebody looks at it."""
    return int(not quiet and sys.stderr.isatty())
