"""What `sstpl plan` says a fit takes, against what it takes.

``python bench/plan.py`` fits sizes that differ in rows, columns, width, depth, outputs and subsystems, each in a
process of its own: rates are measured as ``sstpl plan`` measures them, then the fit is run; both in turn, ``--rounds``
times. The machine must have nothing else to do, or one of the two is slower than the other. The plan is of the levels
that the fit has tried. Rows are random; the input map is given. Writes ``bench/results/plan.json`` and ``.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from time import perf_counter
from typing import Any

import numpy as np

from _machine import RESULTS, commit, describe

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
N_FOLDS = 5
GOAL = 0.25  # of the measured time
Record = dict[str, Any]

# rows, columns, outputs, width, levels, subsystems, whether numbers are predicted
SIZES = (
    (5_000, 20, 3, 500, 3, 1, False),
    (5_000, 100, 3, 4000, 2, 1, False),
    (20_000, 784, 10, 500, 3, 1, False),
    (20_000, 784, 10, 2000, 2, 1, False),
    (20_000, 100, 1, 2000, 2, 1, True),
    (50_000, 50, 2, 1000, 2, 1, False),
    (50_000, 50, 1, 1000, 3, 2, True),
    (100_000, 100, 2, 1000, 1, 3, False),
    (200_000, 20, 1, 500, 1, 2, True),
    (200_000, 50, 2, 2000, 1, 1, False),
)


def rows_and_targets(size: tuple[Any, ...], seed: int) -> tuple[Any, Any]:
    """Return random rows, and a smooth function of a few of their columns, or its quantiles as classes."""
    n_rows, n_columns, n_outputs, *_, is_regression = size
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, n_columns), dtype=np.float32)
    y = np.sin(X[:, :3]).sum(axis=1) + X[:, 3] * X[:, 1]
    if is_regression:
        return X, y
    return X, np.searchsorted(np.quantile(y, np.arange(1, n_outputs) / n_outputs), y)


def run_job(job: Record) -> Record:
    """Plan and fit in turn, in this process."""
    from sstpl import SSTPLClassifier, SSTPLRegressor
    from sstpl._plan import Machines, plan
    from sstpl._rates import measure
    from sstpl._spill import machine_bytes
    from sstpl._work import Problem

    size = SIZES[job["size"]]
    n_rows, n_columns, n_outputs, width, depth, n_subsystems, is_regression = size
    X, y = rows_and_targets(size, job["seed"])
    problem = Problem(n_rows, n_columns, n_outputs, width, depth, n_subsystems, N_FOLDS, is_regression, False)
    machines = Machines(1, job["threads"], machine_bytes(), np.inf)
    kind = SSTPLRegressor if is_regression else SSTPLClassifier
    model = kind(
        hidden_width=width,
        max_depth=depth,
        n_subsystems=n_subsystems,
        n_folds=N_FOLDS,
        scaling="feature",
        hidden_columns="all",
        random_state=job["seed"],
        n_threads=job["threads"],
    )
    found: Record = {"fits": [], "plans": [], "measuring": [], "stages": []}
    for _ in range(job["rounds"]):
        start = perf_counter()
        rates = measure(problem, machines)
        found["measuring"].append(perf_counter() - start)
        start = perf_counter()
        model.fit(X, y)
        found["fits"].append(perf_counter() - start)
        # Subsystems may differ in the levels that they try; they share nothing else.
        levels = [len(subsystem.steps) for subsystem in model.report_.subsystems]
        plans = [plan(replace(problem, depth=own), machines, rates) for own in levels]
        found["plans"].append(float(np.mean([own.seconds for own in plans])))
        found["stages"].append({stage.name: stage.seconds for stage in plans[0].stages})
        found["rates"] = asdict(rates)
        found["levels"] = levels
    return found


def run(job: Record) -> Record:
    """Run a job in a process of its own."""
    environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(job["threads"]))
    done = subprocess.run(
        [sys.executable, __file__, "--job", json.dumps(job)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return job | json.loads(done.stdout.strip().splitlines()[-1])


def page(result: Record) -> str:
    """Return the report."""
    machine, runs = result["machine"], result["runs"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    ratios = [plan / fit for run in runs for plan, fit in zip(run["plans"], run["fits"], strict=True)]
    middles = [np.median(np.divide(run["plans"], run["fits"])) for run in runs]
    within, close = (sum(abs(ratio - 1) <= GOAL for ratio in some) for some in (ratios, middles))
    lines = ["# What a plan says, against the fit", ""]
    lines.append(
        f"Command: `{machine['command']}`. {machine['cpu']}, {machine['cores']} cores, threads: {runs[0]['threads']}, "
        f"Python {machine['python']}, sstpl {machine['sstpl']} at {result['commit']} ({machine['blas']}, "
        f"{machine['simd']}), {versions}; seed {runs[0]['seed']}. Rates are measured as `sstpl plan` does, then the "
        f"fit is run, {runs[0]['rounds']} times in turn: medians, and of the ratio of plan to fit the spread. "
        f'{N_FOLDS} folds, `scaling="feature"`; the plan is of the levels that each subsystem tried. '
        "Other work on the machine, between a plan and its fit, shows in single ratios."
    )
    lines += ["", f"Within {100 * GOAL:.0f} % of the fit are {close} of {len(runs)} medians, and {within} of all "]
    lines[-1] += f"{len(ratios)} plans beside one fit each."
    lines.append("")
    head = ("rows", "columns", "outputs", "width", "levels tried", "plan s", "fit s", "plan / fit", "measuring s")
    lines += [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for run in runs:
        n_rows, n_columns, n_outputs, width, *_, is_regression = SIZES[run["size"]]
        own = [plan / fit for plan, fit in zip(run["plans"], run["fits"], strict=True)]
        mid = {key: float(np.median(run[key])) for key in ("plans", "fits", "measuring")}
        kind = "numbers" if is_regression else "classes"
        lines.append(
            f"| {n_rows} | {n_columns} | {n_outputs} {kind} | {width} | {' + '.join(map(str, run['levels']))} "
            f"| {mid['plans']:.2f} | {mid['fits']:.2f} | {np.median(own):.2f} ({min(own):.2f} to {max(own):.2f}) "
            f"| {mid['measuring']:.1f} |"
        )
    return "\n".join([*lines, ""])


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sizes", type=int, nargs="+", default=range(len(SIZES)), help="which of the sizes, from 0")
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        print(json.dumps(run_job(options.job)))
        return
    runs: list[Record] = []
    for size in options.sizes:
        shared = {key: getattr(options, key) for key in ("rounds", "threads", "seed")}
        runs.append(run(shared | {"size": size}))
        print(
            SIZES[size],
            [f"{p:.2f} / {f:.2f}" for p, f in zip(runs[-1]["plans"], runs[-1]["fits"], strict=True)],
            flush=True,
        )
    result = {"machine": describe(), "commit": commit(), "runs": runs}
    (RESULTS / "plan.json").write_text(json.dumps(result, indent=1) + "\n")
    (RESULTS / "plan.md").write_text(page(result))


if __name__ == "__main__":
    main()
