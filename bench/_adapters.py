"""What the adapters of contenders.py and peers.py share: the fixed preparation, width, penalties, threads."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

WIDTH = 2000  # hidden units of the closed-form relatives
ALPHAS = tuple(10.0**k for k in range(-6, 3))  # for scikit-learn's ridge with leave-one-out


@dataclass(frozen=True)
class Shape:
    """Size of the training rows; ``image`` is (height, width) where columns are pixels."""

    rows: int
    columns: int
    image: tuple[int, int] | None = None


def threads() -> int:
    """Return the number of threads that this process is pinned to."""
    return int(os.environ.get("OMP_NUM_THREADS", "1"))


def scaled(task: str, model: Any) -> Any:
    """Standardise the columns before a model, and the target of a regression."""
    pipeline = make_pipeline(StandardScaler(), model)
    if task == "classification":
        return pipeline
    return TransformedTargetRegressor(regressor=pipeline, transformer=StandardScaler())
