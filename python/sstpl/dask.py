"""Estimators on Dask arrays and frames: rows stay in the workers' memory, and the model is the local one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, r2_score

from sstpl import _validation as check
from sstpl._dask_engine import DaskEngine
from sstpl.classifier import SSTPLClassifier
from sstpl.distributed import PartitionedRows
from sstpl.regressor import SSTPLRegressor

try:
    import dask.array as da
    import dask.dataframe as dd
    import pandas as pd
    from distributed import Client, default_client
except ImportError as error:
    raise ImportError("sstpl.dask needs Dask: pip install 'sstpl[dask]'") from error

__all__ = ["DaskEngine", "DaskSSTPLClassifier", "DaskSSTPLRegressor"]


def _is_dask(value: object) -> bool:
    return isinstance(value, (da.Array, dd.DataFrame, dd.Series))


def _local(client: Client, value: Any) -> Any:
    """Return a Dask collection's values in this process; anything else as it is."""
    if not _is_dask(value):
        return value
    found = client.compute(value).result()
    return found.to_numpy() if hasattr(found, "to_numpy") else found


def _partitions(X: Any) -> tuple[list[Any], list[str] | None]:
    """Return what makes each partition of rows, and the names of their columns."""
    if isinstance(X, da.Array):
        if X.ndim != 2:
            raise ValueError(f"X must be 2-D, got shape {X.shape}")
        return X.rechunk({1: -1}).to_delayed().ravel().tolist(), None
    if not isinstance(X, dd.DataFrame):
        raise TypeError(f"X must be a Dask array or frame, got {type(X).__name__}; SSTPLClassifier takes others")
    others = [name for name, dtype in X.dtypes.items() if not isinstance(dtype, np.dtype) or dtype.kind not in "fiub"]
    if others:
        raise ValueError(f"columns {others} of X must hold numbers: encode categories and dates first")
    names = list(X.columns)
    return X.to_delayed(), names if all(isinstance(name, str) for name in names) else None


class _DaskEstimator:
    """Parameters of the local estimator and a client; fits the local one on partitions."""

    _local_class: ClassVar[type[SSTPLClassifier] | type[SSTPLRegressor]]
    _score: ClassVar[Callable[..., float]]

    def __init__(self, *, client: Client | None = None, **parameters: Any) -> None:
        known = self._local_class._get_param_names()
        for name in parameters:
            if name not in known:
                raise TypeError(f"{type(self).__name__} has no parameter {name!r}")
        defaults = {name: p.default for name, p in inspect.signature(self._local_class).parameters.items()}
        self.__dict__.update(defaults | parameters)
        self.client = client

    @classmethod
    def _get_param_names(cls) -> list[str]:
        return sorted([*cls._local_class._get_param_names(), "client"])

    def __sklearn_clone__(self) -> _DaskEstimator:
        """Return an unfitted copy with the same client, which cannot be copied."""
        return type(self)(**self.get_params(deep=False))

    def __getstate__(self) -> dict[str, Any]:
        return dict(vars(self)) | {"client": None}  # a connection is not stored

    def __sklearn_is_fitted__(self) -> bool:
        return "_fitted" in vars(self)

    def __getattr__(self, name: str) -> Any:
        """Return what `fit` has found: the attributes of the local estimator."""
        if name.endswith("_") and not name.startswith("_") and "_fitted" in vars(self):
            return getattr(self._fitted, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def client_(self) -> Client:
        """The client in use: the one given, or Dask's current one."""
        return self.client if self.client is not None else default_client()

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Fit on rows in the workers' memory.

        Parameters
        ----------
        X : dask.array.Array or dask.dataframe.DataFrame of shape (n_samples, n_features)
            Numbers, NaN for a missing value. Partitions of rows of any sizes, also empty.
        y : dask array or series, or array-like, of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : dask array or series, or array-like, of shape (n_samples,), optional

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For input as in the local ``fit``.
        distributed.KilledWorker
            Where a task has ended more workers than Dask allows.

        Notes
        -----
        Targets, scores and row numbers are in this process, about 70 bytes a row and as many a class. A level with
        width p sends the sums of each fold, 4 p^2 bytes, once per partition up a tree, and back its solutions.
        """
        client = self.client_
        parameters = self.get_params(deep=False)
        parameters.pop("client")
        local: Any = self._local_class(**parameters)
        n_threads = check.optional(check.integer, "n_threads", self.n_threads, 1)
        parts, names = _partitions(X)
        rows = PartitionedRows(DaskEngine(client, n_threads), client.compute(parts), names)
        self._fitted = local.fit(rows, _local(client, y), _local(client, sample_weight))
        return self

    def to_local(self) -> Any:
        """Return the fitted local estimator, which needs no Dask.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        """
        if "_fitted" not in vars(self):
            raise NotFittedError(f"this {type(self).__name__} is not fitted")
        return self._fitted

    def predict(self, X: Any) -> Any:
        """Return predictions, lazily as a Dask array of Dask collections."""
        return self._blockwise("predict", X)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy, or R^2, of the predictions of X, as the local estimator's ``score``."""
        client = self.client_
        predicted, truth, weights = (_local(client, value) for value in (self.predict(X), y, sample_weight))
        return float(self._score(truth, predicted, sample_weight=weights))

    def _blockwise(self, name: str, X: Any) -> Any:
        """Apply a method of the local estimator to every partition."""
        local = self.to_local()
        if not _is_dask(X):
            return getattr(local, name)(X)
        is_frame = isinstance(X, dd.DataFrame)
        example = getattr(local, name)(X._meta_nonempty if is_frame else np.zeros((1, X.shape[1]), X.dtype))[:0]
        if is_frame:
            meta = pd.Series(example) if example.ndim == 1 else pd.DataFrame(example)
            return X.map_partitions(_of_frame, local, name, meta, meta=meta).values
        X = X.rechunk({1: -1})
        if example.ndim == 1:
            return X.map_blocks(_of_block, local, name, example, drop_axis=1, dtype=example.dtype)
        chunks = (X.chunks[0], (example.shape[1],))
        return X.map_blocks(_of_block, local, name, example, chunks=chunks, dtype=example.dtype)


def _of_block(block: npt.NDArray[Any], local: Any, name: str, empty: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return what a method makes of rows, of which there may be none."""
    found: npt.NDArray[Any] = getattr(local, name)(block) if len(block) else empty
    return found


def _of_frame(block: Any, local: Any, name: str, empty: Any) -> Any:
    return type(empty)(getattr(local, name)(block), index=block.index) if len(block) else empty


class DaskSSTPLClassifier(_DaskEstimator, ClassifierMixin, BaseEstimator):
    """`SSTPLClassifier` on Dask arrays and frames.

    Parameters
    ----------
    client : distributed.Client, optional
        The cluster to fit on; by default Dask's current client.
    **parameters
        Those of `SSTPLClassifier`, but for ``architecture="paper"``, ``selection`` other than ``"kfold"``,
        ``image_shape`` and categorical columns, which are errors of `fit`. ``n_threads`` are those of a task; see
        `DaskEngine`.

    Attributes
    ----------
    client_ : distributed.Client
    classes_, report_, depth_, n_subsystems_, oof_decision_function_, ...
        Those of the local estimator.

    Notes
    -----
    The model is that of `SSTPLClassifier` fitted to the same rows in one array, but for rounding: sums of partitions
    are added in another order. See the guide, "On several machines".

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from sklearn.datasets import load_iris
    >>> from sstpl.dask import DaskSSTPLClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> with Client(processes=False, n_workers=2, threads_per_worker=1, dashboard_address=":0") as client:
    ...     model = DaskSSTPLClassifier(client=client, random_state=0).fit(da.from_array(X, chunks=(50, 4)), y)
    >>> model.to_local().score(X, y) > 0.95
    True
    """

    _local_class = SSTPLClassifier
    _score = staticmethod(accuracy_score)

    def decision_function(self, X: Any) -> Any:
        """Return scores as `SSTPLClassifier.decision_function`, lazily of Dask collections."""
        return self._blockwise("decision_function", X)

    def predict_proba(self, X: Any) -> Any:
        """Return probabilities as `SSTPLClassifier.predict_proba`, lazily of Dask collections."""
        return self._blockwise("predict_proba", X)


class DaskSSTPLRegressor(_DaskEstimator, RegressorMixin, BaseEstimator):
    """`SSTPLRegressor` on Dask arrays and frames; see `DaskSSTPLClassifier`.

    Parameters
    ----------
    client : distributed.Client, optional
        The cluster to fit on; by default Dask's current client.
    **parameters
        Those of `SSTPLRegressor`, with the same exceptions.

    Attributes
    ----------
    client_ : distributed.Client
    report_, depth_, n_subsystems_, oof_prediction_, ...
        Those of the local estimator.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from sklearn.datasets import load_diabetes
    >>> from sstpl.dask import DaskSSTPLRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> with Client(processes=False, n_workers=2, threads_per_worker=1, dashboard_address=":0") as client:
    ...     rows = da.from_array(X, chunks=(200, 10))
    ...     model = DaskSSTPLRegressor(client=client, hidden_width=100, random_state=0).fit(rows, y)
    >>> model.to_local().score(X, y) > 0.4
    True
    """

    _local_class = SSTPLRegressor
    _score = staticmethod(r2_score)
