"""What limits the paper preset: every pair at full width, one setting at a time, and the number of subsystems.

``python bench/ablate_paper.py --dataset mnist`` fits on 50,000 training rows and scores 10,000 others (seeded); test
rows are not read. Writes ``bench/results/ablate_paper_DATASET.json`` and ``.md``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from _machine import DATA, RESULTS, describe
from sstpl import SSTPLClassifier, datasets, presets
from sstpl._inputs import fit_input_map
from sstpl._paper import PaperFit, PaperOptions
from sstpl._progress import Progress
from sstpl._rows import Rows, split_rows

N_VALIDATION = 10_000
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "mnist": [
        {},
        {"hidden_weights": "orthogonal"},
        {"encoder_penalty": "ridge", "encoder_alpha": 0.3},
        {"alpha": 1e-4},
        {"dtype": "float64"},
        {"fusion": "all"},
    ],
    "fashion_mnist": [
        {},
        {"hidden_weights": "orthogonal"},
        {"encoder_penalty": "lasso", "encoder_alpha": 0.03},
        {"alpha": 1e-4},
        {"dtype": "float64"},
        {"fusion": "all"},
    ],
}


class Validation:
    """Training rows of a data set cut in two: rows to fit on, and rows to score."""

    def __init__(self, dataset: str, path: Path, seed: int) -> None:
        data = datasets.load_npz(path, seed)
        order = np.random.default_rng(seed).permutation(len(data.y_train))
        fit, out = order[N_VALIDATION:], order[:N_VALIDATION]
        self.dataset, self.seed = dataset, seed
        self.X, self.y = data.X_train[fit], data.y_train[fit].astype(np.int64)
        self.X_out, self.y_out = data.X_train[out], data.y_train[out].astype(np.int64)

    def accuracy(self, scores: np.ndarray) -> float:
        """Return the accuracy of scores of the held rows, in percent."""
        return 100 * float(np.mean(scores.argmax(axis=1) == self.y_out))


def every_pair(data: Validation, done: int) -> Iterator[dict[str, Any]]:
    """Fuse each pair of one subsystem's features at full width; the narrow score is the one the preset goes by."""
    settings = presets.paper(data.dataset)
    options = SSTPLClassifier(**settings)._check_parameters().architecture
    assert isinstance(options, PaperOptions)
    input_map = fit_input_map(data.X.astype(np.float32), settings["scaling"], np.dtype(np.float32))
    X, X_out = input_map.transform(data.X), input_map.transform(data.X_out)
    split = split_rows(data.seed, data.y, len(X), settings["subsystem_fraction"], 5)
    codes = np.full((len(X), 10), -1, dtype=np.float32)
    codes[np.arange(len(X)), data.y] = 1

    def take(rows: np.ndarray, starts: np.ndarray) -> Rows:
        return Rows(X[rows], codes[rows], data.y[rows], starts)

    held = take(split.left_out, split.fold_starts[:0])
    with Progress(False, "") as progress:
        fit = PaperFit(take(split.rows, split.fold_starts), options, data.seed, progress, held)
        fit._grow_forward()
        fit._fit_backward()
        fit._choose_blocks()
        narrow = {(s.detail["forward"], s.detail["backward"]): s for s in fit.steps if s.stage == "pair"}
        for (i, j), step in list(narrow.items())[done:]:
            forward, backward = (i,), (j,) if j else ()
            readout = fit._fit_readout(forward, backward, options.fusion_width, 10, "fusion")[0]
            scores = fit._subsystem(forward, backward, readout).predict(X_out)
            assert step.score is not None
            yield {
                "pair": f"F{i}" + (f", B{j}" if j else ""),
                "narrow_held": 100 * step.score.value,
                "chosen": step.accepted,
                "validation": data.accuracy(scores),
            }


def one_setting_at_a_time(data: Validation, done: int) -> Iterator[dict[str, Any]]:
    """Fit one subsystem with the preset and one change."""
    for change in SETTINGS[data.dataset][done:]:
        settings = presets.paper(data.dataset) | {"n_subsystems": 1} | change
        model = SSTPLClassifier(**settings, random_state=data.seed).fit(data.X, data.y)
        subsystem = model.subsystems_[0]
        yield {
            "change": ", ".join(f"{k}={v}" for k, v in change.items()) or "none",
            "pair": f"F{subsystem.forward_blocks}, B{subsystem.backward_blocks}",
            "alpha": model.report_.subsystems[0].steps[-1].alpha,
            "out_of_fold": 100 * model.report_.subsystems[0].score.value,
            "validation": data.accuracy(model.decision_function(data.X_out)),
        }


def number_of_subsystems(data: Validation, done: int) -> Iterator[dict[str, Any]]:
    """Sum the preset's subsystems one by one."""
    settings = presets.paper(data.dataset)
    if done == settings["n_subsystems"]:
        return
    model = SSTPLClassifier(**settings, random_state=data.seed).fit(data.X, data.y)
    rows = model._input_map.transform(data.X_out)
    total = np.zeros((len(rows), 10))
    for count, subsystem in enumerate(model.subsystems_, start=1):
        own = subsystem.predict(rows)
        total += own
        if count <= done:
            continue
        yield {"subsystems": count, "own": data.accuracy(own), "validation": data.accuracy(total)}


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Return rows as a Markdown table."""
    names = list(rows[0])

    def cell(value: object) -> str:
        return f"{value:.2f}" if isinstance(value, float) and value > 0.01 else str(value)

    return [
        "| " + " | ".join(names) + " |",
        "|" + "---|" * len(names),
        *("| " + " | ".join(cell(row[name]) for name in names) + " |" for row in rows),
    ]


def main() -> None:
    """Parse the command line, run what the results do not hold yet, write after every row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", choices=sorted(SETTINGS), required=True)
    parser.add_argument("--data", type=Path, help="the .npz file (default: in ../shared/data)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    data = Validation(options.dataset, options.data or DATA / f"{options.dataset}.npz", options.seed)
    machine = describe()
    name = RESULTS / f"ablate_paper_{options.dataset}"
    path = name.with_suffix(".json")
    result: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    result |= {"machine": machine, "seed": options.seed}
    for title, part in PARTS.items():
        for row in part(data, len(result.get(title, []))):
            print(title, row, flush=True)
            result.setdefault(title, []).append(row)
            path.write_text(json.dumps(result, indent=1) + "\n")
            name.with_suffix(".md").write_text(page(options.dataset, result))


PARTS = {
    "Every pair at full width": every_pair,
    "One setting at a time": one_setting_at_a_time,
    "Number of subsystems": number_of_subsystems,
}


def page(dataset: str, result: dict[str, Any]) -> str:
    """Return the results as a Markdown page."""
    machine = result["machine"]
    lines = [
        f"# What limits the paper preset on {dataset}",
        "",
        f"Command: `{machine['command']}`. {machine['cpu']}, {machine['threads']} threads, Python {machine['python']}, "
        f"sstpl {machine['sstpl']}, seed {result['seed']}. Fitted on 50,000 training rows, accuracy in percent on the "
        "10,000 others; test rows are not read.",
    ]
    for title in PARTS:
        if title in result:
            lines += ["", f"## {title}", "", *table(result[title])]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
