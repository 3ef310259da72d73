"""``sstpl fit``: a model file from a table."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from sstpl import _overview, model_report
from sstpl import _validation as check
from sstpl._config import build_info, threads
from sstpl._targets import ClassTargets
from sstpl.cli import _options as arguments
from sstpl.cli import _output as output
from sstpl.cli._columns import Labelled, matched, read_labelled, require_features, task_of, text_columns
from sstpl.cli._large import is_array
from sstpl.cli._metrics import CLASS_METRICS, NUMBER_METRICS, has_own_scores, metrics_of, out_of_fold_metrics

KEYS = {
    "sstpl_version": "of this program",
    "model": "path of the model file",
    "report": "path of the report, or null",
    "task": '"classification" or "regression"',
    "target": "name of the target column",
    "rows": "number of rows fitted on",
    "features": "names of the columns, or null where they have none",
    "n_features": "number of columns",
    "classes": "the classes, sorted, or null",
    "input_map": "what was made of the columns",
    "hidden_columns": "what hidden units see of them",
    "width": "hidden units of a level of each subsystem",
    "depth": "levels of each subsystem",
    "subsystems": "number of subsystems kept",
    "alpha": "penalties used",
    "stopped_by_time": "whether --time-limit ended the search",
    "out_of_fold": "accuracy and log_loss, or r2, rmse and mae, of the training rows by scores that did not see them, "
    "or null where n_folds is 1",
    "test": f"null, or of test rows: {', '.join(CLASS_METRICS)}; or {', '.join(NUMBER_METRICS)}",
    "seconds": "that the fit took",
}


def add(commands: Any) -> None:
    """Add the command."""
    parser = arguments.add_command(
        commands,
        "fit",
        "fit a model and write it to a file",
        """
sstpl fit train.csv --target species -o model.safetensors
sstpl fit train.csv --target price -o model.safetensors --test-size 0.2 --report report.html
sstpl fit train.parquet --target y -o model.safetensors --drop id --set hidden_width=500 scaling=quantile
sstpl fit rows.npy --target targets.npy -o model.safetensors --memory-limit 1
sstpl fit mnist.npz -o model.safetensors --image-shape 28 28 --time-limit 60 --test mnist.npz
""",
        more="Columns of numbers are used as they are. A file that is there is replaced, once the new one is complete; "
        "one that the command reads never is.",
        keys=KEYS,
    )
    arguments.add_data(parser)
    parser.add_argument("-o", "--output", metavar="MODEL", required=True, help="model file to write")
    parser.add_argument("--report", metavar="FILE.html", help="write what the fit chose and why, with figures")
    held = parser.add_mutually_exclusive_group()
    held.add_argument("--test", metavar="DATA", help="other rows to test on; of an .npz file X_test and y_test")
    held.add_argument(
        "--test-size",
        type=arguments.coverage,
        metavar="SHARE",
        help="set rows aside to test on, e.g. 0.2; fit the rest",
    )
    arguments.add_model_options(parser)
    arguments.add_threads(parser)
    arguments.add_quiet(parser, ", no summary")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Fit, write, and say what came of it."""
    arrays = [options.target] if is_array(options.data) else []
    if arrays and options.test is not None:
        raise output.UsageError("--test has no targets beside a .npy file; set rows aside by --test-size")
    output.require_place(options.output, options.data, options.test, *arrays)
    if options.report is not None:
        output.require_place(options.report, options.data, options.test, options.output, *arrays)
        if find_spec("matplotlib") is None:
            raise ImportError("--report needs matplotlib, which comes with: pip install 'sstpl[report]'")
    data = read_labelled(options.data, options.target, drop=options.drop, header=not options.no_header, in_blocks=True)
    data = require_features(options.data, data)
    task = task_of(options.data, data, options.task)
    data, test = _split(data, options, task)
    if test is not None and task == "classification":
        check.known_labels(test.y, np.unique(data.y))
    start = perf_counter()
    with threads(options.threads):
        model = arguments.estimator_for(task, options).set_params(verbose=output.verbosity(options.quiet))
        model.fit(data.X, data.y)
        seconds = perf_counter() - start
        model.set_params(verbose=0)  # the bar belongs to this terminal, not to the model
        model.save(options.output)
        scores = None if test is None else metrics_of(model, test.X, test.y)
        if options.report is not None:
            rows = {"X": test.X, "y": test.y} if test is not None else {"y": data.y} if has_own_scores(model) else {}
            model_report.report(model, **rows).save(options.report)
    found = _document(model, data, options, task, scores, seconds)
    if options.json:
        output.print_json(found)
    elif not options.quiet:
        output.print_facts(_facts(model, data, options, task, found))


def _split(data: Labelled, options: argparse.Namespace, task: str) -> tuple[Labelled, Labelled | None]:
    """Return the rows to fit, and those to test on, if any; set aside by class where there are classes."""
    if options.test is not None:
        test = read_labelled(options.test, options.target, header=not options.no_header, part="test", in_blocks=True)
        n_features = data.X.shape[1] if data.names is None else len(data.names)
        X = matched(options.test, test.X, data.names, n_features, text_columns(data.X))
        return data, Labelled(X, test.y, test.target)
    if options.test_size is None:
        return data, None
    train, test = train_test_split(
        np.arange(len(data.y)),
        test_size=options.test_size,
        random_state=options.seed,
        stratify=data.y if task == "classification" else None,
    )
    return data.take(np.sort(train)), data.take(np.sort(test))


def _document(
    model: Any, data: Labelled, options: argparse.Namespace, task: str, scores: object, seconds: float
) -> dict[str, object]:
    targets, report = model._targets, model.report_
    return {
        "sstpl_version": build_info()["version"],
        "model": options.output,
        "report": options.report,
        "task": task,
        "target": data.target,
        "rows": len(data.y),
        "features": data.names,
        "n_features": model.n_features_in_,
        "classes": targets.classes if isinstance(targets, ClassTargets) else None,
        "input_map": _overview.input_map(model),
        "hidden_columns": _overview.hidden_columns(model),
        "width": [subsystem.width for subsystem in model.subsystems_],
        "depth": [subsystem.depth for subsystem in model.subsystems_],
        "subsystems": model.n_subsystems_,
        "alpha": _overview.chosen_alphas(report),
        "stopped_by_time": report.stopped_by_time,
        "out_of_fold": out_of_fold_metrics(model, data.y),
        "test": scores,
        "seconds": seconds,
    }


def _facts(
    model: Any, data: Labelled, options: argparse.Namespace, task: str, found: dict[str, Any]
) -> dict[str, object]:
    n_values = len(np.unique(data.y))
    why = f"target {data.target!r} has {n_values} different values" if options.task == "auto" else "as --task says"
    facts: dict[str, object] = {"task": f"{task}: {why}"}
    facts |= dict(_overview.facts(model))
    for name in (f"out-of-fold {_overview.metric_of(model)}", "seconds of work"):  # more of both stands below
        del facts[name]
    facts["seconds"] = f"{found['seconds']:.2f}"
    for name in ("out_of_fold", "test"):
        if found[name] is not None:
            facts[name.replace("_", "-")] = ", ".join(f"{key} {value:.4g}" for key, value in found[name].items())
    facts["model"] = options.output
    if options.report is not None:
        facts["report"] = options.report
    return facts
