"""Accuracy, time and memory of sstpl and its rivals, with default parameters, on images and tables.

``python bench/accuracy.py`` runs every contender of ``contenders.py`` on every data set: images on their test split,
tables by seeded cross-validation. Every run is a process of its own with its threads pinned and its time limited, and
is appended to ``bench/results/accuracy.json``; what is there is not run again. ``--report`` runs nothing and writes
``accuracy.md`` and the plots beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from _adapters import Shape
from _machine import DATA, RESULTS, describe, peak_memory_mb
from contenders import CONTENDERS, Contender, find

PACKAGES = ("numpy", "scipy", "scikit-learn", "lightgbm", "torch", "hpelm", "PyRCN", "gfdl", "nnetsauce")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
KEY = ("data", "contender", "fold", "folds", "seed", "threads")
Array = npt.NDArray[Any]
Record = dict[str, Any]


@dataclass(frozen=True)
class Source:
    """A data set's file, and what it is."""

    path: Path
    task: str
    image: tuple[int, int] | None

    @property
    def family(self) -> str:
        """The table of the report that it belongs to."""
        return "images" if self.image else self.task


def source(path: Path) -> Source:
    """Look at a data set without loading its rows."""
    with np.load(path, allow_pickle=False) as arrays:
        split = "y_train" in arrays.files
        y = arrays["y_train" if split else "y"]
    return Source(path, "classification" if y.dtype.kind in "iu" else "regression", (28, 28) if split else None)


def load_fold(path: Path, fold: int, folds: int, seed: int, task: str) -> tuple[Array, Array, Array, Array]:
    """Return training and test rows, in float32 for everybody."""
    from sklearn.model_selection import KFold, StratifiedKFold

    with np.load(path, allow_pickle=False) as arrays:
        if "X_train" in arrays.files:
            X, X_test = (arrays[name].astype(np.float32) for name in ("X_train", "X_test"))
            return X, arrays["y_train"].astype(np.int64), X_test, arrays["y_test"].astype(np.int64)
        X, y = arrays["X"].astype(np.float32), arrays["y"]
    splitter = (StratifiedKFold if task == "classification" else KFold)(folds, shuffle=True, random_state=seed)
    train, test = list(splitter.split(X, y))[fold]
    return X[train], y[train], X[test], y[test]


def scores(task: str, y: Array, predicted: Array) -> Record:
    """Return the error, percent wrong or RMSE in units of y, and its usual companion."""
    if task == "classification":
        accuracy = float(np.mean(predicted == y))
        return {"error": 100 * (1 - accuracy), "accuracy": accuracy}
    residual = float(np.mean(np.square(predicted - y)))
    return {"error": residual**0.5, "rmse": residual**0.5, "r2": 1 - residual / float(np.var(y))}


def out_of_fold(model: Any, task: str, y: Array) -> Record | None:
    """Return the scores of an estimator's own out-of-fold predictions, where it has any."""
    if task == "classification" and hasattr(model, "oof_decision_function_"):
        S = model.oof_decision_function_
        return scores(task, y, model.classes_[(S > 0).astype(int) if S.ndim == 1 else S.argmax(axis=1)])
    if task == "regression" and hasattr(model, "oof_prediction_"):
        return scores(task, y, model.oof_prediction_)
    return None


def run_here(job: Record, path: Path) -> Record:
    """Run one job in this process."""
    from sstpl import _core

    _core.set_num_threads(job["threads"])
    task = job["task"]
    X, y, X_test, y_test = load_fold(path, job["fold"], job["folds"], job["seed"], task)
    contender = find(job["contender"])
    result: Record = {"n_train": len(X), "n_test": len(X_test), "n_columns": X.shape[1], "machine": describe(PACKAGES)}
    result["machine"].pop("command")
    if contender.max_rows is not None and len(X) > contender.max_rows:
        return result | {"status": f"not run: more than {contender.max_rows} training rows"}
    image = (28, 28) if job["family"] == "images" else None
    model = contender.make(task, Shape(len(X), X.shape[1], image), job["seed"])
    start = perf_counter()
    model.fit(X, y)
    fitted = perf_counter()
    predicted = model.predict(X_test)
    done = perf_counter()
    constant = np.bincount(y).argmax() if task == "classification" else np.mean(y)
    return result | {
        "status": "ok",
        "fit_seconds": fitted - start,
        "predict_seconds": done - fitted,
        "peak_mb": peak_memory_mb(),
        **scores(task, y_test, np.asarray(predicted).reshape(len(y_test))),
        "null_error": scores(task, y_test, np.full(len(y_test), constant))["error"],
        "out_of_fold": out_of_fold(model, task, y),
    }


def run(job: Record, path: Path, limit: float, script: str = __file__) -> Record:
    """Run one job of a script in a process of its own; whatever happens to it is recorded."""
    environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(job["threads"])) | {"PYTHONWARNINGS": "ignore"}
    command = [sys.executable, script, "--job", json.dumps(job), "--data", str(path)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return job | {"status": f"timeout: more than {limit:g} s"}
    lines = done.stdout.strip().splitlines()
    if done.returncode == 0 and lines:
        return job | json.loads(lines[-1])
    if done.returncode < 0:
        return job | {"status": f"failed: ended by signal {-done.returncode}"}
    reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
    return job | {"status": f"failed: {reason[:200]}"}


class Results:
    """The file of results; machines are listed once, runs point to them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content = json.loads(path.read_text()) if path.exists() else {"machines": [], "runs": []}

    @property
    def runs(self) -> list[Record]:
        """All runs so far."""
        return self.content["runs"]

    def find(self, job: Record) -> Record | None:
        """Return the run of a job, if there is one."""
        return next((run for run in self.runs if all(run[k] == job[k] for k in KEY)), None)

    def put(self, record: Record) -> None:
        """Add or replace a run, and write the file at once."""
        machines = self.content["machines"]
        if "machine" in record:
            if record["machine"] not in machines:
                machines.append(record["machine"])
            record = record | {"machine": machines.index(record["machine"])}
        old = self.find(record)
        if old is not None:
            self.runs.remove(old)
        self.runs.append(record)
        self.save()

    def save(self) -> None:
        """Write the file, whole or not at all."""
        self.path.parent.mkdir(exist_ok=True)
        scratch = self.path.with_suffix(".tmp")
        scratch.write_text(json.dumps(self.content, indent=1) + "\n")
        scratch.replace(self.path)


def jobs(options: argparse.Namespace) -> Iterator[tuple[Contender, Path, Record]]:
    """Yield everything that is asked for, the folds of a data set and a contender in turn."""
    for name in options.data or sorted(path.stem for path in options.data_dir.glob("*.npz")):
        data = source(options.data_dir / f"{name}.npz")
        folds = 1 if data.image else options.folds
        job: Record = {"data": name, "family": data.family, "task": data.task, "folds": folds}
        job |= {k: getattr(options, k) for k in ("seed", "threads", "limit")}
        for contender in options.contender or map(find, CONTENDERS):
            if contender.applies(data.task, data.image is not None):
                own = job | {"contender": contender.name, "note": contender.note}
                yield from ((contender, data.path, own | {"fold": fold}) for fold in range(folds))


def run_all(options: argparse.Namespace, results: Results) -> None:
    """Run what is not there yet; folds after one that took too long are not tried."""
    late: Record = {}
    for contender, path, job in jobs(options):
        record = results.find(job)
        redo = {job["data"], contender.name, contender.name.split("@")[0]} & set(options.redo)
        if record is None or redo or "not installed" in record["status"]:
            reason = contender.why_not()
            if all(late.get(k) == job[k] for k in ("data", "contender")):
                reason = f"fold {late['fold']} took more than {late['limit']:g} s"
            record = job | {"status": f"not run: {reason}"} if reason else run(job, path, options.limit)
            results.put(record)
            figures = [f"{record.get(k, np.nan):.4g}" for k in ("error", "fit_seconds", "predict_seconds", "peak_mb")]
            print(job["data"], job["fold"], contender.name, *figures, record["status"], flush=True)
        if record["status"].startswith("timeout"):
            late = record


def named(name: str) -> Contender:
    """Return a contender for the command line."""
    try:
        return find(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def main() -> None:
    """Parse the command line, run or report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", metavar="NAME", help="data sets (default: all)")
    parser.add_argument(
        "--contender", nargs="+", type=named, metavar="NAME", help="contenders (default: all), or NAME@VALUE"
    )
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=float, default=600.0, help="seconds per run")
    parser.add_argument("--redo", nargs="+", default=[], metavar="NAME", help="data sets or contenders to run again")
    parser.add_argument("--report", action="store_true", help="write the report of what is there; run nothing")
    parser.add_argument("--data-dir", type=Path, default=DATA)
    parser.add_argument("--results", type=Path, default=RESULTS / "accuracy.json")
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        print(json.dumps(run_here(options.job, Path(options.data[0]))))
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # by way of `run`, which ends the process it waits for
    results = Results(options.results)
    if options.report:
        from _accuracy_report import write

        write(results.content, options.results)
        return
    run_all(options, results)


if __name__ == "__main__":
    main()
