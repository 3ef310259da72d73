"""What every benchmark records beside its figures: machine, threads, versions, peak memory."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def cpu_name() -> str:
    """Return the processor's name, where the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def versions_of(packages: tuple[str, ...]) -> dict[str, str]:
    """Return the versions of packages in this interpreter."""
    versions = {}
    for name in packages:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def describe(packages: tuple[str, ...] = ("numpy", "scipy", "scikit-learn")) -> dict[str, Any]:
    """Return machine, threads and versions."""
    import sstpl  # which is not there for a contender in an interpreter of its own

    info = sstpl.build_info()
    return {
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "sstpl": info["version"],
        "threads": info["n_threads"],
        "blas": info["blas"],
        "simd": info["simd"],
        "versions": versions_of(packages),
        "command": " ".join(["python", *sys.argv]),
    }


def commit() -> str:
    """Return the commit that is measured, with a mark where files other than results differ from it."""
    own = _git("describe", "--always", "--abbrev=10") or "an unknown commit"
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ":/", ":(exclude,top)bench/results")
    return f"{own}-dirty" if changed else own


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def restart_peak_memory() -> float:
    """Forget the peak so far, where the system can; return what `peak_memory_mb` is then."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return peak_memory_mb()


def peak_memory_mb() -> float:
    """Return the peak resident memory of this process in MB (10^6 bytes)."""
    with suppress(OSError, IndexError):  # the one that can be restarted
        text = Path("/proc/self/status").read_text()
        return int(text.split("VmHWM:")[1].split()[0]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
