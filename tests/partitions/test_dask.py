"""Dask clusters of two processes: the local result, whatever happens to a worker."""

import os
import pickle
from time import sleep

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster, TimeoutError, get_worker
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import NotFittedError

import sstpl.dask
from sstpl import SSTPLClassifier, SSTPLRegressor
from sstpl._engines import reduced
from sstpl.dask import DaskEngine, DaskSSTPLClassifier, DaskSSTPLRegressor

SMALL = {"hidden_width": 60, "max_depth": 2, "n_subsystems": 2, "random_state": 0}
# Functions that a fit and a prediction run on workers, one stage after the other.
STAGES = (
    "checked",
    "facts",
    "hashes",
    "asked",
    "same",
    "transformed",
    "fold_sums",
    "merged",
    "solve",
    "without_factor",
    "scores_without_fold",
    "scores_without_row",
    "stack_scores",
)


class TwoWorkers:
    """A cluster of two processes, which is begun anew where one that died does not come back."""

    def __init__(self):
        self._open()

    def _open(self):
        self._cluster = LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0")
        self._client = Client(self._cluster)

    def close(self):
        self._client.close()
        self._cluster.close()

    def client(self):
        try:
            self._client.wait_for_workers(2, timeout=60)
        except TimeoutError:  # Dask gives a worker up that did not start in time, as on a busy machine
            self.close()
            self._open()
            self._client.wait_for_workers(2, timeout=60)
        return self._client


@pytest.fixture(scope="module")
def two_workers():
    workers = TwoWorkers()
    yield workers
    workers.close()


@pytest.fixture
def client(two_workers):
    return two_workers.client()


def chosen(model):
    steps = [(step.stage, step.level, step.alpha, step.accepted) for _, step in model.report_.numbered_steps()]
    return steps, model.depth_, [len(subsystem.levels) for subsystem in model.subsystems_]


def test_a_classifier_is_the_local_one(client):
    X, y = load_digits(return_X_y=True)
    local = SSTPLClassifier(**SMALL).fit(X, y)
    chunks = (1, 0, 800, 996)  # uneven, and one without rows
    rows = da.concatenate([da.from_array(part, chunks=part.shape or 1) for part in np.split(X, np.cumsum(chunks)[:-1])])
    model = DaskSSTPLClassifier(client=client, **SMALL).fit(rows, da.from_array(y, chunks=500))
    assert chosen(model) == chosen(local)
    np.testing.assert_allclose(model.to_local().decision_function(X), local.decision_function(X), atol=1e-9)
    proba = model.predict_proba(da.from_array(X, chunks=(700, 32)))
    assert proba.shape == (1797, 10)
    np.testing.assert_allclose(proba.compute(), local.predict_proba(X), atol=1e-9)
    assert model.score(rows, y) == local.score(X, y)
    np.testing.assert_array_equal(model.predict(X), local.predict(X))


def test_a_regressor_of_frames_is_the_local_one(client):
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    X.iloc[::9, 3] = np.nan
    local = SSTPLRegressor(**SMALL).fit(X, y, np.arange(len(y)) % 3 + 1)
    frame, target = dd.from_pandas(X, npartitions=3), dd.from_pandas(y, npartitions=3)
    weight = dd.from_pandas(pd.Series(np.arange(len(y)) % 3 + 1, index=y.index), npartitions=2)
    model = DaskSSTPLRegressor(client=client, **SMALL).fit(frame, target, weight)
    assert chosen(model) == chosen(local)
    assert list(model.feature_names_in_) == list(X.columns)
    np.testing.assert_allclose(model.predict(frame).compute(), local.predict(X), rtol=1e-8)
    assert model.score(frame, target) == pytest.approx(local.score(X, y))


def _end_worker_once(function, flag, *arguments):
    """End the process of the task the first time."""
    try:
        os.close(os.open(flag, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return function(*arguments)
    os._exit(1)


class KillingEngine(DaskEngine):
    """Lets a worker die in the first task of a stage, once."""

    def __init__(self, client, n_threads, stage, flag):
        super().__init__(client, n_threads)
        self.stage, self.flag = stage, flag

    def map(self, function, *columns, alone=False):
        inner = getattr(function, "args", [function])[0]  # of partial(on_rows, inner)
        if inner.__name__ != self.stage:
            return super().map(function, *columns, alone=alone)
        n = len(columns[0])
        return super().map(_end_worker_once, [function] * n, [str(self.flag)] * n, *columns, alone=alone)


@pytest.mark.parametrize("stage", STAGES)
def test_a_worker_that_dies_in_any_stage_changes_nothing(client, stage, tmp_path, monkeypatch):
    X, y = load_diabetes(return_X_y=True)
    flag = tmp_path / "died"
    monkeypatch.setattr(sstpl.dask, "DaskEngine", lambda *given: KillingEngine(*given, stage, flag))
    local = SSTPLRegressor(**SMALL).fit(X, y)
    rows = da.from_array(X, chunks=(150, 10))
    model = DaskSSTPLRegressor(client=client, **SMALL).fit(rows, y)
    assert flag.exists()
    assert chosen(model) == chosen(local)
    np.testing.assert_allclose(model.predict(X), local.predict(X), rtol=1e-8)


def test_every_stage_is_one_that_a_worker_dies_in(client, monkeypatch):
    ran = set()

    class Noting(DaskEngine):
        def map(self, function, *columns, alone=False):
            ran.add(getattr(function, "args", [function])[0].__name__)
            return super().map(function, *columns, alone=alone)

    monkeypatch.setattr(sstpl.dask, "DaskEngine", Noting)
    X, y = load_diabetes(return_X_y=True)
    DaskSSTPLRegressor(client=client, **SMALL).fit(da.from_array(X, chunks=(150, 10)), y)
    assert ran == set(STAGES)


def _threads_of_core():
    from sstpl import _core

    return _core.num_threads()


def test_a_task_that_runs_beside_others_has_one_thread_and_a_lone_one_all():
    with Client(processes=False, n_workers=1, threads_per_worker=2, dashboard_address=":0") as client:
        engine = DaskEngine(client)
        assert engine.get(engine.map(_threads_of_core)) == []
        assert engine.get(engine.map(lambda _: _threads_of_core(), [0])) == [1]
        assert engine.get(engine.map(lambda _: _threads_of_core(), [0], alone=True)) == [2]
        given = DaskEngine(client, 2)
        assert given.get(given.map(lambda _: _threads_of_core(), [0])) == [2]


def _hold(taken, value):
    """Note on the worker that values were taken and one was made."""
    worker = get_worker()
    worker.held = getattr(worker, "held", 0) + 1 - taken
    worker.most_held = max(getattr(worker, "most_held", 0), worker.held)
    sleep(0.05)  # as sums do; meanwhile the scheduler says what is next
    return value


def test_sums_are_added_as_they_are_made_so_that_few_are_held():
    with Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=":0") as client:
        engine = DaskEngine(client)
        gate = engine.map(lambda seconds: sleep(seconds), [0.5])[0]  # until all is begun
        made = engine.map(lambda value, _: _hold(0, value), [2**k for k in range(32)], [gate] * 32)
        total = reduced(engine, lambda *values: _hold(len(values), sum(values)), made)
        assert engine.get([total]) == [2**32 - 1]
        [most] = client.run(lambda dask_worker: dask_worker.most_held).values()
    assert most <= 10  # of 32: three of every round of the tree, and one more


def test_parameters_are_those_of_the_local_estimator_and_a_client():
    model = DaskSSTPLClassifier(hidden_width=7)
    assert model.get_params()["hidden_width"] == 7
    assert model.get_params().keys() == SSTPLClassifier().get_params().keys() | {"client"}
    assert clone(model.set_params(alpha=0.5)).alpha == 0.5
    with pytest.raises(TypeError, match="no parameter 'width'"):
        DaskSSTPLClassifier(width=7)


def test_a_fitted_model_is_pickled_without_its_client(client):
    X, y = load_digits(return_X_y=True)
    model = DaskSSTPLClassifier(client=client, hidden_width=30, n_subsystems=1).fit(
        da.from_array(X, chunks=(900, 64)), y
    )
    again = pickle.loads(pickle.dumps(model))
    assert again.client is None
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert clone(model).client is client


def test_a_model_that_is_not_fitted_says_so():
    with pytest.raises(NotFittedError):
        DaskSSTPLClassifier().to_local()
    with pytest.raises(AttributeError, match="classes_"):
        _ = DaskSSTPLClassifier().classes_


def test_what_cannot_be_fitted_is_named(client):
    model = DaskSSTPLClassifier(client=client)
    with pytest.raises(TypeError, match="X must be a Dask array or frame, got ndarray"):
        model.fit(np.ones((4, 2)), np.arange(4))
    frame = dd.from_pandas(pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}), npartitions=1)
    with pytest.raises(ValueError, match=r"columns \['b'\] of X must hold numbers"):
        model.fit(frame, np.arange(2))
    with pytest.raises(ValueError, match="partition 1 of X contains infinity in row 0, column 1"):
        model.fit(da.from_array(np.array([[1.0, 2.0], [3.0, np.inf]]), chunks=(1, 2)), np.arange(2))
    assert not hasattr(model, "classes_")
