"""What a report says of labelled rows, and of what the units of an image model see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import mean_squared_error, r2_score

from sstpl import _figures_rows as draw
from sstpl import _measure as measure
from sstpl._base import SSTPLBase
from sstpl._figures import growth
from sstpl._html import Plot, Section, Table
from sstpl._images import ImageMap
from sstpl._overview import metric_of
from sstpl._recursive import Stack
from sstpl._selection import score_predictions
from sstpl._targets import ClassTargets

_MOST_OUTPUTS_DRAWN, _MOST_OUTPUTS_LISTED = 4, 50
_MOST_PAIRS = 15  # of classes that are taken for each other
_MOST_TILES = 24


def row_sections(estimator: SSTPLBase, X: object, y: object, random: np.random.RandomState) -> Iterator[Section]:
    """Yield what labelled rows show; without X, y are the targets of the training rows."""
    model = measure.Model(estimator)
    metric = metric_of(estimator)
    if X is None:
        yield _quality(estimator, model.out_of_fold(y), "Out-of-fold scores of the training rows.")
        return
    rows = model.rows(X, y)
    scores = model.scores(rows.X)
    value = score_predictions(scores, rows.targets, rows.labels).value
    training = model.are_training_targets(y)
    recorded = estimator.report_.score
    known = "unknown" if recorded is None else f"{recorded.value:.4f}"
    if training:
        text = (
            f"The targets given are those of the training rows in their order, so the rows are taken to be these. "
            f"In-fold {metric}: {value:.4f}; out-of-fold: {known}. The difference is what the model has learnt by "
            "heart, and below are the out-of-fold scores."
        )
        yield _quality(estimator, model.out_of_fold(y), text)
    else:
        text = f"{len(rows.targets):,} rows given: {metric} {value:.4f}; out-of-fold on the training rows: {known}."
        actual = rows.labels if rows.labels is not None else model.actual(y)
        yield _quality(estimator, measure.Quality(actual, model.predicted(scores)), text)
        if rows.labels is not None and hasattr(estimator, "_calibration"):
            yield _reliability(estimator.predict_proba(X), rows.labels)
    note = " These are training rows, which every part has seen." if training else ""
    for section in (_parts, _importance):
        found = section(model, rows, metric, note, random)
        if found is not None:
            yield found


def _quality(estimator: SSTPLBase, quality: measure.Quality, text: str) -> Section:
    targets = estimator._targets
    if isinstance(targets, ClassTargets):
        return Section("Predictions", text, _classes(quality, [str(name) for name in targets.classes.tolist()]))
    return Section("Predictions", text, _outputs(quality))


def _classes(quality: measure.Quality, names: list[str]) -> list[Plot | Table]:
    n = len(names)
    counts = np.bincount(quality.actual * n + quality.predicted, minlength=n * n).reshape(n, n)
    right = np.diag(counts)
    mistaken = counts - np.diag(right)
    order = np.argsort(-mistaken, axis=None, kind="stable")[:_MOST_PAIRS]
    confused = [(int(k) // n, int(k) % n) for k in order if mistaken.flat[k]]
    worst = ", ".join(f"{names[i]} taken for {names[j]} ({counts[i, j]})" for i, j in confused[:3])
    return [
        Plot(
            "confusion",
            draw.confusion(counts, names),
            f"Confusion matrix of {counts.sum():,} rows and {n} classes; {right.sum():,} are right. "
            + (f"Most often wrong: {worst}." if worst else "None is wrong."),
        ),
        Table(
            "Classes in numbers",
            ("class", "rows", "predicted", "recall", "precision"),
            [
                (
                    name,
                    int(counts[i].sum()),
                    int(counts[:, i].sum()),
                    _share(right[i], counts[i].sum()),
                    _share(right[i], counts[:, i].sum()),
                )
                for i, name in enumerate(names)
            ],
        ),
        Table(
            f"The {len(confused)} most frequent confusions",
            ("true class", "predicted class", "rows"),
            [(names[i], names[j], int(counts[i, j])) for i, j in confused],
        ),
    ]


def _share(part: Any, whole: Any) -> float | None:
    return float(part / whole) if whole else None


def _outputs(quality: measure.Quality) -> list[Plot | Table]:
    actual, predicted = np.asarray(quality.actual, dtype=np.float64), np.asarray(quality.predicted, dtype=np.float64)
    n_outputs = actual.shape[1]
    drawn = min(n_outputs, _MOST_OUTPUTS_DRAWN)
    names = ["residuals" if n_outputs == 1 else f"output {column}" for column in range(n_outputs)]
    errors = np.sqrt(mean_squared_error(actual, predicted, multioutput="raw_values"))
    several = len(actual) > 1  # R^2 of one row is undefined
    explained = r2_score(actual, predicted, multioutput="raw_values") if several else np.full(n_outputs, np.nan)
    more = f" The first {drawn} of {n_outputs} outputs." if n_outputs > drawn else ""
    return [
        Plot(
            "residuals",
            draw.residuals(actual[:, :drawn], predicted[:, :drawn], names[:drawn]),
            f"Residuals of {len(actual):,} rows against their predictions; root mean squared error "
            f"{', '.join(f'{error:.4g}' for error in errors[:drawn])}.{more}",
        ),
        Table(
            "Outputs in numbers" + (f", the first {_MOST_OUTPUTS_LISTED}" if n_outputs > _MOST_OUTPUTS_LISTED else ""),
            ("output", "R²", "root mean squared error", "mean error", "deviation of y"),
            [
                (
                    column,
                    float(explained[column]) if several else None,
                    float(errors[column]),
                    float(np.mean(predicted[:, column] - actual[:, column])),
                    float(np.std(actual[:, column])),
                )
                for column in range(min(n_outputs, _MOST_OUTPUTS_LISTED))
            ],
        ),
    ]


def _reliability(probabilities: Any, labels: npt.NDArray[np.int64]) -> Section:
    found = measure.measure_calibration(probabilities, labels)
    of_two = probabilities.shape[1] == 2
    label = "probability of the second class" if of_two else "probability of the predicted class"
    return Section(
        "Calibration",
        f"Probabilities against what came true, in ten bins. Mean distance, weighted by rows: {found.error:.4f}.",
        (
            Plot(
                "reliability",
                draw.reliability(found.confidence, found.accuracy, found.counts, label),
                f"Share that is right by {label}; on the diagonal, probabilities mean what they say.",
            ),
        ),
    )


def _parts(
    model: measure.Model, rows: measure.LabelledRows, metric: str, note: str, random: np.random.RandomState
) -> Section | None:
    by_level, by_subsystem, n_rows = measure.score_parts(model, rows, random)
    parts = [(name, scores) for name, scores in (("levels", by_level), ("subsystems", by_subsystem)) if len(scores) > 1]
    if not parts:
        return None
    panels = []
    for label in (metric, "squared error"):
        for name, scores in parts:
            values = [score.value if label == metric else -score.fit for score in scores]
            panels.append((f"{name} used", label, values, [True] * len(values)))
    listed = [(f"first {name}", k, score) for name, scores in parts for k, score in enumerate(scores, start=1)]
    return Section(
        "What the parts add",
        f"The system with its first parts only, on {n_rows:,} of the rows given." + note,
        (
            Plot(
                "contribution",
                growth(panels),
                "; ".join(
                    f"{metric} with the first 1 to {len(scores)} {name}: " + ", ".join(f"{s.value:.4f}" for s in scores)
                    for name, scores in parts
                )
                + ". Squared errors, which are less coarse, stand below or beside.",
            ),
            Table(
                "Parts in numbers",
                ("part", "how many", metric, "squared error"),
                [(name, k, score.value, -score.fit) for name, k, score in listed],
            ),
        ),
    )


def _importance(
    model: measure.Model, rows: measure.LabelledRows, metric: str, note: str, random: np.random.RandomState
) -> Section | None:
    estimator = model.estimator
    n_features = rows.X.shape[1]
    if isinstance(estimator._input_map, ImageMap):  # shuffling one pixel says nothing of an image
        return None
    if n_features > measure.MOST_COLUMNS_SCREENED:
        text = f"Not measured: X has more than {measure.MOST_COLUMNS_SCREENED:,} columns."
        return Section("Importance of columns", text, ())
    found = measure.measure_importance(model, rows, random)
    given: Sequence[object] = getattr(estimator, "feature_names_in_", [f"column {i}" for i in range(n_features)])
    names = [str(given[i]) for i in found.columns]
    some = "" if len(names) == n_features else f" The {len(names)} of {n_features:,} columns that move scores most."
    order = np.argsort(-found.mean, kind="stable")
    return Section(
        "Importance of columns",
        f"Permutation importance on {found.n_rows:,} rows, {measure.REPEATS} shuffles each." + some + note,
        (
            Plot(
                "importance",
                draw.importance(names, found.mean, found.deviation, metric),
                f"Fall of {metric} when a column is shuffled; most for {names[order[0]]} ({found.mean[order[0]]:.4f}). "
                "Bars show the deviation over shuffles.",
            ),
            Table(
                "Importance in numbers",
                ("column", f"fall of {metric}", "deviation"),
                [(names[i], float(found.mean[i]), float(found.deviation[i])) for i in order],
            ),
        ),
    )


def image_sections(estimator: SSTPLBase) -> Iterator[Section]:
    """Yield the filters of an image model, and what its hidden units see; nothing for tables."""
    fitted = estimator._input_map
    stack = estimator.subsystems_[0]
    if not isinstance(fitted, ImageMap) or not isinstance(stack, Stack):
        return
    parts: list[Plot | Table] = []
    if fitted.layers:
        layer = fitted.layers[0]
        channels = layer.shape[2]
        filters = layer.filters[:_MOST_TILES].reshape(-1, layer.patch, layer.patch, channels)
        seen = filters if channels == 3 else filters.mean(axis=3)
        of = {1: "", 3: " as colours"}.get(channels, ", mean over channels")
        parts.append(
            Plot(
                "filters",
                draw.tiles(seen, f"filters of {layer.patch} by {layer.patch} pixels{of}"),
                f"The first {len(filters)} of {len(layer.filters)} filters of the first layer: leading eigenvectors of "
                f"normalised patches of {layer.patch} by {layer.patch} pixels. "
                + ("" if channels == 3 else "Orange below zero, purple above."),
            )
        )
    rows, cols, channels = fitted.map_shape
    weights = stack.levels[0].hidden_weights[:, : rows * cols * channels].reshape(-1, rows, cols, channels)
    seen_cells = np.any(weights != 0, axis=3)
    areas = seen_cells.mean(axis=(1, 2))
    parts.append(
        Plot(
            "fields",
            draw.coverage(seen_cells.mean(axis=0), areas),
            f"Receptive fields of {len(weights)} hidden units of the first level on a grid of {rows} by {cols}: the "
            f"share of units that see a cell, and the share of cells that a unit sees (median {np.median(areas):.2f}).",
        )
    )
    some = weights[:_MOST_TILES]
    shown = some[..., 0] if channels == 1 else np.sqrt(np.sum(np.square(some), axis=3))
    parts.append(
        Plot(
            "hidden",
            draw.tiles(shown, "weights of hidden units" + ("" if channels == 1 else ", length over channels")),
            f"Weights of {len(some)} hidden units of the first level"
            + (": orange below zero, purple above." if channels == 1 else ", their length over channels by cell."),
        )
    )
    text = f"Images of {' by '.join(str(side) for side in fitted.shape[:2])} pixels, {fitted.shape[2]} channel(s)."
    yield Section("What hidden units see", text, parts)
