"""What a report says of the parts of the fitted system: blocks of the paper, subsystems, solves."""

from __future__ import annotations

import warnings

import numpy as np

from sstpl import _figures as draw
from sstpl._base import SSTPLBase
from sstpl._html import Plot, Section, Table
from sstpl._overview import metric_of, squared_error
from sstpl._report import Report
from sstpl._subsystem import Subsystem as PaperSubsystem


def paper_section(estimator: SSTPLBase) -> Section:
    """Return which forward and backward levels were tried and fused."""
    parts: list[Plot | Table] = []
    report = estimator.report_
    tried = [s for s in report.subsystems[0].steps if s.stage == "pair" and s.score is not None]
    if tried:
        n_forward = max(s.detail["forward"] for s in tried)
        n_backward = max(s.detail["backward"] for s in tried)
        values = np.full((n_forward, n_backward + 1), np.nan)
        chosen = (0, 0)
        for s in tried:
            at = s.detail["forward"] - 1, s.detail["backward"]
            values[at] = s.score.value if s.score is not None else np.nan
            chosen = at if s.accepted else chosen
        partner = f"backward level {chosen[1]}" if chosen[1] else "no backward partner"
        parts.append(
            Plot(
                "pairs",
                draw.pairs(values, chosen, metric_of(estimator)),
                f"First subsystem: {metric_of(estimator)} of pairs of a forward and a backward level on rows that "
                f"taught them nothing. Chosen: forward level {chosen[0] + 1} with {partner}.",
            )
        )
    rows = [
        (
            number,
            s.name,
            s.score and s.score.value,
            s.score and squared_error(s),
            s.detail.get("gain"),
            s.detail.get("standard_error"),
            s.detail.get("standard_errors_needed"),
            s.accepted,
        )
        for number, s in report.numbered_steps()
    ]
    header = ("subsystem", "step", "score", "squared error", "gain", "standard error", "needed", "used")
    parts.append(Table("Forward and backward levels, and pairs, in numbers", header, rows))
    blocks = "; ".join(
        f"subsystem {number}: forward {', '.join(map(str, s.forward_blocks))}, "
        f"backward {', '.join(map(str, s.backward_blocks)) or 'none'}"
        for number, s in enumerate(estimator.subsystems_, start=1)
        if isinstance(s, PaperSubsystem)
    )
    return Section(
        "Forward and backward levels",
        "Encoders are added while their readout improves. The forward level that scores best alone is fused with the "
        "best backward level among those that clearly improve on it, if any (fusion='all': with everything). "
        f"Fused: {blocks}.",
        parts,
    )


def system_section(estimator: SSTPLBase) -> Section:
    """Return what every subsystem adds to the average."""
    subsystems, metric = estimator.report_.subsystems, metric_of(estimator)
    kept = [s.accepted for s in subsystems]
    # Those of partial_fit have no scores, nor have they the out-of-fold scores that a report begins with.
    scored = [(s, s.score, s.system_score) for s in subsystems if s.score is not None and s.system_score is not None]
    errors, values = [-system.fit for *_, system in scored], [system.value for *_, system in scored]
    labels = "subsystems averaged"
    table = Table(
        "Subsystems in numbers",
        (
            "subsystem",
            "rows",
            f"own {metric}",
            f"system {metric}",
            "system squared error",
            "seconds",
            "kept",
        ),
        [
            (
                number,
                s.n_samples,
                own.value,
                system.value,
                -system.fit,
                s.seconds,
                s.accepted,
            )
            for number, (s, own, system) in enumerate(scored, start=1)
        ],
    )
    text = (
        "The outputs of subsystems on different rows are averaged"
        + (
            ", and one is added while the squared error of the average of their bases falls, from turn to turn where "
            "they alternate between two kinds."
            if estimator.n_subsystems == "auto"
            else f"; n_subsystems asks for {len(subsystems)}."
        )
        + (
            " Here their out-of-fold scores are those of the first levels."
            if estimator.architecture == "recursive"
            else ""
        )
    )
    if len(subsystems) < 2:
        return Section("Subsystems", text, (table,))
    figure = draw.growth(
        [(labels, "out-of-fold squared error", errors, kept), (labels, f"out-of-fold {metric}", values, kept)]
    )
    caption = (
        f"Out-of-fold squared error and {metric} of the average of the first 1 to {len(subsystems)} subsystems. "
        f"{sum(kept)} are kept."
    )
    return Section("Subsystems", text, (Plot("system", figure, caption), table))


def conditioning_section(report: Report) -> Section:
    """Return every step, how well-conditioned its solve was, and what the fit warned about."""
    solved = [(number, s) for number, s in report.numbered_steps() if s.rcond is not None]
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        report.warn()
    text = "Reciprocal condition of every solve on all its rows. "
    text += " ".join(f"Warning raised: {w.message}" for w in raised) or "No solve was warned about."
    rows = [
        (
            number or "input map",
            s.name,
            s.detail.get("width"),
            s.score and s.score.value,
            s.score and squared_error(s),
            s.alpha,
            s.rank,
            s.rcond,
            s.solver,
            s.detail.get("form"),
            s.seconds,
            s.accepted,
        )
        for number, s in report.numbered_steps()
    ]
    scores, solve = ("width", "score", "squared error"), ("alpha", "rank", "rcond", "solver", "form")
    table = Table("All steps in numbers", ("subsystem", "step", *scores, *solve, "seconds", "used"), rows)
    if not solved:
        return Section("Conditioning", text, (table,))
    solves = [(s.stage, float(s.rcond or 0.0), str(s.solver)) for _, s in solved]
    worst = min(rcond for _, rcond, _ in solves)
    plot = Plot(
        "conditioning",
        draw.conditioning(solves, float(np.finfo(np.float64).eps)),
        f"Reciprocal condition of {len(solves)} solves; the lowest is {worst:.1e}. "
        "Below the dashed line, float64 cannot tell a matrix from a singular one.",
    )
    return Section("Conditioning", text, (plot, table))
