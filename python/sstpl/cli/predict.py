"""``sstpl predict``: predictions of a model file as a table."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np

from sstpl._config import threads
from sstpl._targets import ClassTargets
from sstpl.cli import _options as arguments
from sstpl.cli import _output as output
from sstpl.cli._columns import load_model, matched_to, read_rows
from sstpl.cli._tables import require_table, write_table


def add(commands: Any) -> None:
    """Add the command."""
    parser = arguments.add_command(
        commands,
        "predict",
        "predict the rows of a file",
        """
sstpl predict model.safetensors new.csv -o predictions.csv
sstpl predict model.safetensors new.csv --proba > predictions.csv
sstpl predict model.safetensors new.parquet --interval 0.9 -o predictions.parquet
""",
        more="Columns are found by name, and others ignored. The table has a row for every row, and the columns "
        '"prediction"; "proba_CLASS" for every class; "lower" and "upper"; "in_set_CLASS" for every class. Those '
        "of several outputs are numbered from 1.",
    )
    parser.add_argument("model", metavar="MODEL", help="model file")
    arguments.add_data(parser, target=False)
    parser.add_argument("-o", "--output", metavar="FILE", help="CSV or Parquet by its end (default: CSV to stdout)")
    parser.add_argument("--proba", action="store_true", help="class probabilities beside the class")
    parser.add_argument(
        "--interval", type=arguments.coverage, metavar="SHARE", help="ends between which this share of targets lies"
    )
    parser.add_argument(
        "--set-coverage",
        type=arguments.coverage,
        metavar="SHARE",
        help="sets of classes that hold this share of targets",
    )
    arguments.add_threads(parser)
    arguments.add_quiet(parser, ", no summary")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Predict and write."""
    if options.output is not None:
        require_table(options.output)
        output.require_place(options.output, options.model, options.data)
    model: Any = load_model(options.model)
    classifies = isinstance(model._targets, ClassTargets)
    for name, wanted, possible in (
        ("--proba", options.proba, classifies),
        ("--set-coverage", options.set_coverage is not None, classifies),
        ("--interval", options.interval is not None, not classifies),
    ):
        if wanted and not possible:
            raise output.UsageError(f"{name} is not for the {type(model).__name__} in {options.model}")
    X = matched_to(options.data, read_rows(options.data, header=not options.no_header), model)
    with threads(options.threads):
        columns = _columns(model, X, options)
    _write(columns, options.output)
    if options.output is not None and not options.quiet:
        print(f"{len(X)} predictions: {options.output}")


def _columns(model: Any, X: Any, options: argparse.Namespace) -> dict[str, Any]:
    """Return the columns of the table by name."""
    columns = _numbered("prediction", model.predict(X))
    if options.proba:
        columns |= {f"proba_{name}": p for name, p in zip(model.classes_, model.predict_proba(X).T, strict=True)}
    if options.interval is not None:
        ends = model.predict_interval(X, options.interval)
        columns |= _numbered("lower", ends[:, 0]) | _numbered("upper", ends[:, 1])
    if options.set_coverage is not None:
        sets = model.predict_set(X, options.set_coverage)
        columns |= {f"in_set_{name}": held for name, held in zip(model.classes_, sets.T, strict=True)}
    return columns


def _numbered(name: str, values: Any) -> dict[str, Any]:
    """Return values (n,) by a name, or the columns of (n, outputs) by names with their number from 1."""
    if values.ndim == 1:
        return {name: values}
    return {f"{name}_{number}": column for number, column in enumerate(np.asarray(values).T, start=1)}


def _write(columns: dict[str, Any], path: str | None) -> None:
    require_table(path or "stdout.csv")
    import pandas as pd

    frame = pd.DataFrame(columns)
    if path is None:
        write_table(frame, sys.stdout)
    else:
        output.write_whole(path, lambda temporary: write_table(frame, temporary))
