"""`SSTPLTransformer`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils.multiclass import type_of_target

from sstpl import _core
from sstpl import _row_rules as row_rules
from sstpl import _validation as check
from sstpl._base import unchanged_on_error
from sstpl._config import threads
from sstpl._given import Given
from sstpl._typing import Floats
from sstpl.classifier import SSTPLClassifier
from sstpl.regressor import SSTPLRegressor

_STREAM_CODE = 50
_ENCODER_ALPHA = 0.1
_SEED_OF_ROWS = 2  # of their hashes

_Encoder = tuple[Floats, Floats, Floats]  # weights, low, scale


class SSTPLTransformer(TransformerMixin, BaseEstimator):
    """The two-way features as a transformer: what the targets say about a row, and what the rows say about themselves.

    The columns are an estimator's scores, one per class or target, which carry what learning backward from the targets
    adds; and beside them the features of ridge autoencoders, learnt forward from the rows alone::

        D = argmin ||R D - F||^2 + lambda ||D||^2,    F_next = s(F D'), scaled to [0, 1] on the training rows,

    for a random code R of F, which is the estimator's mapped X at first, and its activation s.

    Training rows get scores that their own target has not reached, so that an estimator behind this one can be trained
    on them, in ``fit_transform`` as in ``transform``, which knows them by a hash of their values. Of copies with
    different targets it is the mean. Other rows get the scores of the system fitted on all training rows.

    Parameters
    ----------
    estimator : SSTPLClassifier, SSTPLRegressor or None, default=None
        What gives the scores; it is cloned. None: by scikit-learn's type of y, a default classifier for "binary" and
        "multiclass", whole numbers among them, and a default regressor for "continuous".
    forward_widths : sequence of int >= 1, default=(100,)
        Widths of the autoencoders, bottom up; empty for scores alone.
    random_state : int, RandomState or None, default=None
        Seed of the codes of the autoencoders, and of the estimator where that is None.

    Attributes
    ----------
    estimator_ : SSTPLClassifier or SSTPLRegressor
        The fitted estimator.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, where X had any.

    Notes
    -----
    Cost: the fit of the estimator, and ``6 n v w + n w^2`` flops per autoencoder of width w on v columns.

    References
    ----------
    .. [1] B. Liu, Z. Zhao, Y. Li, B. Wang, "Semi-adaptive Synergetic Two-way Pseudoinverse Learning System",
       arXiv:2406.18931, 2024, sections on forward and backward learning.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sstpl import SSTPLTransformer
    >>> X, y = load_wine(return_X_y=True)
    >>> features = SSTPLTransformer(forward_widths=(5,), random_state=0)
    >>> features.fit_transform(X, y).shape
    (178, 8)
    """

    estimator_: SSTPLClassifier | SSTPLRegressor
    _encoders: tuple[_Encoder, ...]
    _known: npt.NDArray[np.uint64]  # ascending
    _known_scores: Floats

    def __init__(
        self,
        estimator: SSTPLClassifier | SSTPLRegressor | None = None,
        *,
        forward_widths: tuple[int, ...] = (100,),
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.forward_widths = forward_widths
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> SSTPLTransformer:
        """Fit the estimator and the autoencoders.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            What the estimator takes; at least 2 rows.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Class labels, or numbers.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For parameters or input out of range; the message names the argument.
        """
        with unchanged_on_error(self):
            self._fit(X, y)
        return self

    def fit_transform(self, X: npt.ArrayLike, y: npt.ArrayLike, **fit_params: Any) -> Any:
        """Fit, and return the features of the training rows: ``fit(X, y).transform(X)``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        **fit_params : None
            There are none; the name is scikit-learn's.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out)
        """
        if fit_params:
            raise TypeError(f"fit_transform takes X and y only, got {sorted(fit_params)}")
        return self.fit(X, y).transform(X)

    def transform(self, X: npt.ArrayLike) -> Floats:
        """Return the features of samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features_out)
            Scores, then the features of every autoencoder.
        """
        check.fitted(self)
        given = row_rules.prediction_rows(self.estimator_, X)
        mapped = self.estimator_._input_map.transform(given)
        scores = self.estimator_._targets.decode(self.estimator_._scores_of_mapped(mapped))
        blocks = [self._recalled(given, scores.reshape(len(given), -1))]
        with threads(self.estimator_.n_threads):
            for weights, low, scale in self._encoders:
                mapped = (_core.apply_activation(self.estimator_.activation, mapped @ weights.T) - low) * scale
                blocks.append(mapped)
        return np.hstack(blocks)

    def get_feature_names_out(self, input_features: npt.ArrayLike | None = None) -> npt.NDArray[Any]:
        """Return the names of the columns: score_CLASS or score_COLUMN, and forwardLEVEL_UNIT.

        Parameters
        ----------
        input_features : array-like of str or None
            Not used; it is there because scikit-learn gives it.

        Returns
        -------
        ndarray of str, shape (n_features_out,)
        """
        check.fitted(self)
        names = [f"score_{name}" for name in self.estimator_._targets.names()]
        for level, (weights, _, _) in enumerate(self._encoders, start=1):
            names += [f"forward{level}_{unit}" for unit in range(len(weights))]
        return np.array(names, dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        given = self.estimator if isinstance(self.estimator, (SSTPLClassifier, SSTPLRegressor)) else SSTPLClassifier()
        tags.input_tags = given.__sklearn_tags__().input_tags
        return tags

    def _fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> None:
        widths = check.forward_widths(self.forward_widths)
        seed = check.seed_of(self.random_state)
        self.estimator_ = self._new_estimator(y).fit(X, y)
        self.n_features_in_ = self.estimator_.n_features_in_
        self.__dict__.pop("feature_names_in_", None)
        if hasattr(self.estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.estimator_.feature_names_in_
        given = row_rules.prediction_rows(self.estimator_, X)
        self._encoders = tuple(self._fit_encoders(self.estimator_._input_map.transform(given), widths, seed))
        self._remember(given)

    def _new_estimator(self, y: npt.ArrayLike) -> SSTPLClassifier | SSTPLRegressor:
        if self.estimator is None:
            of_classes = type_of_target(y, raise_unknown=True).startswith(("binary", "multiclass"))
            default = SSTPLClassifier if of_classes else SSTPLRegressor
            return default(random_state=self.random_state)
        if not isinstance(self.estimator, (SSTPLClassifier, SSTPLRegressor)):
            raise TypeError(f"estimator must be an SSTPLClassifier, an SSTPLRegressor or None, got {self.estimator!r}")
        if self.estimator.n_folds == 1:
            raise ValueError(
                "estimator must have n_folds of at least 2, got 1: its out-of-fold scores are the features"
            )
        own: SSTPLClassifier | SSTPLRegressor = clone(self.estimator)
        return own

    def _fit_encoders(self, F: Floats, widths: tuple[int, ...], seed: int) -> Iterator[_Encoder]:
        with threads(self.estimator_.n_threads):
            for level, width in enumerate(widths):
                code, bias = _core.draw_hidden("orthogonal", F, width, seed, _STREAM_CODE + level)
                fit = _core.fit_encoder(F, code, bias, self.estimator_.activation, "ridge", _ENCODER_ALPHA)
                yield fit["weights"], fit["low"], fit["scale"]
                F = fit["encoded"]

    def _remember(self, given: Given) -> None:
        """Keep the out-of-fold scores of the training rows by their hashes, the mean of copies."""
        fitted = self.estimator_
        scores: Floats = getattr(fitted, fitted._oof_name)
        self._known, place, counts = np.unique(given.hashes(_SEED_OF_ROWS), return_inverse=True, return_counts=True)
        columns = scores.reshape(len(scores), -1)
        sums = np.zeros((len(self._known), columns.shape[1]))
        np.add.at(sums, place.reshape(-1), columns)
        self._known_scores = (sums / counts[:, np.newaxis]).astype(scores.dtype)

    def _recalled(self, given: Given, scores: Floats) -> Floats:
        """Return scores (n, c) with those of training rows replaced by their out-of-fold ones."""
        own = given.hashes(_SEED_OF_ROWS)
        place = np.minimum(np.searchsorted(self._known, own), len(self._known) - 1)
        was_seen = self._known[place] == own
        scores[was_seen] = self._known_scores[place[was_seen]]
        return scores
