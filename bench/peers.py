"""Adapters of the closed-form peers on PyPI; each has ``width`` as its knob and its package's defaults otherwise."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from _adapters import ALPHAS, Shape, scaled


class HpelmELM(BaseEstimator):
    """hpelm's in-memory ELM: tanh units, their number found by its leave-one-out search where there is one.

    The search starts from at most half as many units as rows: with as many as rows it ends at one unit.
    """

    def __init__(self, task: str, width: int, seed: int, search: bool = True) -> None:
        self.task = task
        self.width = width
        self.seed = seed
        self.search = search

    def fit(self, X: Any, y: Any) -> HpelmELM:
        """Fit on rows X (n, d) and targets y (n,)."""
        from hpelm import ELM

        np.random.seed(self.seed)  # noqa: NPY002 - hpelm draws from the global state
        if self.task == "classification":
            self.classes_, labels = np.unique(y, return_inverse=True)
            T = np.eye(len(self.classes_))[labels]
        else:
            T = np.asarray(y, dtype=float)[:, None]
        self.elm_ = ELM(X.shape[1], T.shape[1])
        self.elm_.add_neurons(min(self.width, len(X) // 2), "tanh")
        kind = ["c" if self.task == "classification" else "r", *(["LOO"] if self.search else [])]
        self.elm_.train(np.asarray(X, dtype=float), T, *kind)
        return self

    def predict(self, X: Any) -> Any:
        """Return classes or values."""
        S = self.elm_.predict(np.asarray(X, dtype=float))
        return self.classes_[S.argmax(axis=1)] if self.task == "classification" else S[:, 0]


def hpelm(task: str, shape: Shape, seed: int, width: int) -> Any:
    import_module("hpelm")  # not within the time of the fit
    return scaled(task, HpelmELM(task, width, seed))


def pyrcn(task: str, shape: Shape, seed: int, width: int) -> Any:
    from pyrcn.base.blocks import InputToNode
    from pyrcn.extreme_learning_machine import ELMClassifier, ELMRegressor

    layer = InputToNode(hidden_layer_size=width, random_state=seed)
    return scaled(task, (ELMClassifier if task == "classification" else ELMRegressor)(input_to_node=layer))


def gfdl(task: str, shape: Shape, seed: int, width: int) -> Any:
    from gfdl.model import GFDLClassifier, GFDLRegressor

    model = GFDLClassifier if task == "classification" else GFDLRegressor
    return scaled(task, model(hidden_layer_sizes=(width,), seed=seed))


def nnetsauce(task: str, shape: Shape, seed: int, width: int) -> Any:
    from nnetsauce import CustomClassifier, CustomRegressor
    from sklearn.linear_model import RidgeClassifierCV, RidgeCV

    if task == "classification":
        return scaled(task, CustomClassifier(RidgeClassifierCV(alphas=ALPHAS), n_hidden_features=width, seed=seed))
    return scaled(task, CustomRegressor(RidgeCV(alphas=ALPHAS), n_hidden_features=width, seed=seed))
