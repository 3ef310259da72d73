"""Figures of a fit: one function each, plain data in, a matplotlib Figure out.

No pyplot, so nothing is registered anywhere and any backend serves. Colours are Okabe and Ito's, which the colour-blind
tell apart; what was chosen is filled, what was not is hollow, so that colour alone never says it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

P = ParamSpec("P")

BLUE, ORANGE, GREEN, VERMILION, PURPLE, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#6B7280"
INK, PALE = "#1F2937", "#E5E7EB"
_SERIES = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (PURPLE, "D"), (VERMILION, "v"))
_LONGEST_LABEL = 28
_MOST_TICKS = 10

_STYLE: Any = {  # not a dict to mypy: matplotlib types every name of it
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": "#9CA3AF",
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": PALE,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 6,
    "figure.constrained_layout.h_pad": 0.09,
    "figure.constrained_layout.w_pad": 0.09,
    "figure.facecolor": "white",
    "svg.fonttype": "none",  # text stays text, so the viewer's fonts draw what matplotlib's lack
    "svg.hashsalt": "sstpl",  # names inside a drawing are the same every time
    "savefig.facecolor": "white",
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the style of the report, whatever the user's; some of a figure is only made when it is written."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Make a figure in the style of the report."""

    @wraps(draw)
    def in_style(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with style():
            return draw(*args, **kwargs)

    return in_style


def new_figure(width: float = 6.4, height: float = 3.0) -> Figure:
    """Return an empty figure that keeps its labels inside."""
    return Figure(figsize=(width, height), layout="constrained")


def plain(text: object) -> str:
    """Return a label from data as one short printable line; dollars are not formulas (see `label_ticks`)."""
    line = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))
    return line if len(line) <= _LONGEST_LABEL else line[: _LONGEST_LABEL - 1] + "\N{HORIZONTAL ELLIPSIS}"


def label_ticks(axes: Axes, which: str, names: Sequence[object], **text: Any) -> None:
    """Write names from data at 0, 1, ... of an axis, as they are."""
    put = axes.set_xticks if which == "x" else axes.set_yticks
    put(range(len(names)), [plain(name) for name in names], parse_math=False, **text)


def _marks(axes: Axes, x: Sequence[float], y: Sequence[float], chosen: Sequence[bool], color: str, shape: str) -> None:
    """Mark points: filled where chosen, hollow where not."""
    for at, value, is_chosen in zip(x, y, chosen, strict=True):
        axes.plot(at, value, shape, color=color, markerfacecolor=color if is_chosen else "white", zorder=3)


def _chosen_legend(axes: Axes, chosen: str = "kept", other: str = "not kept") -> None:
    """Say below the plot what filled and hollow mean."""
    axes.plot([], [], "o", color=GREY, label=chosen)
    axes.plot([], [], "o", color=GREY, markerfacecolor="white", label=other)


def _legend(axes: Axes, columns: int = 4) -> None:
    axes.figure.legend(*axes.get_legend_handles_labels(), loc="outside lower left", ncols=columns, fontsize=8)


@styled
def candidates(names: Sequence[str], errors: Sequence[float], chosen: Sequence[bool]) -> Figure:
    """Draw the error of all that was tried before the first subsystem, relative to what was chosen."""
    figure = new_figure(height=1.2 + 0.28 * len(names))
    axes = figure.subplots()
    order = np.argsort(errors)[::-1]
    _marks(axes, [errors[i] for i in order], range(len(names)), [chosen[i] for i in order], BLUE, "o")
    label_ticks(axes, "y", [names[i] for i in order])
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.margins(x=0.08)
    axes.set_xlabel("squared error of narrow chains, relative to the chosen")
    _chosen_legend(axes, "chosen", "tried")
    _legend(axes)
    return figure


@styled
def width_path(widths: Sequence[int], errors: Sequence[float], chosen: Sequence[bool]) -> Figure:
    """Draw the out-of-fold error of the first level against its width."""
    figure = new_figure(height=2.6)
    axes = figure.subplots()
    axes.plot(widths, errors, color=BLUE)
    _marks(axes, widths, errors, chosen, BLUE, "o")
    axes.set_xscale("log", base=2)
    axes.set_xticks(widths, [str(width) for width in widths])
    axes.minorticks_off()
    axes.set(xlabel="hidden units of a level", ylabel="out-of-fold\nsquared error")
    _chosen_legend(axes, "chosen", "tried")
    _legend(axes)
    return figure


@styled
def alpha_paths(paths: Sequence[tuple[str, Sequence[float], Sequence[float], float]]) -> Figure:
    """Draw paths (kind, alphas, errors, chosen alpha), each as a multiple of its least error."""
    figure = new_figure()
    axes = figure.subplots()
    kinds = list(dict.fromkeys(kind for kind, *_ in paths))
    for kind, alphas, errors, chosen in paths:
        color, shape = _SERIES[kinds.index(kind) % len(_SERIES)]
        solvable = [error for error in errors if np.isfinite(error)]
        least = max(min(solvable), 1e-12 * max(solvable)) or 1.0  # a perfect fit has no logarithm
        ratio = np.maximum(errors, least) / least
        first = axes.get_legend_handles_labels()[1].count(f"{kind}, chosen") == 0
        axes.plot(alphas, ratio, color=color, linewidth=1.0, alpha=0.75)
        at = int(np.argmin(np.abs(np.log(np.asarray(alphas)) - np.log(chosen))))
        axes.plot(alphas[at], ratio[at], shape, color=color, label=f"{kind}, chosen" if first else None, zorder=3)
    axes.set(xscale="log", yscale="log", xlabel="alpha", ylabel="error / least error of the path")
    low, high = axes.get_ylim()
    few, many = [1, 1.02, 1.05, 1.1, 1.2, 1.5, 2, 3, 5], [step * 10.0**k for k in range(13) for step in (1, 3)]
    ticks = _apart([tick for tick in (few if high < 10 else many) if tick <= high], low, high)
    axes.minorticks_off()
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_ylim(low, high)
    _legend(axes, 3)
    return figure


def _apart(ticks: Sequence[float], low: float, high: float) -> list[float]:
    """Return those ticks of a logarithmic axis that leave room for their labels."""
    kept: list[float] = []
    for tick in ticks:
        if not kept or np.log(tick / kept[-1]) > 0.08 * np.log(high / low):
            kept.append(tick)
    return kept


@styled
def levels(chains: Sequence[tuple[int, Sequence[float], Sequence[float], Sequence[bool]]]) -> Figure:
    """Draw chains (subsystem, errors, twice standard errors needed, kept): what every level makes of left-out rows."""
    figure = new_figure()
    axes = figure.subplots()
    shift = np.linspace(-0.1, 0.1, len(chains)) if len(chains) > 1 else np.zeros(1)
    for (number, errors, needed, kept), by in zip(chains, shift, strict=True):
        color, shape = _SERIES[(number - 1) % len(_SERIES)]
        x = np.arange(1, len(errors) + 1) + by
        axes.plot(x, errors, color=color, linewidth=1.2, alpha=0.8)
        axes.errorbar(x, errors, needed, fmt="none", ecolor=color, elinewidth=1.0, capsize=2)
        _marks(axes, x, errors, kept, color, shape)
        axes.plot([], [], shape + "-", color=color, label=f"subsystem {number}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="level", ylabel="squared error of rows left out")
    _chosen_legend(axes, "level kept", "level not kept")
    _legend(axes)
    return figure


@styled
def growth(panels: Sequence[tuple[str, str, Sequence[float], Sequence[bool]]]) -> Figure:
    """Draw panels (x label, y label, values for 1, 2, ... of something, kept), two in a row."""
    n_columns = min(2, len(panels))
    n_rows = -(-len(panels) // n_columns)
    figure = new_figure(height=0.2 + 2.3 * n_rows)
    grid = figure.subplots(n_rows, n_columns, squeeze=False)
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_visible(False)
    for axes, (x_label, y_label, values, kept) in zip(grid.flat, panels, strict=False):
        x = range(1, len(values) + 1)
        axes.plot(x, values, color=BLUE)
        _marks(axes, x, values, kept, BLUE, "o")
        axes.set_xticks(x if len(values) <= _MOST_TICKS else x[:: -(-len(values) // _MOST_TICKS)])
        axes.ticklabel_format(axis="y", useOffset=False)
        axes.margins(x=0.08, y=0.15)
        if min(values) == max(values):
            axes.set_ylim(values[0] - 0.01, values[0] + 0.01)
        axes.set(xlabel=x_label, ylabel=y_label)
    if not all(all(kept) for *_, kept in panels):
        _chosen_legend(grid.flat[0])
        _legend(grid.flat[0])
    return figure


@styled
def conditioning(solves: Sequence[tuple[str, float, str]], epsilon: float) -> Figure:
    """Draw the reciprocal condition of solves (stage, rcond, solver) in the order of the fit."""
    figure = new_figure(height=2.6)
    axes = figure.subplots()
    solvers = sorted({solver for _, _, solver in solves})
    for solver, (color, shape) in zip(solvers, _SERIES, strict=False):
        at = [i for i, (_, _, own) in enumerate(solves) if own == solver]
        axes.plot([i + 1 for i in at], [solves[i][1] for i in at], shape, color=color, label=solver)
    axes.axhline(epsilon, color=GREY, linestyle="--", linewidth=1.0, label="float64 precision")
    axes.set(yscale="log", xlabel="solve, in the order of the fit", ylabel="reciprocal condition")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(axes)
    return figure


@styled
def pairs(values: npt.NDArray[np.float64], chosen: tuple[int, int], metric: str) -> Figure:
    """Draw scores (forward levels, backward levels + 1) of pairs; the first column is without a backward partner."""
    n_forward, n_backward = values.shape
    figure = new_figure(width=1.8 + 0.8 * n_backward, height=1.2 + 0.55 * n_forward)
    axes = figure.subplots()
    axes.imshow(values, cmap="cividis", aspect="auto")
    middle = (np.nanmin(values) + np.nanmax(values)) / 2
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value):
            axes.text(j, i, f"{value:.4f}", ha="center", va="center", color="white" if value < middle else "black")
    row, column = chosen
    axes.add_patch(Rectangle((column - 0.47, row - 0.44), 0.94, 0.88, fill=False, edgecolor=VERMILION, linewidth=2.5))
    label_ticks(axes, "x", ["none", *range(1, n_backward)])
    label_ticks(axes, "y", list(range(1, n_forward + 1)))
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set(xlabel="backward level", ylabel="forward level", title=f"{metric}; chosen: framed")
    return figure
