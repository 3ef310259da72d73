"""``sstpl evaluate``: how well a model file predicts rows whose targets are known."""

from __future__ import annotations

import argparse
from typing import Any

from sstpl._config import threads
from sstpl._targets import ClassTargets
from sstpl.cli import _options as arguments
from sstpl.cli import _output as output
from sstpl.cli._columns import load_model, matched_to, read_labelled
from sstpl.cli._metrics import CLASS_METRICS, NUMBER_METRICS, coverage_metrics, metrics_of

KEYS = {
    "model": "path of the model file",
    "data": "path of the rows",
    "task": '"classification" or "regression"',
    "rows": "number of rows",
    "coverage": "that was asked for",
    "metrics": "object with the following, by the task; null where the model is not calibrated",
    **{f"  {name}": meaning for name, meaning in (CLASS_METRICS | NUMBER_METRICS).items()},
    "  set_coverage": "share of rows whose class is in the prediction set",
    "  set_size": "mean number of classes in it",
    "  interval_coverage": "share of targets within the prediction interval",
    "  interval_width": "its mean width, null where it is infinite",
}


def add(commands: Any) -> None:
    """Add the command."""
    parser = arguments.add_command(
        commands,
        "evaluate",
        "score a model on rows with known targets",
        """
sstpl evaluate model.safetensors test.csv --target species
sstpl evaluate model.safetensors test.parquet --target price --coverage 0.95 --json
""",
        keys=KEYS,
    )
    parser.add_argument("model", metavar="MODEL", help="model file")
    arguments.add_data(parser)
    parser.add_argument(
        "--coverage", type=arguments.coverage, default=0.9, metavar="SHARE", help="of sets and intervals (default 0.9)"
    )
    arguments.add_threads(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Score and print."""
    model: Any = load_model(options.model)
    data = read_labelled(options.data, options.target, header=not options.no_header, part="test", in_blocks=True)
    X = matched_to(options.data, data.X, model)
    with threads(options.threads):
        metrics = metrics_of(model, X, data.y) | coverage_metrics(model, X, data.y, options.coverage)
    if options.json:
        output.print_json(
            {
                "model": options.model,
                "data": options.data,
                "task": "classification" if isinstance(model._targets, ClassTargets) else "regression",
                "rows": len(data.y),
                "coverage": options.coverage,
                "metrics": metrics,
            }
        )
    else:
        output.print_facts({"rows": len(data.y)} | {name.replace("_", " "): value for name, value in metrics.items()})
