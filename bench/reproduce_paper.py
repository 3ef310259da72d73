"""The paper's system with its published settings, honestly selected, on the real data.

``python bench/reproduce_paper.py --dataset mnist`` trains ``presets.paper("mnist")``, predicts the test rows once,
and writes ``bench/results/paper_mnist.json`` (everything) and ``.md`` (the table). Depth, fusion pair and penalties
are chosen on out-of-fold scores of the training rows; the published demo chose its pair on the test rows.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from _machine import DATA, RESULTS, describe, peak_memory_mb
from sstpl import SSTPLClassifier, datasets, presets

PUBLISHED = {"mnist": 98.97, "fashion_mnist": 89.58}


def run(dataset: str, path: Path, seed: int, overrides: dict[str, Any], verbose: int) -> dict[str, Any]:
    """Fit, predict the test rows once, and return every figure."""
    data = datasets.load_npz(path, seed)
    settings = presets.paper(dataset) | overrides
    model = SSTPLClassifier(**settings, random_state=seed, verbose=verbose)
    start = perf_counter()
    model.fit(data.X_train, data.y_train)
    fit_seconds = perf_counter() - start
    fit_peak = peak_memory_mb()

    start = perf_counter()
    rows = model._input_map.transform(data.X_test)
    scores = [subsystem.predict(rows) for subsystem in model.subsystems_]
    predict_seconds = perf_counter() - start
    sums = np.cumsum(scores, axis=0)
    subsystems = []
    for report, subsystem, own, total in zip(model.report_.subsystems, model.subsystems_, scores, sums, strict=False):
        stages: dict[str, float] = {}
        for step in report.steps:
            stages[step.stage] = stages.get(step.stage, 0.0) + step.seconds
        subsystems.append(
            {
                "n_samples": report.n_samples,
                "depth": subsystem.depth,
                "forward": subsystem.forward_blocks,
                "backward": subsystem.backward_blocks,
                "alpha": report.steps[-1].alpha,
                "oof_accuracy": 100 * report.score.value,
                "oof_accuracy_of_sum": 100 * report.system_score.value,
                "test_accuracy": 100 * float(np.mean(model.classes_[own.argmax(axis=1)] == data.y_test)),
                "test_accuracy_of_sum": 100 * float(np.mean(model.classes_[total.argmax(axis=1)] == data.y_test)),
                "seconds": report.seconds,
                "seconds_by_stage": stages,
            }
        )
    return {
        "dataset": dataset,
        "seed": seed,
        "settings": settings,
        "published_accuracy": PUBLISHED[dataset],
        "fit_seconds": fit_seconds,
        "predict_seconds": predict_seconds,
        "peak_memory_mb": fit_peak,
        "subsystems": subsystems,
        "machine": describe(),
        "report": model.report_.to_dict(),
    }


def table(result: dict[str, Any]) -> str:
    """Return the result as a Markdown page."""
    machine = result["machine"]
    lines = [
        f"# Paper preset on {result['dataset']}",
        "",
        f"Command: `{machine['command']}`. {machine['cpu']}, {machine['threads']} threads, Python {machine['python']}, "
        f"sstpl {machine['sstpl']}, seed {result['seed']}.",
        "",
        f"Whole fit {result['fit_seconds']:.1f} s, prediction of the test rows {result['predict_seconds']:.1f} s, peak "
        f"memory of the process {result['peak_memory_mb']:.0f} MB. Published accuracy: {result['published_accuracy']} "
        "(pair chosen on the test rows).",
        "",
        "| subsystem | depth | pair | alpha | out-of-fold | test | sum, out-of-fold | sum, test | seconds |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for index, row in enumerate(result["subsystems"], start=1):
        pair = f"F{'+'.join(map(str, row['forward']))}, B{'+'.join(map(str, row['backward']))}"
        lines.append(
            f"| {index} | {row['depth']} | {pair} | {row['alpha']:.0e} | {row['oof_accuracy']:.2f} "
            f"| {row['test_accuracy']:.2f} | {row['oof_accuracy_of_sum']:.2f} | {row['test_accuracy_of_sum']:.2f} "
            f"| {row['seconds']:.1f} |"
        )
    lines += ["", "Seconds by stage:", "", "| subsystem | encoders | readouts | backward | pairs | fusion |"]
    lines.append("|---|---|---|---|---|---|")
    for index, row in enumerate(result["subsystems"], start=1):
        seconds = row["seconds_by_stage"]
        cells = [f"{seconds.get(stage, 0.0):.1f}" for stage in ("encoder", "readout", "backward", "pair", "fusion")]
        lines.append(f"| {index} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Parse the command line, run, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", choices=sorted(PUBLISHED), required=True)
    parser.add_argument("--data", type=Path, help="the .npz file (default: in ../shared/data)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--set", nargs=2, action="append", default=[], metavar=("NAME", "JSON"), help="override a setting"
    )
    parser.add_argument("--name", help="of the result files (default: paper_DATASET)")
    options = parser.parse_args()
    overrides = {name: json.loads(value) for name, value in options.set}
    path = options.data or DATA / f"{options.dataset}.npz"
    result = run(options.dataset, path, options.seed, overrides, verbose=int(sys.stderr.isatty()))
    name = options.name or f"paper_{options.dataset}"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    page = table(result)
    (RESULTS / f"{name}.md").write_text(page)
    print(page)


if __name__ == "__main__":
    main()
