"""Figures of what a fitted model does with rows, and of what it sees of images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sstpl._figures import BLUE, GREY, INK, PALE, VERMILION, label_ticks, new_figure, styled
from sstpl._typing import Floats

_Reals = npt.NDArray[np.float64]

MOST_NUMBERED_CLASSES = 20
_MOST_POINTS = 2000
_DOTS_PER_INCH = 120  # of what is not drawn as lines


@styled
def confusion(counts: npt.NDArray[np.int64], names: Sequence[str]) -> Figure:
    """Draw a confusion matrix as shares of the true class, with counts where there are at most 20 classes."""
    n_classes = len(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    numbered = n_classes <= MOST_NUMBERED_CLASSES
    side = min(6.4, 2.2 + 0.36 * n_classes) if numbered else 5.6
    figure = new_figure(side + 0.6, side)
    axes = figure.subplots()
    # A square root: a few errors of a class are to be seen beside all that is right.
    image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, 0, 1), interpolation="nearest")
    bar = figure.colorbar(image, ax=axes, shrink=0.7, ticks=[0, 0.1, 0.3, 0.6, 1], label="share of the true class")
    bar.outline.set_visible(False)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    by = "" if numbered else ", by its place in classes_"
    axes.set(xlabel="predicted class" + by, ylabel="true class" + by)
    if numbered:
        label_ticks(axes, "x", names, rotation=0 if max(map(len, names)) <= 3 else 60)
        label_ticks(axes, "y", names)
        for (i, j), count in np.ndenumerate(counts):
            if count:
                color = "white" if shares[i, j] > 0.35 else INK
                axes.text(j, i, str(count), ha="center", va="center", fontsize=7.5, color=color)
    return figure


@styled
def reliability(confidence: _Reals, accuracy: _Reals, counts: npt.NDArray[np.int64], x_label: str) -> Figure:
    """Draw how often predictions of bins of probability are right, and how many there are."""
    figure = new_figure(4.6, 4.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    upper.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1.0, label="perfectly calibrated")
    upper.plot(confidence, accuracy, "o-", color=BLUE, label="model")
    upper.set(ylabel="share that is right", xlim=(0, 1.02), ylim=(0, 1.02))
    upper.legend(loc="upper left", fontsize=8)
    edges = np.linspace(0, 1, len(counts) + 1)
    lower.bar((edges[:-1] + edges[1:]) / 2, counts, width=0.9 / len(counts), color=BLUE)
    lower.set(xlabel=x_label, ylabel="rows")
    return figure


@styled
def residuals(actual: _Reals, predicted: _Reals, names: Sequence[str]) -> Figure:
    """Draw residuals (n, outputs) against predictions, and their distribution; at most 2000 as points."""
    n_outputs = actual.shape[1]
    figure = new_figure(height=2.6 * n_outputs)
    step = -(-len(actual) // _MOST_POINTS)
    for column, (left, right) in enumerate(figure.subplots(n_outputs, 2, squeeze=False, width_ratios=(3, 1))):
        residual = actual[:, column] - predicted[:, column]
        left.scatter(
            predicted[::step, column], residual[::step], s=9, color=BLUE, alpha=0.6, linewidths=0, rasterized=True
        )
        left.axhline(0, color=INK, linewidth=0.9)
        left.set(xlabel="prediction", ylabel="actual - prediction")
        left.set_title(names[column], parse_math=False)
        right.hist(residual, bins=30, orientation="horizontal", color=BLUE)
        right.axhline(0, color=INK, linewidth=0.9)
        right.sharey(left)
        right.tick_params(labelleft=False)
        right.set(xlabel="rows")
    figure.set_dpi(_DOTS_PER_INCH)
    return figure


@styled
def importance(names: Sequence[str], mean: _Reals, deviation: _Reals, metric: str) -> Figure:
    """Draw how much the score falls when a column is shuffled, and the deviation over repeats."""
    figure = new_figure(height=1.0 + 0.25 * len(names))
    axes = figure.subplots()
    order = np.argsort(mean, kind="stable")
    axes.barh(
        range(len(names)),
        mean[order],
        xerr=deviation[order],
        color=BLUE,
        height=0.65,
        error_kw={"ecolor": INK, "elinewidth": 0.9},
    )
    axes.axvline(0, color=INK, linewidth=0.9)
    label_ticks(axes, "y", [names[i] for i in order])
    axes.grid(visible=False, axis="y")
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xlabel(f"fall of {metric} when the column is shuffled")
    return figure


@styled
def tiles(images: Floats, label: str) -> Figure:
    """Draw images (n, rows, cols), zero white: orange below it, purple above; or (n, rows, cols, 3) as colours."""
    n_columns = min(12, len(images))
    n_rows = -(-len(images) // n_columns)
    figure = new_figure(6.4, 0.35 + 0.56 * n_rows * 12 / n_columns if n_columns > 4 else 1.8)
    grid = figure.subplots(n_rows, n_columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, image in zip(grid.flat, images, strict=False):
        largest = float(np.abs(image).max()) or 1.0
        if image.ndim == 3:
            axes.imshow(0.5 + image / (2 * largest), interpolation="nearest")
        else:
            axes.imshow(image, cmap="PuOr", vmin=-largest, vmax=largest, interpolation="nearest")
            rows, cols = image.shape
            axes.add_patch(Rectangle((-0.5, -0.5), cols, rows, fill=False, edgecolor=PALE, linewidth=0.8))
    figure.supxlabel(label, fontsize=8.5)
    return figure


@styled
def coverage(seen: _Reals, areas: _Reals) -> Figure:
    """Draw the share of hidden units that see every cell (rows, cols), and how much of the image units see."""
    figure = new_figure(6.4, 2.6)
    left, right = figure.subplots(1, 2)
    image = left.imshow(seen, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    figure.colorbar(image, ax=left, shrink=0.8, label="share of units").outline.set_visible(False)
    left.set_axis_off()
    left.set_title("units that see a cell")
    right.hist(areas, bins=np.linspace(0, 1, 21), color=BLUE)
    right.axvline(float(np.median(areas)), color=VERMILION, linewidth=1.4, linestyle="--", label="median")
    right.legend(fontsize=8)
    right.set(xlabel="share of the image that a unit sees", ylabel="hidden units", xlim=(0, 1))
    return figure
