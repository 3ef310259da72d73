"""The summary of a fitted estimator: what was fitted on what, what was chosen, and how good it is."""

from __future__ import annotations

import math

from sstpl._base import SSTPLBase
from sstpl._images import ImageMap
from sstpl._report import Report, Step
from sstpl._targets import ClassTargets, LabelTargets


def shown(value: object) -> str:
    """Return a value as a reader sees it."""
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else str(value)
    return str(value)


def metric_of(estimator: SSTPLBase) -> str:
    """Return what scores of the estimator are called."""
    return "accuracy" if isinstance(estimator._targets, ClassTargets) else "R²"


def squared_error(step: Step) -> float:
    """Return the squared error that a step was scored by."""
    return -step.score.fit if step.score is not None else float("nan")


def n_training_rows(estimator: SSTPLBase) -> int:
    """Return how many rows the estimator was fitted on."""
    scores = getattr(estimator, estimator._oof_name, None)
    return estimator.report_.subsystems[0].n_samples if scores is None else len(scores)


def input_map(estimator: SSTPLBase) -> str:
    """Return what is made of the columns of X."""
    fitted = estimator._input_map
    if not isinstance(fitted, ImageMap):
        return f"{fitted.scaling}, {fitted.n_columns_out} columns"
    filters = " + ".join(str(len(layer.filters)) for layer in fitted.layers)
    return f"convolution, {filters} filters" if filters else "pixels"


def hidden_columns(estimator: SSTPLBase) -> str:
    """Return what hidden units see of mapped rows."""
    if estimator.architecture != "recursive":
        return "all"
    by_default = "subsets" if isinstance(estimator._input_map, ImageMap) else "all"
    return _tried(estimator, "columns") or estimator.hidden_columns.replace("auto", by_default)


def hidden_weights(estimator: SSTPLBase) -> str:
    """Return how hidden units were drawn."""
    return _tried(estimator, "hidden_weights") or estimator.hidden_weights.replace("auto", "constrained")


def _tried(estimator: SSTPLBase, name: str) -> str | None:
    """Return what was chosen by trial, if anything was."""
    return ", ".join(str(step.detail[name]) for step in chosen_units(estimator.report_)) or None


def chosen_units(report: Report) -> list[Step]:
    """Return the trials of the map and units that are used: the best ones', and those they alternate with."""
    chosen = [step for step in report.preparation if step.accepted]
    return sorted(chosen, key=lambda step: bool(step.detail["relative_error"] != 1))


def chosen_alphas(report: Report) -> list[float]:
    """Return the penalties of the first levels or fusions that are used, sorted, each once."""
    used = {
        s.alpha
        for subsystem in report.subsystems
        if subsystem.accepted
        for s in subsystem.steps
        if s.accepted and s.alpha is not None and (s.stage == "fusion" or (s.stage == "level" and s.level == 1))
    }
    return sorted(used)


def facts(estimator: SSTPLBase) -> list[tuple[str, object]]:
    """Return the summary: what was fitted on what, and what was chosen."""
    report, targets = estimator.report_, estimator._targets
    if isinstance(targets, ClassTargets):
        task = f"{len(targets.classes)} classes"
    elif isinstance(targets, LabelTargets):
        task = f"{targets.n_labels} labels"
    else:
        task = f"{len(targets.mean)} output" + ("" if len(targets.mean) == 1 else "s")
    kept = estimator.subsystems_
    found: list[tuple[str, object]] = [
        ("out-of-fold " + metric_of(estimator), None if report.score is None else f"{report.score.value:.4f}"),
        ("training data", f"{n_training_rows(estimator):,} rows, {estimator.n_features_in_:,} columns, {task}"),
        ("architecture", estimator.architecture),
        ("input map", input_map(estimator)),
        ("hidden weights", hidden_weights(estimator)),
        ("hidden units see", hidden_columns(estimator)),
        ("width", ", ".join(str(width) for width in sorted({subsystem.width for subsystem in kept}))),
        ("depth", ", ".join(str(subsystem.depth) for subsystem in kept)),
        ("subsystems", f"{estimator.n_subsystems_} kept of {len(report.subsystems)} tried"),
        ("alpha", ", ".join(shown(alpha) for alpha in chosen_alphas(report))),
        ("precision", str(estimator._input_map.dtype)),
        ("seconds of work", f"{report.seconds:.2f}"),
        ("stopped by time_limit", report.stopped_by_time),
    ]
    return found


def headline(estimator: SSTPLBase) -> str:
    """Return one line that says what was fitted and how good it is."""
    report = estimator.report_
    score = "" if report.score is None else f", out-of-fold {metric_of(estimator)} {report.score.value:.4f}"
    depth = (
        f"depth {estimator.depth_}"
        if len({s.depth for s in estimator.subsystems_}) == 1
        else (f"depth up to {estimator.depth_}")
    )
    plural = "" if estimator.n_subsystems_ == 1 else "s"
    return (
        f"{type(estimator).__name__} ({estimator.architecture}) on {n_training_rows(estimator):,} rows of "
        f"{estimator.n_features_in_:,} columns: {estimator.n_subsystems_} subsystem{plural} of {depth}{score}, "
        f"{report.seconds:.2f} s of work"
    )
