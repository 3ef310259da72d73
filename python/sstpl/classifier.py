"""`SSTPLClassifier`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin

from sstpl import _validation as check
from sstpl._base import SSTPLBase, unchanged_on_error
from sstpl._inputs import fit_input_map
from sstpl._typing import Floats


class SSTPLClassifier(ClassifierMixin, SSTPLBase):
    """Classification by closed-form ridge solves alone; depth, penalty and number of subsystems come from the data.

    Every weight is the solution of::

        W = argmin ||H W - Y||^2 + lambda ||W||^2,    lambda = alpha trace(H'H) / p,

    for some features H of width p and coded targets Y. With ridge encoders no gradient step is taken; lasso encoders
    are solved by FISTA, a proximal gradient method. No validation set is needed:
    choices are made on out-of-fold scores of the training rows.

    Parameters
    ----------
    architecture : {"paper"}, default="paper"
        "paper": forward encoders, a backward network of their pseudoinverses, and a wide hidden layer on a pair of
        both [1]_.
    hidden_widths : sequence of int >= 1, default=(300, 150)
        Widths of the forward encoders, bottom up; as many are kept as improve the selection score.
    max_depth : int >= 1 or None, default=None
        At most this many encoders; None means ``len(hidden_widths)``.
    n_subsystems : int >= 1 or "auto", default="auto"
        Number of subsystems whose outputs are averaged. "auto" adds them while the score of the average improves.
    max_subsystems : int >= 1, default=5
        The cap of ``n_subsystems="auto"``.
    subsystem_fraction : float in (0, 1], default=0.8
        Share of the training rows that a subsystem is trained on, per class.
    encoder_penalty : {"ridge", "lasso"}, default="ridge"
        Penalty of the encoders. "lasso" is solved by FISTA, an iterative method, at most 50 steps.
    encoder_alpha : float >= 0, default=0.1
        Dimensionless penalty of the encoders: relative to the mean Gram diagonal (ridge), or to the least penalty
        that makes every weight zero (lasso).
    activation : {"tanh", "sigmoid", "leaky_relu", "identity"}, default="tanh"
        Activation of every layer. Backward learning needs its inverse.
    hidden_weights : {"constrained", "orthogonal", "uniform", "normal"}, default="constrained"
        How hidden layers are drawn: differences of two training rows of different classes, or data-free. The random
        code of an encoder, which must keep all of its input, is "orthogonal" where this is "constrained".
    readout_width : int >= 1, default=300
        Width of the hidden layer that scores each depth and each pair of features.
    fusion_width : int >= 1, default=1000
        Width of the hidden layer on the chosen pair.
    alpha : float >= 0 or "auto", default="auto"
        Dimensionless penalty of every readout and of the backward solves. "auto" takes for each solve the one of
        1e-6 (float32: 1e-5), 1e-5, ..., 1e2 with the least squared error on held-out folds, or the next larger one
        where that is too ill-conditioned for Cholesky.
    fusion : {"pair", "all"}, default="pair"
        Fuse the forward level that scores best on the rows outside the subsystem's sample, with the backward level
        that improves on it there by more than two standard errors, if any; or all levels.
    selection : {"kfold"}, default="kfold"
        Depth, alpha and number of subsystems are chosen on out-of-fold predictions over ``n_folds`` folds.
    n_folds : int >= 2, default=5
        Folds of cross-fitting; no more than rows.
    scaling : {"feature", "sample", "none"}, default="feature"
        Standardise columns, or rows, or neither. Columns that are constant over the training rows are left out.
    dtype : {"auto", "float32", "float64"}, default="auto"
        Precision of features and weights; sums and solves are float64 always. "auto" is float32 for input whose
        every value is one (float32, float16, integers of at most 16 bits, bool), float64 otherwise.
    random_state : int, RandomState or None, default=None
        Seed of row samples, folds and random weights. The same seed gives the same model whatever the threads, up
        to the rounding of the BLAS.
    n_threads : int >= 1 or None, default=None
        Threads of the core during fit and predict; None leaves the setting alone, within the CPU quota.
    verbose : int, default=0
        1 shows a progress bar when fitting takes longer than two seconds.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted.
    depth_ : int
        Number of encoders of the deepest subsystem.
    n_subsystems_ : int
        Number of subsystems kept.
    subsystems_ : tuple
        The trained subsystems: their weights as plain arrays, and ``predict(X)`` for rows that the input map has
        scaled.
    oof_decision_function_ : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Scores of the training rows, in their order, each by solutions that did not see the row's label.
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
    Cost for n rows and K folds: per encoder of width w on v inputs ``6 n v w + n w^2`` flops; the fusion of width p on
    z inputs ``4 n z p + n p^2 + (K + 1) p^3 / 3``. Memory: the mapped rows, one feature array per level, and
    ``4 K p^2 + 8 p^2`` bytes for the sums. Binary problems are solved with two outputs, whose scores differ by sign.

    References
    ----------
    .. [1] B. Liu, Z. Zhao, Y. Li, B. Wang, "Semi-adaptive Synergetic Two-way Pseudoinverse Learning System",
       arXiv:2406.18931, 2024.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sstpl import SSTPLClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = SSTPLClassifier(random_state=0).fit(X[:1500], y[:1500])
    >>> model.score(X[1500:], y[1500:]) > 0.9
    True
    """

    classes_: npt.NDArray[Any]
    oof_decision_function_: Floats

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> SSTPLClassifier:
        """Fit the system.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers; at least 2 rows.
        y : array-like of shape (n_samples,)
            Class labels, at least two different ones.

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
            rows, y = check.training_rows(self, X, y, dtype, classification=True)
            classes, labels = check.encode_labels(y)
            targets = check.code_labels(labels, len(classes), dtype)
            input_map = fit_input_map(rows, self.scaling, dtype)
            mapped = input_map.transform(rows)
            del rows  # the widest solve needs the memory
            fitted, scores = self._fit_system(input_map, mapped, targets, labels)
            self._keep(fitted)
            self.classes_ = classes
            self.oof_decision_function_ = _as_decision(scores)
        return self

    def decision_function(self, X: npt.ArrayLike) -> Floats:
        """Return the scores of samples: least-squares estimates of +1 (the class) or -1 (another).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes one score per sample, positive for ``classes_[1]``.
        """
        return _as_decision(self._scores(X))

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return the class with the largest score for every sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        scores = self._scores(X)
        predicted: npt.NDArray[Any] = self.classes_[np.argmax(scores, axis=1)]
        return predicted


def _as_decision(scores: Floats) -> Floats:
    return (scores[:, 1] - scores[:, 0]) / 2 if scores.shape[1] == 2 else scores
