"""Out-of-fold error of a wide level whose constrained units lie between fewer and fewer rows.

``python bench/landmarks.py`` fits one level of MNIST's and Fashion-MNIST's training rows, on all columns, with pairs
made of all rows, and of a half, a quarter and an eighth as many rows as there are units. No test row is read. Writes
``bench/results/landmarks.json`` and ``.md``.
"""

from __future__ import annotations

import argparse
import json
from time import perf_counter
from typing import Any
from unittest import mock

import numpy as np

from _machine import DATA, RESULTS, commit, describe
from sstpl import SSTPLClassifier, _levels

SETS = ("mnist", "fashion_mnist")
UNITS_OF_LANDMARK = (1, 2, 4, 8)  # of 1 there would be as many rows as units, which is taken as all rows


def run(name: str, units: int, options: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Fit one level, and return its error on training rows that its solutions left out."""
    with np.load(DATA / f"{name}.npz", allow_pickle=False) as arrays:
        X = arrays["X_train"].reshape(len(arrays["X_train"]), -1).astype(np.float32) / 255
        y = arrays["y_train"].astype(np.int64)
    one_level = {"max_depth": 1, "n_subsystems": 1, "subsystem_fraction": 1.0, "hidden_columns": "all"}
    model = SSTPLClassifier(
        hidden_width=options.width,
        scaling="feature",
        alpha=1e-5,
        n_threads=options.threads,
        random_state=seed,
        **one_level,
    )
    start = perf_counter()
    with mock.patch.object(_levels, "_UNITS_OF_LANDMARK", units):
        model.fit(X, y)
    seconds = perf_counter() - start
    score, shared = model.report_.score, model.subsystems_[0].levels[0].landmarks
    found = {"squared_error": -score.fit, "error": 1 - score.value, "seconds": seconds}
    return {"data": name, "units": units, "rows": 0 if shared is None else len(shared.rows), "seed": seed} | found


def page(result: dict[str, Any]) -> str:
    """Return the report."""
    machine, runs = result["machine"], result["runs"]
    lines = [
        "# Units between few rows",
        "",
        f"Command: `python bench/landmarks.py`, at commit {result['commit']}. {machine['cpu']}, {machine['cores']} "
        f"cores, {result['threads']} threads, Python {machine['python']}, sstpl {machine['sstpl']} ({machine['blas']}, "
        f"{machine['simd']}); seeds 0 to {max(run['seed'] for run in runs)}, of which means.",
        "",
        f"One level of width {result['width']} on all training rows and columns, alpha 1e-5; errors on training "
        "rows that the solutions left out. Rows: of how many the pairs are made that units lie between. The package "
        "takes a quarter as many as units.",
        "",
        "| data | rows | error % | squared error | fit seconds |",
        "|---|---|---|---|---|",
    ]
    for name in SETS:
        for units in UNITS_OF_LANDMARK:
            own = [run for run in runs if run["data"] == name and run["units"] == units]
            mean = {key: np.mean([run[key] for run in own]) for key in ("error", "squared_error", "seconds", "rows")}
            rows = f"{mean['rows']:.0f}" if mean["rows"] else "all"
            lines.append(
                f"| {name} | {rows} | {100 * mean['error']:.2f} | {mean['squared_error']:.5f} | {mean['seconds']:.1f} |"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=3000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    runs = []
    for seed in range(options.seeds):
        for name in SETS:
            for units in UNITS_OF_LANDMARK:
                runs.append(run(name, units, options, seed))
                print(runs[-1], flush=True)
    result = {
        "commit": commit(),
        "machine": describe(),
        "width": options.width,
        "threads": options.threads,
        "runs": runs,
    }
    (RESULTS / "landmarks.json").write_text(json.dumps(result, indent=1) + "\n")
    (RESULTS / "landmarks.md").write_text(page(result))


if __name__ == "__main__":
    main()
