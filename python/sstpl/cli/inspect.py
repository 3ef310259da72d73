"""``sstpl inspect``: what is in a model file."""

from __future__ import annotations

import argparse
import os
from typing import Any

from sstpl import _model_file, _overview
from sstpl._model_state import load
from sstpl._recursive import Stack
from sstpl._targets import ClassTargets
from sstpl.cli import _options as arguments
from sstpl.cli import _output as output
from sstpl.cli._tables import quoted

KEYS = {
    "path": "of the file",
    "bytes": "its size",
    "format_version": "of the file format",
    "sstpl_version": "that wrote it",
    "class": "of the estimator",
    "parameters": "those that differ from the defaults",
    "features": "names of the columns, or null where they have none",
    "n_features": "number of columns",
    "classes": "the classes, sorted, or null",
    "n_outputs": "columns of the target, or null for classes",
    "dtype": "precision of features and weights",
    "input_map": "what is made of the columns",
    "hidden_columns": "what hidden units see of them",
    "alpha": "penalties used",
    "layers": "of every subsystem, the shapes [outputs, inputs] of its hidden layers in order",
    "depth": "levels of each subsystem",
    "weights": "number of weights in all subsystems",
    "training_rows": "number of rows fitted on",
    "score": "out-of-fold accuracy or R2 of the training rows",
    "log_loss": "theirs by calibrated probabilities, or null",
}


def add(commands: Any) -> None:
    """Add the command."""
    parser = arguments.add_command(
        commands,
        "inspect",
        "show what is in a model file",
        """
sstpl inspect model.safetensors
sstpl inspect model.safetensors --json
""",
        more="The file is checked as a whole, and no code of it is run: it may be a stranger's.",
        keys=KEYS,
    )
    parser.add_argument("model", metavar="MODEL", help="model file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Load and print."""
    model: Any = load(options.model)
    header, _ = _model_file.read(options.model)  # what loading checks, and forgets
    found = _document(model, header, options.model)
    if options.json:
        output.print_json(found)
        return
    facts = {"class": found["class"], "written by": f"sstpl {found['sstpl_version']}", "bytes": f"{found['bytes']:,}"}
    facts |= dict(_overview.facts(model))
    facts["features"] = "no names" if found["features"] is None else quoted(found["features"])
    if found["classes"] is not None:
        facts["classes"] = quoted(found["classes"])
    for number, layers in enumerate(found["layers"], start=1):
        facts[f"layers of subsystem {number}"] = ", ".join(f"{rows} x {columns}" for rows, columns in layers)
    facts["weights"] = f"{found['weights']:,}"
    facts["parameters"] = ", ".join(f"{k}={v!r}" for k, v in found["parameters"].items()) or "the defaults"
    output.print_facts(facts)


def _document(model: Any, header: dict[str, Any], path: str) -> dict[str, Any]:
    targets, report = model._targets, model.report_
    is_classifier = isinstance(targets, ClassTargets)
    default = type(model)().get_params()
    return {
        "path": path,
        "bytes": os.path.getsize(path),
        "format_version": header["format_version"],
        "sstpl_version": header["sstpl_version"],
        "class": type(model).__name__,
        "parameters": {name: value for name, value in model.get_params().items() if value != default[name]},
        "features": list(model.feature_names_in_) if hasattr(model, "feature_names_in_") else None,
        "n_features": model.n_features_in_,
        "classes": targets.classes if is_classifier else None,
        "n_outputs": None if is_classifier else len(targets.names()),
        "dtype": str(model._input_map.dtype),
        "input_map": _overview.input_map(model),
        "hidden_columns": _overview.hidden_columns(model),
        "alpha": _overview.chosen_alphas(report),
        "layers": [[list(weights.shape) for weights in _hidden_layers(one)] for one in model.subsystems_],
        "depth": [subsystem.depth for subsystem in model.subsystems_],
        "weights": sum(_n_weights(subsystem) for subsystem in model.subsystems_),
        "training_rows": _overview.n_training_rows(model),
        "score": None if report.score is None else report.score.value,
        "log_loss": None if report.calibration is None else report.calibration.log_loss,
    }


def _hidden_layers(subsystem: Any) -> list[Any]:
    """Return the weights (p, d) of a subsystem's hidden layers: of its levels, or of its encoders and its fusion."""
    if isinstance(subsystem, Stack):
        return [level.hidden_weights for level in subsystem.levels]
    return [encoder.weights for encoder in subsystem.encoders] + [subsystem.readout.hidden_weights]


def _n_weights(part: Any) -> int:
    """Return how many numbers the arrays of a subsystem hold."""
    if hasattr(part, "size"):
        return int(part.size)
    items = part if isinstance(part, tuple) else vars(part).values() if hasattr(part, "__dict__") else ()
    return sum(_n_weights(item) for item in items)
