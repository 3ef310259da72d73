"""From an estimator's parameters to the options of what it runs; every parameter is checked here."""

from __future__ import annotations

from typing import Any

import numpy as np

from sstpl import _validation as check
from sstpl._images import ImageShape
from sstpl._logistic import steps_that_pay
from sstpl._paper import PaperOptions
from sstpl._recursive import RecursiveOptions
from sstpl._system import SystemOptions

# Clamp of the inverse activation: targets of the backward network stay this far inside the range of tanh or sigmoid.
_INVERSE_MARGIN = 1e-2

_DEPTH = 4  # levels of a recursive stack, unless max_depth says otherwise

# Variance of g S for each output, in units of the variance of X: of tables, and of images, whose columns are many.
_FEEDBACK, _FEEDBACK_OF_IMAGES = 0.15, 0.03

SCALINGS = ("auto", "feature", "quantile", "piecewise", "sample", "none")


def system_options(estimator: Any) -> SystemOptions:
    """Return how many subsystems there are, and on which rows."""
    n_folds = check.integer("n_folds", estimator.n_folds, 1)
    if n_folds == 1:
        _require_no_choice(estimator)
    adaptive = isinstance(estimator.n_subsystems, str) and estimator.n_subsystems == "auto"
    if not adaptive and isinstance(estimator.n_subsystems, str):
        raise ValueError(f"n_subsystems must be an integer of at least 1 or 'auto', got {estimator.n_subsystems!r}")
    cap = check.integer("max_subsystems", estimator.max_subsystems, 1)
    return SystemOptions(
        n_subsystems=cap if adaptive else check.integer("n_subsystems", estimator.n_subsystems, 1),
        adaptive=adaptive,
        fraction=check.real("subsystem_fraction", estimator.subsystem_fraction, 0.0, 1.0, low_open=True),
        n_folds=n_folds,
        disjoint=estimator.architecture == "recursive",
    )


def _require_no_choice(estimator: Any) -> None:
    """Raise ValueError where something is to be chosen by scores that one fold does not give."""
    needed = {
        "architecture": (estimator.architecture == "recursive", "'recursive'"),
        "hidden_width": (not isinstance(estimator.hidden_width, str), "a number"),
        "max_depth": (estimator.max_depth == 1, "1"),
        "n_subsystems": (not isinstance(estimator.n_subsystems, str), "a number"),
        "subsystem_fraction": (estimator.subsystem_fraction == 1, "1"),
        "alpha": (
            not isinstance(estimator.alpha, str) or estimator.selection != "kfold",
            "a number, or selection 'loo' or 'gcv'",
        ),
    }
    lacking = [f"{name} {what}, got {getattr(estimator, name)!r}" for name, (met, what) in needed.items() if not met]
    if lacking:
        raise ValueError(
            f"n_folds=1 leaves no row out, and so must be given what rows left out choose: {'; '.join(lacking)}"
        )


def paper_options(estimator: Any) -> PaperOptions:
    """Return the choices of the paper's architecture."""
    weights = _hidden_weights(estimator)
    if weights == "centers":
        raise ValueError("hidden_weights='centers' needs architecture='recursive', got 'paper'")
    return PaperOptions(
        hidden_widths=check.widths("hidden_widths", estimator.hidden_widths, estimator.max_depth),
        readout_width=check.integer("readout_width", estimator.readout_width, 1),
        fusion_width=check.integer("fusion_width", estimator.fusion_width, 1),
        activation=check.check_activation(estimator.activation),
        hidden_weights="constrained" if weights == "auto" else weights,
        encoder_penalty=check.choice("encoder_penalty", estimator.encoder_penalty, ("ridge", "lasso")),
        encoder_alpha=check.real("encoder_alpha", estimator.encoder_alpha, 0.0, np.inf),
        alpha=check.float_or_auto("alpha", estimator.alpha),
        selection=check.choice("selection", estimator.selection, ("kfold", "loo", "gcv")),
        fusion=check.choice("fusion", estimator.fusion, ("pair", "all")),
        inverse_margin=_INVERSE_MARGIN,
    )


def recursive_options(estimator: Any) -> RecursiveOptions:
    """Return the choices of the recursive architecture."""
    width = estimator.hidden_width
    if isinstance(width, str) and width != "auto":
        raise ValueError(f"hidden_width must be an integer of at least 1 or 'auto', got {width!r}")
    chosen = None if isinstance(width, str) else check.integer("hidden_width", width, 1)
    depth = check.optional(check.integer, "max_depth", estimator.max_depth, 1)
    _check_centers(estimator)
    _loss(estimator)
    return RecursiveOptions(
        hidden_width=chosen,
        max_hidden_width=check.integer("max_hidden_width", estimator.max_hidden_width, 1),
        max_depth=_DEPTH if depth is None else depth,
        activation=check.choice("activation", estimator.activation, check.ALL_ACTIVATIONS),
        hidden_weights=_hidden_weights(estimator),
        alpha=check.float_or_auto("alpha", estimator.alpha),
        selection=check.choice("selection", estimator.selection, ("kfold", "loo", "gcv")),
        feedback=_FEEDBACK if estimator.image_shape is None else _FEEDBACK_OF_IMAGES,
        fields=None,
        groups=None,
        first_sees_all=False,
        tries_centers=estimator.selection == "kfold" and estimator.hidden_columns == "auto",
    )


def takes_log_loss(estimator: Any, sizes: tuple[int, int, int, int, int, int]) -> bool:
    """Whether readouts of classes are fitted to the log-loss: one answer for all subsystems, whose scores are averaged.

    The sizes are those that `steps_that_pay` takes.
    """
    loss = _loss(estimator)
    return loss == "log_loss" or (loss == "auto" and steps_that_pay(*sizes))


def _loss(estimator: Any) -> str:
    """Return the loss, checked; a regressor has one."""
    losses = ("auto", "log_loss", "squared_error")
    return check.choice("loss", getattr(estimator, "loss", "squared_error"), losses)


def _hidden_weights(estimator: Any) -> str:
    return check.choice("hidden_weights", estimator.hidden_weights, ("auto", *check.HIDDEN_WEIGHTS))


def _check_centers(estimator: Any) -> None:
    """Raise ValueError where units that are centers cannot have what else is asked for."""
    if estimator.hidden_weights != "centers":
        return
    if estimator.hidden_columns not in ("auto", "all"):
        raise ValueError(
            f"hidden_columns must be 'auto' or 'all' with hidden_weights='centers', got {estimator.hidden_columns!r}"
        )
    if estimator.selection != "kfold" and isinstance(estimator.alpha, str):
        raise ValueError(
            f"selection must be 'kfold' with hidden_weights='centers', got {estimator.selection!r}: a row that is a "
            "center tells nothing of new rows"
        )


def image_options(estimator: Any) -> tuple[ImageShape | None, int | None]:
    """Return the shape of images, if they are images, and the number of filters, if it is given."""
    given = estimator.image_filters
    if isinstance(given, str) and given != "auto":
        raise ValueError(f"image_filters must be an integer of at least 0 or 'auto', got {given!r}")
    n_filters = None if isinstance(given, str) else check.integer("image_filters", given, 0)
    if estimator.image_shape is None:
        return None, n_filters
    shape = check.widths("image_shape", estimator.image_shape, None)
    if len(shape) not in (2, 3):
        raise ValueError(f"image_shape must be (rows, cols) or (rows, cols, channels), got {estimator.image_shape!r}")
    rows, cols, channels = (*shape, 1)[:3]
    if estimator.architecture != "recursive":
        raise ValueError(f"image_shape needs architecture='recursive', got {estimator.architecture!r}")
    if estimator.scaling != "auto":
        raise ValueError(f"image_shape brings its own input map and needs scaling='auto', got {estimator.scaling!r}")
    return (rows, cols, channels), n_filters
