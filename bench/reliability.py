"""What the package withstands: the faults and inputs of ``tests/reliability``, in larger numbers.

``python bench/reliability.py`` runs every part for as long as it takes; ``--part`` some of them, ``--scale 0.1`` a
tenth of the numbers. A part that is interrupted keeps what it has counted. Figures of each part are kept in
``bench/results/reliability.json`` and written to ``reliability.md`` beside it. Whatever goes wrong is printed with the
number that draws it, and the command then ends with 1.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np

from _machine import RESULTS, describe

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path.insert(0, str(TESTS))

Figures = dict[str, Any]
BATCH = 5_000

_MANY = """
import resource, sys, warnings
import numpy as np
from importlib import import_module
name, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
module = import_module("reliability." + name)
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
warnings.simplefilter("ignore")
np.seterr(all="ignore")
attempt = getattr(module, "try_call", None) or module.try_problem
right = 0
for seed in range(first, first + count):
    print(seed, file=sys.stderr, flush=True)
    try:
        attempt(seed)
        right += 1
    except AssertionError as error:
        print(str(error)[:500])
print(right)
"""


_MILLION = """
import json, pathlib
import numpy as np
from sstpl import SSTPLRegressor
rng = np.random.default_rng(0)
X = rng.standard_normal((1_100_000, 20), dtype=np.float32)
truth = np.sin(X[:, 0]) + X[:, 1] * X[:, 2] + np.abs(X[:, 3])
y = truth + rng.standard_normal(len(X), dtype=np.float32)
new = slice(1_000_000, None)
peak = lambda: int(pathlib.Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
before = peak()
model = SSTPLRegressor(hidden_width=1024, n_subsystems=1, random_state=0).fit(X[:1_000_000], y[:1_000_000])
after = peak()
spread = np.var(y[new])
print(json.dumps({
    "R2": round(1 - float(np.mean((model.predict(X[new]) - y[new]) ** 2) / spread), 4),
    "R2 of the truth": round(1 - float(np.mean((truth[new] - y[new]) ** 2) / spread), 4),
    "width": model.subsystems_[0].width, "depth": model.depth_,
    "MiB beside the process with the data": round(after - before),
}))
"""

# Of the files that are tried; what takes longer is tried less.
SHARES = {"model": 0.2, "sealed model": 0.4, "csv": 0.15, "csv.gz": 0.1, "parquet": 0.1, "npz": 0.05}

# Where each demand is held by tests, in tests/.
HELD = {
    "forks, start methods, joblib, two fits at once": "reliability/test_processes.py",
    "Ctrl-C in every stage": "reliability/test_interrupts.py",
    "memory exhaustion": "reliability/test_memory_exhaustion.py",
    "kills while saving": "reliability/test_saving.py",
    "designs against singular values": "reliability/test_numerical_faults.py, core/test_ridge_rank.py",
    "spoiled native calls": "reliability/test_native_inputs.py, core/test_boundary.py",
    "spoiled public calls": "reliability/test_public_inputs.py, estimators/test_bad_input.py",
    "files of a hostile author": "reliability/test_file_inputs.py, estimators/test_model_file_hostile.py",
    "the same answer": "reliability/test_same_answer.py",
    "leaks over 200 fits": "reliability/test_leaks.py",
    "problems against the twin": "reliability/test_random_problems.py",
}


def many(module: str, wanted: int) -> Figures:
    """Try the inputs or problems of a module in processes of their own, so that a crash is one that is counted."""
    from reliability import isolation

    tried, wrong, crashes = 0, [], 0
    try:
        for first in range(0, wanted, BATCH):
            count = min(BATCH, wanted - first)
            done = isolation.run(_MANY, module, first, count, seconds=1800)
            lines = done.stdout.splitlines()
            if done.returncode:
                seeds = [line for line in done.stderr.splitlines() if line.isdigit()]
                wrong += [*lines, f"{module} ended by {done.returncode} at seed {seeds[-1:]}"]
                crashes += 1
                tried += max(0, len(seeds) - 1)
            else:
                wrong += lines[:-1]
                tried += count
    except KeyboardInterrupt:
        pass
    return {"tried": tried, "crashes or hangs": crashes, "wrong": wrong}


def forks(wanted: int) -> Figures:
    """Fork while another thread is in the core."""
    from reliability import isolation
    from reliability.test_processes import FORK

    wrong = []
    for kind in ("solves", "fits"):
        done = isolation.run(FORK, wanted // 2, kind, seconds=1800, environment={"OPENBLAS_NUM_THREADS": "2"})
        wrong += [] if done.returncode == 0 else [f"{kind}: ended by {done.returncode}: {done.stderr[-500:]}"]
    return {"tried": wanted // 2 * 2, "wrong": wrong}


def interrupts(wanted: int) -> Figures:
    """Press Ctrl-C in every stage, at random moments."""
    from reliability import interrupts as stages

    rng, seconds = np.random.default_rng(0), dict[str, list[float]]()
    calls = stages.calls(1.0)
    cases = [(name, stage) for name, (_, _, own) in calls.items() for stage in own]
    wrong = []
    for turn in range(wanted):
        name, stage = cases[turn % len(cases)]
        call, estimator, _ = calls[name]
        before = dict(vars(estimator))
        took = stages.seconds_to_return(call, stage, float(rng.uniform(0, 0.3)))
        if took is None:  # it was over
            estimator.__dict__.clear()
            estimator.__dict__.update(before)
            continue
        seconds.setdefault(f"{name}: {stage}", []).append(took)
        if any(vars(estimator).get(key, key) is not value for key, value in before.items()):
            wrong.append(f"{name}: {stage}: the estimator changed")
    every = [one for some in seconds.values() for one in some]
    slowest = max(seconds, key=lambda case: max(seconds[case]))
    return {
        "tried": len(every),
        "median seconds to return": round(float(np.median(every)), 3),
        "longest": f"{max(every):.3f} ({slowest})",
        "longer than half a second": sum(one > 0.5 for one in every),
        "wrong": wrong,
    }


def memory(wanted: int) -> Figures:
    """Run out of memory at random limits."""
    from reliability.test_memory_exhaustion import WORK, outcome

    rng, found, wrong = np.random.default_rng(0), Counter[str](), []
    for _ in range(wanted):
        work, blas = str(rng.choice(WORK)), str(rng.choice(["warm", "cold"]))
        mebibytes = float(10 ** rng.uniform(-1, 2.2))
        became = outcome(work, blas, mebibytes)
        found[became if became in ("MemoryError", "done") else "wrong"] += 1
        if became not in ("MemoryError", "done"):
            wrong.append(f"{work}, {blas}, {mebibytes} MiB: {became}")
    return {"tried": wanted, "raised MemoryError": found["MemoryError"], "had enough": found["done"], "wrong": wrong}


def kills(wanted: int) -> Figures:
    """Kill a process at a random moment of saving over a model file."""
    import sstpl
    from reliability.test_saving import kill_while_saving

    X = np.random.default_rng(0).standard_normal((200, 5))
    wrong = []
    with TemporaryDirectory() as folder:
        sources = [Path(folder) / f"model{seed}" for seed in range(2)]
        for seed, path in enumerate(sources):
            sstpl.SSTPLRegressor(hidden_width=100, scaling="feature", random_state=seed).fit(X, X[:, 0]).save(path)
        target = Path(folder) / "target"
        target.write_bytes(sources[0].read_bytes())
        for turn in range(wanted):
            kill_while_saving(sources, target, float(np.random.default_rng(turn).uniform(0, 0.1)))
            if target.read_bytes() not in [path.read_bytes() for path in sources]:
                wrong.append(f"turn {turn}: a damaged file")
    return {"tried": wanted, "wrong": wrong}


def files(wanted: int) -> Figures:
    """Change bytes of model files and tables, led by coverage (needs atheris, and a wheel rather than an editable)."""
    from reliability import isolation
    from reliability.file_inputs import KINDS

    program = TESTS / "reliability" / "fuzz_files.py"
    tried, wrong = {}, []
    for kind in KINDS:
        runs = round(wanted * SHARES[kind])
        with TemporaryDirectory() as folder:
            limits = ["-seed=1", "-max_len=65536", "-timeout=20", "-rss_limit_mb=4096", "-verbosity=1"]
            done = isolation.run(program, kind, folder, f"-runs={runs}", *limits, seconds=3600)
        if done.returncode or f"Done {runs} runs" not in done.stderr or " cov: " not in done.stderr:
            wrong.append(f"{kind}: ended by {done.returncode}: {done.stderr[-2000:]}")
        tried[kind] = runs
    return {"tried": sum(tried.values()), **tried, "wrong": wrong}


def million_rows(wanted: int) -> Figures:
    """Fit a million rows with width 1024, and compare with what can be known of y."""
    from reliability import isolation

    told: Figures = {}
    for _ in range(wanted):
        told = json.loads(isolation.lines(_MILLION, seconds=3600, environment={"OPENBLAS_NUM_THREADS": "2"})[-1])
    wrong = [] if told["R2"] > 0.9 * told["R2 of the truth"] else [f"R2 {told['R2']}"]
    return {"tried": wanted, **told, "wrong": wrong}


def suite(wanted: int) -> Figures:
    """Run pytest on the folder and on the fuzzing of model files and tables."""
    names = ["reliability", "estimators/test_model_file_fuzz.py", "estimators/test_model_file_hostile.py"]
    names += ["cli/test_tables.py", "cli/test_errors.py"]
    command = [sys.executable, "-m", "pytest", "-q", *[str(TESTS / name) for name in names]]
    done = subprocess.run(command, capture_output=True, text=True, cwd=TESTS.parent)
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return {"tried": 1, "told": done.stdout.splitlines()[-1], "wrong": failed}


# What each part does, and how often.
PARTS: dict[str, tuple[str, int, Callable[[int], Figures]]] = {
    "native inputs": ("spoiled calls of the core's functions", 950_000, lambda n: many("native_inputs", n)),
    "public inputs": ("spoiled calls of public methods", 50_000, lambda n: many("public_inputs", n)),
    "random problems": ("small problems against the NumPy twin", 10_000, lambda n: many("random_problems", n)),
    "forks": ("forks while another thread fits", 200, forks),
    "interrupts": ("interrupts in every stage", 280, interrupts),
    "memory": ("limits on memory", 200, memory),
    "kills": ("kills while a file is saved", 200, kills),
    "files": ("model files and tables with bytes changed", 100_000, files),
    "a million rows": ("fits of a million rows", 1, million_rows),
    "tests": ("runs of the tests, and of those of hostile files and tables", 1, suite),
}


def write(content: Figures, path: Path) -> None:
    """Write the page beside the figures."""
    lines = ["# Reliability", "", "Faults injected and inputs tried by `python bench/reliability.py`, each part at the"]
    lines[-1] += " commit and on the machine that it names. What must hold is in `tests/reliability`."
    head = ["part", "what", "tried", "wrong", "seconds", "more"]
    lines += ["", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name, one in content.items():
        more = ", ".join(f"{k} {v}" for k, v in one["figures"].items() if k not in ("tried", "wrong"))
        tried, wrong = one["figures"]["tried"], len(one["figures"]["wrong"])
        lines.append(f"| {name} | {PARTS[name][0]} | {tried:,} | {wrong} | {one['seconds']:.0f} | {more} |")
    for machine in {json.dumps(one["machine"], sort_keys=True): one["machine"] for one in content.values()}.values():
        versions = ", ".join(f"{k} {v}" for k, v in machine["versions"].items())
        own = ", ".join(name for name, one in content.items() if one["machine"] == machine)
        lines += ["", f"{own}: {machine['cpu']}, {machine['cores']} cores, {machine['system']}, Python "]
        lines[-1] += f"{machine['python']}, sstpl {machine['sstpl']} at {machine['commit']} ({machine['blas']}, "
        lines[-1] += f"{machine['simd']}), {versions}; load of the machine meanwhile {machine['load']}."
    lines += ["", "Sanitizers are run by `.ci/nightly`; their figures are in [nightly](nightly.md).", ""]
    lines += ["| demand | tests |", "|---|---|", *(f"| {what} | `{where}` |" for what, where in HELD.items())]
    path.write_text("\n".join([*lines, ""]))


def main() -> None:
    """Run what is asked for; end with 1 where something went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--scale", type=float, default=1.0, help="share of the numbers to try (default 1)")
    parser.add_argument("--results", type=Path, default=RESULTS / "reliability.json")
    options = parser.parse_args()
    content: Figures = json.loads(options.results.read_text()) if options.results.exists() else {}
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    failed = False
    for name in options.part:
        start = perf_counter()
        figures = PARTS[name][2](max(1, round(PARTS[name][1] * options.scale)))
        seconds = perf_counter() - start
        machine = describe() | {"commit": commit, "load": round(os.getloadavg()[0], 1)}
        machine.pop("command")
        content[name] = {"figures": figures, "seconds": seconds, "machine": machine}
        print(f"{name}: {figures['tried']} in {seconds:.0f} s, {len(figures['wrong'])} wrong", flush=True)
        print(*figures["wrong"][:20], sep="\n")
        failed = failed or bool(figures["wrong"])
        options.results.write_text(json.dumps(content, indent=1) + "\n")
        write(content, options.results.with_suffix(".md"))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
