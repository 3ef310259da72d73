"""The fit of rows on a Dask cluster of two processes, against that of the same rows in one process.

``python bench/on_dask.py`` fits random rows with two threads in one process, and on ``LocalCluster(n_workers=2,
threads_per_worker=1)``, in turn, ``--rounds`` times; then once more while a worker is ended a third of the way.
Compares choices and scores. Writes ``bench/results/on_dask.json`` and ``.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
from threading import Timer
from time import perf_counter
from typing import Any

import dask.array as da
import numpy as np
from distributed import Client, LocalCluster

from _machine import RESULTS, commit, describe
from sstpl import SSTPLClassifier
from sstpl.dask import DaskSSTPLClassifier

Record = dict[str, Any]


def rows_and_labels(n_rows: int, n_columns: int, seed: int) -> tuple[Any, Any]:
    """Return random rows, and whether a smooth function of a few columns is positive."""
    X = np.random.default_rng(seed).standard_normal((n_rows, n_columns), dtype=np.float32)
    return X, np.sin(X[:, 0]) + X[:, 1] * X[:, 2] > 0


def choices(model: Any) -> list[Any]:
    """Return what a fit has chosen."""
    steps = [(step.stage, step.level, step.alpha, step.accepted) for _, step in model.report_.numbered_steps()]
    return [steps, model.depth_, model.n_subsystems_]


def timed(model: Any, *given: Any) -> tuple[float, Any]:
    """Return how long a fit takes, and the model."""
    start = perf_counter()
    model.fit(*given)
    return perf_counter() - start, model


def compare(options: argparse.Namespace) -> Record:
    """Run all fits."""
    X, y = rows_and_labels(options.rows, options.columns, options.seed)
    parameters = {"hidden_width": options.width, "max_depth": 2, "n_subsystems": 1, "random_state": options.seed}
    found: Record = {"here": [], "dask": []}
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", memory_limit=0)
    with cluster, Client(cluster) as client:
        chunks = (options.rows // options.partitions, options.columns)
        rows = da.from_array(X, chunks=chunks).persist()
        for _ in range(options.rounds):
            seconds, here = timed(SSTPLClassifier(n_threads=2, **parameters), X, y)
            found["here"].append(seconds)
            seconds, there = timed(DaskSSTPLClassifier(client=client, **parameters), rows, y)
            found["dask"].append(seconds)
        scores = here.decision_function(X[:50_000])
        found["same choices"] = choices(there) == choices(here)
        found["difference"] = float(np.abs(there.to_local().decision_function(X[:50_000]) - scores).max())
        workers = set(client.run(os.getpid).values())  # a lost one is started again, as another process
        timer = Timer(float(np.median(found["dask"])) / 3, os.kill, (min(workers), signal.SIGKILL))
        timer.start()
        found["dask, a worker lost"], lost = timed(DaskSSTPLClassifier(client=client, **parameters), rows, y)
        timer.join()
        if workers == set(client.run(os.getpid).values()):
            raise RuntimeError("no worker was ended")
        found["same choices, a worker lost"] = choices(lost) == choices(here)
        found["difference, a worker lost"] = float(np.abs(lost.to_local().decision_function(X[:50_000]) - scores).max())
        found["deviation of scores"] = float(scores.std())
    return found


def page(result: Record) -> str:
    """Return the report."""
    machine, run, asked = result["machine"], result["run"], result["options"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    ratios = np.divide(run["dask"], run["here"])
    lost = "the same choices" if run["same choices, a worker lost"] else "OTHER CHOICES"
    return "\n".join(
        [
            "# Rows on a Dask cluster of two processes",
            "",
            f"Command: `{machine['command']}`. {machine['cpu']}, {machine['cores']} cores, Python {machine['python']}, "
            f"sstpl {machine['sstpl']} at {result['commit']} ({machine['blas']}, {machine['simd']}), {versions}; seed "
            f"{asked['seed']}. {asked['rows']} random rows of {asked['columns']} float32 columns in "
            f"{asked['partitions']} partitions, 2 classes, width {asked['width']}, at most two levels, one subsystem.",
            "",
            "| fit | seconds | times as long |",
            "|---|---|---|",
            f"| in one process, two threads | {min(run['here']):.1f} to {max(run['here']):.1f} | 1 |",
            f"| two processes of one thread | {min(run['dask']):.1f} to {max(run['dask']):.1f} "
            f"| {np.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |",
            f"| the same, a worker ended on the way | {run['dask, a worker lost']:.1f} "
            f"| {run['dask, a worker lost'] / np.median(run['here']):.2f} |",
            "",
            f"Choices (widths, penalties, depth): {'the same' if run['same choices'] else 'OTHERS'}; scores differ "
            f"by {run['difference']:.1e} at most, their deviation is {run['deviation of scores']:.2f}. With a worker "
            f"lost: {lost}, {run['difference, a worker lost']:.1e}.",
            "",
        ]
    )


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--width", type=int, default=1000)
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    result = {
        "machine": describe(("numpy", "scipy", "scikit-learn", "dask")),
        "commit": commit(),
        "options": vars(options),
        "run": compare(options),
    }
    (RESULTS / "on_dask.json").write_text(json.dumps(result, indent=1) + "\n")
    (RESULTS / "on_dask.md").write_text(page(result))


if __name__ == "__main__":
    main()
