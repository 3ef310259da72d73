"""The closed-form relatives of sstpl at equal width on equal code.

Every model standardises the columns of X, is solved in the package's core by the cross-fitted ridge

    W = argmin ||H W - Y||^2 + lambda ||W||^2,    lambda = alpha trace(H'H) / p,

with targets Y coded as +1/-1 (regression: standardised) and alpha from the package's path by the package's 5 folds, and
draws its weights from the package's streams. They differ in H alone. ``width`` is the number of hidden units that the
readout sees.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator

from sstpl import _core, _validation
from sstpl._inputs import fit_input_map
from sstpl._selection import ALPHA_PATH, ALPHA_PATH_FLOAT32
from sstpl._targets import class_codes

Array = npt.NDArray[Any]
Layer = tuple[Array, Array]

_BLOCK_ROWS = 4096
_N_FOLDS = 5
_STREAM_FOLDS, _STREAM_HIDDEN, _STREAM_CODE = 1, 2, 10  # the first as in the package


def _apply(layer: Layer, F: Array, activation: str) -> Array:
    """Return s(F A' + b) for rows F (n, d) and a layer (A, b)."""
    return _core.apply_activation(activation, F @ layer[0].T + layer[1])


def _encode(encoder: dict[str, Any], F: Array, activation: str) -> Array:
    """Return a fitted encoder's features, each scaled to [0, 1] on the training rows."""
    return (_core.apply_activation(activation, F @ encoder["weights"].T) - encoder["low"]) * encoder["scale"]


class ClosedForm(BaseEstimator, ABC):
    """What the relatives share: inputs, targets, folds, the solve, prediction.

    Parameters
    ----------
    task : {"classification", "regression"}
    width : int
        Hidden units that the readout sees.
    random_state : int
        Seed of weights and folds.
    """

    activation = "tanh"
    exchangeable = True  # leading columns of H stand for all: the alpha path may be scored on the core's share of them

    def __init__(self, task: str = "classification", width: int = 2000, random_state: int = 0) -> None:
        self.task = task
        self.width = width
        self.random_state = random_state

    @abstractmethod
    def _fit_design(self, rows: Array, seed: int) -> tuple[Array, Layer | None]:
        """Learn what makes H from mapped rows; return H (n, p), or what goes in and the layer that makes H."""

    @abstractmethod
    def _design(self, rows: Array) -> Array:
        """Return what `_fit_design` returned first, for any mapped rows."""

    def _in_blocks(self, rows: Array, n_columns: int) -> Array:
        """Return H (n, p) of all rows, held once."""
        H = np.empty((len(rows), n_columns), dtype=rows.dtype)
        for start in range(0, len(rows), _BLOCK_ROWS):
            H[start : start + _BLOCK_ROWS] = self._design(rows[start : start + _BLOCK_ROWS])
        return H

    def fit(self, X: Array, y: Array) -> ClosedForm:
        """Fit on rows X (n, d) and targets y (n,)."""
        dtype = _validation.working_dtype("auto", X)
        seed = _validation.seed_of(self.random_state)
        labels = None
        if self.task == "classification":
            self.classes_, labels = _validation.encode_labels(y)
            targets = class_codes(labels, len(self.classes_), dtype)
        else:
            self.mean_, self.scale_ = float(np.mean(y)), float(np.std(y)) or 1.0
            targets = ((y - self.mean_) / self.scale_).astype(dtype)[:, None]
        folds = _core.deal_folds(seed, _STREAM_FOLDS, labels, len(X), _N_FOLDS)
        order = np.argsort(folds, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(folds))]).astype(np.int64)
        self.input_map_ = fit_input_map(X, "feature", dtype)
        design, self.hidden_ = self._fit_design(self.input_map_.transform(X[order]), seed)
        options = {"hidden": self.hidden_, "activation": self.activation}
        if not self.exchangeable:
            options["path_width"] = design.shape[1]
        path = ALPHA_PATH_FLOAT32 if dtype == np.float32 else ALPHA_PATH
        fit = _core.fit_crossfit(design, targets[order], list(path), starts, **options)
        self.alpha_, self.weights_, self.intercept_ = fit["report"]["alpha"], fit["weights"], fit["intercept"]
        return self

    def predict(self, X: Array) -> Array:
        """Return classes, or values in the units of y."""
        scores = []
        for start in range(0, len(X), _BLOCK_ROWS):
            H = self._design(self.input_map_.transform(X[start : start + _BLOCK_ROWS]))
            if self.hidden_ is not None:
                H = _apply(self.hidden_, H, self.activation)
            scores.append(H @ self.weights_ + self.intercept_)
        S = np.concatenate(scores)
        return self.classes_[S.argmax(axis=1)] if self.task == "classification" else S[:, 0] * self.scale_ + self.mean_


class ELM(ClosedForm):
    """Extreme learning machine (Huang, Zhu, Siew, Neurocomputing 70, 2006).

    H = s(X A' + b), entries of A uniform with variance 1 / d, b uniform on [-1, 1]; ``activation`` is "tanh" or
    "sigmoid".
    """

    def __init__(
        self, task: str = "classification", width: int = 2000, random_state: int = 0, activation: str = "tanh"
    ) -> None:
        super().__init__(task, width, random_state)
        self.activation = activation

    def _fit_design(self, rows: Array, seed: int) -> tuple[Array, Layer | None]:
        return rows, _core.draw_hidden("uniform", rows, self.width, seed, _STREAM_HIDDEN)

    def _design(self, rows: Array) -> Array:
        return rows


class RVFL(ClosedForm):
    """Random vector functional link (Pao, Park, Sobajic, Neurocomputing 6, 1994).

    H = [X, tanh(X A' + b)], A and b as in `ELM`: d direct links beside ``width`` hidden units.
    """

    exchangeable = False

    def _fit_design(self, rows: Array, seed: int) -> tuple[Array, Layer | None]:
        self.layer_ = _core.draw_hidden("uniform", rows, self.width, seed, _STREAM_HIDDEN)
        return self._in_blocks(rows, rows.shape[1] + self.width), None

    def _design(self, rows: Array) -> Array:
        return np.hstack([rows, _apply(self.layer_, rows, self.activation)])


class HELM(ClosedForm):
    """Hierarchical extreme learning machine (Tang, Deng, Huang, IEEE TNNLS 27, 2016).

    Two sparse autoencoders, then an ELM. With F_0 = X and a random orthogonal code R = tanh(F_{l-1} A'):

        D = argmin 1/2 ||R D - F_{l-1}||^2 + mu ||D||_1,    F_l = tanh(F_{l-1} D'), scaled to [0, 1],
        H = tanh(F_2 A' + b).

    The lasso takes at most 50 steps of FISTA, with mu 1e-3 of the least penalty that gives D = 0. An autoencoder has
    ``width // 4`` units.
    """

    n_encoders = 2
    encoder_alpha = 1e-3

    def _fit_design(self, rows: Array, seed: int) -> tuple[Array, Layer | None]:
        self.encoders_ = []
        for level in range(self.n_encoders):
            code = _core.draw_hidden("orthogonal", rows, max(1, self.width // 4), seed, _STREAM_CODE + level)
            self.encoders_.append(_core.fit_encoder(rows, *code, self.activation, "lasso", self.encoder_alpha))
            rows = self.encoders_[-1].pop("encoded")
        return rows, _core.draw_hidden("uniform", rows, self.width, seed, _STREAM_HIDDEN)

    def _design(self, rows: Array) -> Array:
        for encoder in self.encoders_:
            rows = _encode(encoder, rows, self.activation)
        return rows


class BLS(ClosedForm):
    """Broad learning system (Chen, Liu, IEEE TNNLS 29, 2018), without increments.

    Feature nodes Z = [X D_1', ..., X D_m'], scaled to [0, 1], in m = 10 windows of 10, each of a sparse autoencoder

        D_i = argmin 1/2 ||(X A_i') D - X||^2 + mu ||D||_1    (as in `HELM`);

    enhancement nodes E = tanh(Z A' + b); H = [Z, E] has ``width`` columns in all.
    """

    exchangeable = False
    n_windows = 10
    window_width = 10
    encoder_alpha = 1e-3

    def _fit_design(self, rows: Array, seed: int) -> tuple[Array, Layer | None]:
        self.windows_ = []
        for window in range(self.n_windows):
            code = _core.draw_hidden("orthogonal", rows, self.window_width, seed, _STREAM_CODE + window)
            self.windows_.append(_core.fit_encoder(rows, *code, "identity", "lasso", self.encoder_alpha))
        Z = np.hstack([window.pop("encoded") for window in self.windows_])
        self.layer_ = _core.draw_hidden("uniform", Z, max(1, self.width - Z.shape[1]), seed, _STREAM_HIDDEN)
        return self._in_blocks(rows, Z.shape[1] + len(self.layer_[0])), None

    def _design(self, rows: Array) -> Array:
        Z = np.hstack([_encode(window, rows, "identity") for window in self.windows_])
        return np.hstack([Z, _apply(self.layer_, Z, self.activation)])


class PILAE(ClosedForm):
    """Stacked pseudoinverse autoencoders (Wang, Guo, Xin, Ye, IEEE SMC 2017).

    With F_0 = X and a code R = tanh(F_{l-1} A'), two layers of ``width`` units with tied encoders:

        D = argmin ||R D - F_{l-1}||^2 + lambda ||D||^2,    F_l = tanh(F_{l-1} D'), scaled to [0, 1];    H = F_2.

    The source's code, a low-rank pseudoinverse of F_{l-1}, allows no more units than F_{l-1} has columns; A is random
    and orthogonal here, so that the width can be that of the others. The alpha of D is 0.1, as in the package.
    """

    n_encoders = 2
    encoder_alpha = 0.1

    def _fit_design(self, rows: Array, seed: int) -> tuple[Array, Layer | None]:
        self.encoders_ = []
        for level in range(self.n_encoders):
            code = _core.draw_hidden("orthogonal", rows, self.width, seed, _STREAM_CODE + level)
            self.encoders_.append(_core.fit_encoder(rows, *code, self.activation, "ridge", self.encoder_alpha))
            rows = self.encoders_[-1].pop("encoded")
        return rows, None

    _design = HELM._design


BASELINES = {"elm": ELM, "rvfl": RVFL, "helm": HELM, "bls": BLS, "pilae": PILAE}
