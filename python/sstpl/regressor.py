"""`SSTPLRegressor`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import MultiOutputMixin, RegressorMixin

from sstpl import _validation as check
from sstpl._base import unchanged_on_error
from sstpl._blind import Blind
from sstpl._conformal import residual_conformity
from sstpl._growing import Growing, grows
from sstpl._report import Report
from sstpl._typing import Floats, Labels, Weights


class SSTPLRegressor(MultiOutputMixin, RegressorMixin, Growing):
    """Regression by closed-form ridge solves alone; depth, penalty and number of subsystems come from the data.

    Every weight is the solution of::

        W = argmin ||H W - Y||^2 + lambda ||W||^2,    lambda = alpha trace(H'H) / p,

    for some features H of width p and standardised targets Y. One factorisation serves all columns of Y.

    Parameters
    ----------
    architecture, hidden_width, max_hidden_width, max_depth, n_subsystems, max_subsystems, subsystem_fraction, \
activation, hidden_weights, hidden_columns, alpha, selection, n_folds, scaling, categorical_features, image_shape, \
image_filters, hidden_widths, encoder_penalty, encoder_alpha, readout_width, fusion_width, fusion, time_limit, \
memory_limit, dtype, random_state, n_threads, verbose, callback
        As in `SSTPLClassifier`; ``hidden_weights="constrained"`` takes differences of any two training rows, and
        row samples and folds are not stratified.

    Attributes
    ----------
    depth_ : int
        Number of levels ("paper": encoders) of the deepest subsystem.
    n_subsystems_ : int
        Number of subsystems kept.
    subsystems_ : tuple
        The trained subsystems: their weights as plain arrays, and ``predict(X)`` for rows that the input map has
        scaled.
    oof_prediction_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Predictions of the training rows, in their order, each by solutions that did not see the row's target: the mean
        over subsystems of leave-one-out predictions ("paper": out-of-fold), or, of a row that a subsystem leaves out,
        its prediction. "recursive" leaves a row out of every level, but not out of the scores that other rows carry
        from level to level: what upper levels lose by that is measured on the rows left out, and put back as a share,
        the same for all rows, of the residual of the first level.
    report_ : Report
        For every subsystem, layer, pair and solve: what was tried, its score, alpha, rank, rcond, solver, seconds.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
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
    _oof_name = "oof_prediction_"

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> SSTPLRegressor:
        """Fit the system.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers, of which some may be missing, and categories (see Notes of `SSTPLClassifier`); at least 2 rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Finite targets.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Finite and not negative, at least two of them positive; see Notes of `SSTPLClassifier.fit`. Intervals cover
            the weighted distribution.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For parameters or input out of range; the message names the argument.
        MemoryError
            When the narrowest layer that the parameters allow, or what becomes of sparse X, exceeds ``memory_limit``.
        numpy.linalg.LinAlgError
            When features overflow.
        """
        with unchanged_on_error(self):
            self._fit(X, y, sample_weight, classification=False)
        return self

    @check.method_if(grows)
    def partial_fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> SSTPLRegressor:
        """Add rows to a model of one level, which the first call begins; see `SSTPLClassifier.partial_fit`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers; at least 2 rows in the first call. Or rows in blocks (`sstpl.sources`).
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Finite targets.

        Returns
        -------
        self

        Raises
        ------
        ValueError, MemoryError, numpy.linalg.LinAlgError
            As in `SSTPLClassifier.partial_fit`.

        Notes
        -----
        Targets are standardised by mean and deviation of the first call's. The solution does not depend on that, but
        for ``alpha="auto"`` and several outputs it weighs their errors. There is no ``oof_prediction_``, and
        `predict_interval` needs `calibrate`.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sstpl import SSTPLRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> model = SSTPLRegressor(hidden_width=100, random_state=0).partial_fit(X[:200], y[:200])
        >>> model.partial_fit(X[200:300], y[200:300]).score(X[300:], y[300:]) > 0.4
        True
        """
        self._partial_fit(X, y, None, classification=False)
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
        return self._decoded(X)

    def predict_interval(self, X: npt.ArrayLike, coverage: float = 0.9) -> Floats:
        """Return intervals that hold the targets of new samples with a given probability.

        The prediction plus and minus the ``ceil((n + 1) coverage)``-th smallest of the n absolute residuals
        ``|y - oof_prediction_|``: intervals of one width for all samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        coverage : float in (0, 1), default=0.9
            Share of new samples whose target the interval holds, for each output by itself.

        Returns
        -------
        ndarray of shape (n_samples, 2) or (n_samples, 2, n_outputs)
            Lower and upper ends, in the units of y. Infinite with fewer than ``coverage / (1 - coverage)`` training
            rows, which cannot tell.

        Raises
        ------
        ValueError
            For a coverage that is not in (0, 1), and for X as in `predict`.

        Notes
        -----
        The coverage is an average over samples like the training rows, not one for each kind of sample. It would be
        exact for finite n if residuals of training rows and of new samples were exchangeable. They nearly are: a new
        sample is predicted by the solutions on all rows, a training row by those without it. That holds the coverage
        asymptotically where leaving out a row changes predictions little; there is no bound for finite n, as
        jackknife+ would have for the fits of its own [1]_.

        References
        ----------
        .. [1] R. F. Barber, E. J. Candes, A. Ramdas, R. J. Tibshirani, "Predictive inference with the jackknife+",
           Annals of Statistics 49, 2021.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sstpl import SSTPLRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> low, high = SSTPLRegressor(random_state=0).fit(X[:300], y[:300]).predict_interval(X[300:]).T
        >>> bool(0.8 < ((low <= y[300:]) & (y[300:] <= high)).mean() < 1)
        True
        """
        covered = check.coverage(coverage)
        scores = self._scores(X)
        reach = self._conformity.quantile(covered).astype(scores.dtype)
        return np.stack([self._targets.decode(scores - reach), self._targets.decode(scores + reach)], axis=1)

    def _as_new(self, blind: Blind) -> Floats:
        return blind.scores()

    def _outputs(
        self, scores: Floats, targets: Floats, labels: Labels | None, weights: Weights, report: Report
    ) -> dict[str, Any]:
        return {"_conformity": residual_conformity(scores, targets, weights)}
