"""One level of sstpl in plain NumPy and SciPy, as a user would write it: the rival that shows what the core adds.

    H = tanh(X A' + b),    W = argmin ||H W - Y||^2 + lambda ||W||^2,    lambda = alpha trace(H'H) / p,

with constrained weights between a few rows, whose products with X are taken in place of those of the weights, sums over
row blocks per fold (float32 products, float64 sums), Cholesky solves of all rows and of all but each fold, and
out-of-fold scores by a second projection. The same flops as the core's.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve
from sklearn.base import BaseEstimator, ClassifierMixin

Array = npt.NDArray[Any]

_BLOCK_ROWS = 4096
_UNITS_OF_LANDMARK = 4


class NumpyLevel(ClassifierMixin, BaseEstimator):
    """A cross-fitted hidden layer.

    Parameters
    ----------
    width : int
    alpha : float
        Dimensionless penalty.
    n_folds : int
    random_state : int
    """

    def __init__(self, width: int = 3000, alpha: float = 1e-4, n_folds: int = 5, random_state: int = 0) -> None:
        self.width = width
        self.alpha = alpha
        self.n_folds = n_folds
        self.random_state = random_state

    def fit(self, X: Array, y: Array) -> NumpyLevel:
        """Fit on float32 rows X (n, d) and classes y (n,)."""
        rng = np.random.default_rng(self.random_state)
        self.classes_, labels = np.unique(y, return_inverse=True)
        self.n_features_in_ = X.shape[1]
        order = rng.permutation(len(X))
        starts = np.linspace(0, len(X), self.n_folds + 1).astype(int)
        X, labels = X[order], labels[order]
        self.mean_, scale = X.mean(axis=0), X.std(axis=0)
        self.scale_ = np.where(scale > 0, scale, 1)
        X = (X - self.mean_) / self.scale_
        Y = (2 * np.eye(len(self.classes_), dtype=X.dtype) - 1)[labels]
        self._draw(X, labels, starts, rng)
        folds = [self._sums(X[a:b], Y[a:b]) for a, b in pairwise(starts)]
        total = tuple(sum(parts) for parts in zip(*folds, strict=True))
        self.W_, self.intercept_ = self._solve(total)
        scores = np.empty_like(Y)
        for (a, b), fold in zip(pairwise(starts), folds, strict=True):
            W, intercept = self._solve(tuple(all_ - own for all_, own in zip(total, fold, strict=True)))
            scores[a:b] = self._scores(X[a:b], W, intercept)
        self.oof_decision_function_ = np.empty_like(scores)
        self.oof_decision_function_[order] = scores
        return self

    def predict(self, X: Array) -> Array:
        """Return classes."""
        return self.classes_[self._scores((X - self.mean_) / self.scale_, self.W_, self.intercept_).argmax(axis=1)]

    def _draw(self, X: Array, labels: Array, starts: Array, rng: np.random.Generator) -> None:
        """Draw pairs of landmarks of different classes and of one fold, to project to -1 and +1."""
        landmarks = np.sort(rng.choice(len(X), self.width // _UNITS_OF_LANDMARK, replace=False))
        self.landmarks_, labels = X[landmarks], labels[landmarks]
        edges = np.searchsorted(landmarks, starts)
        one = rng.integers(len(landmarks), size=self.width)
        fold = np.searchsorted(edges, one, side="right") - 1
        low, high = edges[fold], edges[fold + 1]
        other = rng.integers(low, high)
        while (same := labels[one] == labels[other]).any():
            other[same] = rng.integers(low[same], high[same])
        self.one_, self.other_ = one, other
        first, second = self.landmarks_[one], self.landmarks_[other]
        self.scale_of_units_ = 2 / np.sum((first - second) ** 2, axis=1)
        self.b_ = -self.scale_of_units_ * np.sum((first - second) * (first + second), axis=1) / 2

    def _hidden(self, X: Array) -> Array:
        products = X @ self.landmarks_.T
        H = np.take(products, self.one_, axis=1)
        H -= np.take(products, self.other_, axis=1)
        H *= self.scale_of_units_
        H += self.b_
        return np.tanh(H, out=H)

    def _sums(self, X: Array, Y: Array) -> tuple[Array, Array, Array, Array, int]:
        """Return H'H, H'Y, the column sums of H and Y, and the number of rows."""
        p, c = self.width, Y.shape[1]
        G, B, h, s = np.zeros((p, p)), np.zeros((p, c)), np.zeros(p), np.zeros(c)
        for start in range(0, len(X), _BLOCK_ROWS):
            H, targets = self._hidden(X[start : start + _BLOCK_ROWS]), Y[start : start + _BLOCK_ROWS]
            G += H.T @ H  # NumPy takes ssyrk for this
            B += H.T @ targets
            h += H.sum(axis=0, dtype=np.float64)
            s += targets.sum(axis=0, dtype=np.float64)
        return G, B, h, s, len(X)

    def _solve(self, sums: tuple[Array, ...]) -> tuple[Array, Array]:
        G, B, h, s, n = sums
        centred = G - np.outer(h, h) / n
        centred[np.diag_indices_from(centred)] += self.alpha * np.trace(centred) / self.width
        factor = cho_factor(centred, lower=True, overwrite_a=True, check_finite=False)
        W = cho_solve(factor, B - np.outer(h, s) / n, check_finite=False)
        return W.astype(np.float32), ((s - W.T @ h) / n).astype(np.float32)

    def _scores(self, X: Array, W: Array, intercept: Array) -> Array:
        blocks = [X[start : start + _BLOCK_ROWS] for start in range(0, len(X), _BLOCK_ROWS)]
        return np.concatenate([self._hidden(rows) @ W + intercept for rows in blocks])
