"""`SSTPLRegressor`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.base import MultiOutputMixin, RegressorMixin

from sstpl import _validation as check
from sstpl._base import SSTPLBase, unchanged_on_error
from sstpl._inputs import fit_input_map
from sstpl._typing import Floats


class SSTPLRegressor(MultiOutputMixin, RegressorMixin, SSTPLBase):
    """Regression by closed-form ridge solves alone; depth, penalty and number of subsystems come from the data.

    Every weight is the solution of::

        W = argmin ||H W - Y||^2 + lambda ||W||^2,    lambda = alpha trace(H'H) / p,

    for some features H of width p and standardised targets Y. One factorisation serves all columns of Y.

    Parameters
    ----------
    architecture, hidden_widths, max_depth, n_subsystems, max_subsystems, subsystem_fraction, encoder_penalty, \
encoder_alpha, activation, hidden_weights, readout_width, fusion_width, alpha, fusion, selection, n_folds, scaling, \
dtype, random_state, n_threads, verbose
        As in `SSTPLClassifier`; ``hidden_weights="constrained"`` takes differences of any two training rows, and
        row samples and folds are not stratified.

    Attributes
    ----------
    depth_ : int
        Number of encoders of the deepest subsystem.
    n_subsystems_ : int
        Number of subsystems kept.
    subsystems_ : tuple
        The trained subsystems: their weights as plain arrays, and ``predict(X)`` for rows that the input map has
        scaled.
    oof_prediction_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Predictions of the training rows, in their order, each by solutions that did not see the row's target.
    report_ : Report
        For every subsystem, layer, pair and solve: what was tried, its score, alpha, rank, rcond, solver, seconds.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names, where X had any.

    Warns
    -----
    scipy.linalg.LinAlgWarning
        When a ridge solve was too ill-conditioned for Cholesky and the minimum-norm solution was taken.

    Notes
    -----
    The backward network is solved in the dense form: its targets have the width of each layer, not a row per class.
    A target column of zero variance is predicted by its value.

    References
    ----------
    .. [1] B. Liu, Z. Zhao, Y. Li, B. Wang, "Semi-adaptive Synergetic Two-way Pseudoinverse Learning System",
       arXiv:2406.18931, 2024.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sstpl import SSTPLRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = SSTPLRegressor(random_state=0).fit(X[:300], y[:300])
    >>> model.score(X[300:], y[300:]) > 0.4
    True
    """

    oof_prediction_: Floats
    _target_mean: Floats
    _target_scale: Floats
    _one_output: bool

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> SSTPLRegressor:
        """Fit the system.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers; at least 2 rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Finite targets.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For parameters or input out of range; the message names the argument.
        numpy.linalg.LinAlgError
            When features overflow.
        """
        with unchanged_on_error(self):
            self._check_parameters()
            dtype = check.working_dtype(self.dtype, X)
            rows, y = check.training_rows(self, X, y, dtype, classification=False)
            columns = y.reshape(len(y), -1).astype(np.float64)
            mean, scale = _standardise(columns)
            targets = ((columns - mean) / scale).astype(dtype)
            input_map = fit_input_map(rows, self.scaling, dtype)
            mapped = input_map.transform(rows)
            del rows  # the widest solve needs the memory
            fitted, scores = self._fit_system(input_map, mapped, targets, None)
            self._keep(fitted)
            self._target_mean, self._target_scale, self._one_output = mean, scale, y.ndim == 1
            self.oof_prediction_ = self._as_prediction(scores)
        return self

    def predict(self, X: npt.ArrayLike) -> Floats:
        """Return predictions for samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the units of y, in the precision that the model computes in.
        """
        return self._as_prediction(self._scores(X))

    def _as_prediction(self, scores: Floats) -> Floats:
        values = (scores * self._target_scale + self._target_mean).astype(scores.dtype)
        return values[:, 0] if self._one_output else values


def _standardise(columns: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return mean and deviation of target columns, without overflow; a constant column has its value and 1."""
    magnitude = np.max(np.abs(columns), axis=0)
    magnitude[magnitude == 0] = 1.0
    mean = np.mean(columns / magnitude, axis=0) * magnitude
    deviation = np.std(columns / magnitude, axis=0) * magnitude
    constant = (columns.max(axis=0) == columns.min(axis=0)) | (deviation == 0)
    return np.where(constant, columns[0], mean), np.where(constant, 1.0, deviation)
