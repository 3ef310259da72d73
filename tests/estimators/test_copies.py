"""Copies of rows: one row of their summed weight, wherever they stand and whatever type they come in."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_diabetes, load_digits
from sklearn.utils import shuffle

from sstpl import SSTPLClassifier, SSTPLRegressor, _copies
from sstpl._copies import kept_rows
from sstpl._given import Given

X = np.random.default_rng(0).normal(size=(60, 4))
y = np.arange(60.0)[:, np.newaxis] % 7
COUNTS = np.random.default_rng(1).integers(0, 4, size=60)


def every_kind_of(given):
    yield np.asfortranarray(given)
    yield given.astype(np.float32)
    yield sparse.csr_array(given)


def test_rows_of_any_type_have_the_hashes_of_their_values():
    whole = np.round(X * 2)
    expected = Given.of(whole).hashes(5)
    for same in every_kind_of(whole):
        np.testing.assert_array_equal(Given.of(same).hashes(5), expected)
    np.testing.assert_array_equal(Given.of(whole.astype(np.int8)).hashes(5), expected)


def test_without_copies_and_weights_rows_stay_as_they_are():
    assert kept_rows(Given.of(X), y, None) is None
    assert kept_rows(Given.of(X), y, np.full(60, 3.0)) is None


def test_copies_become_one_row_of_their_weight_in_any_order():
    weights = COUNTS.astype(float)
    one = kept_rows(Given.of(X), y, weights)
    every, own = shuffle(X.repeat(COUNTS, axis=0), y.repeat(COUNTS, axis=0), random_state=0)
    many = kept_rows(Given.of(every), own, None)
    np.testing.assert_array_equal(X[one.rows], every[many.rows])
    np.testing.assert_array_equal(one.weights, many.weights)
    np.testing.assert_array_equal(every, every[many.rows][many.place])
    assert ((one.place >= 0) == (weights > 0)).all()
    np.testing.assert_array_equal(X[weights > 0], X[one.rows][one.place[weights > 0]])


def test_equal_copies_stay_in_the_order_of_the_first():
    found = kept_rows(Given.of(np.tile(X, (3, 1))), np.tile(y, (3, 1)), None)
    assert found.weights is None
    np.testing.assert_array_equal(found.rows, np.arange(60))
    np.testing.assert_array_equal(found.place, np.tile(np.arange(60), 3))


def test_rows_with_other_targets_or_other_missing_values_are_no_copies():
    twice, targets = np.vstack([X, X]), np.vstack([y, y])
    targets[60:70] += 1
    twice[70, 1], twice[80, 2], twice[20, 2] = np.nan, np.nan, np.nan
    found = kept_rows(Given.of(twice), targets, None)
    assert len(found.rows) == 60 + 10 + 1
    assert found.place[80] == found.place[20]


def test_rows_whose_hashes_are_equal_by_chance_are_told_apart(monkeypatch):
    monkeypatch.setattr(_copies, "_hash_both", lambda given, y: np.zeros(len(given), dtype=np.uint64))
    found = kept_rows(Given.of(X[[0, 1, 1, 2]]), y[[0, 1, 1, 2]], None)
    np.testing.assert_array_equal(found.rows, [0, 1, 3])
    np.testing.assert_array_equal(found.weights, [1, 2, 1])


def test_rows_of_few_different_values_are_not_merged():
    few = np.random.default_rng(0).integers(2, size=(500, 2)).astype(float)
    assert kept_rows(Given.of(few), few[:, :1], None) is None
    one = kept_rows(Given.of(np.ones((5, 2))), np.ones((5, 1)), np.array([0.0, 1, 1, 2, 3]))
    np.testing.assert_array_equal(one.rows[np.argsort(one.rows)], [1, 2, 3, 4])


@pytest.mark.parametrize("settings", ["small_paper", "small_stack"])
@pytest.mark.parametrize("classification", [True, False])
@pytest.mark.parametrize("as_sparse", [True, False])
def test_a_fit_on_weighted_rows_is_one_on_copies_in_any_order(request, settings, classification, as_sparse):
    estimator = SSTPLClassifier if classification else SSTPLRegressor
    data = (load_digits if classification else load_diabetes)(return_X_y=True)
    rows, targets = data[0][:300], data[1][:300]
    counts = np.random.default_rng(0).integers(0, 5, size=300)
    mixed, mixed_targets = shuffle(rows.repeat(counts, axis=0), targets.repeat(counts), random_state=0)
    kind = sparse.csr_array if as_sparse else np.asarray
    given = request.getfixturevalue(settings)
    weighted = estimator(**given).fit(kind(rows), targets, sample_weight=counts)
    copied = estimator(**given).fit(kind(mixed), mixed_targets)
    np.testing.assert_array_equal(weighted.predict(rows), copied.predict(rows))
    name = "oof_decision_function_" if classification else "oof_prediction_"
    scores = {row.tobytes(): score for row, score in zip(mixed, getattr(copied, name), strict=True)}
    for row, score, count in zip(rows, getattr(weighted, name), counts, strict=True):
        if count:
            np.testing.assert_array_equal(scores[row.tobytes()], score)


def test_a_row_of_weight_zero_that_is_a_copy_is_scored_as_that(small_stack):
    rows, targets = load_digits(return_X_y=True)
    rows, targets = np.vstack([rows[:200], rows[:50]]), np.concatenate([targets[:200], targets[:50]])
    weights = np.concatenate([np.linspace(1, 2, 200), np.zeros(50)])
    model = SSTPLClassifier(**small_stack).fit(rows, targets, sample_weight=weights)
    np.testing.assert_array_equal(model.oof_decision_function_[200:], model.oof_decision_function_[:50])
    assert (model.oof_decision_function_[:50] != model.decision_function(rows[:50])).any()
