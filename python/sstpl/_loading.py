"""Loads the core, with a BLAS whose idle threads soon sleep.

OpenBLAS reads how long they spin from the environment, when it is loaded: 2^26 cycles unless told otherwise, for which
they would keep a core from the threads that run between two of its calls. The variable is put back at once, and what
the user has set is left alone.
"""

from __future__ import annotations

import importlib
import os

_VARIABLE = "OPENBLAS_THREAD_TIMEOUT"
_LOG2_CYCLES = "16"  # some 20 microseconds: as long as it takes to wake a thread


def load_core() -> None:
    """Import ``sstpl._core``."""
    chosen = _VARIABLE in os.environ
    os.environ.setdefault(_VARIABLE, _LOG2_CYCLES)
    try:
        importlib.import_module("sstpl._core")
    finally:
        if not chosen:
            del os.environ[_VARIABLE]


load_core()
