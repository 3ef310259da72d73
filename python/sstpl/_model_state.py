"""Estimators to model files and back: `SSTPLClassifier.save`, `SSTPLRegressor.save` and `load`.

What a fit leaves on an estimator is the list `_PARTS` below. A new kind of fitted state is one more line there, whose
`since` is the format version that it comes with; files of older versions are read without it. A file is of the oldest
version that has what it holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sstpl import _model_file as container
from sstpl import _model_maps, _model_subsystems, _model_sums, _model_values
from sstpl import _model_schema as schema
from sstpl import _validation as check
from sstpl._config import build_info
from sstpl._conformal import Conformity
from sstpl._model_file import ModelFormatError, Path
from sstpl._model_schema import Reader, Writer
from sstpl._recursive import DISTANCE, Stack
from sstpl._targets import ClassTargets, NumberTargets
from sstpl.classifier import SSTPLClassifier
from sstpl.regressor import SSTPLRegressor

_CLASSES = {kind.__name__: kind for kind in (SSTPLClassifier, SSTPLRegressor)}
_DTYPES = ("float32", "float64")
_VERSION_WITH_SUMS, _VERSION_WITH_LANDMARKS, _VERSION_WITH_CENTERS = 2, 3, 4
_MOST_THREADS = 1024  # prediction takes as many as the file says


@dataclass(frozen=True)
class _Part:
    """One entry of the header: how it is written, and how it is read and set on an estimator that has those before."""

    name: str
    write: Callable[[Any, Writer], Any]
    read: Callable[[Any, Any, Reader], None]
    since: int = 1


def save(model: Any, path: Path, *, sums: bool) -> None:
    """Write an estimator; see `SSTPLClassifier.save`."""
    check.flag("sums", sums)
    if type(model) not in _CLASSES.values():
        raise TypeError(f"a model file holds one of {sorted(_CLASSES)}, got {type(model).__name__}")
    check.fitted(model)
    if sums:
        check.has_sums("save with sums=True", model)
    given = model.get_params(deep=False)
    given.pop("callback")  # code, of which a file holds none
    parameters = {name: _model_values.write_parameter(name, value) for name, value in given.items()}
    out = Writer()
    version = _version_for(model, sums=sums)
    parts = {part.name: part.write(model, out) for part in _PARTS if part.since <= version}
    if sums:
        parts["sums"] = _model_sums.write(model._growth, out)
    header = {
        "format": container.FORMAT,
        "format_version": version,
        "sstpl_version": build_info()["version"],
        "class": type(model).__name__,
        "dtype": model._input_map.dtype.name,
        "parameters": parameters,
    }
    header |= parts
    _read(header, out.arrays)  # what is written can be read
    container.write(path, header, out.arrays)


def load(path: Path) -> SSTPLClassifier | SSTPLRegressor:
    """Return the estimator that a file holds.

    It predicts bit for bit what the saved one predicts on the same machine, and has its parameters, its report and its
    scores of the training rows; and, of a file with sums, goes on with `partial_fit` as that one would. No code is run
    and no pickle is read: a file from a stranger is refused or is a model, though not necessarily one that predicts
    anything sensible.

    Parameters
    ----------
    path : str or os.PathLike
        What ``save`` has written.

    Returns
    -------
    SSTPLClassifier or SSTPLRegressor

    Raises
    ------
    ModelFormatError
        A ValueError: the file is no model file, is damaged, was edited, or was written by a newer version of sstpl.
    OSError
        When the file cannot be read; FileNotFoundError when there is none.

    Notes
    -----
    Files of all earlier versions of the format are read. Cost: three times the file in memory, for a moment; up to
    eight times with sums.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import load_iris
    >>> import sstpl
    >>> X, y = load_iris(return_X_y=True)
    >>> model = sstpl.SSTPLClassifier(hidden_width=20, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "iris.safetensors")
    ...     model.save(path)
    ...     same = sstpl.load(path)
    >>> bool((same.decision_function(X) == model.decision_function(X)).all())
    True
    """
    try:
        return _read(*container.read(path))
    except ModelFormatError as error:
        raise ModelFormatError(f"{path!s}: {error}") from error


def _read(header: container.Header, arrays: container.Arrays) -> SSTPLClassifier | SSTPLRegressor:
    parts = [part for part in _PARTS if part.since <= header["format_version"]]
    own = ("format", "format_version", "sstpl_version", "class", "dtype", "parameters")
    schema.keyed("the header", header, (*own, *(part.name for part in parts)))
    if not isinstance(header["sstpl_version"], str):
        raise schema.fail("sstpl_version", "a string", header["sstpl_version"])
    dtype = np.dtype(schema.choice("dtype", header["dtype"], _DTYPES))
    model = _with_parameters(_CLASSES[schema.choice("class", header["class"], _CLASSES)], header["parameters"])
    reader = Reader(arrays, dtype)
    for part in parts:
        part.read(model, header[part.name], reader)
    reader.require_empty()
    return model


def _with_parameters(kind: type[SSTPLClassifier | SSTPLRegressor], given: object) -> SSTPLClassifier | SSTPLRegressor:
    """Return an estimator with these parameters; one that is newer than the file has its default."""
    known = kind._get_param_names()
    given = schema.keyed("parameters", given, set(known) & given.keys() if isinstance(given, dict) else known)
    model = kind(**{name: _model_values.read_parameter(name, value) for name, value in given.items()})
    try:
        model._check_parameters()
        check.seed_of(model.random_state)
        schema.integer("n_threads", model.n_threads or 1, 1, _MOST_THREADS)
    except (ValueError, TypeError, OverflowError) as error:
        raise ModelFormatError(f"parameters: {error!s:.500}") from error
    return model


def _version_for(model: Any, *, sums: bool) -> int:
    """Return the oldest version that has what a file is to hold."""
    stacks = [subsystem for subsystem in model.subsystems_ if isinstance(subsystem, Stack)]
    if any(stack.activation == DISTANCE for stack in stacks):
        return _VERSION_WITH_CENTERS
    if any(level.landmarks is not None for stack in stacks for level in stack.levels):
        return _VERSION_WITH_LANDMARKS
    return _VERSION_WITH_SUMS if sums else 1


def _write_features(model: Any, out: Writer) -> dict[str, Any]:
    names = getattr(model, "feature_names_in_", None)
    listed = None if names is None else [str(name) for name in names]
    info: dict[str, Any] = {"number": int(model.n_features_in_), "names": listed}
    if model._categories is not None:
        info["categories"] = _model_values.write_categories(model._categories)
    return info


def _read_features(model: Any, info: Any, arrays: Reader) -> None:
    info = schema.keyed("features", info, ("number", "names"), optional=("categories",))
    model.n_features_in_ = schema.integer("features.number", info["number"], 1)
    model._categories = None
    if "categories" in info:
        model._categories = _model_values.read_categories(info["categories"], model.n_features_in_)
    if info["names"] is None:
        return
    names = schema.items("features.names", info["names"])
    if len(names) != model.n_features_in_ or not all(isinstance(name, str) for name in names):
        raise schema.fail("features.names", f"{model.n_features_in_} strings", names)
    model.feature_names_in_ = np.array(names, dtype=object)


def _read_input_map(model: Any, info: Any, arrays: Reader) -> None:
    model._input_map = _model_maps.read(info, arrays, model.n_features_in_)


def _read_targets(model: Any, info: Any, arrays: Reader) -> None:
    model._targets = _model_values.read_targets(info, arrays)
    of_classes = not isinstance(model._targets, NumberTargets)
    if of_classes != isinstance(model, SSTPLClassifier):
        raise ModelFormatError(f"targets of this kind are not those of a {type(model).__name__}")
    if of_classes:
        model.classes_ = model._targets.classes


def _write_subsystems(model: Any, out: Writer) -> list[dict[str, Any]]:
    return [_model_subsystems.write(one, f"subsystems.{i}", out) for i, one in enumerate(model.subsystems_)]


def _read_subsystems(model: Any, info: Any, arrays: Reader) -> None:
    sizes = model._input_map.n_columns_out, _n_outputs(model)
    entries = enumerate(schema.items("subsystems", info, least=1))
    model.subsystems_ = tuple(_model_subsystems.read(one, f"subsystems.{i}", arrays, *sizes) for i, one in entries)
    model.n_subsystems_ = len(model.subsystems_)
    model.depth_ = max(subsystem.depth for subsystem in model.subsystems_)


def _write_out_of_fold(model: Any, out: Writer) -> dict[str, Any] | None:
    scores = getattr(model, model._oof_name, None)
    if scores is None:  # after partial_fit, and of one fold
        return None
    out.put("out_of_fold", scores)
    return {"n_samples": len(scores)}


def _read_out_of_fold(model: Any, info: Any, arrays: Reader) -> None:
    if info is None:
        return
    n_samples = schema.integer(
        "out_of_fold.n_samples", schema.keyed("out_of_fold", info, ["n_samples"])["n_samples"], 2
    )
    targets, n_outputs = model._targets, _n_outputs(model)
    flat = n_outputs == 2 if isinstance(targets, ClassTargets) else getattr(targets, "one_output", False)
    setattr(model, model._oof_name, arrays.take("out_of_fold", (n_samples,) if flat else (n_samples, n_outputs)))


def _write_calibration(model: Any, out: Writer) -> dict[str, Any] | None:
    calibration = getattr(model, "_calibration", None)  # none of a regressor, nor without scores
    return None if calibration is None else asdict(calibration)


def _read_calibration(model: Any, info: Any, arrays: Reader) -> None:
    if info is None:
        return
    if not isinstance(model, SSTPLClassifier):
        raise schema.fail("calibration", "null for a regressor", info)
    model._calibration = _model_values.read_calibration(info)


def _write_conformity(model: Any, out: Writer) -> dict[str, Any] | None:
    if getattr(model, "_conformity", None) is None:  # without scores
        return None
    out.record("conformity", model._conformity)
    return {"n_samples": len(model._conformity.values)}


def _read_conformity(model: Any, info: Any, arrays: Reader) -> None:
    if info is None:
        return
    info = schema.keyed("conformity", info, ("n_samples",))
    n_columns = 1 if isinstance(model, SSTPLClassifier) else _n_outputs(model)
    shapes: dict[str, tuple[int, ...]] = {
        "values": (schema.integer("conformity.n_samples", info["n_samples"], 1), n_columns)
    }
    model._conformity = arrays.record(Conformity, "conformity", shapes, np.float64)
    values = model._conformity.values
    if (values[0] < 0).any() or (np.diff(values, axis=0) < 0).any():
        raise ModelFormatError("conformity.values must be at least 0 and in order")


def _read_sums(model: Any, info: Any, arrays: Reader) -> None:
    if info is None:
        return
    if hasattr(model, model._oof_name):
        raise schema.fail("out_of_fold", "null where there are sums", "scores")
    model._growth = _model_sums.read(info, arrays, model)


def _n_outputs(model: Any) -> int:
    targets = model._targets
    return len(targets.mean if isinstance(targets, NumberTargets) else targets.classes)


def _read_report(model: Any, info: Any, arrays: Reader) -> None:
    model.report_ = _model_values.read_report(info)


# Everything that a fit leaves on an estimator, in the order in which it is read: an entry may need those before.
_PARTS = (
    _Part("features", _write_features, _read_features),
    _Part("input_map", lambda model, out: _model_maps.write(model._input_map, out), _read_input_map),
    _Part("targets", lambda model, out: _model_values.write_targets(model._targets, out), _read_targets),
    _Part("subsystems", _write_subsystems, _read_subsystems),
    _Part("out_of_fold", _write_out_of_fold, _read_out_of_fold),
    _Part("calibration", _write_calibration, _read_calibration),
    _Part("conformity", _write_conformity, _read_conformity),
    _Part("report", lambda model, out: _model_values.write_report(model.report_), _read_report),
    _Part("sums", lambda model, out: None, _read_sums, since=_VERSION_WITH_SUMS),  # written where they are asked for
)
