"""Plots of error against fit time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("agg")
import matplotlib.pyplot as plt


@dataclass(frozen=True)
class Panel:
    """One plot: (name, fit seconds, error) of everybody, its title, and what the error is."""

    points: list[tuple[str, float, float]]
    title: str
    label: str


def _draw(panel: Panel, axes: Any, ours: str) -> None:
    """Draw the points, and the front of those that nobody beats in both."""
    front: list[tuple[float, float]] = []
    for _, seconds, error in sorted(panel.points, key=lambda point: point[1:]):
        if not front or error < front[-1][1]:
            front.append((seconds, error))
    axes.step(*np.transpose(front), where="post", color="0.7", zorder=1)
    for name, seconds, error in panel.points:
        own = name.split("@")[0] == ours
        axes.scatter(seconds, error, s=36 if own else 18, color="tab:red" if own else "tab:blue", zorder=2)
        axes.annotate(name, (seconds, error), xytext=(4, 3), textcoords="offset points", fontsize=8)
    axes.set(title=panel.title, xlabel="fit seconds", ylabel=panel.label, xscale="log")
    axes.grid(alpha=0.3)


def save(panels: list[Panel], path: Path, ours: str) -> bool:
    """Write the panels that have points side by side; return whether there were any."""
    panels = [panel for panel in panels if panel.points]
    if not panels:
        return False
    figure, axes = plt.subplots(1, len(panels), figsize=(7 * len(panels), 5), squeeze=False)
    for panel, each in zip(panels, axes[0], strict=True):
        _draw(panel, each, ours)
    figure.savefig(path, dpi=110, bbox_inches="tight")
    plt.close(figure)
    return True
