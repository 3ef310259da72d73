"""What this build is, and how many threads it may use."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock, get_ident
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
        bundled library answers our calls), ``n_threads``, ``openmp``, ``simd`` (``"base"``, ``"avx2"``,
        ``"avx512"``, ``"avx512vnni"`` or ``"amx"``) and ``eigen`` (version).

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
def available_cores() -> int:
    """Return how many cores this process may use; asked once, because it reads files."""
    return int(joblib.cpu_count())


class _Limits:
    """The limits in force, the latest last: fits of several threads may begin and end in any order."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.outside = 0  # the setting while there is no limit
        self.active: list[tuple[int, int]] = []  # threads allowed, and who asked for it

    def add(self, n_threads: int) -> tuple[int, int]:
        limit = n_threads, get_ident()
        with self.lock:
            if not self.active:
                self.outside = _core.num_threads()
            self.active.append(limit)
            _core.set_num_threads(n_threads)
        return limit

    def remove(self, limit: tuple[int, int]) -> None:
        with self.lock:
            self.active.remove(limit)
            _core.set_num_threads(self.active[-1][0] if self.active else self.outside)

    def after_fork(self) -> None:
        """Forget the limits of threads that the child does not have, one of which may have held the lock."""
        self.lock = Lock()
        own = [limit for limit in self.active if limit[1] == get_ident()]
        if len(own) < len(self.active):
            self.active = own
            _core.set_num_threads(own[-1][0] if own else self.outside)


_limits = _Limits()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_limits.after_fork)


@contextmanager
def threads(n_threads: int | None) -> Iterator[int]:
    """Limit the core's threads for a while; None means as they are, within the machine's CPU quota."""
    before = _core.num_threads()
    wanted = min(before, available_cores()) if n_threads is None else n_threads
    # More threads than there were before are made anew, so nothing is set that is set already.
    limit = _limits.add(wanted) if wanted != before else None
    try:
        yield wanted
    finally:
        if limit is not None:
            _limits.remove(limit)


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
