"""What a report says of the fit itself: everything here is read from `report_` and the fitted weights."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from sstpl import _figures as draw
from sstpl._base import SSTPLBase
from sstpl._html import Plot, Section, Table, shown
from sstpl._overview import metric_of
from sstpl._report import Report, Step
from sstpl._subsystem import Subsystem as PaperSubsystem

_MOST_CHAINS = 5  # of subsystems drawn; the table has all


def fit_sections(estimator: SSTPLBase) -> Iterator[Section]:
    """Yield the sections that apply to the fit."""
    report = estimator.report_
    for section in (_maps(report), _widths(report), _alphas(report), _levels(report)):
        if section is not None:
            yield section
    if estimator.architecture == "paper":
        yield _paper(estimator)
    yield _system(estimator)
    yield _conditioning(report)


def _error(step: Step) -> float:
    return -step.score.fit if step.score is not None else float("nan")


def _maps(report: Report) -> Section | None:
    steps = report.preparation
    if not steps:
        return None
    names = [f"{s.detail['map']}, {s.detail['columns']}" for s in steps]
    best = next(name for name, s in zip(names, steps, strict=True) if s.accepted)
    return Section(
        "Input maps",
        "Each map of the columns was tried with one narrow level, whose units see all mapped columns or random subsets "
        "of them. The least out-of-fold squared error decides.",
        (
            Plot(
                "maps",
                draw.candidates(names, [_error(s) for s in steps], [s.accepted for s in steps]),
                f"Out-of-fold squared error of the {len(steps)} input maps tried. Chosen: {best}.",
            ),
            Table(
                "Input maps in numbers",
                ("map", "units see", "score", "squared error", "alpha", "seconds", "chosen"),
                [
                    (
                        s.detail["map"],
                        s.detail["columns"],
                        s.score and s.score.value,
                        _error(s),
                        s.alpha,
                        s.seconds,
                        s.accepted,
                    )
                    for s in steps
                ],
            ),
        ),
    )


def _widths(report: Report) -> Section | None:
    steps = [s for s in report.subsystems[0].steps if s.stage == "level" and s.level == 1]
    if len(steps) < 2:
        return None
    widths, errors = [s.detail["width"] for s in steps], [_error(s) for s in steps]
    gains = [None, *(1.0 - after / before for before, after in pairwise(errors))]
    chosen = next(s.detail["width"] for s in steps if s.accepted)
    return Section(
        "Width",
        "The first subsystem doubles the width of its first level until the out-of-fold squared error falls by less "
        "than 1 %, or the cap, three quarters of the rows, time or memory are reached. The others take the same width.",
        (
            Plot(
                "width",
                draw.width_path(widths, errors, [s.accepted for s in steps]),
                f"Out-of-fold squared error of widths {', '.join(map(str, widths))}. Chosen: {chosen}.",
            ),
            Table(
                "Widths in numbers",
                ("width", "score", "squared error", "gain over half the width", "seconds", "chosen"),
                [
                    (width, s.score and s.score.value, error, gain, s.seconds, s.accepted)
                    for width, s, error, gain in zip(widths, steps, errors, gains, strict=True)
                ],
            ),
        ),
    )


def _alphas(report: Report) -> Section | None:
    found = [
        (number, s)
        for number, s in report.numbered_steps()
        if number and s.alpha and len(s.detail.get("path_errors", [])) > 1
    ]
    if not found:
        return None
    kinds = {"level": "first level", "backward": "backward level", "pair": "pair", "readout": "readout"}
    paths = [
        (kinds.get(s.stage, s.stage), s.detail["alphas"], s.detail["path_errors"], s.alpha or 0.0)
        for _, s in found
        if s.accepted
    ]
    chosen = sorted({alpha for *_, alpha in paths})
    rows = [
        (number, s.name, s.detail.get("width"), alpha, error, "chosen" if alpha == s.alpha else "")
        for number, s in found
        for alpha, error in zip(s.detail["alphas"], s.detail["path_errors"], strict=True)
    ]
    return Section(
        "Penalty",
        "Every alpha of the path is scored without another pass over the data, and the least error decides, unless "
        "the solve is then too ill-conditioned for Cholesky and the next larger alpha is taken.",
        (
            Plot(
                "alpha",
                draw.alpha_paths(paths),
                f"Error along the {len(paths)} paths of penalties that the model uses, each divided by its least, and "
                f"the penalty taken from each. Chosen: {', '.join(shown(alpha) for alpha in chosen)}.",
            ),
            Table("Paths in numbers", ("subsystem", "solve", "width", "alpha", "squared error, all outputs", ""), rows),
        ),
    )


def _levels(report: Report) -> Section | None:
    chains, rows = [], []
    for number, subsystem in enumerate(report.subsystems, start=1):
        steps = [s for s in subsystem.steps if s.stage == "level" and "left_out" in s.detail]
        steps = [s for s in steps if s.level > 1 or s.accepted]
        if not steps:
            continue
        held = [s.detail["left_out"] for s in sorted(steps, key=lambda s: s.level)]
        needed = [h.get("standard_error", 0.0) * h.get("standard_errors_needed", 0) for h in held]
        kept = [s.accepted for s in steps]
        chains.append((number, [h["error"] for h in held], needed, kept))
        for s, h in zip(steps, held, strict=True):
            gain, error = h.get("gain"), h.get("standard_error")
            ratio = gain / error if error else None
            rows.append(
                (
                    number,
                    s.level,
                    h["n_samples"],
                    h["error"],
                    gain,
                    error,
                    ratio,
                    h.get("standard_errors_needed"),
                    s.accepted,
                )
            )
    if not chains:
        return None
    n_more = max(0, len(chains) - _MOST_CHAINS)
    return Section(
        "Depth",
        "A level is kept when it lowers the squared error of the rows that its subsystem left out by more than the "
        "standard errors of the gain named in the table; the first level that does not ends the chain."
        + (f" {n_more} further subsystems are in the table alone." if n_more else ""),
        (
            Plot(
                "levels",
                draw.levels(chains[:_MOST_CHAINS]),
                "Squared error of the rows left out, by level. The bar at a level is the gain that it needed. "
                + "; ".join(f"subsystem {n} keeps {sum(kept)}" for n, _, _, kept in chains[:_MOST_CHAINS])
                + ".",
            ),
            Table(
                "The rule in numbers",
                (
                    "subsystem",
                    "level",
                    "rows left out",
                    "squared error",
                    "gain",
                    "standard error",
                    "gain / standard error",
                    "needed",
                    "kept",
                ),
                rows,
            ),
        ),
    )


def _paper(estimator: SSTPLBase) -> Section:
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
            s.score and _error(s),
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


def _system(estimator: SSTPLBase) -> Section:
    subsystems, metric = estimator.report_.subsystems, metric_of(estimator)
    kept = [s.accepted for s in subsystems]
    errors, values = [-s.system_score.fit for s in subsystems], [s.system_score.value for s in subsystems]
    labels = "subsystems averaged"
    table = Table(
        "Subsystems in numbers",
        (
            "subsystem",
            "rows",
            f"own {metric}",
            "own squared error",
            f"system {metric}",
            "system squared error",
            "seconds",
            "kept",
        ),
        [
            (
                number,
                s.n_samples,
                s.score.value,
                -s.score.fit,
                s.system_score.value,
                -s.system_score.fit,
                s.seconds,
                s.accepted,
            )
            for number, s in enumerate(subsystems, start=1)
        ],
    )
    text = (
        "The outputs of subsystems on different rows are averaged"
        + (
            ", and one is added while the squared error of the average falls."
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
    figure = draw.growth([(labels, "out-of-fold squared error", errors, kept), (labels, metric, values, kept)])
    caption = (
        f"Out-of-fold squared error and {metric} of the average of the first 1 to {len(subsystems)} subsystems. "
        f"{sum(kept)} are kept."
    )
    return Section("Subsystems", text, (Plot("system", figure, caption), table))


def _conditioning(report: Report) -> Section:
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
            s.score and _error(s),
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
