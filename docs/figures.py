"""The figures of the documentation: ``python docs/figures.py``; Sphinx draws them before it builds (`conf.py`).

Diagrams say how parts fit together. What looks like data is data: fits of scikit-learn's digits, and draws and maps of
the package itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle
from sklearn.datasets import load_digits

import sstpl
from sstpl import _core
from sstpl._figures import BLUE, GREEN, GREY, INK, ORANGE, PALE, VERMILION, style
from sstpl._inputs import fit_input_map

Point = tuple[float, float]


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """Return an empty figure whose units are a tenth of an inch."""
    figure = Figure(figsize=(width / 10, height / 10))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    return figure, axes


def box(axes: Axes, x: float, y: float, w: float, h: float, text: str, color: str = INK, fill: str = "white") -> None:
    """Draw a box with text, its lower left corner at (x, y)."""
    axes.add_patch(FancyBboxPatch((x, y), w, h, "round,pad=0,rounding_size=0.6", fc=fill, ec=color, lw=1.2))
    axes.text(x + w / 2, y + h / 2, text, ha="center", va="center", color=INK)


def arrow(axes: Axes, start: Point, end: Point, color: str = INK, bend: float = 0.0) -> None:
    """Draw an arrow."""
    look = {"arrowstyle": "-|>", "color": color, "lw": 1.2, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops=look | {"connectionstyle": f"arc3,rad={bend}"})


def draw_stack() -> Figure:
    """Show three levels; the rows enter each, and out-of-fold scores go up."""
    figure, axes = canvas(70, 30)
    box(axes, 1, 13, 8, 4, "mapped\nrows X", GREY, PALE)
    for level, x in enumerate((14, 33, 52), start=1):
        box(axes, x, 13, 8.5, 4, "hidden units\ndrawn", BLUE)
        box(axes, x, 20, 8.5, 4, "ridge readout\nsolved", GREEN)
        box(axes, x, 26, 8.5, 3, f"$S_{level}$", ORANGE)
        arrow(axes, (x + 4.25, 17), (x + 4.25, 20), INK)
        arrow(axes, (x + 4.25, 24), (x + 4.25, 26), INK)
        axes.text(x + 4.25, 9, f"level {level}", ha="center", va="center", weight="bold")
        if level > 1:
            axes.plot([6, 6, x - 3.5], [13, 6, 6], color=GREY, lw=1.2)
            arrow(axes, (x - 3.5, 6), (x, 13.6), GREY)
        if level < 3:
            arrow(axes, (x + 8.5, 27), (x + 19, 16.4), ORANGE, -0.15)
    arrow(axes, (9, 15), (14, 15), GREY)
    for x in (23.4, 42.4):
        axes.text(x, 21.6, "out of fold,\ntimes g", ha="left", va="center", color=VERMILION, size=8)
    arrow(axes, (60.5, 27.5), (66, 27.5), ORANGE)
    axes.text(66.4, 27.5, "result", ha="left", va="center")
    axes.text(6, 3.6, "the rows enter every level", color=GREY, size=8, va="center")
    return figure


def draw_folds() -> Figure:
    """Show sums of each fold, their total, and one small solve per fold left out."""
    figure, axes = canvas(70, 31)
    axes.text(6, 29, "rows in 5 folds", ha="center", weight="bold")
    axes.text(23, 29, "one pass: sums of each fold", ha="center", weight="bold")
    axes.text(43, 29, "solve without fold k", ha="center", weight="bold")
    axes.text(61.5, 29, "scores of fold k", ha="center", weight="bold")
    for k in range(5):
        y = 22.6 - 4.8 * k
        color = VERMILION if k == 2 else BLUE
        axes.add_patch(Rectangle((2, y), 8, 4, fc=color, ec="white", alpha=0.25))
        axes.text(6, y + 2, f"fold {k + 1}", ha="center", va="center")
        arrow(axes, (10.5, y + 2), (15.5, y + 2), GREY)
        box(axes, 16, y + 0.3, 14, 3.4, f"$G_{k + 1} = H'H$,  $B_{k + 1} = H'Y$", color)
        if k == 2:
            box(axes, 36, y, 15, 4, "$W_3$ from $G - G_3$, $B - B_3$", VERMILION)
            arrow(axes, (51, y + 2), (55, y + 2), VERMILION)
            box(axes, 55.5, y, 12.5, 4, "$S_3 = H_3 W_3$", VERMILION)
    for k in (0, 1, 3, 4):
        y = 22.6 - 4.8 * k
        arrow(axes, (30, y + 2), (36, 15 + 0.35 * (1.5 - k)), BLUE)
    axes.text(43.5, 9.2, "$G = \\Sigma G_k$;  the other four likewise", ha="center", size=8, color=GREY)
    axes.text(61.5, 9.2, "no row by a solution\nthat saw its target", ha="center", va="center", size=8, color=GREY)
    return figure


def draw_hidden() -> Figure:
    """Show the lines on which units are zero: data-free, and constrained."""
    random = np.random.default_rng(0)
    X = np.concatenate([random.normal((-1.2, 0.6), 0.35, (60, 2)), random.normal((0.9, -0.5), 0.55, (60, 2))])
    labels = np.repeat([0, 1], 60).astype(np.int64)
    figure = Figure(figsize=(7, 3.1), layout="constrained")
    ends = np.array([-3.0, 3.0])
    for axes, weights in zip(figure.subplots(1, 2), ("normal", "constrained"), strict=True):
        A, b = _core.draw_hidden(weights, X, 12, 1, 0, labels)
        for (a0, a1), bias in zip(A, b, strict=True):
            axes.plot(ends, -(a0 * ends + bias) / a1, color=GREY, lw=0.8)
        axes.plot(*X[labels == 0].T, "o", color=BLUE, ms=3)
        axes.plot(*X[labels == 1].T, "s", color=ORANGE, ms=3)
        axes.set(xlim=(-2.4, 2.6), ylim=(-2, 1.8), title=f'hidden_weights="{weights}"', xticks=[], yticks=[])
    return figure


def draw_maps() -> Figure:
    """Show what each input map makes of one heavy-tailed column."""
    x = np.exp(np.random.default_rng(0).normal(size=(2000, 1)))
    line = np.linspace(0, 12, 400)[:, None]
    figure = Figure(figsize=(7, 2.5), layout="constrained")
    for axes, name in zip(figure.subplots(1, 3), ("feature", "quantile", "piecewise"), strict=True):
        mapped = fit_input_map(x, name, np.dtype(np.float64)).transform(line)
        axes.plot(line, mapped, lw=1.4)
        axes.set(title=f'"{name}"', xlabel="value of the column", ylim=(-3, 6))
    figure.axes[0].set_ylabel("mapped columns")
    return figure


def draw_system() -> Figure:
    """Show subsystems that leave out different rows, and the mean of their scores."""
    figure, axes = canvas(70, 26)
    axes.text(14, 24, "rows of the training set", ha="center", weight="bold")
    for k in range(4):
        y = 18.5 - 5.2 * k
        for part in range(5):
            left_out = part == k
            fill = "white" if left_out else BLUE
            axes.add_patch(Rectangle((2 + 4.8 * part, y), 4.6, 3.6, fc=fill, ec=VERMILION if left_out else "white"))
            if left_out:
                axes.text(4.3 + 4.8 * part, y + 1.8, "judge", ha="center", va="center", color=VERMILION, size=8)
        arrow(axes, (26.5, y + 1.8), (31, y + 1.8), GREY)
        box(axes, 31.5, y, 13, 3.6, f"subsystem {k + 1}", GREEN)
        arrow(axes, (44.5, y + 1.8), (53, 12.4), GREY)
    box(axes, 53.5, 10, 13, 4.6, "mean of\nthe scores", ORANGE)
    return figure


def draw_image_stage() -> Figure:
    """Show the way from pixels to the rectangles of cells that hidden units see."""
    image = load_digits().images[2]
    layer = _digits_images()._input_map.layers[0]
    side = layer.patch
    figure = Figure(figsize=(7, 2.3))
    for x, text in (
        (0.09, "image"),
        (0.305, "filters: leading eigen-\nvectors of patches"),
        (0.56, "+ and - parts of the\nresponses, averaged"),
        (0.85, "each hidden unit sees one\nrectangle of cells"),
    ):
        figure.text(x, 0.9, text, ha="center", va="center", size=9, weight="bold")
    figure.add_axes((0.02, 0.12, 0.14, 0.62)).imshow(image, cmap="gray_r")
    for k, values in enumerate(layer.filters[:4]):
        axes = figure.add_axes((0.225 + 0.085 * (k % 2), 0.44 - 0.32 * (k // 2), 0.075, 0.28))
        axes.imshow(values.reshape(side, side), cmap="coolwarm")
    grid, _, n_maps = layer.map_shape
    maps = layer.apply(image.reshape(1, -1) / 16.0).reshape(grid, grid, n_maps)
    for k in range(4):
        axes = figure.add_axes((0.475 + 0.085 * (k % 2), 0.44 - 0.32 * (k // 2), 0.075, 0.28))
        axes.imshow(maps[:, :, (k % 2) * (n_maps // 2) + k // 2], cmap="viridis")
    cells = figure.add_axes((0.77, 0.12, 0.16, 0.62))
    edges = np.arange(grid + 1) - 0.5
    cells.pcolormesh(edges, edges, np.zeros((grid, grid)), cmap="gray_r", vmin=0, vmax=1, edgecolors=PALE)
    cells.set_aspect("equal")
    for at, w, h, color in (((0, 1), 3, 4, BLUE), ((2, 3), 5, 2, VERMILION), ((4, 0), 2, 2, GREEN)):
        cells.add_patch(Rectangle((at[0] - 0.5, at[1] - 0.5), w, h, fc="none", ec=color, lw=2))
    for axes in figure.axes:
        axes.set(xticks=[], yticks=[])
    return figure


def _digits_images() -> sstpl.SSTPLClassifier:
    X, y = load_digits(return_X_y=True)
    model = sstpl.SSTPLClassifier(hidden_width=50, n_subsystems=1, image_shape=(8, 8), image_filters=8, random_state=0)
    return model.fit(X[:500], y[:500])


def of_a_report(names: Sequence[str]) -> dict[str, Figure]:
    """Return figures of the report of a classifier of digits."""
    X, y = load_digits(return_X_y=True)
    model = sstpl.SSTPLClassifier(hidden_width=200, n_subsystems=3, random_state=0).fit(X[::2], y[::2])
    figures = sstpl.report(model, X[1::2], y[1::2]).figures
    return {f"report-{name}": figures[name] for name in names}


DIAGRAMS: dict[str, Callable[[], Figure]] = {
    "stack": draw_stack,
    "folds": draw_folds,
    "hidden": draw_hidden,
    "maps": draw_maps,
    "system": draw_system,
    "images": draw_image_stage,
}


def draw(folder: Path) -> None:
    """Write every figure to a folder, as SVG."""
    folder.mkdir(exist_ok=True)
    with style():
        figures = {name: make() for name, make in DIAGRAMS.items()} | of_a_report(("levels", "alpha", "reliability"))
        for name, figure in figures.items():
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    draw(Path(__file__).resolve().parent / "_figures")
