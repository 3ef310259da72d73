"""What this build is, and how many threads it may use."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import joblib

from sstpl import _core


def build_info() -> dict[str, Any]:
    """Return what this build is.

    Returns
    -------
    dict
        ``version``, ``compiler``, ``blas_backend`` (``"openblas"``, ``"system"`` or ``"eigen"``), ``blas``
        (the library's own description, version first), ``blas_is_expected`` (False when another copy of the
        bundled library answers our calls), ``n_threads``, ``openmp``, ``simd`` (``"base"``, ``"avx2"`` or
        ``"avx512"``) and ``eigen`` (version).

    Examples
    --------
    >>> import sstpl
    >>> sstpl.build_info()["version"] == sstpl.__version__
    True
    """
    return dict(_core.build_info())


def show_config() -> None:
    """Print what this build is, one line per entry of `build_info`.

    Examples
    --------
    >>> import sstpl
    >>> sstpl.show_config()  # doctest: +ELLIPSIS
    version: ...
    """
    for name, value in build_info().items():
        print(f"{name}: {value}")


@cache
def _cpu_quota() -> int:
    """Return how many cores this process may use; asked once, because it reads files."""
    return int(joblib.cpu_count())


@contextmanager
def threads(n_threads: int | None) -> Iterator[int]:
    """Limit the core's threads for a while; None means as they are, within the machine's CPU quota."""
    before = _core.num_threads()
    wanted = min(before, _cpu_quota()) if n_threads is None else n_threads
    # More threads than there were before are made anew, so nothing is set that is set already.
    if wanted != before:
        _core.set_num_threads(wanted)
    try:
        yield wanted
    finally:
        if wanted != before:
            _core.set_num_threads(before)


# Below about this the threads of the BLAS wait for each other longer than they work, above all on busy cores.
_FLOPS_WORTH_THREADS = 3e9


@contextmanager
def threads_for(flops: float) -> Iterator[int]:
    """Limit the core to one thread for a while if the work is small."""
    with threads(1 if flops < _FLOPS_WORTH_THREADS else None) as n_threads:
        yield n_threads


def warn_if_foreign_blas() -> None:
    """Warn when another OpenBLAS of the process answers the core's calls."""
    info = build_info()
    if not info["blas_is_expected"]:
        warnings.warn(
            f"another copy of OpenBLAS ({info['blas']}) answers sstpl's calls than the one it was built with; "
            "import sstpl before the module that loads it",
            RuntimeWarning,
            stacklevel=2,
        )


warn_if_foreign_blas()
