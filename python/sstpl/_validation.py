"""Input rules: of parameters, weights and targets. Those of rows are in `_row_rules`."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d

from sstpl import _core
from sstpl._typing import Labels, Reals, Weights

T = TypeVar("T")
E = TypeVar("E")
P = ParamSpec("P")

ALL_ACTIVATIONS = ("gelu", "identity", "leaky_relu", "relu", "sigmoid", "tanh")
ACTIVATIONS = ("identity", "leaky_relu", "sigmoid", "tanh")  # those with an inverse
HIDDEN_WEIGHTS = ("centers", "constrained", "normal", "orthogonal", "uniform")


def fail(name: str, expected: str, value: object) -> ValueError:
    return ValueError(f"{name} must be {expected}, got {value!r}")


def choice(name: str, value: object, choices: Sequence[str]) -> str:
    """Check that a parameter is one of some names."""
    if not isinstance(value, str) or value not in choices:
        raise fail(name, "one of " + ", ".join(repr(c) for c in choices), value)
    return value


def integer(name: str, value: object, low: int) -> int:
    """Check that a parameter is a whole number of at least `low`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or int(value) < low:
        raise fail(name, f"an integer of at least {low}", value)
    return int(value)


def real(name: str, value: object, low: float, high: float, *, low_open: bool = False) -> float:
    """Check that a parameter is a finite number in [low, high], or in (low, high]."""
    brackets = f"{'(' if low_open else '['}{low:g}, " + (f"{high:g}]" if np.isfinite(high) else "inf)")
    ok = isinstance(value, numbers.Real) and not isinstance(value, bool) and np.isfinite(float(value))
    if not ok or not (low < float(value) if low_open else low <= float(value)) or float(value) > high:  # type: ignore[arg-type]
        raise fail(name, f"a finite number in {brackets}", value)
    return float(value)  # type: ignore[arg-type]


def coverage(value: object) -> float:
    """Check the share of rows that intervals or sets are to cover."""
    covered = real("coverage", value, 0.0, 1.0, low_open=True)
    if covered == 1.0:
        raise fail("coverage", "a finite number in (0, 1)", value)
    return covered


def widths(name: str, value: object, max_depth: object) -> tuple[int, ...]:
    """Check a list of layer widths and cut it to the depth allowed."""
    if isinstance(value, (str, bytes)) or not isinstance(value, (Sequence, np.ndarray)) or len(value) == 0:
        raise fail(name, "a sequence of at least one layer width", value)
    checked = tuple(integer(f"{name}[{i}]", w, 1) for i, w in enumerate(value))
    return checked if max_depth is None else checked[: integer("max_depth", max_depth, 1)]


def forward_widths(value: object) -> tuple[int, ...]:
    """Check widths of autoencoders, of which there may be none."""
    none = isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, (str, bytes)) and len(value) == 0
    return () if none else widths("forward_widths", value, None)


def optional(check: Callable[..., T], name: str, value: object, *limits: Any) -> T | None:
    """Apply a check unless the parameter is None."""
    return None if value is None else check(name, value, *limits)


def float_or_auto(name: str, value: object) -> float | None:
    """Check a penalty; None stands for "auto"."""
    if isinstance(value, str):
        if value != "auto":
            raise fail(name, "a finite number in [0, inf) or 'auto'", value)
        return None
    return real(name, value, 0.0, np.inf)


def callback(value: object) -> Callable[[Any], object] | None:
    """Check the parameter ``callback``."""
    if value is not None and not callable(value):
        raise TypeError(f"callback must be callable or None, got {value!r}")
    return value


def stop_request(value: object) -> bool:
    """Return whether a callback's answer asks to stop; anything but bool and None is a mistake."""
    if value is not None and not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"callback must return True to stop the fit, or False or None to go on, got {value!r}")
    return bool(value)


def verbosity(value: object) -> int:
    """Check the parameter ``verbose``."""
    return integer("verbose", int(value) if isinstance(value, (bool, np.bool_)) else value, 0)


def seed_of(random_state: object) -> int:
    """Draw the core's seed from whatever scikit-learn accepts as a random state."""
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def random_of(random_state: object) -> np.random.RandomState:
    """Return the source of random numbers that scikit-learn makes of a random state."""
    random: np.random.RandomState = check_random_state(random_state)
    return random


def categorical_setting(value: object) -> None:
    """Check which columns are to be categories, as far as that is possible without X."""
    if value is None or (isinstance(value, str) and value == "from_dtype"):
        return
    is_list = isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, (str, bytes))
    kinds = {kind_of_name(one) for one in value} if is_list else {None}  # type: ignore[attr-defined]
    if None in kinds or len(kinds) > 1:
        raise fail("categorical_features", "'from_dtype', None, or a list of bools, of ints or of names", value)


def kind_of_name(value: object) -> str | None:
    """Return what a list of columns is of."""
    if isinstance(value, (bool, np.bool_)):
        return "bool"
    return "int" if isinstance(value, numbers.Integral) else "str" if isinstance(value, str) else None


def sample_weights(sample_weight: object, n_rows: int) -> Weights:
    """Check the weights of training rows: finite and not negative, two of them positive."""
    if sample_weight is None:
        return None
    weights: Reals = check_array(
        sample_weight, dtype=np.float64, ensure_2d=False, allow_nd=True, input_name="sample_weight"
    )
    if weights.shape != (n_rows,):
        raise ValueError(f"sample_weight must have shape ({n_rows},), one weight per row of X, got {weights.shape}")
    if weights.min() < 0:
        raise ValueError(f"sample_weight must not be negative, got {weights.min():g}")
    n_positive = np.count_nonzero(weights)
    if n_positive < 2:
        raise ValueError(f"sample_weight must be positive for at least 2 rows, is zero for all but {n_positive}")
    return weights


def class_weights(value: object) -> dict[Any, float] | str | None:
    """Check the weights of classes: None, "balanced", or a dict of positive numbers."""
    if value is None or (isinstance(value, str) and value == "balanced"):
        return value
    if not isinstance(value, dict):
        raise fail("class_weight", "None, 'balanced' or a dict of classes and their weights", value)
    return {
        label: real(f"class_weight[{label!r}]", weight, 0.0, np.inf, low_open=True) for label, weight in value.items()
    }


def column_names(names: list[str], n_features: int) -> npt.NDArray[Any]:
    """Check the names that a source gives its columns."""
    if len(names) != n_features or not all(isinstance(name, str) for name in names):
        raise ValueError(f"X.columns must be {n_features} strings, one for each column of its blocks, got {names}")
    return np.array(names, dtype=object)


def flag(name: str, value: object) -> bool:
    """Check that a parameter is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise fail(name, "True or False", value)
    return bool(value)


def has_sums(method: str, estimator: BaseEstimator) -> None:
    """Raise NotFittedError unless the estimator has the sums of partial_fit."""
    if "_growth" not in vars(estimator):
        raise NotFittedError(
            f"{method} needs the sums of partial_fit, which this {type(estimator).__name__} has not; a pickle keeps "
            "them, and a model file that was saved with sums=True"
        )


def fitted(estimator: BaseEstimator) -> None:
    """Raise NotFittedError unless the estimator is fitted."""
    check_is_fitted(estimator)


def known_labels(y: object, classes: npt.NDArray[Any]) -> Labels:
    """Return the class index of every label; all must be of the classes that were fitted."""
    given = column_or_1d(y)
    index = {label: i for i, label in enumerate(classes.tolist())}
    unknown = sorted({repr(label) for label in given.tolist() if label not in index})
    if unknown:
        raise ValueError(f"y must hold classes that were fitted, got {', '.join(unknown[:5])}")
    return np.array([index[label] for label in given.tolist()], dtype=np.int64)


def first_classes(y: npt.NDArray[Any], classes: object) -> npt.NDArray[Any]:
    """Return the classes that the first call of partial_fit gives, or those of its labels."""
    if classes is None:
        return encode_labels(y)[0]
    given: npt.NDArray[Any] = np.unique(column_or_1d(classes))
    if len(given) < 2:
        raise fail("classes", "at least 2 classes", classes)
    return given


def same_classes(classes: object, known: npt.NDArray[Any]) -> None:
    """Check the classes of a later call, which need not be given."""
    if classes is not None and not np.array_equal(np.unique(column_or_1d(classes)), known):
        raise fail("classes", f"those of the first call, {known.tolist()}", classes)


def more_classes(known: npt.NDArray[Any], y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the classes with those of new labels among them, in order."""
    if (known.dtype.kind in "biuf") != (y.dtype.kind in "biuf"):
        raise ValueError(f"y must hold labels like those before, {known.dtype}, got {y.dtype}")
    return np.union1d(known, y)


def growing_selection(selection: str, alpha: float | None) -> None:
    """Check that sums alone can score the penalties."""
    if alpha is None and selection != "kfold":
        raise ValueError(f"selection must be 'kfold' where partial_fit is to choose alpha, got {selection!r}")


def method_if(
    condition: Callable[[Any], bool],
) -> Callable[[Callable[Concatenate[E, P], T]], Callable[Concatenate[E, P], T]]:
    """Return a decorator of methods that only estimators with this property have."""
    decorate: Callable[[Callable[Concatenate[E, P], T]], Callable[Concatenate[E, P], T]] = available_if(condition)
    return decorate


def known_numbers(y: object, n_outputs: int) -> npt.NDArray[np.float64]:
    """Return targets as finite columns (n_samples, n_outputs), as many as were fitted."""
    columns: npt.NDArray[np.float64] = check_array(y, dtype=np.float64, ensure_2d=False, input_name="y")
    columns = columns.reshape(len(columns), -1)
    if columns.shape[1] != n_outputs:
        raise ValueError(f"y must have {n_outputs} columns, as it had in fit, got {columns.shape[1]}")
    return columns


def as_many_rows(name: str, n_rows: int, other: str, n_others: int) -> None:
    """Check that two things have as many rows."""
    if n_rows != n_others:
        raise ValueError(f"{name} must have as many rows as {other}, {n_others}, got {n_rows}")


def encode_labels(y: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Labels]:
    """Return the classes in order, and the class index of every row."""
    classes, labels = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            f"y must hold at least 2 classes, got 1 class: {classes[0]!r}. With one class there is nothing to learn."
        )
    return classes, labels.reshape(-1).astype(np.int64)


def check_activation(value: object) -> str:
    """Check an activation for an architecture that inverts it."""
    if isinstance(value, str) and value in ("relu", "gelu"):
        raise ValueError(
            f"activation={value!r} has no inverse, which backward learning needs; use 'leaky_relu' or 'tanh'"
        )
    name = choice("activation", value, ACTIVATIONS)
    assert _core.has_inverse(name)
    return name
