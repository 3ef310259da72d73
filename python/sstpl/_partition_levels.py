"""A level on rows in partitions: sums where the rows are, a tree that adds them, solutions in one place, scores again.

    pass 1: sums of every fold, per partition -> added four at a time -> one penalty, K + 1 solutions
    pass 2: scores of every row without its fold, and for regression without the row

The layer is drawn from a few rows that are fetched; it is the one that would be drawn here. What differs from a level
that is fitted here is the order in which sums are added, which is rounding.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np

from sstpl import _core
from sstpl import _levels as levels
from sstpl import _partition_tasks as tasks
from sstpl._engines import Ref, reduced
from sstpl._levels import Elsewhere, LevelOptions
from sstpl._logistic import Classes, Features, LogisticSums, Readout, added
from sstpl._partition_tasks import LevelTask, SolvedLevel
from sstpl._typing import Floats, Labels


def fit_level(
    X: Any, targets: Floats, fed: Floats | None, fed_then: Floats | None, options: LevelOptions
) -> dict[str, Any]:
    """Fit a level on rows in partitions (`Partitioned`); the result is that of `_core.fit_level`."""
    if (
        len(X) < options.n_hidden and options.hidden_weights != "centers"
    ):  # the dual form holds all features of all rows, which are few
        return levels.fit_level(X.here(), targets, fed, fed_then, options)
    tick = options.tick or (lambda: None)
    seconds = [perf_counter()]

    def lap() -> float:
        seconds.append(perf_counter())
        return seconds[-1] - seconds[-2]

    left_out = None
    if options.hidden_weights == "centers":
        layer, rows = _draw_centers(X, fed, options)
        left_out = levels.units_of_folds(rows, options.fold_starts) if len(options.fold_starts) else None
    else:
        layer = _draw(X, fed, options)
    tick()
    level = X.engine.put(LevelTask((*layer, _shift(X, fed, targets, layer, options)), options.activation, left_out))
    starts = options.fold_starts if len(options.fold_starts) else np.array([0, len(X)])
    n_folds = len(starts) - 1
    folds = np.repeat(np.arange(n_folds), np.diff(starts))
    parts = X.each(tasks.fold_sums, fed, targets, options.row_weights, folds, each=(n_folds, level))
    sums = reduced(X.engine, tasks.merged, parts)
    del parts  # whose memory others need
    told: dict[str, Any] = {"dual": False}
    path = [list(options.alphas)], [options.search]
    [solved] = X.engine.map(tasks.solve, [sums], *path, [level], [options.leave_one_out], alone=True)
    [readouts] = X.engine.get(X.engine.map(tasks.without_factor, [solved]))
    del sums
    told["seconds_sums"], told["seconds_path"], told["seconds_solve"] = lap(), 0.0, 0.0
    tick()
    scored = _scores(X, targets, fed, fed_then, folds, options, level, solved)
    tick()
    report = told | _report(readouts) | {"seconds_scores": lap()}
    weights, intercept = readouts.whole
    return {
        "hidden_weights": layer[0],
        "hidden_bias": layer[1],
        "landmarks": None,
        "weights": weights,
        "intercept": intercept,
        "report": report,
    } | scored


class FeaturesElsewhere(Features):
    """Features of rows in partitions, made again for every pass over them."""

    def __init__(self, X: Any, fed: Floats | None, level: LevelTask, classes: Classes) -> None:
        self._X, self._fed, self._classes = X, fed, classes
        self._level = X.engine.put(level)
        self.dtype = X.dtype

    def sums(self) -> _core.Sums:
        """Return the sums of all rows."""
        n = len(self._classes.labels)
        none, one_fold = np.zeros((n, 1), self.dtype), np.zeros(n, dtype=np.int64)
        parts = self._X.each(tasks.fold_sums, self._fed, none, self._classes.weights, one_fold, each=(1, self._level))
        [[sums]] = self._X.engine.get([reduced(self._X.engine, tasks.merged, parts)])
        found: _core.Sums = sums
        return found

    def step(self, W: Floats, intercept: Floats) -> LogisticSums:
        """Return `_core.logistic_sums` of all rows."""
        known = self._classes
        readouts = self._X.engine.put((W, intercept))
        by_row = self._fed, known.labels, known.folds, known.weights
        return added(self._X.ask(tasks.logistic_sums, *by_row, each=(known.n_folds, self._level, readouts)))

    def scores(self, readouts: list[Readout]) -> Floats:
        """Return scores (n, c) of every row by the readout of its fold."""
        known = self._X.engine.put(readouts)
        parts = self._X.each(tasks.scores_by_fold, self._fed, self._classes.folds, each=(self._level, known))
        found: Floats = self._X.rowwise(parts)
        return found


def _report(readouts: SolvedLevel) -> dict[str, Any]:
    solved = readouts.solved
    return {
        "alpha": solved.alpha,
        "path_errors": solved.errors,
        "solve": solved.whole["solve"],
        "fold_solves": [one["solve"] for one in solved.without],
    }


def _scores(
    X: Any,
    targets: Floats,
    fed: Floats | None,
    fed_then: Floats | None,
    folds: Labels,
    options: LevelOptions,
    level: Ref,
    solved: Ref,
) -> dict[str, Floats | None]:
    """Return scores of all rows without their folds, of which there are two, and if asked for without themselves."""
    if not len(options.fold_starts):
        return {"oof_scores": None, "loo_scores": None}
    by_fold = X.rowwise(X.each(tasks.scores_without_fold, fed, folds, each=(level, solved)))
    if not options.leave_one_out:
        return {"oof_scores": by_fold}
    by_row = X.each(
        tasks.scores_without_row, fed, fed_then, targets, options.row_weights, by_fold, each=(level, solved)
    )
    return {"oof_scores": by_fold, "loo_scores": X.rowwise(by_row)}


def _draw(X: Elsewhere, fed: Floats | None, options: LevelOptions) -> tuple[Floats, Floats]:
    """Return weights and bias of the layer."""
    drawn, seen = (options.seed, options.stream), (options.fields, options.groups)
    if options.hidden_weights != "constrained":
        n_columns = X.shape[1] + (0 if fed is None else fed.shape[1])
        any_row = np.zeros((1, n_columns), dtype=X.dtype)
        return _core.draw_hidden(options.hidden_weights, any_row, options.n_hidden, *drawn, None, None, *seen)
    attempts = np.zeros(options.n_hidden, dtype=np.int64)
    while True:
        pairs = _core.draw_pairs(
            len(X),
            *drawn,
            attempts,
            options.labels,
            options.fold_starts,
            options.row_weights,
            options.n_landmarks,
        )
        found = pairs[:, 0] >= 0
        rows, which = np.unique(pairs[found, :2], return_inverse=True)
        fetched = _fetch(X, fed, rows)
        ends = np.zeros((2, options.n_hidden, fetched.shape[1]), dtype=X.dtype)
        ends[:, found] = fetched[which.reshape(-1, 2).T]
        weights, bias = _core.pair_layer(ends[0], ends[1], *drawn, *seen)
        again = found & ~weights.any(axis=1)
        if not again.any():
            return weights, bias
        attempts = np.where(found, pairs[:, 2] + again, attempts)


def _draw_centers(X: Elsewhere, fed: Floats | None, options: LevelOptions) -> tuple[tuple[Floats, Floats], Labels]:
    """Return weights and bias of a layer of centers, and of which rows they are."""
    rows = _core.draw_centers(len(X), options.n_hidden, options.seed, options.stream, options.row_weights)
    different, which = np.unique(rows, return_inverse=True)
    centers = np.ascontiguousarray(_fetch(X, fed, different)[which])
    return _core.center_layer(centers, min(options.n_hidden, len(X))), rows


def _fetch(X: Elsewhere, fed: Floats | None, rows: Labels) -> Floats:
    return tasks.beside(X.take(rows).here(), None if fed is None else fed[rows])


def _shift(
    X: Elsewhere, fed: Floats | None, targets: Floats, layer: tuple[Floats, Floats], options: LevelOptions
) -> Floats:
    """Return the mean features of the first rows: features with a large mean lose digits in sums of squares."""
    some = np.arange(min(levels.SHIFT_ROWS, len(X)), dtype=np.int64)
    none = np.zeros(options.n_hidden, dtype=X.dtype)
    sums = _core.Sums(options.n_hidden, targets.shape[1])
    _core.add_hidden_rows(sums, _fetch(X, fed, some), targets[some], (*layer, none), options.activation)
    shift: Floats = (sums.feature_sums / len(some)).astype(X.dtype)
    return shift
