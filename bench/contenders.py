"""Who competes in accuracy.py: one adapter signature, ``make(task, shape, seed) -> estimator with fit and predict``.

Everybody runs with the defaults of their package, on one fixed preparation: standardised columns, and standardised
targets for whoever depends on their scale. ``name@value`` sets a contender's one knob, as in ``elm@500``, ``lenet@20``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from typing import Any

from sklearn.pipeline import make_pipeline

import peers
from _adapters import ALPHAS, WIDTH, Shape, scaled, threads
from baselines import BASELINES


@dataclass(frozen=True)
class Contender:
    """A competitor: how it is made, and where it can run.

    Attributes
    ----------
    name : str
    make : callable
        ``make(task, shape, seed)``; `find` has bound the knob.
    note : str
        Its settings, for the report.
    images_only : bool
    max_rows : int or None
        With more training rows it is not run.
    knob : (str, number) or None
        The keyword that ``name@value`` sets, and its value in ``name``.
    package : str
        The module it needs beyond the package's own requirements.
    """

    name: str
    make: Callable[..., Any]
    note: str
    images_only: bool = False
    max_rows: int | None = None
    knob: tuple[str, float] | None = None
    package: str = "sstpl"

    def applies(self, task: str, image: bool) -> bool:
        """Whether the contender is meant for such data."""
        return (image and task == "classification") or not self.images_only

    def why_not(self) -> str | None:
        """Return why it cannot run in this environment, if so."""
        return None if find_spec(self.package) else f"{self.package} is not installed"


def _sstpl(task: str, shape: Shape, seed: int, time_limit: float = 0.0, **parameters: Any) -> Any:
    from sstpl import SSTPLClassifier, SSTPLRegressor

    estimator = SSTPLClassifier if task == "classification" else SSTPLRegressor
    if shape.image:
        parameters["image_shape"] = shape.image
    return estimator(random_state=seed, time_limit=time_limit or None, **parameters)


def _null(task: str, shape: Shape, seed: int) -> Any:
    from sklearn.dummy import DummyClassifier, DummyRegressor

    return DummyClassifier() if task == "classification" else DummyRegressor()


def _mlp(task: str, shape: Shape, seed: int) -> Any:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    return scaled(task, (MLPClassifier if task == "classification" else MLPRegressor)(random_state=seed))


def _svm(task: str, shape: Shape, seed: int) -> Any:
    from sklearn.svm import SVC, SVR

    return scaled(task, SVC() if task == "classification" else SVR())


def _forest(task: str, shape: Shape, seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    forest = RandomForestClassifier if task == "classification" else RandomForestRegressor
    return forest(random_state=seed, n_jobs=threads())


def _histgb(task: str, shape: Shape, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    boosting = HistGradientBoostingClassifier if task == "classification" else HistGradientBoostingRegressor
    return boosting(random_state=seed)


def _lightgbm(task: str, shape: Shape, seed: int) -> Any:
    from lightgbm import LGBMClassifier, LGBMRegressor

    boosting = LGBMClassifier if task == "classification" else LGBMRegressor
    return boosting(random_state=seed, n_jobs=threads(), verbosity=-1)


def _nystroem(task: str, shape: Shape, seed: int, n_components: int) -> Any:
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import RidgeClassifierCV, RidgeCV

    features = Nystroem(n_components=min(n_components, shape.rows), random_state=seed)
    readout = RidgeClassifierCV(alphas=ALPHAS) if task == "classification" else RidgeCV(alphas=ALPHAS)
    return scaled(task, make_pipeline(features, readout))


def _lenet(task: str, shape: Shape, seed: int, seconds: float) -> Any:
    from lenet import LeNet

    return LeNet(shape.image, seconds=seconds, random_state=seed, n_threads=threads())


def _baseline(name: str, task: str, shape: Shape, seed: int, width: int) -> Any:
    return BASELINES[name](task, width, seed)


_ENTRIES = [
    Contender(
        "sstpl", _sstpl, "this package; on images with image_shape; a time_limit of 0 is none", knob=("time_limit", 0.0)
    ),
    Contender(
        "sstpl_large",
        partial(_sstpl, hidden_width=8000, max_depth=3, n_subsystems=3, subsystem_fraction=0.9),
        "this package, wide: 8000 units, at most 3 levels, 3 subsystems on nine tenths of the rows each",
        images_only=True,
    ),
    Contender("null", _null, "most frequent class, or mean"),
    Contender("mlp", _mlp, "scikit-learn MLP: 100 hidden units, Adam"),
    Contender("svm", _svm, "scikit-learn SVC / SVR, RBF kernel", max_rows=100_000),
    Contender("forest", _forest, "scikit-learn random forest"),
    Contender("histgb", _histgb, "scikit-learn HistGradientBoosting"),
    Contender("lightgbm", _lightgbm, "LightGBM", package="lightgbm"),
    Contender(
        "nystroem",
        _nystroem,
        "Nystroem, then RidgeClassifierCV / RidgeCV with alphas 1e-6 to 1e2",
        knob=("n_components", 1000),
    ),
    Contender(
        "lenet",
        _lenet,
        "LeNet-5, Adam, batch 128, learning rate falling to 0 over the time given",
        images_only=True,
        knob=("seconds", 60.0),
        package="torch",
    ),
    *(
        Contender(name, partial(_baseline, name), f"baselines.py: {model.__name__}", knob=("width", WIDTH))
        for name, model in BASELINES.items()
    ),
    Contender("hpelm", peers.hpelm, "hpelm ELM: tanh units, fewer by LOO", knob=("width", WIDTH), package="hpelm"),
    Contender("pyrcn", peers.pyrcn, "PyRCN ELM: alpha 1e-5, its default", knob=("width", 500), package="pyrcn"),
    Contender("gfdl", peers.gfdl, "gfdl: identity units, pinv, its defaults", knob=("width", 100), package="gfdl"),
    Contender("nnetsauce", peers.nnetsauce, "nnetsauce Custom* on ridge", knob=("width", 5), package="nnetsauce"),
]
CONTENDERS = {contender.name: contender for contender in _ENTRIES}


def find(name: str) -> Contender:
    """Return a contender by its name, or by ``name@value`` with its knob set."""
    base, _, value = name.partition("@")
    contender = CONTENDERS.get(base)
    if contender is None:
        raise ValueError(f"no contender {base!r}; there are {', '.join(CONTENDERS)}")
    if contender.knob is None:
        if value:
            raise ValueError(f"{base!r} has no knob")
        return contender
    keyword, default = contender.knob
    setting = type(default)(value or default)
    make = partial(contender.make, **{keyword: setting})
    return replace(contender, name=name, make=make, note=f"{contender.note}; {keyword} {setting:g}")
