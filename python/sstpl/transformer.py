"""`SSTPLTransformer`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import TransformerMixin
from sklearn.utils.multiclass import type_of_target

from sstpl import _core
from sstpl import _validation as check
from sstpl._base import SSTPLBase, unchanged_on_error
from sstpl._config import threads
from sstpl._typing import Floats

_STREAM_CODE = 50
_ENCODER_ALPHA = 0.1

_Encoder = tuple[Floats, Floats, Floats]  # weights, low, scale


class SSTPLTransformer(TransformerMixin, SSTPLBase):
    """The two-way features as a transformer: what the targets say about a row, and what the rows say about themselves.

    The columns are the system's scores, one per class or target, which carry what learning backward from the targets
    adds; and beside them the features of ridge autoencoders, learnt forward from the rows alone::

        D = argmin ||R D - F||^2 + lambda ||D||^2,    F_next = s(F D'), scaled to [0, 1] on the training rows,

    for a random code R of F, which is the mapped X at first.

    ``fit_transform`` returns scores that no row's own target has reached, so that an estimator behind this one can be
    trained on them; ``transform`` returns those of the system fitted on all rows.

    Parameters
    ----------
    forward_widths : sequence of int >= 1, default=(100,)
        Widths of the autoencoders, bottom up; empty for scores alone.
    architecture, hidden_width, max_hidden_width, max_depth, n_subsystems, max_subsystems, subsystem_fraction, \
activation, hidden_weights, alpha, selection, n_folds, scaling, image_shape, image_filters, hidden_widths, \
encoder_penalty, encoder_alpha, readout_width, fusion_width, fusion, time_limit, dtype, random_state, n_threads, verbose
        As in `SSTPLClassifier`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted; classification only.
    depth_, n_subsystems_, subsystems_, report_, n_features_in_, feature_names_in_
        As in `SSTPLClassifier`.

    Notes
    -----
    Targets of scikit-learn's types "binary" and "multiclass" are classes, "continuous" ones are numbers. Whole numbers
    are classes: give floats with a fractional part, or use the scores of `SSTPLRegressor`, for a regression on them.
    Cost: the fit of the system, and ``6 n v w + n w^2`` flops per autoencoder of width w on v columns.

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

    classes_: npt.NDArray[Any]
    _encoders: tuple[_Encoder, ...]

    def __init__(
        self,
        *,
        forward_widths: tuple[int, ...] = (100,),
        architecture: str = "recursive",
        hidden_width: int | str = "auto",
        max_hidden_width: int = 4096,
        max_depth: int | None = None,
        n_subsystems: int | str = "auto",
        max_subsystems: int = 5,
        subsystem_fraction: float = 0.8,
        activation: str = "tanh",
        hidden_weights: str = "constrained",
        alpha: float | str = "auto",
        selection: str = "kfold",
        n_folds: int = 5,
        scaling: str = "auto",
        image_shape: tuple[int, int] | tuple[int, int, int] | None = None,
        image_filters: int | str = "auto",
        hidden_widths: tuple[int, ...] = (300, 150),
        encoder_penalty: str = "ridge",
        encoder_alpha: float = 0.1,
        readout_width: int = 300,
        fusion_width: int = 1000,
        fusion: str = "pair",
        time_limit: float | None = None,
        dtype: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        n_threads: int | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            architecture=architecture,
            hidden_width=hidden_width,
            max_hidden_width=max_hidden_width,
            max_depth=max_depth,
            n_subsystems=n_subsystems,
            max_subsystems=max_subsystems,
            subsystem_fraction=subsystem_fraction,
            activation=activation,
            hidden_weights=hidden_weights,
            alpha=alpha,
            selection=selection,
            n_folds=n_folds,
            scaling=scaling,
            image_shape=image_shape,
            image_filters=image_filters,
            hidden_widths=hidden_widths,
            encoder_penalty=encoder_penalty,
            encoder_alpha=encoder_alpha,
            readout_width=readout_width,
            fusion_width=fusion_width,
            fusion=fusion,
            time_limit=time_limit,
            dtype=dtype,
            random_state=random_state,
            n_threads=n_threads,
            verbose=verbose,
        )
        self.forward_widths = forward_widths

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> SSTPLTransformer:
        """Fit the system and the autoencoders.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers; at least 2 rows.
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
        self._fit_features(X, y)
        return self

    def fit_transform(self, X: npt.ArrayLike, y: npt.ArrayLike, **fit_params: Any) -> Any:
        """Fit, and return the features of the training rows, with scores that no row's own target has reached.

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
        return self._features(X, self._fit_features(X, y))

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
        return self._features(X, self._decoded(X))

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
        names = [f"score_{name}" for name in self._targets.names()]
        for level, (weights, _, _) in enumerate(self._encoders, start=1):
            names += [f"forward{level}_{unit}" for unit in range(len(weights))]
        return np.array(names, dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def _fit_features(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Floats:
        """Fit all; return the decoded scores of the training rows."""
        widths = check.forward_widths(self.forward_widths)
        with unchanged_on_error(self):
            scores = self._fit(X, y, classification=type_of_target(y).startswith(("binary", "multiclass")))
            rows = self._input_map.transform(check.prediction_rows(self, X))
            self._encoders = tuple(self._fit_encoders(rows, widths))
        return scores

    def _fit_encoders(self, F: Floats, widths: tuple[int, ...]) -> Iterator[_Encoder]:
        seed = check.seed_of(self.random_state)
        with threads(self.n_threads):
            for level, width in enumerate(widths):
                code, bias = _core.draw_hidden("orthogonal", F, width, seed, _STREAM_CODE + level)
                fit = _core.fit_encoder(F, code, bias, self.activation, "ridge", _ENCODER_ALPHA)
                yield fit["weights"], fit["low"], fit["scale"]
                F = fit["encoded"]

    def _features(self, X: npt.ArrayLike, scores: Floats) -> Floats:
        F = self._input_map.transform(check.prediction_rows(self, X))
        blocks = [scores.reshape(len(scores), -1)]
        with threads(self.n_threads):
            for weights, low, scale in self._encoders:
                F = (_core.apply_activation(self.activation, F @ weights.T) - low) * scale
                blocks.append(F)
        return np.hstack(blocks)
