"""Whether a change made the package slower: base against head, in paired runs.

``python bench/compare.py BASE [HEAD]`` installs two commits of this repository into folders of their own, and runs the
same work with both in turn, each time in a new process with pinned threads. The ratio head / base is formed within each
round, so that a noisy machine disturbs both. Exits with 1 where the median ratio of some work exceeds ``--limit``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# Rows, columns, width of one level, and how often it is fitted.
FITS = {"small fits": (500, 20, 100, 20), "a medium fit": (5_000, 100, 1000, 3), "a large fit": (20_000, 300, 3000, 1)}


def work(seed: int) -> dict[str, float]:
    """Do the work once with the package that is on the path; return seconds of each part."""
    import sstpl
    from sstpl import SSTPLClassifier

    if not Path(sstpl.__file__).is_relative_to(os.environ["PYTHONPATH"]):
        sys.exit(f"{sstpl.__file__} hides the package to measure: use an environment without an editable install")
    rng = np.random.default_rng(seed)
    seconds = {}
    table = rng.standard_normal((3_000, 20), dtype=np.float32)
    start = perf_counter()
    SSTPLClassifier(random_state=seed).fit(table, (table[:, 0] * table[:, 1] > 0.5).astype(int))
    seconds["a table by default"] = perf_counter() - start
    for name, (n, d, p, repeats) in FITS.items():
        X = rng.standard_normal((n, d), dtype=np.float32)
        y = (X[:, 0] * X[:, 1] > 0).astype(int)
        model = SSTPLClassifier(hidden_width=p, n_subsystems=1, max_depth=2, scaling="feature", random_state=seed)
        model.fit(X[:200], y[:200])  # threads and buffers
        start = perf_counter()
        for _ in range(repeats):
            model.fit(X, y)
        seconds[name] = perf_counter() - start
    start = perf_counter()
    for _ in range(5):
        model.predict(X)
    seconds["rows predicted"] = perf_counter() - start
    start = perf_counter()
    for row in range(500):
        model.predict(X[row : row + 1])
    seconds["rows predicted one by one"] = perf_counter() - start
    return seconds


def install(commit: str, source: Path, target: Path) -> Path:
    """Install a commit without its dependencies; return the folder to put on the path."""
    subprocess.run(["git", "worktree", "add", "--detach", "-q", source, commit], cwd=ROOT, check=True)
    try:
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", target, source]
        subprocess.run(command, check=True)
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", source], cwd=ROOT, check=True)
    return target


def run(package: Path, threads: int, seed: int) -> dict[str, float]:
    """Do the work in a new process with one of the packages."""
    environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(threads)) | {"PYTHONPATH": str(package)}
    command = [sys.executable, __file__, "--work", str(seed)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    seconds: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return seconds


def main() -> None:
    """Parse the command line, install, run, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base", nargs="?", help="a commit")
    parser.add_argument("head", nargs="?", default="HEAD", help="a commit (default HEAD)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--limit", type=float, default=1.1, help="median ratio that fails (default 1.1)")
    parser.add_argument("--work", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work is not None:
        print(json.dumps(work(options.work)))
        return
    if options.base is None:
        parser.error("which commit is the base?")
    with TemporaryDirectory() as folder:
        packages = [
            install(commit, Path(folder) / f"{name}-source", Path(folder) / name)
            for name, commit in (("base", options.base), ("head", options.head))
        ]
        pairs = []
        for turn in range(options.rounds):
            order = packages if turn % 2 == 0 else packages[::-1]
            seconds = {package: run(package, options.threads, turn) for package in order}
            pairs.append([seconds[package] for package in packages])
    slower = False
    for name in pairs[0][0]:
        ratios = [head[name] / base[name] for base, head in pairs]
        middle = float(np.median(ratios))
        slower = slower or middle > options.limit
        seconds_of_base = float(np.median([base[name] for base, _ in pairs]))
        spread = f"{min(ratios):.3f} to {max(ratios):.3f}"
        print(f"{name:28} base {seconds_of_base:8.3f} s   head / base {middle:.3f} ({spread})")
    sys.exit(1 if slower else 0)


if __name__ == "__main__":
    main()
