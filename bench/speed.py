"""Fit and predict times of one hidden layer at equal width, ours against the peers' and plain NumPy's.

``python bench/speed.py`` takes turns: in every round each contender fits MNIST twice (cold and warm) in a process of
its own with pinned threads, and the ratios to sstpl are formed within the round. ``--scaling`` measures how our level
and NumPy's grow with rows, columns, width and threads, on random data. ``--python gfdl=PATH`` runs a contender by
another interpreter, which needs that contender and scikit-learn, and not sstpl. Writes ``bench/results/speed.json`` and
``.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from _adapters import scaled
from _machine import DATA, RESULTS, commit, describe, peak_memory_mb, restart_peak_memory, versions_of

PACKAGES = ("numpy", "scipy", "scikit-learn", "hpelm", "PyRCN", "gfdl")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
OURS, OUR_SOLVE = "sstpl", "sstpl, one solve"
ALPHA = 1e-4
MLP_EPOCHS = 10
SINGLE_ROWS = 1000
Record = dict[str, Any]


def _sstpl(width: int, seed: int, n_folds: int = 5) -> Any:
    from sstpl import SSTPLClassifier

    one_level = {"max_depth": 1, "n_subsystems": 1, "subsystem_fraction": 1.0, "hidden_columns": "all"}
    settings = one_level | {"hidden_width": width, "n_folds": n_folds, "scaling": "feature", "alpha": ALPHA}
    return SSTPLClassifier(random_state=seed, **settings)


def _numpy(width: int, seed: int) -> Any:
    from numpy_level import NumpyLevel

    return NumpyLevel(width=width, alpha=ALPHA, random_state=seed)


def _hpelm(width: int, seed: int) -> Any:
    from peers import HpelmELM

    return scaled("classification", HpelmELM("classification", width, seed, search=False))


def _pyrcn(width: int, seed: int) -> Any:
    from _adapters import Shape
    from peers import pyrcn

    return pyrcn("classification", Shape(0, 0), seed, width)


def _gfdl(width: int, seed: int) -> Any:
    from gfdl.model import GFDLClassifier

    model = GFDLClassifier(hidden_layer_sizes=(width,), activation="tanh", reg_alpha=ALPHA, seed=seed)
    return scaled("classification", model)


def _nystroem(width: int, seed: int) -> Any:
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import RidgeClassifier
    from sklearn.pipeline import make_pipeline

    return scaled("classification", make_pipeline(Nystroem(n_components=width, random_state=seed), RidgeClassifier()))


def _mlp(width: int, seed: int) -> Any:
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier((width,), max_iter=MLP_EPOCHS, random_state=seed)
    return scaled("classification", model)


CONTENDERS: dict[str, tuple[Callable[[int, int], Any], str]] = {
    OURS: (_sstpl, "one level, all rows, alpha fixed; solves 5 folds beside the whole for its out-of-fold scores"),
    OUR_SOLVE: (partial(_sstpl, n_folds=1), "the same level with n_folds=1; one solve, no scores of its own rows"),
    "numpy": (_numpy, "the same in plain NumPy and SciPy (numpy_level.py), out-of-fold scores included"),
    "hpelm": (_hpelm, "ELM, tanh, no search for its width; one solve"),
    "pyrcn": (_pyrcn, "ELMClassifier, its defaults; one solve"),
    "gfdl": (_gfdl, "GFDLClassifier, tanh, ridge; one solve"),
    "nystroem": (_nystroem, "Nystroem, then RidgeClassifier; one solve"),
    "mlp": (_mlp, f"MLPClassifier, one layer of that width, {MLP_EPOCHS} epochs"),
}


def _single_row_seconds(model: Any, X: Any) -> float:
    """Return the median seconds of predicting one row."""
    times = []
    for row in range(SINGLE_ROWS):
        one = X[row : row + 1]
        start = perf_counter()
        model.predict(one)
        times.append(perf_counter() - start)
    return float(np.median(times))


def run_peer(job: Record) -> Record:
    """Fit twice and predict, in this process."""
    with np.load(job["path"], allow_pickle=False) as arrays:
        X, X_test = (arrays[name].astype(np.float32) / 255 for name in ("X_train", "X_test"))
        y, y_test = (arrays[name].astype(np.int64) for name in ("y_train", "y_test"))
    X, y = X[: job["rows"]], y[: job["rows"]]
    before = restart_peak_memory()
    seconds = []
    for _ in ("cold", "warm"):
        model = CONTENDERS[job["contender"]][0](job["width"], job["seed"])
        start = perf_counter()
        model.fit(X, y)
        seconds.append(perf_counter() - start)
    peak = peak_memory_mb() - before
    start = perf_counter()
    predicted = model.predict(X_test)
    predict = perf_counter() - start
    units = np.ones((X.shape[1], job["width"]), dtype=np.float32)
    for _ in ("cold", "warm"):
        start = perf_counter()
        X_test @ units
        product = perf_counter() - start
    return {
        "cold": seconds[0],
        "warm": seconds[1],
        "memory_mb": peak,
        "predict": predict,
        "product": product,
        "one_row": _single_row_seconds(model, X_test),
        "accuracy": float(np.mean(predicted == y_test)),
        "python": platform.python_version(),
        "versions": versions_of(PACKAGES),
    }


def run_scaling(job: Record) -> Record:
    """Fit ours and NumPy's on random data, in turn, in this process; the least of three."""
    rng = np.random.default_rng(job["seed"])
    X = rng.standard_normal((job["n"], job["d"]), dtype=np.float32)
    y = (X[:, :10] @ rng.standard_normal((10, 10)).astype(np.float32)).argmax(axis=1)
    best = {OURS: np.inf, "numpy": np.inf}
    for _ in range(3):
        for name in best:
            model = CONTENDERS[name][0](job["p"], job["seed"])
            start = perf_counter()
            model.fit(X, y)
            best[name] = min(best[name], perf_counter() - start)
            if name == OURS:
                one_row = _single_row_seconds(model, X)
    return best | {"one_row": one_row}


def run(job: Record, limit: float) -> Record:
    """Run a job in a process of its own."""
    environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(job["threads"])) | {"PYTHONWARNINGS": "ignore"}
    command = [job.get("interpreter", sys.executable), __file__, "--job", json.dumps(job)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return job | {"status": f"more than {limit:g} s"}
    if done.returncode == 0:
        return job | {"status": "ok"} | json.loads(done.stdout.strip().splitlines()[-1])
    return job | {"status": "failed: " + (done.stderr.strip().splitlines() or ["no message"])[-1][:200]}


def scaling_jobs(options: argparse.Namespace) -> Iterator[Record]:
    """Yield one job per size: rows, columns and width in turn, the others at 20,000, 100 and 1000; and threads."""
    base = {"n": 20_000, "d": 100, "p": 1000, "threads": options.threads, "seed": options.seed}
    for key, values in {
        "n": (1_000, 10_000, 100_000, 1_000_000),
        "d": (10, 100, 1000),
        "p": (250, 500, 1000, 2000, 3000, 4000),
        "threads": range(1, options.threads + 1),
    }.items():
        yield from (base | {"vary": key, key: value} for value in values)


def _spread(values: list[float], form: str = ".2f") -> str:
    if not values:
        return ""
    return f"{np.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def page(result: Record) -> str:
    """Return the report."""
    machine = result["machine"]
    versions = ", ".join(f"{k} {v}" for k, v in machine["versions"].items())
    lines = ["# Speed at equal width", ""]
    lines.append(
        f"Commands: `python bench/speed.py` and `--scaling`. {machine['cpu']}, "
        f"{machine['cores']} cores, Python {machine['python']}, sstpl {machine['sstpl']} ({machine['blas']}, "
        f"{machine['simd']}), {versions}."
    )
    runs = result.get("peers", [])
    if runs:
        lines += _peers_table(runs)
    if result.get("scaling"):
        what = "Least of three fits, seconds; random data, 10 classes. One row: sstpl's median of 1000 predictions."
        lines += ["", "## How the time grows", "", f"{_commits(result['scaling'])} {what}", ""]
        lines += [
            "| varied | rows | columns | width | threads | sstpl | numpy | ratio | one row \u00b5s |",
            "|---" * 9 + "|",
        ]
        for r in result["scaling"]:
            size = f"| {r['vary']} | {r['n']} | {r['d']} | {r['p']} | {r['threads']} |"
            if r["status"] != "ok":
                lines.append(f"{size} {r['status']} | | | |")
                continue
            ratio = r["numpy"] / r[OURS]
            lines.append(f"{size} {r[OURS]:.3g} | {r['numpy']:.3g} | {ratio:.2f} | {1e6 * r['one_row']:.0f} |")
    return "\n".join([*lines, ""])


def _peers_table(runs: list[Record]) -> list[str]:
    first = runs[0]
    rounds = sorted({run["round"] for run in runs})
    lines = ["", "## MNIST", ""]
    lines.append(
        f"{first['rows']} rows, width {first['width']}, {first['threads']} threads, seed {first['seed']}, "
        f"{len(rounds)} rounds: medians, and for the ratios of warm fits to each of ours of the same round the spread. "
        "Memory is the peak of the fits above the process that holds the data. One row: median of 1000 predictions, in "
        "brackets the processes' least and largest. To a product: the time of predicting 10,000 rows to that of their "
        "product with all units in NumPy, right after. "
        f"{_commits(runs)}"
    )
    columns = ["", "cold fit s", "warm fit s", f"to {OURS}", f"to {OUR_SOLVE}"]
    columns += ["memory MB", "10,000 rows s", "to a product", "one row ms", "test accuracy"]
    lines += ["", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    ours = [
        {run["round"]: run["warm"] for run in runs if run["contender"] == name and run["status"] == "ok"}
        for name in (OURS, OUR_SOLVE)
    ]
    for name in CONTENDERS:
        own = [run for run in runs if run["contender"] == name]
        done = [run for run in own if run["status"] == "ok"]
        if not done:
            lines += [f"| {name} | {own[0]['status']} {'| ' * (len(columns) - 1)}"] if own else []
            continue
        mid = {k: float(np.median([run[k] for run in done])) for k in ("cold", "warm", "memory_mb", "predict")}
        ratios = [[run["warm"] / of[run["round"]] for run in done if run["round"] in of] for of in ours]
        lines.append(
            f"| {name} | {mid['cold']:.3g} | {mid['warm']:.3g} | {' | '.join(map(_spread, ratios))} | "
            f"{mid['memory_mb']:.0f} | {mid['predict']:.2g} | "
            f"{_spread([run['predict'] / run['product'] for run in done if 'product' in run])} | "
            f"{_spread([1e3 * run['one_row'] for run in done], '.3g')} | {100 * done[0]['accuracy']:.2f} |"
        )
    return [*lines, "", *(f"- {name}: {note}{_elsewhere(name, runs)}." for name, (_, note) in CONTENDERS.items())]


def _commits(runs: list[Record]) -> str:
    return f"At commit {', '.join(sorted({run['commit'] for run in runs}))}."


def _elsewhere(name: str, runs: list[Record]) -> str:
    """Return what ran a contender that had another interpreter."""
    for run in runs:
        if run["contender"] == name and "interpreter" in run and run["status"] == "ok":
            versions = ", ".join(f"{k} {v}" for k, v in run["versions"].items() if v != "not installed")
            return f"; by Python {run['python']} ({versions})"
    return ""


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scaling", action="store_true", help="measure the growth with sizes instead of the peers")
    parser.add_argument("--contender", nargs="+", default=list(CONTENDERS), choices=list(CONTENDERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--width", type=int, default=3000)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=float, default=600.0, help="seconds per process")
    parser.add_argument("--keep", action="store_true", help="add rounds to those of an earlier command")
    parser.add_argument("--python", nargs="+", default=[], metavar="CONTENDER=PATH", help="other interpreters")
    parser.add_argument("--data", type=Path, default=DATA / "mnist.npz")
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        print(json.dumps(run_scaling(options.job) if "vary" in options.job else run_peer(options.job)))
        return
    path = RESULTS / "speed.json"
    result: Record = json.loads(path.read_text()) if path.exists() else {}
    result["machine"] = describe(PACKAGES)
    measured = commit()
    kind = "scaling" if options.scaling else "peers"
    result[kind] = result.get(kind, []) if options.keep else []
    if options.scaling:
        jobs = list(scaling_jobs(options))
    else:
        shared = {k: getattr(options, k) for k in ("rows", "width", "threads", "seed")} | {"path": str(options.data)}
        others = {name: {"interpreter": python} for name, python in (one.split("=", 1) for one in options.python)}
        first = 1 + max((run["round"] for run in result[kind]), default=-1)
        turns = [(first + r, c) for r in range(options.rounds) for c in options.contender]
        jobs = [shared | {"round": r, "contender": c} | others.get(c, {}) for r, c in turns]
    for job in jobs:
        record = run(job, options.limit) | {"commit": measured}
        record.pop("path", None)
        if "interpreter" in record:
            record["interpreter"] = Path(record["interpreter"]).name
        result[kind].append(record)
        print(record, flush=True)
        path.write_text(json.dumps(result, indent=1) + "\n")
    path.with_suffix(".md").write_text(page(result))


if __name__ == "__main__":
    main()
