"""What a report says of the choices of a fit, all of it read from `report_`: map, width, penalty, depth."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from sstpl import _figures as draw
from sstpl._base import SSTPLBase
from sstpl._html import Plot, Section, Table
from sstpl._overview import chosen_units, shown, squared_error
from sstpl._report import Report
from sstpl._system_sections import conditioning_section, paper_section, system_section

_DEPTH_UNJUDGED = "All levels that max_depth allows are kept: no rows were left out that could judge them."

_MOST_CHAINS = 5  # of subsystems drawn; the table has all


def fit_sections(estimator: SSTPLBase) -> Iterator[Section]:
    """Yield the sections that apply to the fit."""
    report = estimator.report_
    for section in (_maps(report), _widths(report), _alphas(report), _levels(report), _log_losses(report)):
        if section is not None:
            yield section
    if estimator.architecture == "paper":
        yield paper_section(estimator)
    yield system_section(estimator)
    yield conditioning_section(report)


def _maps(report: Report) -> Section | None:
    steps = report.preparation
    if not steps:
        return None
    names = [s.name for s in steps]
    errors = [s.detail["relative_error"] for s in steps]
    chosen = chosen_units(report)
    partner = "" if len(chosen) == 1 else f"; subsystems alternate between it and {chosen[1].name}"
    return Section(
        "Input maps and hidden units",
        "Maps of the columns were tried together with how hidden units are drawn, and with what they see of the mapped "
        "columns: all, random subsets, or subsets above the first level. Each is judged by narrow chains of levels on "
        "rows that they left out. Who is clearly behind on the first of them is tried no further; errors are therefore "
        "given relative to the best one's of the same rows. Beside the best: the error of the mean of both scores, "
        "relative to that of two chains of the best. Where other units do better there, subsystems alternate.",
        (
            Plot(
                "maps",
                draw.candidates(names, errors, [s.accepted for s in steps]),
                f"Squared error of the {len(steps)} candidates, relative to the best: {chosen[0].name}{partner}.",
            ),
            Table(
                "Input maps in numbers",
                (
                    *("map", "hidden weights", "units see", "rows"),
                    *("relative error", "beside best", "score", "seconds", "chosen"),
                ),
                [
                    (
                        s.detail["map"],
                        s.detail["hidden_weights"],
                        s.detail["columns"],
                        s.detail["n_samples"],
                        error,
                        s.detail.get("beside_best"),
                        s.score and s.score.value,
                        s.seconds,
                        s.accepted,
                    )
                    for s, error in zip(steps, errors, strict=True)
                ],
            ),
        ),
    )


def _widths(report: Report) -> Section | None:
    steps = [s for s in report.subsystems[0].steps if s.stage == "level" and s.level == 1]
    if len(steps) < 2:
        return None
    widths, errors = [s.detail["width"] for s in steps], [squared_error(s) for s in steps]
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
        "Alphas of the path are scored without another pass over the data, from the usual one outwards until the error "
        "has clearly risen. The least error decides, unless the solve is then too ill-conditioned for Cholesky and the "
        "next larger alpha is taken.",
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


def _log_losses(report: Report) -> Section | None:
    found = [
        (number, s, losses)
        for number, s in report.numbered_steps()
        if (losses := s.detail.get("log_loss", {}).get("losses"))
    ]
    if not found:
        return None
    drawn = found[:_MOST_CHAINS]
    best = [min(range(len(losses)), key=losses.__getitem__) for _, _, losses in found]
    panels = [
        (f"solve, subsystem {number}", "log-loss", losses, [k <= least for k in range(len(losses))])
        for (number, _, losses), least in zip(drawn, best, strict=False)
    ]
    return Section(
        "Readouts by log-loss",
        "The readout that predicts is solved again and again, for targets that lower the log-loss; the first solve is "
        "the ridge, from the frequencies of the classes. Losses are of rows that a solve left out, and the least of "
        "them ends it.",
        (
            Plot("log-losses", draw.growth(panels), "Log-loss of rows left out, by solve, for each subsystem."),
            Table(
                "Log-losses in numbers",
                ("subsystem", "levels", "solves", "at first", "least", "seconds"),
                [
                    (number, s.level, least, losses[0], losses[least], s.detail["log_loss"]["seconds"])
                    for (number, s, losses), least in zip(found, best, strict=True)
                ],
            ),
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
        deepest = max((s.level for _, s in report.numbered_steps() if s.stage == "level"), default=0)
        return Section("Depth", _DEPTH_UNJUDGED, ()) if deepest > 1 else None
    n_more = max(0, len(chains) - _MOST_CHAINS)
    tried = {len(errors) for _, errors, _, _ in chains}
    has_short = 1 in tried and len(tried) > 1 and any("log_loss" in s.detail for _, s in report.numbered_steps())
    return Section(
        "Depth",
        "A level is kept when it lowers the squared error of the rows that its subsystem left out by more than the "
        "standard errors of the gain named in the table; the first level that does not ends the chain."
        + (" Every other subsystem has one level, because its readout has the least log-loss." if has_short else "")
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
