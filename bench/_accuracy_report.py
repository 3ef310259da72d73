"""The report of accuracy.py: a page of tables, and the plots of error against fit time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from _pareto import Panel, save
from contenders import CONTENDERS

OURS, NULL = "sstpl", "null"
TITLES = {
    "images": "Images: test error, percent",
    "classification": "Tables, classification: error, percent",
    "regression": "Tables, regression: RMSE in units of the target",
}
Run = dict[str, Any]
Runs = list[Run]


def _order(name: str) -> tuple[int, str]:
    return list(CONTENDERS).index(name.split("@")[0]) if name.split("@")[0] in CONTENDERS else 99, name


class Cells:
    """The runs by data set and contender."""

    def __init__(self, runs: Runs) -> None:
        self.by: dict[tuple[str, str], Runs] = {}
        for run in sorted(runs, key=lambda run: run["fold"]):
            self.by.setdefault((run["data"], run["contender"]), []).append(run)
        self.family = {run["data"]: run["family"] for run in runs}
        self.notes = {run["contender"]: run["note"] for run in runs}

    def data(self, *families: str) -> list[str]:
        """Return the names of the data sets of some families."""
        return sorted(name for name, family in self.family.items() if family in families)

    def contenders(self, data: Iterable[str]) -> list[str]:
        """Return the contenders that have a run on any of the data sets."""
        wanted = set(data)
        return sorted({contender for name, contender in self.by if name in wanted}, key=_order)

    def finished(self, data: str, contender: str) -> Runs:
        """Return the runs of a cell if every one of them ended well; else none."""
        runs = self.by.get((data, contender), [])
        return runs if all(run["status"] == "ok" for run in runs) else []

    def error(self, data: str, contender: str) -> float | None:
        """Return the mean error of a cell."""
        runs = self.finished(data, contender)
        return float(np.mean([run["error"] for run in runs])) if runs else None

    def median(self, data: str, contender: str, what: str) -> float:
        """Return the median of a figure of a cell that has runs."""
        return float(np.median([run[what] for run in self.finished(data, contender)]))


def _error_cell(cells: Cells, data: str, contender: str) -> str:
    runs = cells.by.get((data, contender), [])
    if not runs:
        return ""
    bad = next((run["status"] for run in runs if run["status"] != "ok"), None)
    if bad:
        return bad.split(":")[0]
    errors = [run["error"] for run in runs]
    mean = f"{np.mean(errors):.3g}" if np.mean(errors) < 100 else f"{np.mean(errors):.1f}"
    return mean if len(errors) == 1 else f"{mean} ± {np.std(errors, ddof=1):.2g}"


def _cost_cell(cells: Cells, data: str, contender: str) -> str:
    if not cells.finished(data, contender):
        return ""
    fit, predict, peak = (cells.median(data, contender, k) for k in ("fit_seconds", "predict_seconds", "peak_mb"))
    return f"{fit:.3g} / {predict:.2g} / {peak:.0f}"


def _table(head: list[str], rows: Iterable[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["", *("| " + " | ".join(line) + " |" for line in lines)]


def _family(cells: Cells, family: str) -> list[str]:
    data = cells.data(family)
    names = cells.contenders(data)
    lines = ["", f"## {TITLES[family]}"]
    lines += _table(["", *data], [[name, *(_error_cell(cells, d, name) for d in data)] for name in names])
    lines += ["", "Fit seconds / predict seconds / peak MB of the process, medians over folds:"]
    threads = {name: _values([run for d in data for run in cells.by.get((d, name), [])], "threads") for name in names}
    if len(set(threads.values())) == 1:
        threads = dict.fromkeys(names, "")
    labels = {
        name: f"{name}, {count} thread{'s' * (count != '1')}" if count else name for name, count in threads.items()
    }
    return lines + _table(["", *data], [[labels[name], *(_cost_cell(cells, d, name) for d in data)] for name in names])


def normalised(cells: Cells, data: str) -> dict[str, float]:
    """Return every contender's error on a scale from 0, the best one's, to 1, the constant prediction's, or worse.

    A contender that did not finish has 1: what it left is a constant prediction.
    """
    names = cells.contenders([data])
    errors = {name: cells.error(data, name) for name in names}
    known = [error for error in errors.values() if error is not None]
    if not known:
        return {}
    null = next(cells.median(data, name, "null_error") for name in names if errors[name] is not None)
    best = min(known)
    width = max(null - best, np.finfo(float).tiny)
    return {name: 1.0 if error is None else (error - best) / width for name, error in errors.items()}


def summary(cells: Cells, data: list[str]) -> list[tuple[str, int, int, float, float, float]]:
    """Return contender, sets finished, sets entered, mean rank, mean normalised error, geometric mean fit seconds."""
    scores = {d: normalised(cells, d) for d in data}
    rows = []
    for name in cells.contenders(data):
        entered = [d for d in data if name in scores[d]]
        done = [d for d in entered if cells.finished(d, name)]
        if not done:
            continue
        ranks = [  # ties share their mean rank
            sum(s < scores[d][name] for s in scores[d].values())
            + (1 + sum(s == scores[d][name] for s in scores[d].values())) / 2
            for d in entered
        ]
        seconds = float(np.exp(np.mean([np.log(cells.median(d, name, "fit_seconds") + 1e-4) for d in done])))
        error = float(np.mean([scores[d][name] for d in entered]))
        rows.append((name, len(done), len(entered), float(np.mean(ranks)), error, seconds))
    return sorted(rows, key=lambda row: (-row[2], row[4]))


def _overall(cells: Cells) -> list[str]:
    data = cells.data("classification", "regression")
    rows = [
        [name, f"{done} of {entered}", f"{rank:.1f}", f"{error:.3f}", f"{seconds:.3g}"]
        for name, done, entered, rank, error, seconds in summary(cells, data)
    ]
    lines = ["", "## All tables", ""]
    lines.append(
        "Normalised error: 0 is the best contender of a data set, 1 the constant prediction. A data set that a "
        "contender did not finish counts as 1 and as the last rank. Contenders that entered fewer data sets come last; "
        "their means do not compare with the others'."
    )
    head = ["", "sets finished", "mean rank", "mean normalised error", "fit seconds, geometric mean"]
    return lines + _table(head, rows)


def _losses(cells: Cells) -> list[str]:
    lines = ["", f"## Where {OURS} loses", ""]
    for d in cells.data(*TITLES):
        ours = cells.error(d, OURS)
        if ours is None:
            status = cells.by.get((d, OURS), [{"status": "no runs"}])[0]["status"]
            lines.append(f"- {d}: {OURS} has no figure ({status}).")
            continue
        errors = {name: cells.error(d, name) for name in cells.contenders([d])}
        better = sorted((e, name) for name, e in errors.items() if e is not None and e < ours)
        if better:
            lines.append(f"- {d} ({ours:.3g}): " + ", ".join(f"{name} {e:.3g}" for e, name in better) + ".")
        else:
            lines.append(f"- {d} ({ours:.3g}): to nobody.")
    return lines


def _honesty(cells: Cells) -> list[str]:
    rows = []
    for d in cells.data(*TITLES):
        runs = [run for run in cells.finished(d, OURS) if run.get("out_of_fold")]
        if runs:
            key = "accuracy" if "accuracy" in runs[0] else "r2"
            points = [100 * (run["out_of_fold"][key] - run[key]) for run in runs]
            own = np.mean([run["out_of_fold"]["error"] for run in runs])
            rows.append([d, f"{own:.3g}", _error_cell(cells, d, OURS), f"{np.mean(points):+.2f}"])
    lines = ["", f"## What {OURS} reports of its training rows, against the test rows", ""]
    lines.append(
        "Error of its own blind predictions of the training rows, test error, and by how much test rows are harder, "
        "in points of accuracy or of R^2, mean over folds:"
    )
    return lines + _table(["", "training rows", "test", "points"], rows) if rows else []


def _unfinished(cells: Cells) -> list[str]:
    lines = ["", "## Not run, failed, or out of time", ""]
    for (d, name), runs in sorted(cells.by.items()):
        bad = {}
        for run in runs:
            if run["status"] != "ok":
                bad.setdefault(run["status"], []).append(str(run["fold"]))
        lines += [f"- {d}, {name}, fold {', '.join(folds)}: {status}." for status, folds in bad.items()]
    return lines if len(lines) > 3 else [*lines, "Nothing."]


def _plots(cells: Cells, path: Path) -> list[str]:
    """Write the plots, without the constant prediction, which would take all the room; return their names."""
    images = []
    for d in cells.data("images"):
        names = [name for name in cells.contenders([d]) if name != NULL and cells.finished(d, name)]
        points = [(name, cells.median(d, name, "fit_seconds"), cells.error(d, name)) for name in names]
        images.append(Panel(points, d, "test error, percent"))
    data = cells.data("classification", "regression")
    rows = summary(cells, data)
    points = [(row[0], row[5], row[4]) for row in rows if row[0] != NULL and row[1] == len(data)]
    tables = Panel(points, "All tables, by those who finished them", "mean normalised error")
    paths = {path.with_name(f"{path.stem}_{name}.png"): p for name, p in (("images", images), ("tables", [tables]))}
    return [plot.name for plot, panels in paths.items() if save(panels, plot, OURS)]


def _values(runs: Runs, key: str) -> str:
    return ", ".join(f"{value:g}" for value in sorted({run[key] for run in runs}))


def write(content: dict[str, Any], path: Path) -> None:
    """Write the page and the plots beside the results."""
    runs: Runs = content["runs"]
    cells = Cells(runs)
    used = sorted({run["machine"] for run in runs if "machine" in run})
    lines = ["# Accuracy, time and memory", ""]
    for machine in (content["machines"][index] for index in used):
        versions = ", ".join(f"{name} {v}" for name, v in machine["versions"].items() if v != "not installed")
        lines += [f"{machine['cpu']}, Python {machine['python']}, sstpl", ""]
        lines[-2] += f" {machine['sstpl']} ({machine['blas']}, {machine['simd']}), {versions}."
    tables = [run for run in runs if run["family"] != "images"]
    images = [run for run in runs if run["family"] == "images"]
    told = {k: _values(runs, k) for k in ("seed", "limit")}
    threads = (
        f"threads: {_values(images, 'threads') or 'none'} on images, {_values(tables, 'threads') or 'none'} on tables"
    )
    folds = _values(tables, "folds")
    lines.append(
        f"Command: `python bench/accuracy.py`, then `--report`. Seed {told['seed']}; {threads}; limit "
        f"{told['limit']} s per run; tables by {folds or 'no'} folds. Default parameters, the same rows, each run in a "
        "process of its own, whose imports count in its memory but not in its seconds. Mean over folds ± deviation "
        "between folds."
    )
    for family in TITLES:
        if cells.data(family):
            lines += _family(cells, family)
    lines += [*_overall(cells), *_losses(cells), *_honesty(cells), *_unfinished(cells), "", "## Contenders", ""]
    lines += [f"- {name}: {cells.notes[name]}" for name in sorted(cells.notes, key=_order)]
    plots = _plots(cells, path)
    lines += ["", *(f"![error against fit seconds]({name})" for name in plots), ""]
    path.with_suffix(".md").write_text("\n".join(lines))
    print(f"{path.with_suffix('.md')}: {len(runs)} runs; plots: {', '.join(plots) or 'none'}")
