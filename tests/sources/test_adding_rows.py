"""`partial_fit`, `forget` and `calibrate` of rows in blocks: to rounding one solve on all rows, or nothing at all."""

import pickle
import re
import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import accuracy_score

from reference import growing as twin
from reference import ridge
from sources.kinds import FORMS, NAMES, Blocks, as_parquet, saved
from sstpl import SSTPLClassifier, SSTPLRegressor, _adding, _progress, _sources

SMALL = {"hidden_width": 40, "scaling": "feature", "random_state": 0}


@pytest.fixture
def few_at_once(monkeypatch):
    """Read 2048 rows at once, and draw the layer from 500."""
    monkeypatch.setattr(_sources, "_VALUES_AT_ONCE", 2048)
    monkeypatch.setattr(_adding, "_MOST_FIRST_ROWS", 500)


def problem(n_rows, n_classes=3, seed=0):
    """Return rows and their classes, which the file has one after another."""
    rng = np.random.default_rng(seed)
    y = np.sort(rng.integers(n_classes, size=n_rows))
    return rng.normal(size=(n_classes, 6))[y] + 0.7 * rng.normal(size=(n_rows, 6)), y


def one_solve(model, X, Y, rows):
    """Return the scores of rows by one least-squares solve on all of X with the model's layer."""
    level, alpha = model.subsystems_[0].levels[0], model.report_.subsystems[0].steps[0].alpha

    def features(Z):
        return twin.features(model._input_map.transform(Z), level.hidden_weights, level.hidden_bias, np.zeros(1))

    W, b = ridge.solve(features(X), Y, alpha)
    return features(rows) @ W + b


def states(model):
    return [[np.asarray(part) for part in fold.__getstate__()] for fold in model._growth.folds]


def assert_same_sums(one, other):
    for a, b in zip(states(one), states(other), strict=True):
        for left, right in zip(a, b, strict=True):
            assert_array_equal(left, right)


def test_rows_in_blocks_are_one_solve_on_all_of_them(few_at_once):
    X, y = problem(7000)
    model = SSTPLClassifier(**SMALL).partial_fit(Blocks(X, (1, 0, 3999, 3000)), y)
    expected = one_solve(model, X, np.where(y[:, None] == np.arange(3), 1.0, -1.0), X[::70])
    assert_allclose(model.decision_function(X[::70]), expected, rtol=0, atol=1e-9)
    assert model.report_.subsystems[0].n_samples == 7000
    more, labels = problem(5000, seed=1)
    model.partial_fit(Blocks(more, (5000,)), labels)
    every = np.concatenate([y, labels])
    expected = one_solve(model, np.concatenate([X, more]), np.where(every[:, None] == np.arange(3), 1.0, -1.0), X[::70])
    assert_allclose(model.decision_function(X[::70]), expected, rtol=0, atol=1e-9)


def test_a_regression_of_rows_in_blocks_is_one_solve_on_all_of_them(few_at_once):
    X, _ = problem(5000)
    Y = np.column_stack([np.sin(X[:, 0]), 1e3 + 50 * X[:, 1] * X[:, 2]])
    model = SSTPLRegressor(**SMALL).partial_fit(Blocks(X, (2500, 2500)), Y)
    assert_allclose(model._targets.mean, Y.mean(axis=0))
    assert_allclose(model.predict(X[::50]), one_solve(model, X, Y, X[::50]), rtol=1e-9, atol=1e-7)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("form", FORMS)
def test_the_model_is_that_of_its_rows_whatever_they_come_from(form, rows, files, tmp_path):
    X, y = rows
    source = form(X, tmp_path)
    model = SSTPLClassifier(**SMALL).partial_fit(source, y).partial_fit(source, y)
    assert not files  # no row is kept
    assert_same_sums(
        model, SSTPLClassifier(**SMALL).partial_fit(Blocks(X, (700,)), y).partial_fit(Blocks(X, (9, 691)), y)
    )
    expected = SSTPLClassifier(**SMALL).partial_fit(X, y).partial_fit(X, y)
    assert_allclose(model.decision_function(X), expected.decision_function(X), rtol=0, atol=1e-9)
    assert model.score(source, y) == accuracy_score(y, model.predict(X))


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("form", FORMS)
def test_rows_of_a_source_are_forgotten_and_calibrated_on(form, rows, files, tmp_path):
    X, y = rows
    source = form(X, tmp_path)
    other, labels = X + 0.1, 1 - y
    first = SSTPLClassifier(**SMALL).partial_fit(other, labels)
    expected = first.decision_function(X)
    forgot = first.partial_fit(source, y).forget(source, y)
    assert_allclose(forgot.decision_function(X), expected, rtol=0, atol=1e-8)
    known = SSTPLClassifier(**SMALL).partial_fit(other, labels).calibrate(X, y).predict_proba(X)
    assert_allclose(
        SSTPLClassifier(**SMALL).partial_fit(other, labels).calibrate(source, y).predict_proba(X), known, atol=1e-9
    )


def test_the_layer_of_a_file_is_drawn_from_the_rows_that_that_of_blocks_is(few_at_once, files, tmp_path, monkeypatch):
    X, y = problem(6000)
    expected = SSTPLClassifier(**SMALL).partial_fit(Blocks(X, (6000,)), y)
    read = []
    blocks = _sources.Stream.blocks
    monkeypatch.setattr(_sources.Stream, "blocks", lambda stream: read.append(1) or blocks(stream))
    for rows in (X, np.asfortranarray(X), X.astype(">f8")):
        assert_same_sums(SSTPLClassifier(**SMALL).partial_fit(saved(tmp_path / "rows.npy", rows), y), expected)
    assert len(read) == 3  # once


def test_a_small_memmap_is_a_batch_in_memory(rows, tmp_path):
    X, y = rows
    model = SSTPLClassifier(**SMALL).partial_fit(saved(tmp_path / "rows.npy", X), y)
    assert_same_sums(model, SSTPLClassifier(**SMALL).partial_fit(X, y))


def test_the_layer_is_drawn_from_rows_of_every_class_wherever_they_stand(few_at_once, monkeypatch):
    X, y = problem(6000)
    y[-3:] = 3
    seen = []
    begin = _adding.Growth.begin
    monkeypatch.setattr(
        _adding.Growth, "begin", lambda batch, *others: seen.append(batch.labels) or begin(batch, *others)
    )
    SSTPLClassifier(**SMALL).partial_fit(Blocks(X, (6000,)), y)
    assert abs(len(seen[0]) - 500) < 5
    assert_allclose(np.bincount(seen[0])[:3] / 500, np.bincount(y)[:3] / 6000, atol=0.01)
    assert np.bincount(seen[0])[3] >= 1


def test_memory_does_not_grow_with_the_rows(few_at_once, monkeypatch):
    monkeypatch.setattr(_sources, "_VALUES_AT_ONCE", 2**18)
    n_rows, n_columns, step = 200_000, 50, 5000

    class Made:
        def __len__(self):
            return n_rows

        def iter_blocks(self):
            rng = np.random.default_rng(0)
            for _ in range(0, n_rows, step):
                yield rng.random((step, n_columns), dtype=np.float32)

    y = np.random.default_rng(1).random(n_rows)
    tracemalloc.start()
    SSTPLRegressor(**SMALL, hidden_columns="all").partial_fit(Made(), y)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * n_rows * n_columns / 2


def test_all_rows_of_a_source_are_planned_and_done(few_at_once, monkeypatch, capsys):
    monkeypatch.setattr(_progress, "_SECONDS_BEFORE_SHOWN", 0.0)
    monkeypatch.setattr(_progress, "_SECONDS_BETWEEN_DRAWINGS", 0.0)
    X, y = problem(6200)
    model = SSTPLClassifier(**SMALL, verbose=1).partial_fit(Blocks(X, (6200,)), y)
    for call in (model.partial_fit, model.forget):
        capsys.readouterr()
        call(Blocks(X, (6200,)), y)
        shown = capsys.readouterr().err
        assert "row 2048 of 6200, about 00:01 left of what is planned" in shown
        assert re.findall(r"(\d+)%", shown)[-1] == "100"


class Failing(Blocks):
    """A source that fails after its first block, once it has been read some times."""

    def __init__(self, X, lengths, times):
        super().__init__(X, lengths)
        self.times = times

    def iter_blocks(self):
        self.times -= 1
        for index, block in enumerate(super().iter_blocks()):
            if index == 1 and self.times < 0:
                raise ConnectionError("the disk is gone")
            yield block


@pytest.mark.filterwarnings("ignore:partial_fit begins anew")
@pytest.mark.parametrize("times", [0, 1])
def test_a_first_call_that_fails_half_way_leaves_an_unfitted_estimator(times, few_at_once):
    X, y = problem(6000)
    for model in (SSTPLClassifier(**SMALL), SSTPLClassifier(**SMALL, n_subsystems=1).fit(X[::20], y[::20])):
        before = dict(vars(model))
        with pytest.raises(ConnectionError):
            model.partial_fit(Failing(X, (5000, 1000), times), y)
        assert vars(model) == before


@pytest.mark.parametrize("call", ["partial_fit", "forget", "calibrate"])
@pytest.mark.parametrize("mistake", ["failing", "infinity", "columns", "label", "rows"])
def test_a_call_that_fails_half_way_changes_nothing(call, mistake, few_at_once):
    X, y = problem(6000)
    model = SSTPLClassifier(**SMALL).partial_fit(Blocks(X, (6000,)), y, classes=[0, 1, 2])
    model.predict(Blocks(X, (6000,)))
    bad, labels = X.copy(), y.copy()
    bad[5500, 2], labels[5500] = np.inf, 7
    given = {
        "failing": (Failing(X, (5000, 1000), 0), y, "disk is gone"),
        "infinity": (Blocks(bad, (5000, 1000)), y, "block 1 of X, from row 5000, contains infinity in row 5500"),
        "columns": (Blocks(X[:, :5], (6000,)), y, "5 features"),
        "label": (Failing(X, (), 0), labels, "y must hold classes that were fitted, got 7"),
        "rows": (Failing(X, (), 0), y[1:], "inconsistent numbers of samples"),
    }
    source, targets, message = given[mistake]
    before = pickle.dumps(model)
    with pytest.raises((ValueError, ConnectionError), match=message):
        getattr(model, call)(source, targets)
    assert pickle.dumps(model) == before


def test_names_of_a_source_are_those_of_the_model(rows, tmp_path):
    X, y = rows
    model = SSTPLClassifier(**SMALL).partial_fit(as_parquet(X, tmp_path), y)
    assert model.feature_names_in_.tolist() == NAMES
    model.partial_fit(as_parquet(X, tmp_path), y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.partial_fit(Blocks(X, (700,)), y)
    with pytest.raises(ValueError, match="must have the columns of fit"):
        model.forget(Blocks(X, (700,), NAMES[::-1]), y)


def test_growing_needs_rows_in_memory(rows):
    X, y = rows
    model = SSTPLClassifier(**SMALL).partial_fit(Blocks(X, (700,)), y)
    before = dict(vars(model))
    with pytest.raises(TypeError, match="grow needs all rows of the model at once: X must be in memory"):
        model.grow(Blocks(X, (700,)), y, 5)
    assert vars(model) == before
    assert model.grow(X, y, 5).subsystems_[0].width == 45


def test_classes_that_come_late_come_in_blocks_too(few_at_once):
    X, y = problem(6000)
    old = y < 2
    model = SSTPLClassifier(**SMALL).partial_fit(Blocks(X[old], (old.sum(),)), y[old])
    model.partial_fit(Blocks(X[~old], (10, (~old).sum() - 10)), y[~old])
    expected = one_solve(model, X, np.where(y[:, None] == np.arange(3), 1.0, -1.0), X[::70])
    assert_allclose(model.decision_function(X[::70]), expected, rtol=0, atol=1e-9)
    with pytest.raises(ValueError, match="one class per row"):
        SSTPLClassifier(**SMALL).partial_fit(Blocks(X, (6000,)), np.eye(3, dtype=int)[y])
    with pytest.raises(ValueError, match="at least 2 classes"):
        SSTPLClassifier(**SMALL).partial_fit(Blocks(X, (6000,)), np.zeros(6000))


@pytest.mark.parametrize("length", [2048 * 4 + 1, 2048 * 5 - 1, 2048 * 3, 100])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_scores_of_rows_in_blocks_are_those_of_rows_in_memory_to_the_last_bit(length, n_threads, monkeypatch):
    monkeypatch.setattr(_sources, "_VALUES_AT_ONCE", 2048 * 300)
    X = np.random.default_rng(0).normal(size=(length, 300)).astype(np.float32)
    settings = SMALL | {"hidden_width": 700, "hidden_columns": "all", "n_threads": n_threads}
    model = SSTPLRegressor(**settings).partial_fit(X[:900], X[:900, :2])
    assert_array_equal(model.predict(Blocks(X, [1000] * -(-length // 1000))), model.predict(X))
