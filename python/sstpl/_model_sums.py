"""The sums of `partial_fit` in a model file.

Input map, hidden layer, targets and report are in the file anyway; here is what else a model needs to take more rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sstpl import _core
from sstpl import _model_schema as schema
from sstpl import _validation as check
from sstpl._growth import Growth, GrowthOptions
from sstpl._maps import subsets
from sstpl._model_file import ModelFormatError
from sstpl._model_schema import Reader, Writer
from sstpl._recursive import DISTANCE, Stack
from sstpl._targets import LabelTargets
from sstpl._typing import Labels

_MOST_ROWS = 2**53
_COLUMNS = ("all", "subsets")
# The state of a fold's sums, as the core gives it: the Gram matrix as it packs it, these, and three numbers.
_ARRAYS = ("cross", "feature_sums", "target_sums", "target_squares", "feature_rounding", "removed")
_NOT_NEGATIVE = ("feature_rounding", "removed")


def write(growth: Growth, out: Writer) -> dict[str, Any]:
    """Return the header's entry of sums."""
    options = growth.options
    out.put("sums.shift", growth.shift)
    if growth.center_folds.size:
        out.put("sums.center_folds", growth.center_folds)
    upper = _upper(growth.width)
    for k, fold in enumerate(growth.folds):
        out.put(f"sums.{k}.gram", fold.gram[upper])
        for name, array in zip(_ARRAYS, fold.__getstate__()[1:], strict=False):
            out.put(f"sums.{k}.{name}", array)
    return {
        "hidden_weights": options.hidden_weights,
        "hidden_columns": _COLUMNS[options.fields is not None or options.groups is not None],
        "alpha": options.alpha,
        "seed": growth.seed,
        "classes_given": growth.classes_given,
        "folds": [{"n_samples": fold.n_samples, "roundoff": fold.roundoff} for fold in growth.folds],
    }


def read(info: Any, arrays: Reader, model: Any) -> Growth:
    """Return the sums of an entry, for a model that has everything else."""
    names = ("hidden_weights", "hidden_columns", "alpha", "seed", "classes_given", "folds")
    info = schema.keyed("sums", info, names)
    stack = model.subsystems_[0]
    if len(model.subsystems_) != 1 or not isinstance(stack, Stack) or stack.depth != 1:
        raise ModelFormatError("sums must be of a model of one subsystem, a stack of one level")
    if isinstance(model._targets, LabelTargets):
        raise ModelFormatError("sums must be of classes or numbers, not of several labels")
    level = stack.levels[0]
    of_subsets = schema.choice("sums.hidden_columns", info["hidden_columns"], _COLUMNS) == "subsets"
    options = GrowthOptions(
        stack.activation,
        schema.choice("sums.hidden_weights", info["hidden_weights"], check.HIDDEN_WEIGHTS),
        None if info["alpha"] is None else schema.real("sums.alpha", info["alpha"], 0.0),
        *(subsets(model._input_map) if of_subsets else (None, None)),
    )
    if (options.hidden_weights == "centers") != (stack.activation == DISTANCE):
        raise ModelFormatError("sums.hidden_weights must be those of the subsystem's activation")
    entries = enumerate(schema.items("sums.folds", info["folds"], least=1))
    folds = [_read_fold(f"sums.{k}", one, arrays, *level.weights.shape) for k, one in entries]
    if not any(n_samples for _, n_samples, _ in folds):
        raise ModelFormatError("sums must have rows")
    packing = _Packing.of(level.width)
    center_folds = np.empty(0, dtype=np.int64)
    if options.hidden_weights == "centers":
        center_folds = arrays.take("sums.center_folds", (level.width,), np.int64)
        if (center_folds < 0).any() or (center_folds >= len(folds)).any():
            raise ModelFormatError("the array 'sums.center_folds' must hold numbers of folds")
    return Growth(
        options,
        schema.integer("sums.seed", info["seed"]),
        level.hidden_weights,
        level.hidden_bias,
        arrays.take("sums.shift", (level.width,)),
        tuple(packing.sums(*fold) for fold in folds),
        schema.flag("sums.classes_given", info["classes_given"]),
        list(model.report_.preparation),
        model.report_.calibration,
        center_folds,
    )


def _read_fold(
    where: str, info: Any, arrays: Reader, width: int, n_outputs: int
) -> tuple[list[npt.NDArray[Any]], int, float]:
    """Return the arrays of a fold, the number of its rows, and the rounding of one of its features."""
    info = schema.keyed(where, info, ("n_samples", "roundoff"))
    n_samples = schema.integer(f"{where}.n_samples", info["n_samples"], 0, _MOST_ROWS)
    roundoff = schema.real(f"{where}.roundoff", info["roundoff"])
    if roundoff not in (np.finfo(np.float64).eps / 2, np.finfo(arrays.dtype).eps / 2):
        raise schema.fail(f"{where}.roundoff", "that of a type of numbers", roundoff)
    shapes = {"gram": (width * (width + 1) // 2,), "cross": (width, n_outputs)}
    shapes |= {name: (n_outputs if name.startswith("target") else width,) for name in _ARRAYS[1:]}
    found = {name: arrays.take(f"{where}.{name}", shape, np.float64) for name, shape in shapes.items()}
    for name in _NOT_NEGATIVE:
        if (found[name] < 0).any():
            raise ModelFormatError(f"{where}.{name} must not be negative")
    return list(found.values()), n_samples, roundoff


@dataclass(frozen=True)
class _Packing:
    """How the core keeps the upper triangle of a matrix: files do not depend on it."""

    places: Labels
    size: int

    @staticmethod
    def of(width: int) -> _Packing:
        """Ask the core, by a matrix whose every entry is its own place."""
        packed, *others = _core.Sums(width, 0).__getstate__()
        numbered = _from_state((np.arange(len(packed), dtype=np.float64), *others))
        return _Packing(numbered.gram[_upper(width)].astype(np.int64), len(packed))

    def sums(self, arrays: list[npt.NDArray[Any]], n_samples: int, roundoff: float) -> _core.Sums:
        """Return the sums of a fold."""
        gram, *others = arrays
        packed = np.zeros(self.size)
        packed[self.places] = gram
        return _from_state((packed, *others, float(n_samples), n_samples, roundoff))


def _upper(width: int) -> npt.NDArray[np.bool_]:
    """Return where the upper triangle of a matrix is; a file has it row by row."""
    return np.tri(width, dtype=bool).T


def _from_state(state: tuple[Any, ...]) -> _core.Sums:
    sums = _core.Sums.__new__(_core.Sums)
    sums.__setstate__(state)
    return sums
