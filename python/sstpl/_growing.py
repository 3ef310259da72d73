"""What users do with a fitted model: any is calibrated on other rows, and one that `partial_fit` has made changes."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy.linalg import LinAlgWarning
from sklearn.exceptions import NotFittedError

from sstpl import _validation as check
from sstpl._adding import Adding
from sstpl._base import SSTPLBase
from sstpl._budget import Budget
from sstpl._calibration import Calibration
from sstpl._config import threads
from sstpl._conformal import Conformity
from sstpl._growth import Growth
from sstpl._progress import Progress
from sstpl._sources import Stream
from sstpl._targets import ClassTargets, LabelTargets
from sstpl._weights import by_class, normalised

G = TypeVar("G", bound="Growing")


def grows(estimator: SSTPLBase) -> bool:
    """Whether an estimator has `partial_fit`."""
    return bool(estimator.architecture == "recursive")


class Growing(Adding):
    """What goes with `partial_fit` (see `SSTPLClassifier.partial_fit`), and `calibrate`."""

    _calibration: Calibration
    _conformity: Conformity

    def forget(self: G, X: npt.ArrayLike, y: npt.ArrayLike) -> G:
        """Take rows away again that were added by `partial_fit`: their sums are subtracted.

        The model is then, to rounding, the one that never saw them; but for the input map and the hidden layer, which
        stay as the first call drew them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows with the values that they were added with, in any order and any number of calls; or in blocks, as in
            `partial_fit`.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Where the sums show that some of the rows were never added, or where no row would be left; for input as in
            `partial_fit`. Rows that were not added, yet are like those that were, cannot be told from them.
        sklearn.exceptions.NotFittedError
            Before `partial_fit`.

        Warns
        -----
        scipy.linalg.LinAlgWarning
            When the rounding that is left of rows taken away exceeds a millionth of some feature's sum of squares:
            after about 8 exchanges of all rows in float32, and 10^9 in float64. Solves take that rounding into
            account; fit anew to be rid of it.

        Notes
        -----
        Cost: as adding the rows.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sstpl import SSTPLClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = SSTPLClassifier(hidden_width=20, random_state=0).partial_fit(X, y)
        >>> model.forget(X[:10], y[:10]).report_.subsystems[0].n_samples
        140
        """
        rows, y = self._more_rows("forget", X, y)
        with threads(self.n_threads), self._progress() as progress:
            batches = self._batches(rows, y, self._growth, self._targets, progress)
            growth = self._growth.without(batches, is_classification=isinstance(self._targets, ClassTargets))
        if growth.n_samples < 1:
            raise ValueError(f"forget must leave at least one row, and X has all {len(rows)}; call fit to begin anew")
        if growth.has_lost_digits:
            warnings.warn(
                f"rows that were taken away have left their rounding in the sums, {growth.left_behind():.0e} of some "
                "feature's sum of squares; fit the rows that are left anew, or use dtype='float64'",
                LinAlgWarning,
                stacklevel=2,
            )
        self._become(growth)
        return self

    def merge(self: G, other: G, since: G | None = None) -> G:
        """Add the rows of another model, which was begun as a copy of this one: their sums add up.

        So rows in many places are fitted where they are: `partial_fit` begins a model on some rows, copies of it take
        in others, each in its place, and are merged in any order. The model is, to rounding, that of all rows.

        Parameters
        ----------
        other : estimator of the same class
            Made from the same first call of `partial_fit` as this one: of the same layer, folds and classes.
        since : estimator of the same class, optional
            The model that both were made from; its rows, which both have, are not added twice.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Where the models are not of one layer with the same classes (give ``classes`` to the first `partial_fit`),
            or lack rows of `since`.
        sklearn.exceptions.NotFittedError
            Where one of them has no sums; see `partial_fit`.

        Notes
        -----
        Cost: a pass over the sums, 4 K p^2 bytes each for K folds and width p.

        Examples
        --------
        >>> from copy import deepcopy
        >>> from sklearn.datasets import load_iris
        >>> from sstpl import SSTPLClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> begun = SSTPLClassifier(hidden_width=20, random_state=0).partial_fit(X[::5], y[::5], classes=[0, 1, 2])
        >>> others = [deepcopy(begun).partial_fit(X[k::5], y[k::5]) for k in range(1, 5)]
        >>> model = deepcopy(begun)
        >>> for other in others:
        ...     model = model.merge(other, since=begun)
        >>> model.report_.subsystems[0].n_samples
        150
        """
        ours, theirs = self._sums_of(self, "self"), self._sums_of(other, "other")
        growth = ours.merged(theirs, None if since is None else self._sums_of(since, "since"))
        known, more = (
            model._targets.classes if isinstance(model._targets, ClassTargets) else np.zeros(0)
            for model in (self, other)
        )
        if not np.array_equal(known, more):
            raise ValueError(f"other must have the classes of this model, {known}, got {more}")
        self._become(growth)
        return self

    def _sums_of(self, model: object, name: str) -> Growth:
        """Return the sums of a model to merge."""
        if not isinstance(model, type(self)):
            raise TypeError(f"{name} must be a {type(self).__name__}, got {type(model).__name__}")
        if "_growth" not in vars(model):
            raise NotFittedError(f"merge needs models that partial_fit has made, and {name} has no sums")
        return model._growth

    def grow(self: G, X: npt.ArrayLike, y: npt.ArrayLike, n_hidden: int) -> G:
        """Add hidden units to a model made by `partial_fit`.

        New units stand beside the old ones, ``G = [G11 H1'H2; . H2'H2]`` and ``B = [B1; H2'Y]``: what was summed is
        kept, and the model is, to rounding, that of all rows with the wider layer. The blocks H1'H2 need the features
        of every row, so all rows that were added and not taken away are needed once more.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            All rows that are in the model, in any order, and in memory.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        n_hidden : int >= 1
            Units to add. They are those that a layer of the new width, drawn from these rows, has beyond the old width.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Where X and y are not the rows of the model: the number of rows, and what the old units see of them, are
            compared with the sums.
        TypeError
            For rows that come in blocks.
        sklearn.exceptions.NotFittedError
            Before `partial_fit`.

        Notes
        -----
        Cost for n rows, width p and q new units: ``2 n d (p + q) + n (2 p q + q^2)`` flops, less than the ``n p^2`` of
        summing anew by those of the old block; memory as for the sums of both widths.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sstpl import SSTPLClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = SSTPLClassifier(hidden_width=20, random_state=0).partial_fit(X, y)
        >>> model.grow(X, y, 10).subsystems_[0].width
        30
        """
        n_more = check.integer("n_hidden", n_hidden, 1)
        rows, y = self._more_rows("grow", np.asarray(X) if isinstance(X, np.memmap) else X, y)
        if isinstance(rows, Stream):
            raise TypeError("grow needs all rows of the model at once: X must be in memory, and comes in blocks")
        growth = self._growth
        check.as_many_rows("X", len(rows), "partial_fit has added", growth.n_samples)
        budget = Budget(None, check.optional(check.real, "memory_limit", self.memory_limit, 0.0, np.inf))
        self._require_room(budget, len(rows), growth.width + n_more, len(growth.folds))
        with threads(self.n_threads):
            (batch,) = self._batches(rows, y, growth, self._targets, Progress(False, ""))
            self._become(growth.widened(batch, n_more))
        return self

    def calibrate(self: G, X: npt.ArrayLike, y: npt.ArrayLike) -> G:
        """Fit probabilities, sets and intervals to rows that the model has not seen.

        `fit` does that by itself, to out-of-fold scores. `partial_fit` keeps sums, which tell no row's out-of-fold
        score, and with ``n_folds=1`` there is none: such models have no probabilities (``predict_proba``,
        ``predict_set``) and no intervals (``predict_interval``) until they have scored rows that were not fitted. Rows
        that come next can be scored before they are added: ``model.calibrate(X, y).partial_fit(X, y)``. What was fitted
        serves until the next call, also when rows are added, which is on the safe side as long as they improve the
        model.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows that were not fitted; a hundred or more. Or in blocks, as in `partial_fit`.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets; of a classifier, classes that it knows.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For input as in `partial_fit`, and for a model of several labels.
        sklearn.exceptions.NotFittedError
            Before `fit` or `partial_fit`.

        Notes
        -----
        Sets and intervals then have the coverage of split conformal prediction, exact for finite n where these rows and
        new ones are exchangeable and the model has not changed since. Cost: a prediction of X.
        """
        check.fitted(self)
        if isinstance(self._targets, LabelTargets):
            raise ValueError(f"calibrate takes one class per row, and the model has {self._targets.n_labels} labels")
        rows, y = self._labelled_rows(X, y)
        codes, labels = self._coded(self._targets, y, self._input_map.dtype)
        weights = normalised(by_class(getattr(self, "class_weight", None), y, None))
        report = replace(self.report_)
        found = self._outputs(self._scores_of(rows), codes, labels, weights, report) | {"report_": report}
        if "_growth" in vars(self):
            found["_growth"] = replace(self._growth, calibration=report.calibration)
        self.__dict__.update(found)
        return self
