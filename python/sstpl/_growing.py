"""What the estimators do beside `fit`: a one-level model takes in rows, lets go of them, and gets more hidden units.

The first rows fix the input map and the hidden layer; everything after is sums (`Growth`), and what is solved from them
is made when it is first asked for.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.linalg import LinAlgWarning
from sklearn.exceptions import NotFittedError

from sstpl import _row_rules as row_rules
from sstpl import _validation as check
from sstpl._base import SSTPLBase, unchanged_on_error
from sstpl._budget import Budget, level_bytes
from sstpl._calibration import Calibration, fit_calibration
from sstpl._config import threads
from sstpl._conformal import Conformity, class_conformity, residual_conformity
from sstpl._given import Given
from sstpl._growth import Batch, Growth
from sstpl._progress import Progress
from sstpl._recursive import RecursiveOptions
from sstpl._targets import ClassTargets, NumberTargets, Targets, encode_numbers
from sstpl._typing import Floats, Labels

G = TypeVar("G", bound="Growing")

_SOLVED = ("subsystems_", "report_", "depth_", "n_subsystems_")
_BLIND = ("_calibration", "_conformity", "oof_decision_function_", "oof_prediction_")
_MOST_ROWS_AT_ONCE = 4096  # of features, as in growing.hpp


def grows(estimator: SSTPLBase) -> bool:
    """Whether an estimator has `partial_fit`."""
    return bool(estimator.architecture == "recursive")


class Growing(SSTPLBase):
    """`partial_fit` and what goes with it; see `SSTPLClassifier.partial_fit`."""

    classes_: npt.NDArray[Any]
    _growth: Growth
    _calibration: Calibration
    _conformity: Conformity

    def forget(self: G, X: npt.ArrayLike, y: npt.ArrayLike) -> G:
        """Take rows away again that were added by `partial_fit`: their sums are subtracted.

        The model is then, to rounding, the one that never saw them; but for the input map and the hidden layer, which
        stay as the first call drew them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows with the values that they were added with, in any order and any number of calls.
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
        with threads(self.n_threads):
            growth = self._growth.without(self._batch(rows, y))
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

    def grow(self: G, X: npt.ArrayLike, y: npt.ArrayLike, n_hidden: int) -> G:
        """Add hidden units to a model made by `partial_fit`.

        New units stand beside the old ones, ``G = [G11 H1'H2; . H2'H2]`` and ``B = [B1; H2'Y]``: what was summed is
        kept, and the model is, to rounding, that of all rows with the wider layer. The blocks H1'H2 need the features
        of every row, so all rows that were added and not taken away are needed once more.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            All rows that are in the model, in any order.
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
        rows, y = self._more_rows("grow", X, y)
        growth = self._growth
        check.as_many_rows("X", len(rows), "partial_fit has added", growth.n_samples)
        budget = Budget(None, check.optional(check.real, "memory_limit", self.memory_limit, 0.0, np.inf))
        self._require_room(budget, len(rows), growth.width + n_more, len(growth.folds))
        with threads(self.n_threads):
            self._become(growth.widened(self._batch(rows, y), n_more))
        return self

    def calibrate(self: G, X: npt.ArrayLike, y: npt.ArrayLike) -> G:
        """Fit probabilities, sets and intervals of a model made by `partial_fit` to rows that it has not seen.

        Sums tell no row's out-of-fold score, so a model that grows has no probabilities (``predict_proba``,
        ``predict_set``) and no intervals (``predict_interval``) until it has scored rows that were not added. Rows that
        come next can be scored before they are added: ``model.calibrate(X, y).partial_fit(X, y)``. What was fitted
        serves until the next call, also when rows are added, which is on the safe side as long as they improve the
        model.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows that were not added; a hundred or more.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets; of a classifier, classes that it knows.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For input as in `partial_fit`.
        sklearn.exceptions.NotFittedError
            Before `partial_fit`. `fit` calibrates by itself.

        Notes
        -----
        Sets and intervals then have the coverage of split conformal prediction, exact for finite n where these rows and
        new ones are exchangeable and the model has not changed since. Cost: a prediction of X.
        """
        rows, y = self._more_rows("calibrate", X, y)
        codes, labels = self._coded(self._targets, y, self._input_map.dtype)
        scores = self._scores_of(self._input_map.transform(rows))
        if labels is None:
            self._conformity = residual_conformity(scores, codes)
            return self
        calibration, told = fit_calibration(scores, labels)
        conformity = class_conformity(calibration.probabilities(scores), labels)
        report = replace(self.report_, calibration=told)
        growth = replace(self._growth, calibration=told)
        self.__dict__.update(_calibration=calibration, _conformity=conformity, report_=report, _growth=growth)
        return self

    def _partial_fit(self, X: object, y: object, classes: object, *, classification: bool) -> None:
        """Add rows to the sums, which the first of them begin."""
        if "_growth" not in vars(self):
            with unchanged_on_error(self):
                self._begin(X, y, classes, classification)
            return
        rows, labels = self._more_rows("partial_fit", X, y)
        growth, targets = self._growth, self._targets
        if isinstance(targets, ClassTargets):
            check.same_classes(classes, targets.classes)
            if not growth.classes_given:
                growth, targets = _with_classes(growth, targets, labels)
        with threads(self.n_threads):
            growth = growth.added(self._batch(rows, labels, targets))
        self._become(growth, targets)

    def _begin(self, X: object, y: object, classes: object, classification: bool) -> None:
        settings = self._check_parameters()
        options = settings.architecture
        assert isinstance(options, RecursiveOptions)
        check.growing_selection(options.selection, options.alpha)
        X = np.asarray(X) if isinstance(X, np.memmap) else X  # a batch is in memory
        categorical = row_rules.categorical_columns(self.categorical_features, X)
        dtype = row_rules.working_dtype(self.dtype, X, categorical)
        rows, y, categories = row_rules.training_rows(self, X, y, dtype, categorical, classification=classification)
        if classification and y.ndim == 2:
            raise ValueError(f"partial_fit takes one class per row, and y has {y.shape[1]} labels")
        targets: Targets = (
            ClassTargets(check.first_classes(y, classes)) if classification else encode_numbers(y, dtype)[0]
        )
        codes, labels = self._coded(targets, y, dtype)
        if "subsystems_" in vars(self):
            warnings.warn("partial_fit begins anew: what fit has learnt cannot be continued", UserWarning, stacklevel=4)
        for name in _BLIND:
            self.__dict__.pop(name, None)
        seed = check.seed_of(self.random_state)
        n_folds = settings.system.n_folds if options.alpha is None else 1
        self._require_room(Budget(None, settings.memory_limit), len(rows), options.first_width, n_folds)
        with (
            threads(self.n_threads) as n_threads,
            Progress(self.verbose > 0, type(self).__name__) as progress,
        ):
            input_map, options, steps = self._choose_map(
                settings, options, rows, codes, labels, seed, n_threads, progress
            )
            batch = Batch.of(rows, input_map.transform(rows), codes, labels, seed, n_folds)
            growth = Growth.begin(batch, options, seed, classes is not None, steps).added(batch)
        self._input_map = input_map
        self._categories = categories
        self._become(growth, targets)

    @staticmethod
    def _require_room(budget: Budget, n_rows: int, width: int, n_folds: int) -> None:
        """Raise MemoryError where the sums do not fit, old and new ones."""
        n_bytes = level_bytes(min(n_rows, _MOST_ROWS_AT_ONCE), width, 2 * n_folds, np.dtype(np.float64))
        budget.require(n_bytes, f"width {width}")

    def _more_rows(self, method: str, X: object, y: object) -> tuple[Given, npt.NDArray[Any]]:
        """Check rows that are not the first."""
        if "_growth" not in vars(self):
            raise NotFittedError(
                f"{method} needs the sums of partial_fit, which this {type(self).__name__} has not; a pickle keeps "
                "them, a model file does not"
            )
        is_classification = isinstance(self._targets, ClassTargets)
        return row_rules.more_rows(self, X, y, classification=is_classification)

    @staticmethod
    def _coded(targets: Targets, y: npt.NDArray[Any], dtype: np.dtype[np.floating]) -> tuple[Floats, Labels | None]:
        """Return targets as the sums see them, and the class of every row."""
        if isinstance(targets, ClassTargets):
            labels = check.known_labels(y, targets.classes)
            return check.code_labels(labels, len(targets.classes), dtype), labels
        assert isinstance(targets, NumberTargets)
        return targets.encode(check.known_numbers(y, len(targets.mean)), dtype), None

    def _batch(self, rows: Given, y: npt.NDArray[Any], targets: Targets | None = None) -> Batch:
        growth = self._growth
        codes, labels = self._coded(targets or self._targets, y, self._input_map.dtype)
        return Batch.of(rows, self._input_map.transform(rows), codes, labels, growth.seed, len(growth.folds))

    def _become(self, growth: Growth, targets: Targets | None = None) -> None:
        """Take over sums, and drop what was solved from others."""
        for name in _SOLVED:
            self.__dict__.pop(name, None)
        self._growth = growth
        if targets is not None:
            self._targets = targets
        if isinstance(targets, ClassTargets):
            self.classes_ = targets.classes

    def _solve(self) -> None:
        with threads(self.n_threads):
            stack, report = self._growth.solve()
        report.warn()
        self.__dict__.update(subsystems_=(stack,), report_=report, depth_=1, n_subsystems_=1)

    if not TYPE_CHECKING:  # mypy would take every name for an attribute

        def __getattr__(self, name: str) -> Any:
            """Solve a grown model when its solution is first asked for."""
            if name in _SOLVED and "_growth" in vars(self):
                self._solve()
                return vars(self)[name]
            if name in _BLIND and ("_growth" in vars(self) or "subsystems_" in vars(self)):
                raise NotFittedError(
                    f"partial_fit keeps sums, which tell no row's out-of-fold score: no {name.strip('_')}. For "
                    "probabilities, sets and intervals call calibrate(X, y) with rows that were not added"
                )
            if name == "partial_fit":  # asked for here only where it is not there
                raise AttributeError(f"partial_fit needs architecture='recursive', got {self.architecture!r}")
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def _with_classes(growth: Growth, known: ClassTargets, y: npt.NDArray[Any]) -> tuple[Growth, ClassTargets]:
    """Add the classes of new labels: no row so far was of them, so their codes are -1 in every row."""
    classes = check.more_classes(known.classes, y)
    if len(classes) == len(known.classes):
        return growth, known
    place = {label: column for column, label in enumerate(known.classes.tolist())}
    sources = np.array([place.get(label, -1) for label in classes.tolist()], dtype=np.int64)
    return growth.with_outputs(sources), ClassTargets(classes)
