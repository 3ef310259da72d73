"""How far probabilities, prediction sets and intervals can be trusted: sstpl and scikit-learn's models, all by default.

``python bench/calibration.py`` fits every contender on every data set, images on their test split, tables by seeded
cross-validation, as ``accuracy.py`` does. A run is a process of its own, appended to
``bench/results/calibration.json``; what is there is not run again. Rivals give their own probabilities, and those of
``CalibratedClassifierCV`` around them (5 fits). ``--report`` runs nothing and writes ``calibration.md`` beside it.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from _adapters import Shape
from _machine import DATA, RESULTS, describe
from accuracy import Array, Record, Results, load_fold, run, source
from contenders import find

CLASSIFICATION = ("mnist", "letter", "spambase", "magic")
REGRESSION = ("concrete", "energy", "kin8nm", "power-plant", "protein-tertiary-structure", "wine-quality-red")
RIVALS = ("histgb", "mlp", "forest")
METHODS = ("sigmoid", "isotonic")
COVERAGES = (0.9, 0.99)
N_BINS = 15
N_DRAWS = 100  # of the rows that are right, for the error to expect by chance
METRICS = {
    "log_loss": "Log-loss",
    "brier": "Brier score, summed over classes",
    "calibration_error": f"Expected calibration error of the likeliest class, {N_BINS} bins of as many rows each",
    "chance_error": "The calibration error to expect of as many rows if the probabilities were true",
    "accuracy": "Accuracy",
    "fit_seconds": "Fit seconds",
}


class Quantiles:
    """HistGradientBoosting of two quantiles, which bound an interval."""

    def __init__(self, seed: int, coverage: float) -> None:
        from sklearn.ensemble import HistGradientBoostingRegressor

        ends = ((1 - coverage) / 2, (1 + coverage) / 2)
        self.models = [HistGradientBoostingRegressor(loss="quantile", quantile=q, random_state=seed) for q in ends]

    def fit(self, X: Array, y: Array) -> Quantiles:
        """Fit both."""
        for model in self.models:
            model.fit(X, y)
        return self

    def predict_interval(self, X: Array) -> Array:
        """Return lower and upper ends (n, 2)."""
        return np.column_stack([model.predict(X) for model in self.models])


def contenders(task: str) -> list[str]:
    """Return the names of those who compete."""
    if task == "regression":
        return ["sstpl", "histgb_quantiles"]
    return ["sstpl", *(name for rival in RIVALS for name in (rival, *(f"{rival}+{method}" for method in METHODS)))]


def make(name: str, task: str, shape: Shape, seed: int) -> Any:
    """Return an estimator by its name; ``model+method`` is calibrated."""
    from sklearn.calibration import CalibratedClassifierCV

    base, _, method = name.partition("+")
    model = find(base).make(task, shape, seed)
    return CalibratedClassifierCV(model, method=method) if method else model


def calibration_error(confidence: Array, right: Array) -> float:
    """Return how far the confidence is from the share of rows that are right, on average over bins."""
    bins = np.array_split(np.argsort(confidence, kind="stable"), N_BINS)
    return float(sum(abs(np.sum(confidence[b] - right[b])) for b in bins) / len(right))


def chance_error(confidence: Array) -> float:
    """Return the calibration error to expect if rows are right as often as they are confident; of few rows, not 0."""
    rng = np.random.default_rng(0)
    return float(
        np.mean([calibration_error(confidence, rng.random(len(confidence)) < confidence) for _ in range(N_DRAWS)])
    )


def probability_figures(y: Array, p: Array) -> Record:
    """Return the scores of probabilities p (n, c) of classes y (n,)."""
    n, confidence, right = len(y), p.max(axis=1), p.argmax(axis=1) == y
    own = np.clip(p[np.arange(n), y], np.finfo(float).eps, None)  # as scikit-learn's log-loss
    return {
        "accuracy": float(np.mean(right)),
        "log_loss": float(-np.mean(np.log(own))),
        "brier": float(np.mean(np.sum(np.square(p - np.eye(p.shape[1])[y]), axis=1))),
        "calibration_error": calibration_error(confidence, right),
        "chance_error": chance_error(confidence),
        "impossible": int(np.sum(p[np.arange(n), y] == 0)),
    }


def held(inside: Array, sizes: Array) -> Record:
    """Return how many rows sets or intervals hold, and their mean size."""
    return {"coverage": float(np.mean(inside)), "size": float(np.mean(sizes))}


def run_here(job: Record, path: Path) -> Record:
    """Run one job in this process."""
    from sstpl import _core

    _core.set_num_threads(job["threads"])
    task, name = job["task"], job["contender"]
    X, y, X_test, y_test = load_fold(path, job["fold"], job["folds"], job["seed"], task)
    result: Record = {"n_train": len(X), "n_test": len(X_test), "machine": describe()}
    result["machine"].pop("command")
    image = (28, 28) if job["family"] == "images" else None
    shape, seed = Shape(len(X), X.shape[1], image), job["seed"]
    start = perf_counter()
    if task == "regression":
        result["spread"] = float(np.std(y))
        result["sets"] = {}
        model = None if name == "histgb_quantiles" else make(name, task, shape, seed).fit(X, y)
        for coverage in COVERAGES:
            if model is None:
                ends = Quantiles(seed, coverage).fit(X, y).predict_interval(X_test)
            else:
                ends = model.predict_interval(X_test, coverage)
            inside = (ends[:, 0] <= y_test) & (y_test <= ends[:, 1])
            result["sets"][coverage] = held(inside, np.maximum(ends[:, 1] - ends[:, 0], 0))
        return result | {"status": "ok", "fit_seconds": perf_counter() - start}
    model = make(name, task, shape, seed).fit(X, y)
    result["fit_seconds"] = perf_counter() - start
    result |= probability_figures(y_test, model.predict_proba(X_test).astype(np.float64))
    if name == "sstpl":
        sets = {coverage: model.predict_set(X_test, coverage) for coverage in COVERAGES}
        result["sets"] = {c: held(s[np.arange(len(y_test)), y_test], s.sum(axis=1)) for c, s in sets.items()}
        result["map"] = model.report_.to_dict()["calibration"]
    return result | {"status": "ok"}


def jobs(options: argparse.Namespace) -> Iterator[tuple[Path, Record]]:
    """Yield everything that is asked for."""
    for name in options.data:
        data = source(options.data_dir / f"{name}.npz")
        job: Record = {"data": name, "family": data.family, "task": data.task}
        job |= {k: getattr(options, k) for k in ("seed", "threads", "limit")}
        folds = 1 if data.image else options.folds
        for contender in contenders(data.task):
            if options.contender is None or contender in options.contender:
                for fold in range(min(folds, options.first or folds)):
                    yield data.path, job | {"contender": contender, "folds": folds, "fold": fold}


def run_all(options: argparse.Namespace, results: Results) -> None:
    """Run what is not there yet."""
    for path, job in jobs(options):
        if results.find(job) is None:
            record = run(job, path, options.limit, __file__)
            results.put(record)
            figures = [f"{record[k]:.4g}" for k in (*METRICS, "sets") if isinstance(record.get(k), float)]
            print(
                job["data"],
                job["fold"],
                job["contender"],
                *figures,
                record.get("sets", ""),
                record["status"],
                flush=True,
            )


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return ["", *("| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *rows))]


def _cells(runs: list[Record], task: str, value: Callable[[Record], float]) -> list[str]:
    """Return a table of a figure, contenders by data sets, means over folds and how many, where others have more."""
    data = sorted({run["data"] for run in runs if run["task"] == task})
    folds = {d: len({run["fold"] for run in runs if run["data"] == d}) for d in data}
    rows = []
    for name in contenders(task):
        row = [name]
        for d in data:
            own = [run for run in runs if (run["data"], run["contender"]) == (d, name)]
            bad = next((run["status"].split(":")[0] for run in own if run["status"] != "ok"), None)
            known = [value(run) for run in own if run["status"] == "ok" and not np.isnan(value(run))]
            of = f" ({len(known)})" if len(known) < folds[d] else ""
            row.append(bad or (f"{np.mean(known):.4g}{of}" if known else ""))
        rows += [row] if any(row[1:]) else []
    return _table(["", *data], rows)


def write(content: Record, path: Path) -> None:
    """Write the page beside the results."""
    runs = content["runs"]
    lines = ["# Probabilities, sets and intervals", ""]
    for machine in content["machines"]:
        versions = ", ".join(f"{name} {v}" for name, v in machine["versions"].items())
        lines += [f"{machine['cpu']}, Python {machine['python']}, sstpl {machine['sstpl']} ({machine['blas']}, "]
        lines[-1] += f"{machine['simd']}), {versions}."
        lines.append("")
    told = {k: ", ".join(sorted({str(run[k]) for run in runs})) for k in ("seed", "threads", "limit")}
    folds = sorted({(run["data"], run["folds"], run["fold"]) for run in runs})
    done = {d: f"{sum(x[0] == d for x in folds)} of {n}" for d, n, _ in folds}
    lines.append(
        "Command: `python bench/calibration.py`, then `--report`. "
        f"Seed {told['seed']}; threads: {told['threads']}; limit {told['limit']} s per run; folds run: "
        + ", ".join(f"{d} {n}" for d, n in done.items())
        + ". Default parameters. Means over folds; (k): over k of them, where others have more. "
        "`+sigmoid` and `+isotonic`: inside CalibratedClassifierCV, 5 folds."
    )
    lines += ["", content["note"]] if "note" in content else []
    for metric, title in METRICS.items():
        lines += ["", f"## {title}", *_cells(runs, "classification", lambda run, m=metric: run.get(m, np.nan))]  # type: ignore[misc]
    for coverage in COVERAGES:
        key = str(coverage)  # as JSON has it

        def of(what: str, key: str = key) -> Callable[[Record], float]:
            return lambda run: run["sets"][key][what] if "sets" in run else np.nan

        lines += ["", f"## Sets and intervals at coverage {coverage}", ""]
        lines += ["Sets: share of rows whose class they hold, and classes in a set."]
        lines += _cells(runs, "classification", of("coverage")) + _cells(runs, "classification", of("size"))
        lines += ["", "Intervals: share of rows whose target they hold, and width in deviations of the target."]
        lines += _cells(runs, "regression", of("coverage"))
        width = of("size")
        lines += _cells(runs, "regression", lambda run, w=width: w(run) / run["spread"])  # type: ignore[misc]
    path.with_suffix(".md").write_text("\n".join([*lines, ""]))
    print(f"{path.with_suffix('.md')}: {len(runs)} runs")


def main() -> None:
    """Parse the command line, run or report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", metavar="NAME", default=[*CLASSIFICATION, *REGRESSION])
    parser.add_argument("--contender", nargs="+", metavar="NAME", help="default: all")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--first", type=int, help="run only so many of the folds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--limit", type=float, default=1200.0, help="seconds per run")
    parser.add_argument("--report", action="store_true", help="write the report of what is there; run nothing")
    parser.add_argument("--note", help="with --report: what the page is to say of these runs, kept with them")
    parser.add_argument("--data-dir", type=Path, default=DATA)
    parser.add_argument("--results", type=Path, default=RESULTS / "calibration.json")
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        print(json.dumps(run_here(options.job, Path(options.data[0]))))
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # by way of `run`, which ends the process it waits for
    results = Results(options.results)
    if options.report:
        if options.note:
            results.content["note"] = options.note
            results.save()
        write(results.content, options.results)
        return
    run_all(options, results)


if __name__ == "__main__":
    main()
