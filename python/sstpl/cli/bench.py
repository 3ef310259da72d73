"""``sstpl bench``: sstpl beside models of scikit-learn, on the user's data, by cross-validation."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, StratifiedKFold
from threadpoolctl import threadpool_limits

from sstpl._config import threads
from sstpl.cli import _options as arguments
from sstpl.cli import _output as output
from sstpl.cli._columns import Labelled, read_labelled, require_features, task_of
from sstpl.cli._metrics import metrics_of

MODELS = {
    "sstpl": "this package",
    "linear": "logistic regression, or ridge with its penalty by leave-one-out",
    "forest": "random forest",
    "boosting": "HistGradientBoosting",
    "mlp": "multilayer perceptron with early stopping",
}
KEYS = {
    "data": "path of the rows",
    "task": '"classification" or "regression"',
    "target": "name of the target column",
    "rows": "number of rows",
    "n_features": "number of columns",
    "folds": "number of folds",
    "seed": "of folds and models",
    "models": "array of objects with the following, in the order asked for; times are means over folds",
    "  name": f"one of {', '.join(MODELS)}",
    "  score": "mean over folds of accuracy, or of r2",
    "  scores": "of each fold",
    "  loss": "mean over folds of log_loss, or of rmse",
    "  fit_seconds": "of one fold",
    "  predict_seconds": "of the rows of one fold: probabilities, or numbers",
}


def add(commands: Any) -> None:
    """Add the command."""
    described = "; ".join(f"{name}: {meaning}" for name, meaning in MODELS.items())
    parser = arguments.add_command(
        commands,
        "bench",
        "compare sstpl with models of scikit-learn on your data",
        """
sstpl bench data.csv --target price
sstpl bench data.csv --target species --folds 3 --models sstpl forest boosting --json
""",
        more="Every model is fitted and scored on the same folds, with its defaults; those that need standardised "
        "columns get them.",
        keys=KEYS,
    )
    arguments.add_data(parser)
    parser.add_argument("--folds", type=int, default=5, metavar="K", help="number of folds (default 5)")
    parser.add_argument(
        "--models", nargs="+", choices=tuple(MODELS), default=list(MODELS), metavar="NAME", help=described
    )
    arguments.add_model_options(parser)
    arguments.add_threads(parser)
    arguments.add_quiet(parser, "")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Cross-validate and print, a line as soon as it is known."""
    data = read_labelled(options.data, options.target, drop=options.drop, header=not options.no_header)
    data = require_features(options.data, data)
    task = task_of(options.data, data, options.task)
    folds = StratifiedKFold if task == "classification" else KFold
    parts = list(folds(options.folds, shuffle=True, random_state=options.seed).split(data.y, data.y))
    # scikit-learn's perceptron, before 1.9, cannot stop early on classes that are text.
    numbered = replace(data, y=np.unique(data.y, return_inverse=True)[1]) if task == "classification" else data
    own = arguments.estimator_for(task, options).set_params(verbose=output.verbosity(options.quiet))
    document = {
        "data": options.data,
        "task": task,
        "target": data.target,
        "rows": len(data.y),
        "n_features": data.X.shape[1],
        "folds": options.folds,
        "seed": options.seed,
        "models": [],
    }
    score, loss = ("accuracy", "log_loss") if task == "classification" else ("r2", "rmse")
    if not options.json:
        print(f"{task}, {len(data.y)} rows, {data.X.shape[1]} columns, {options.folds} folds")
        print(f"{'model':<10}{score:>10}{'+-':>8}{loss:>10}{'fit s':>10}{'predict s':>11}", flush=True)
    for name in options.models:
        with threads(options.threads), threadpool_limits(options.threads):
            model = own if name == "sstpl" else _reference(name, task, data.X, options.seed, options.threads)
            rows = [_score(clone(model), data if name == "sstpl" else numbered, train, test) for train, test in parts]
        scores = [metrics[score] for metrics, _, _ in rows]
        found = {
            "name": name,
            "score": float(np.mean(scores)),
            "scores": scores,
            "loss": float(np.mean([metrics[loss] for metrics, _, _ in rows])),
            "fit_seconds": float(np.mean([fitting for _, fitting, _ in rows])),
            "predict_seconds": float(np.mean([predicting for _, _, predicting in rows])),
        }
        document["models"].append(found)
        if not options.json:
            print(
                f"{name:<10}{found['score']:>10.4f}{np.std(scores):>8.4f}{found['loss']:>10.4g}"
                f"{found['fit_seconds']:>10.2f}{found['predict_seconds']:>11.3f}",
                flush=True,
            )
    if options.json:
        output.print_json(document)


def _score(model: Any, data: Labelled, train: Any, test: Any) -> tuple[dict[str, float], float, float]:
    """Return metrics of the test rows, and the seconds of fitting and of predicting."""
    fitted, held = data.take(train), data.take(test)
    start = perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # defaults are compared, not the best of them
        model.fit(fitted.X, fitted.y)
    between = perf_counter()
    metrics = metrics_of(model, held.X, held.y)
    return metrics, between - start, perf_counter() - between


def _reference(name: str, task: str, X: Any, seed: int, n_threads: int | None) -> Any:
    """Return an unfitted model of scikit-learn; imported here, because the other commands need none."""
    from sklearn.ensemble import (
        HistGradientBoostingClassifier,
        HistGradientBoostingRegressor,
        RandomForestClassifier,
        RandomForestRegressor,
    )
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline

    classes = task == "classification"
    n_jobs = -1 if n_threads is None else n_threads
    made: dict[str, Callable[[], Any]] = {
        "linear": lambda: LogisticRegression(max_iter=1000) if classes else RidgeCV(np.logspace(-3, 3, 7)),
        "forest": lambda: (RandomForestClassifier if classes else RandomForestRegressor)(
            random_state=seed, n_jobs=n_jobs
        ),
        "boosting": lambda: (HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor)(
            random_state=seed
        ),
        "mlp": lambda: (MLPClassifier if classes else MLPRegressor)(early_stopping=True, random_state=seed),
    }
    if name == "boosting":  # it takes categories and missing values as they are
        return made[name]()
    return make_pipeline(_preparation(X), made[name]())


def _preparation(X: Any) -> Any:
    """Return what makes standardised numbers of columns: missing ones are the mean, categories indicators."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    if isinstance(X, np.ndarray):
        return numbers
    return make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), make_column_selector(dtype_include="category")),
        (numbers, make_column_selector(dtype_exclude="category")),
    )
