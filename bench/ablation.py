"""What each part of the recursive two-way stack buys: one factor at a time, on training rows.

``python bench/ablation.py`` fits chains on some training rows of each data set and scores other training rows (images:
20,000 and 10,000 of the training split, whose test rows are not read; tables: seeded four fifths and one fifth).
Variants are made to cost about the same flops as the reference, by their width, except where the line says otherwise.
Writes ``bench/results/ablation.json`` and ``.md``.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from _machine import DATA, RESULTS, describe
from sstpl import _core
from sstpl._images import ImageMap, LayerPlan, fit_image_map
from sstpl._inputs import fit_input_map
from sstpl._maps import receptive_fields
from sstpl._selection import ALPHA_PATH_FLOAT32

Array = npt.NDArray[np.float32]
IMAGES = ("mnist", "fashion_mnist")
TABLES = ("satimage", "letter", "spambase", "kin8nm", "protein-tertiary-structure")
N_FIT, N_OUT = 20_000, 10_000
WIDTH, DEPTH, FEEDBACK, N_FOLDS = 2000, 2, 0.3, 5
BLOCK_WIDTH = 200
ONE_LAYER, PIXELS = "24 filters of 5 x 5, 7 x 7 cells", "no stage: pixels"
STAGES = {
    ONE_LAYER: (LayerPlan(5, 7, 0.0, 24),),
    "8 filters": (LayerPlan(5, 7, 0.0, 8),),
    "16 filters": (LayerPlan(5, 7, 0.0, 16),),
    "9 filters of 3 x 3": (LayerPlan(3, 7, 0.0, 9),),
    "24 filters of 7 x 7": (LayerPlan(7, 7, 0.0, 24),),
    "4 x 4 cells": (LayerPlan(5, 4, 0.0, 24),),
    "10 x 10 cells": (LayerPlan(5, 10, 0.0, 24),),
    "cells twice as wide": (LayerPlan(5, 7, 1.0, 24),),
    "two layers": (LayerPlan(5, 14, 1.0, 8), LayerPlan(3, 4, 1.0, 64)),
    PIXELS: (),
}


@dataclass(frozen=True)
class Variant:
    """A chain: what is in it, and how wide it is."""

    depth: int = DEPTH
    width: int = WIDTH
    scores: str = "out-of-fold"  # that a level feeds to the next: also "in-fold", "none"
    weights: str = "constrained"
    fields: bool = True  # receptive fields, on images
    stage: str = ONE_LAYER  # the convolutional stage, on images: of STAGES
    pixels: bool = False  # beside its maps
    scaling: str = "feature"  # the input map, on tables
    subsets: bool = False  # of columns, on tables
    blocks: tuple[str, ...] = ()  # beside X and the scores: "forward", "backward", "hidden"
    feedback: float = FEEDBACK
    subsystems: int = 1
    alpha_by_level: bool = False


@dataclass(frozen=True)
class Problem:
    """Mapped rows to fit on, sorted by fold, and rows to score."""

    name: str
    X: Array
    targets: Array
    labels: npt.NDArray[np.int64] | None
    starts: npt.NDArray[np.int64]
    X_out: Array
    y_out: npt.NDArray[Any]
    scale: float  # of regression targets
    fields: tuple[int, int, int, int] | None
    groups: npt.NDArray[np.int64] | None

    def error(self, scores: Array) -> float:
        """Return the percentage wrong, or the RMSE in units of y."""
        if self.labels is not None:
            return 100 * float(np.mean(scores.argmax(axis=1) != self.y_out))
        return self.scale * float(np.sqrt(np.mean(np.square(scores[:, 0] - self.y_out))))


def load(name: str, v: Variant, seed: int) -> Problem:
    """Return a problem in the input map of a variant: of images the convolutional stage, or pixels."""
    rng = np.random.default_rng(seed)
    with np.load(DATA / f"{name}.npz", allow_pickle=False) as arrays:
        image = name in IMAGES
        X, y = (arrays["X_train"], arrays["y_train"]) if image else (arrays["X"], arrays["y"])
    order = rng.permutation(len(X))
    n_fit = N_FIT if image else len(X) * 4 // 5
    fit, out = order[:n_fit], order[n_fit : n_fit + N_OUT]
    X = X.astype(np.float32)
    fields = groups = None
    if image:
        image_map = fit_image_map(X[fit], (28, 28, 1), STAGES[v.stage], seed, np.dtype(np.float32))
        fields, transform = receptive_fields(image_map), image_map.transform
        if v.pixels:
            # Scaled to the length of the maps, and seen by every unit.
            plain = fit_image_map(X[fit], (28, 28, 1), (), seed, np.dtype(np.float32))
            length = float(np.mean(np.linalg.norm(plain.transform(X[fit][:1000]), axis=1)))
            transform = partial(_beside, image_map, plain, length)
    else:
        table_map = fit_input_map(X[fit], v.scaling, np.dtype(np.float32))
        groups, transform = table_map.groups, table_map.transform
    starts = np.linspace(0, n_fit, N_FOLDS + 1).astype(np.int64)
    if y.dtype.kind in "iu":
        labels = y.astype(np.int64)
        codes = (2 * np.eye(int(labels.max()) + 1) - 1).astype(np.float32)[labels]
        rows = (transform(X[fit]), codes[fit], labels[fit], starts, transform(X[out]), y[out])
        return Problem(name, *rows, 1.0, fields, groups)
    mean, scale = float(y[fit].mean()), float(y[fit].std())
    targets = ((y - mean) / scale).astype(np.float32)
    column = np.ascontiguousarray(targets[fit, np.newaxis])
    rows = (transform(X[fit]), column, None, starts, transform(X[out]), targets[out])
    return Problem(name, *rows, scale, fields, groups)


def _beside(image_map: ImageMap, plain: ImageMap, length: float, X: Array) -> Array:
    return np.hstack([image_map.transform(X), plain.transform(X) / np.float32(length)])


Layer = tuple[Array, Array, Array, Array]  # A, b, weights, intercept


def fit_level(
    p: Problem, v: Variant, blocks: list[Array], width: int, stream: int, seed: int, alphas: list[float]
) -> tuple[dict[str, Any], Array, Layer]:
    """Return a level's report, out-of-fold scores, and layer."""
    fields = p.fields if v.fields else None
    groups = p.groups if v.subsets else None
    args = (blocks, p.targets, v.weights, width, "tanh", seed, stream, p.labels, alphas, p.starts, fields, groups)
    fit = _core.fit_level(*args)
    layer = (fit["hidden_weights"], fit["hidden_bias"], fit["weights"], fit["intercept"])
    return fit["report"], fit["oof_scores"], layer


def predict(layer: Layer, blocks: list[Array]) -> Array:
    """Return the scores of one level."""
    return _core.predict_stack(np.hstack(blocks), [layer], 1.0, "tanh")


def extra_blocks(p: Problem, v: Variant, seed: int) -> tuple[list[Array], list[Array]]:
    """Return what stands beside X and the scores from the second level on, of both sets of rows."""
    train, out = [], []
    if "forward" in v.blocks:
        code, bias = _core.draw_hidden("orthogonal", p.X, BLOCK_WIDTH, seed, 50)
        fit = _core.fit_encoder(p.X, code, bias, "tanh", "ridge", 0.1)
        train.append(fit["encoded"])
        out.append((np.tanh(p.X_out @ fit["weights"].T) - fit["low"]) * fit["scale"])
    if "backward" in v.blocks and p.labels is not None:
        _, S, layer = fit_level(p, v, [p.X], BLOCK_WIDTH, 60, seed, list(ALPHA_PATH_FLOAT32))
        codes = (2 * np.eye(S.shape[1]) - 1).astype(np.float32)
        prototypes = _core.propagate_targets([layer[0], np.ascontiguousarray(layer[2].T)], codes, "tanh", 1e-2)[0]
        train.append(np.tanh((S + 1) / 2 @ prototypes))
        out.append(np.tanh((predict(layer, [p.X_out]) + 1) / 2 @ prototypes))
    if "hidden" in v.blocks:
        A, b = _core.draw_hidden(v.weights, p.X, BLOCK_WIDTH, seed, 70, p.labels, p.starts)
        train.append(np.tanh(p.X @ A.T + b))
        out.append(np.tanh(p.X_out @ A.T + b))
    return train, out


def run_chain(p: Problem, v: Variant, seed: int) -> list[Array]:
    """Return the scores of the rows to score, level by level."""
    extra = extra_blocks(p, v, seed)
    train, out = [p.X], [p.X_out]
    alphas = list(ALPHA_PATH_FLOAT32)
    outputs = []
    for level in range(1, v.depth + 1):
        report, S, layer = fit_level(p, v, train, v.width, level, seed, alphas)
        alphas = alphas if v.alpha_by_level else [report["alpha"]]
        if v.scores == "in-fold":
            S = predict(layer, train)
        outputs.append(predict(layer, out))
        train, out = [p.X, *extra[0]], [p.X_out, *extra[1]]
        if v.scores != "none":
            gain = np.float32(np.sqrt(v.feedback * p.X.var(axis=0).sum() / S.var(axis=0).sum()))
            train, out = [*train, gain * S], [*out, gain * outputs[-1]]
    return outputs


def cost(p: Problem, v: Variant) -> float:
    """Return the flops of a variant, by algorithm section 10."""
    n, d = p.X.shape
    level = 4 * n * d * v.width + n * v.width**2 + (N_FOLDS + 1) * v.width**3 / 3
    return v.subsystems * v.depth * level


def at_equal_cost(p: Problem, v: Variant) -> Variant:
    """Return the variant with the width that costs what the reference does."""
    wanted = cost(p, Variant())
    widths = np.arange(100, 6001, 50)
    costs = np.array([cost(p, replace(v, width=int(w))) for w in widths])
    return replace(v, width=int(widths[np.argmin(np.abs(np.log(costs / wanted)))]))


FACTORS: dict[str, list[tuple[str, Variant]]] = {
    "scores fed back": [
        ("out of fold", Variant()),
        ("in fold", Variant(scores="in-fold")),
        ("none: one wider level", Variant(depth=1)),
    ],
    "depth": [(f"{depth} levels", Variant(depth=depth)) for depth in (1, 2, 3, 4)],
    "hidden weights": [(name, Variant(weights=name)) for name in ("constrained", "normal", "uniform", "orthogonal")],
    "images": [
        ("stage and receptive fields", Variant()),
        ("no receptive fields", Variant(fields=False)),
        ("no stage", Variant(stage=PIXELS)),
        ("neither", Variant(stage=PIXELS, fields=False)),
    ],
    "image stage (cost not equal)": [
        *((stage, Variant(stage=stage)) for stage in STAGES),
        ("pixels beside the maps", Variant(pixels=True)),
    ],
    "tables": [
        (f"{scaling}, {'subsets' if subsets else 'all columns'}", Variant(scaling=scaling, subsets=subsets))
        for scaling in ("feature", "quantile", "piecewise")
        for subsets in (False, True)
    ],
    "width (cost not equal)": [(f"{width} units", Variant(width=width)) for width in (500, 1000, 2000, 4000)],
    "subsystems": [(f"{count} of them", Variant(subsystems=count)) for count in (1, 2, 4)],
    "blocks beside X and scores (cost not equal)": [
        ("none", Variant()),
        *((block, Variant(blocks=(block,))) for block in ("forward", "backward", "hidden")),
    ],
    "feedback": [(f"{share:g} of X's variance", Variant(feedback=share)) for share in (0.03, 0.1, 0.3, 1.0, 3.0)],
    "penalty": [("the first level's", Variant()), ("chosen by each level", Variant(alpha_by_level=True))],
}


def measure(p: Problem, v: Variant, seed: int) -> dict[str, float]:
    """Return error of the mean over subsystems, and seconds."""
    start = perf_counter()
    outputs = [run_chain(p, v, seed + index * 1000)[-1] for index in range(v.subsystems)]
    seconds = perf_counter() - start
    return {"error": p.error(np.mean(outputs, axis=0)), "seconds": seconds, "width": v.width}


def main() -> None:
    """Parse the command line, run what the results do not hold yet, write after every run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", default=[*IMAGES, *TABLES], choices=[*IMAGES, *TABLES])
    parser.add_argument("--factor", nargs="+", default=list(FACTORS), choices=list(FACTORS))
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds (default 1)")
    options = parser.parse_args()
    path = RESULTS / "ablation.json"
    result = json.loads(path.read_text()) if path.exists() else {"runs": {}}
    result["machine"] = describe()
    for name in options.data:
        for seed in range(options.seeds):
            problems: dict[tuple[str, bool, str], Problem] = {}
            for factor in options.factor:
                if factor.startswith("table" if name in IMAGES else "image"):
                    continue
                for label, variant in FACTORS[factor]:
                    key = " | ".join([name, factor, label, str(seed)])
                    if key in result["runs"]:
                        continue
                    of_map = (variant.stage, variant.pixels, variant.scaling)
                    if of_map not in problems:
                        problems = {of_map: load(name, variant, seed)}  # one at a time: maps are large
                    problem = problems[of_map]
                    equal = variant if "not equal" in factor else at_equal_cost(problem, variant)
                    result["runs"][key] = measure(problem, equal, seed)
                    print(key, result["runs"][key], flush=True)
                    path.write_text(json.dumps(result, indent=1) + "\n")
    (RESULTS / "ablation.md").write_text(page(result))


def _cell(runs: dict[str, Any], name: str, factor: str, label: str, seeds: int) -> tuple[float, int] | None:
    """Return the mean error over seeds, and the width."""
    found = [runs.get(" | ".join([name, factor, label, str(seed)])) for seed in range(seeds)]
    done = [run for run in found if run]
    return (float(np.mean([run["error"] for run in done])), done[0]["width"]) if done else None


def page(result: dict[str, Any]) -> str:
    """Return the results as a Markdown page: one table per factor, one column per data set."""
    machine, runs = result["machine"], result["runs"]
    names = [name for name in (*IMAGES, *TABLES) if any(key.startswith(name) for key in runs)]
    seeds = 1 + max(int(key.rsplit(" | ", 1)[1]) for key in runs)
    lines = [
        "# What each part of the recursive stack buys",
        "",
        f"Command: `python bench/ablation.py`. {machine['cpu']}, {machine['threads']} threads, Python "
        f"{machine['python']}, sstpl {machine['sstpl']}, seeds below {seeds}. Error in percent, or RMSE (kin8nm, "
        "protein), and width, on training rows that the chain did not see; test rows are not read. Variants have the "
        f"width at which they cost the flops of the reference ({DEPTH} levels of width {WIDTH}), unless the title says "
        "otherwise. The mean change is the geometric mean of the errors over those of a section's first line, less 1; "
        "one data set moves by several percent from seed to seed.",
    ]
    for factor, variants in FACTORS.items():
        errors = {label: [_cell(runs, name, factor, label, seeds) for name in names] for label, _ in variants}
        reference = errors[variants[0][0]]
        lines += ["", f"## {factor}", "", "| | mean change | " + " | ".join(names) + " |"]
        lines.append("|---" * (2 + len(names)) + "|")
        for label, cells in errors.items():
            ratios = [own[0] / first[0] for own, first in zip(cells, reference, strict=True) if own and first]
            change = f"{100 * (np.exp(np.mean(np.log(ratios))) - 1):+.1f} %" if ratios else ""
            shown = [f"{cell[0]:.4g} ({cell[1]})" if cell else "" for cell in cells]
            lines.append(f"| {label} | {change} | " + " | ".join(shown) + " |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
