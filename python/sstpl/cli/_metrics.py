"""How good predictions are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sstpl import _validation as check
from sstpl._base import SSTPLBase
from sstpl._measure import measure_calibration
from sstpl._targets import ClassTargets
from sstpl._typing import Labels

_Reals = npt.NDArray[np.floating[Any]]

CLASS_METRICS = {
    "accuracy": "share of right predictions",
    "log_loss": "mean of minus the logarithm of the probability of the true class",
    "brier": "mean squared error of the probabilities: of the second of two classes, or summed over more",
    "ece": "expected calibration error, by ten bins: of the second of two classes, or of the likeliest",
}
NUMBER_METRICS = {
    "r2": "share of the variance that is explained, averaged over outputs",
    "rmse": "root of the mean squared error",
    "mae": "mean absolute error",
}


def class_metrics(probabilities: _Reals, labels: Labels) -> dict[str, float]:
    """Return `CLASS_METRICS` of probabilities (n, c) and class indices (n,)."""
    p = probabilities.astype(np.float64)
    own = p[np.arange(len(p)), labels]
    least = float(np.finfo(probabilities.dtype).eps)  # as scikit-learn bounds a probability of zero
    squares = np.square(p - np.eye(p.shape[1])[labels])
    return {
        "accuracy": float(np.mean(p.argmax(axis=1) == labels)),
        "log_loss": float(-np.mean(np.log(np.maximum(own, least)))),
        "brier": float(np.mean(squares[:, 1] if p.shape[1] == 2 else squares.sum(axis=1))),
        "ece": measure_calibration(p, labels).error,
    }


def number_metrics(actual: _Reals, predicted: _Reals) -> dict[str, float]:
    """Return `NUMBER_METRICS` of targets and predictions (n,) or (n, outputs); r2 is nan where they do not vary."""
    errors = (predicted.astype(np.float64) - actual).reshape(len(actual), -1)
    variance = np.var(actual.reshape(errors.shape), axis=0)
    varies = variance > 0
    explained = 1.0 - np.mean(np.square(errors), axis=0)[varies] / variance[varies]
    return {
        "r2": float(np.mean(explained)) if varies.all() else float("nan"),
        "rmse": float(np.sqrt(np.mean(np.square(errors)))),
        "mae": float(np.mean(np.abs(errors))),
    }


def metrics_of(model: Any, X: Any, y: Any) -> dict[str, float]:
    """Return how well a fitted classifier or regressor predicts rows; nan of probabilities that it lacks."""
    if hasattr(model, "classes_"):
        labels = check.known_labels(y, model.classes_)
        if _is_calibrated(model):
            return class_metrics(model.predict_proba(X), labels)
        right = model.predict(X) == model.classes_[labels]
        return dict.fromkeys(CLASS_METRICS, np.nan) | {"accuracy": float(np.mean(right))}
    predicted = np.asarray(model.predict(X))
    n_outputs = predicted.reshape(len(predicted), -1).shape[1]
    return number_metrics(check.known_numbers(y, n_outputs), predicted.reshape(-1, n_outputs))


def _is_calibrated(model: Any) -> bool:
    """Whether there was anything to fit probabilities to, or sets and intervals; others' models see to themselves."""
    return not isinstance(model, SSTPLBase) or hasattr(model, "_conformity")


def has_own_scores(model: Any) -> bool:
    """Whether the fit has scored its training rows by solutions that did not see them."""
    return hasattr(model, model._oof_name)


def out_of_fold_metrics(model: Any, y: npt.NDArray[Any]) -> dict[str, float] | None:
    """Return what the fit knows of its training rows, given their targets, by scores that did not see them."""
    if not has_own_scores(model):
        return None
    if isinstance(model._targets, ClassTargets):
        report = model.report_
        return {"accuracy": report.score.value, "log_loss": report.calibration.log_loss}
    return number_metrics(np.asarray(y, dtype=np.float64), model.oof_prediction_)


def coverage_metrics(model: Any, X: Any, y: Any, coverage: float) -> dict[str, float]:
    """Return how often prediction sets or intervals hold the target, and how large they are on average."""
    if not _is_calibrated(model):
        kind = "set" if isinstance(model._targets, ClassTargets) else "interval"
        return dict.fromkeys((f"{kind}_coverage", "set_size" if kind == "set" else "interval_width"), np.nan)
    if isinstance(model._targets, ClassTargets):
        labels = check.known_labels(y, model.classes_)
        sets = model.predict_set(X, coverage)
        return {
            "set_coverage": float(np.mean(sets[np.arange(len(sets)), labels])),
            "set_size": float(sets.sum(1).mean()),
        }
    numbers = check.known_numbers(y, len(model._targets.mean))
    ends = model.predict_interval(X, coverage).reshape(len(numbers), 2, -1)
    held = (ends[:, 0] <= numbers) & (numbers <= ends[:, 1])
    return {"interval_coverage": float(held.mean()), "interval_width": float(np.mean(ends[:, 1] - ends[:, 0]))}
