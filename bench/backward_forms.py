"""Backward learning on MNIST, prototype form against dense form: time, peak memory, and that they agree.

``python bench/backward_forms.py`` runs each form in a process of its own, several times in turn, on the layers of the
MNIST preset (784 - 2000 - 1500 - 500 - 800 - 10, orthogonal, 5 folds), and writes ``bench/results/backward_forms.md``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import numpy as np

from _machine import DATA, RESULTS, describe, peak_memory_mb
from sstpl import _core, datasets
from sstpl._inputs import fit_input_map
from sstpl._rows import split_rows

WIDTHS = (2000, 1500, 500, 800)
FORMS = ("prototype", "dense")


def measure(form: str, path: Path, n_rows: int, seed: int) -> dict[str, object]:
    """Run one form once; return seconds, memory above the inputs, and the last layer's out-of-fold scores."""
    data = datasets.load_npz(path, seed)
    X, labels = data.X_train[:n_rows], data.y_train[:n_rows].astype(np.int64)
    split = split_rows(seed, labels, n_rows, 1.0, 5)
    rows = fit_input_map(X, "sample", np.dtype(np.float32)).transform(X[split.rows])
    labels = labels[split.rows]
    chain, width = [], rows.shape[1]
    for level, next_width in enumerate((*WIDTHS, 10)):
        probe = np.zeros((1, width), dtype=np.float32)
        chain.append(_core.draw_hidden("orthogonal", probe, next_width, seed, level)[0])
        width = next_width
    codes = (2 * np.eye(10) - 1).astype(np.float32)
    indicator = np.eye(10, dtype=np.float32)[labels]
    before = peak_memory_mb()
    start = perf_counter()
    targets, given = (indicator, codes) if form == "prototype" else (indicator @ codes, None)
    layers = _core.fit_backward(rows, targets, given, chain, "tanh", 1e-2, [1e-3], split.fold_starts)
    seconds = perf_counter() - start
    memory = peak_memory_mb() - before
    scores = layers[-1]["scores"] @ codes if form == "prototype" else layers[-1]["scores"]
    accuracy = float(np.mean(scores.argmax(axis=1) == labels))
    return {"seconds": seconds, "memory_mb": memory, "accuracy": accuracy, "scores": scores[:2000].tolist()}


def main() -> None:
    """Run both forms in turn and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA / "mnist.npz")
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--form", choices=FORMS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.form:
        print(json.dumps(measure(options.form, options.data, options.rows, options.seed)))
        return
    runs: dict[str, list[dict[str, object]]] = {form: [] for form in FORMS}
    for _ in range(options.repeats):
        for form in FORMS:
            command = [sys.executable, __file__, "--form", form, "--data", str(options.data)]
            command += ["--rows", str(options.rows), "--seed", str(options.seed)]
            runs[form].append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    first, second = (np.asarray(runs[form][0]["scores"]) for form in FORMS)
    difference = float(np.max(np.abs(first - second)) / np.max(np.abs(second)))
    ratios = [d["seconds"] / p["seconds"] for p, d in zip(runs["prototype"], runs["dense"], strict=True)]
    machine = describe()
    lines = [
        "# Backward learning: prototype form against dense form",
        "",
        f"Command: `{machine['command']}`. {machine['cpu']}, {machine['threads']} threads, Python {machine['python']}, "
        f"sstpl {machine['sstpl']}, seed {options.seed}; {options.rows} MNIST rows, layers 784-2000-1500-500-800-10, "
        f"float32, 5 folds, alpha 1e-3. Each run is a process of its own; median (minimum to maximum) of "
        f"{options.repeats}.",
        "",
        "| form | seconds | memory above the inputs, MB | out-of-fold accuracy of the last layer |",
        "|---|---|---|---|",
    ]
    for form in FORMS:
        seconds = [run["seconds"] for run in runs[form]]
        memory = [run["memory_mb"] for run in runs[form]]
        lines.append(
            f"| {form} | {np.median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f}) "
            f"| {np.median(memory):.0f} | {runs[form][0]['accuracy']:.4f} |"
        )
    lines += [
        "",
        f"Dense over prototype, pair by pair: {np.median(ratios):.1f} times the time ({min(ratios):.1f} to "
        f"{max(ratios):.1f}). Largest difference of the last layer's scores, relative to the largest score: "
        f"{difference:.1e}.",
        "",
    ]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "backward_forms.md").write_text("\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
