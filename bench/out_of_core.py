"""A file of five times the memory that a fit may have, against the same rows in memory.

``python bench/out_of_core.py`` writes random rows to a ``.npy`` file, and fits them in processes of their own, with few
classes and with so many that the scores of a level are as large as the limit:

- "memory": the rows are loaded first; no limit;
- "file": the path is given, after the file was read once (warm cache); the system lets the process have a fifth of the
  file beside what it had before (RLIMIT_DATA: everything but pages of files, which the system takes back as it likes);
- "cgroup", where memory cgroups may be made (``--cgroup``): the limit holds for pages of files too, so that all of them
  are read from the disk, and written to it, again and again.

Seconds are of the fit alone, after a small one. Writes ``bench/results/out_of_core.json`` and ``.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Event, Thread
from time import perf_counter, process_time
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap

from _machine import RESULTS, commit, describe

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
CGROUPS = Path("/sys/fs/cgroup/memory")
N_FACTORS, BLOCK = 6, 10_000
Record = dict[str, Any]


def write_rows(path: Path, n_rows: int, n_columns: int, numbers: list[int], seed: int) -> list[np.ndarray]:
    """Write float32 rows that are mixtures of a few factors, and noise; return classes, of each number of them."""
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((N_FACTORS, n_columns), dtype=np.float32)
    bent = [rng.standard_normal((N_FACTORS, n_classes), dtype=np.float32) for n_classes in numbers]
    X = open_memmap(path, mode="w+", dtype=np.float32, shape=(n_rows, n_columns))
    found = [np.empty(n_rows, dtype=np.int64) for _ in numbers]
    for start in range(0, n_rows, BLOCK):
        factors = rng.standard_normal((min(BLOCK, n_rows - start), N_FACTORS), dtype=np.float32)
        noise = rng.standard_normal((len(factors), n_columns), dtype=np.float32)
        X[start : start + BLOCK] = factors @ mixing + noise
        for y, directions in zip(found, bent, strict=True):
            y[start : start + BLOCK] = (np.sin(factors) @ directions).argmax(axis=1)
    X.flush()
    return found


def status(name: str) -> int:
    """Return a size of this process in bytes."""
    return int(Path("/proc/self/status").read_text().split(f"{name}:")[1].split()[0]) * 1024


class PeakAnonymous:
    """The peak of memory that is no file's, looked at every few milliseconds."""

    def __init__(self) -> None:
        self._before = self.bytes = status("RssAnon")
        self._stop = Event()
        self._thread = Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stop.wait(0.005):
            self.bytes = max(self.bytes, status("RssAnon"))

    def stop(self) -> int:
        """Return the peak beyond what there was before."""
        self._stop.set()
        self._thread.join()
        return self.bytes - self._before


def warm_cache(file: Path) -> None:
    """Read a file, a little at a time, so that the system holds its pages."""
    with file.open("rb", buffering=0) as opened:
        while opened.read(2**20):
            pass


def enter_cgroup(path: Path, limit: int, file: Path) -> None:
    """Move this process to a group of its own, and the pages of the file out of the groups of others."""
    (path / "memory.limit_in_bytes").write_text(str(limit))
    (path / "cgroup.procs").write_text(str(os.getpid()))
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def run_job(job: Record) -> Record:
    """Fit and predict in this process; scores of new rows and of some training rows go to a file."""
    from sstpl import SSTPLClassifier

    folder, limit = Path(job["folder"]), job["limit"]
    y = np.load(folder / f"y_{job['classes']}.npy")
    X: Any = np.load(folder / "X.npy", mmap_mode="r")
    settings = {"hidden_width": job["width"], "max_depth": 2, "n_subsystems": 1, "random_state": job["seed"]}
    settings |= {"scaling": "feature", "hidden_columns": "all"}
    SSTPLClassifier(**settings).fit(np.array(X[:2000]), y[:2000])  # buffers and threads
    if job["how"] == "memory":
        X = np.array(X)
    else:
        X, settings = folder / "X.npy", settings | {"memory_limit": limit / 2**20}
    if job["how"] == "file":
        warm_cache(folder / "X.npy")
        resource.setrlimit(resource.RLIMIT_DATA, (status("VmData") + limit,) * 2)
    if job["how"] == "cgroup":
        enter_cgroup(CGROUPS / job["cgroup"], limit, X)
    peak, start, cpu_start = PeakAnonymous(), perf_counter(), process_time()
    try:
        model = SSTPLClassifier(**settings).fit(X, y)
        seconds, cpu_seconds = perf_counter() - start, process_time() - cpu_start
    finally:
        added = peak.stop()
    new = folder / "new.npy"
    predicted = model.decision_function(np.load(new) if job["how"] == "memory" else new)
    known = model.oof_decision_function_[: 2 * BLOCK]
    np.save(folder / f"scores_{job['how']}.npy", np.concatenate([predicted, known]))
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "peak": added,
        "out_of_fold": model.report_.score.value,
    }


def run(job: Record) -> Record:
    """Run a job in a process of its own."""
    environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(job["threads"])) | {"TMPDIR": job["folder"]}
    group = CGROUPS / job["cgroup"]
    if job["how"] == "cgroup":
        group.mkdir()
    try:
        command = [sys.executable, __file__, "--job", json.dumps(job)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    finally:
        if job["how"] == "cgroup":
            group.rmdir()
    if done.returncode == 0:
        return job | {"status": "ok"} | json.loads(done.stdout.strip().splitlines()[-1])
    return job | {"status": "failed: " + (done.stderr.strip().splitlines() or [str(done.returncode)])[-1][:200]}


def page(result: Record) -> str:
    """Return the report."""
    machine, runs = result["machine"], result["runs"]
    first = runs[0]
    n_bytes = 4 * first["rows"] * first["columns"]
    n_rounds = sum(run["how"] == "memory" and run["classes"] == first["classes"] for run in runs)
    lines = ["# Rows that do not fit in memory", ""]
    lines.append(
        f"Command: `{machine['command']}`, at commit {machine['commit']}. {machine['cpu']}, "
        f"threads: {first['threads']}, Python {machine['python']}, "
        f"sstpl {machine['sstpl']} ({machine['blas']}, {machine['simd']}). {first['rows']} random rows of "
        f"{first['columns']} float32 columns, {n_bytes / 1e6:.0f} MB; two levels of width "
        f"{first['width']}, one subsystem. The limit is a fifth, {first['limit'] / 1e6:.0f} MB beside what the process "
        'holds before the fit; in "file" for all memory but pages of files, in "cgroup" for these too. '
        f"{n_rounds} rounds in turn: the least time, which is what ratios are of, "
        "and the most, where there are several. Other work on the machine lengthens seconds of the clock more than "
        "those of the processor, which stand beside them. Runs from a file begin with it in the cache of the system. "
        "Peak is of memory that is no file's. Scores are compared of "
        f"{2 * BLOCK} new rows, and out of fold of as many training rows."
    )
    for n_classes in dict.fromkeys(run["classes"] for run in runs):
        lines += [*_table([run for run in runs if run["classes"] == n_classes]), ""]
        differences = ", ".join(f"{value:.1g} ({how})" for how, value in result["differences"][str(n_classes)].items())
        lines.append(f"Largest difference of a score from that of rows in memory: {differences or 'none known'}.")
    return "\n".join([*lines, ""])


def _table(runs: list[Record]) -> list[str]:
    first = runs[0]
    score_bytes = 4 * first["rows"] * first["classes"]
    lines = ["", f"## {first['classes']} classes: the scores of a level are {score_bytes / 1e6:.0f} MB"]
    head = (
        "rows in",
        "fit s",
        "processor s",
        "\u00b5s per row",
        "ratio",
        "ratio of processor s",
        "peak MB",
        "accuracy",
    )
    lines += ["", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]

    def values(how: str, key: str) -> list[float]:
        return [run[key] for run in runs if run["how"] == how and run["status"] == "ok"]

    def spread(how: str, key: str) -> str:
        found = values(how, key)
        return f"{min(found):.1f}" + (f" to {max(found):.1f}" if len(found) > 1 else "")

    def ratio(how: str, key: str) -> str:
        return f"{min(values(how, key)) / min(values('memory', key)):.2f}"

    for how in dict.fromkeys(run["how"] for run in runs):
        if not values(how, "seconds"):
            lines.append(f"| {how} | {next(run['status'] for run in runs if run['how'] == how)}" + " |" * len(head[1:]))
            continue
        lines.append(
            f"| {how} | {spread(how, 'seconds')} | {spread(how, 'cpu_seconds')} "
            f"| {1e6 * min(values(how, 'seconds')) / first['rows']:.1f} | {ratio(how, 'seconds')} "
            f"| {ratio(how, 'cpu_seconds')} | {max(values(how, 'peak')) / 1e6:.0f} "
            f"| {values(how, 'out_of_fold')[0]:.4f} |"
        )
    return lines


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--columns", type=int, default=500)
    parser.add_argument("--width", type=int, default=300)
    parser.add_argument("--classes", type=int, nargs="+", default=[2, 100])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cgroup", action="store_true", help="one more run in a memory cgroup (version 1), as root")
    parser.add_argument("--folder", type=Path, help="of the files (default: that of temporary files)")
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        print(json.dumps(run_job(options.job)))
        return
    runs: list[Record] = []
    differences: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        shared = {key: getattr(options, key) for key in ("rows", "columns", "width", "threads", "seed")}
        labels = write_rows(folder / "X.npy", options.rows, options.columns, options.classes, options.seed)
        np.save(folder / "new.npy", np.load(folder / "X.npy", mmap_mode="r")[: 2 * BLOCK] + np.float32(0.1))
        shared |= {"folder": name, "limit": 4 * options.rows * options.columns // 5, "cgroup": f"sstpl_{os.getpid()}"}
        ways = [how for _ in range(options.rounds) for how in ("memory", "file")]
        for n_classes, y in zip(options.classes, labels, strict=True):
            np.save(folder / f"y_{n_classes}.npy", y)
            found = {how: folder / f"scores_{how}.npy" for how in ("file", "cgroup")}
            for how in [*ways, *(["cgroup"] if options.cgroup else [])]:
                record = run(shared | {"how": how, "classes": n_classes})
                runs.append({key: value for key, value in record.items() if key not in ("folder", "cgroup")})
                print(runs[-1], flush=True)
            expected = np.load(folder / "scores_memory.npy")
            differences[str(n_classes)] = {
                how: float(np.abs(np.load(path) - expected).max()) for how, path in found.items() if path.exists()
            }
            for path in (folder / "scores_memory.npy", *found.values()):
                path.unlink(missing_ok=True)
    result = {"machine": describe() | {"commit": commit()}, "runs": runs, "differences": differences}
    (RESULTS / "out_of_core.json").write_text(json.dumps(result, indent=1) + "\n")
    (RESULTS / "out_of_core.md").write_text(page(result))


if __name__ == "__main__":
    main()
