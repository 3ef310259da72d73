"""The last readout of a chain, where it is fitted to classes by their log-loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sstpl import _core
from sstpl._levels import LevelWeights, hidden_features, units_of_folds
from sstpl._logistic import Classes, LogisticFit, fit_logistic
from sstpl._rows import Rows
from sstpl._typing import Floats, Labels


def fit_log_loss(
    rows: Rows,
    fed: Floats | None,
    level: LevelWeights,
    activation: str,
    alpha: float,
    share: float,
    drawn: tuple[int, int] | None,
    tick: Callable[[], None],
) -> LogisticFit | None:
    """Fit a readout of a level, which sees rows with `fed` beside them; see `fit_logistic`.

    `drawn` is the seed and the stream of units that are centers, or None where they are not.
    """
    assert rows.labels is not None
    folds: Labels = np.repeat(np.arange(rows.n_folds), np.diff(rows.fold_starts))
    classes = Classes(rows.labels, folds, rows.targets.shape[1], rows.n_folds, rows.weights)
    unused = None
    if drawn is not None:
        centers = _core.draw_centers(len(rows.X), len(level.hidden_bias), *drawn, rows.weights)
        unused = units_of_folds(centers, rows.fold_starts)
    features, shift = hidden_features(rows.X, fed, level, activation, classes)
    return fit_logistic(features, shift, alpha, share, classes, unused, tick)
