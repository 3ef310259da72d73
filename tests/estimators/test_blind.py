"""How subsystems are averaged, and what is reported of the rows that they were trained on."""

import numpy as np
import pytest

from sstpl import SSTPLRegressor
from sstpl._blind import Blind, OwnScores
from sstpl._rows import Split

STARTS = np.array([0, 1, 2])


def column(*values):
    return np.array(values, dtype=np.float64)[:, np.newaxis]


def split(rows, left_out):
    return Split(np.array(rows), STARTS, np.array(left_out, dtype=np.int64))


def test_blind_scores_are_the_mean_of_the_bases_and_what_the_rest_adds_to_rows_left_out():
    blind = Blind(np.zeros((3, 1)))
    # Subsystem 1 is trained on rows 2 and 0 (in the order of its folds) and leaves out row 1; base 4, whole 7.
    blind.add(split([2, 0], [1]), OwnScores(column(10.0, 20.0)), column(4.0), column(7.0))
    np.testing.assert_allclose(blind.scores(), column(20.0, 7.0, 10.0))
    # Subsystem 2 leaves out row 2.
    blind.add(split([0, 1], [2]), OwnScores(column(30.0, 6.0)), column(12.0), column(11.0))
    np.testing.assert_allclose(blind.scores(), column(25.0, 5.0 + 3.0, 11.0 - 1.0))


def test_one_more_subsystem_is_judged_by_the_mean_of_the_bases():
    blind = Blind(np.zeros((3, 1)))
    blind.add(split([2, 0], [1]), OwnScores(column(10.0, 20.0)), column(4.0), column(7.0))
    found = blind.with_one(split([0, 1], [2]), OwnScores(column(30.0, 6.0)), column(12.0))
    np.testing.assert_allclose(found, column(25.0, 5.0, 11.0))
    np.testing.assert_allclose(blind.scores(), column(20.0, 7.0, 10.0))  # asking changes nothing


def test_a_row_left_out_twice_gets_the_mean_of_what_was_added():
    blind = Blind(np.zeros((2, 1)))
    for whole in (3.0, 5.0):
        blind.add(split([0], [1]), OwnScores(column(1.0)), column(1.0), column(whole))
    np.testing.assert_allclose(blind.scores(), column(1.0, 1.0 + (2.0 + 4.0) / 2))


def test_what_upper_levels_undo_of_the_residual_of_their_own_rows_is_put_back():
    """True additions are 0.5 of the residual on every row; those of own rows lack 0.2 of it."""
    rng = np.random.default_rng(0)
    y, noise = rng.normal(size=(2, 4000, 1))
    halves = np.split(np.arange(4000), 2)
    blind = Blind(y)
    truth = np.zeros_like(y)
    for k, (own, left_out) in enumerate([halves, halves[::-1]]):
        base = 0.3 * y + k
        added = 0.5 * (y - base) + noise
        truth += (base + added) / 2
        whole = base + added
        lacking = whole[own] - 0.2 * (y[own] - base[own])
        blind.add(split(own, left_out), OwnScores(base[own], lacking), base[left_out], whole[left_out])
    assert np.sqrt(np.mean((blind.scores() - truth) ** 2)) < 0.02
    assert np.sqrt(np.mean((blind._base / 2 + (blind._added.sum + blind._added_to_own.sum) / 2 - truth) ** 2)) > 0.05


def test_subsystems_without_upper_levels_add_nothing_and_say_nothing_of_what_those_of_others_undo():
    """Half of the subsystems are deep; true additions are as above, and the mean is over all subsystems."""
    rng = np.random.default_rng(0)
    y, noise = rng.normal(size=(2, 4000, 1))
    halves = np.split(np.arange(4000), 2)
    blind = Blind(y)
    truth = np.zeros_like(y)
    for k, (own, left_out) in enumerate([*[halves, halves[::-1]] * 2]):
        is_deep = k >= 2
        base = 0.3 * y + k
        added = is_deep * (0.5 * (y - base) + noise)
        truth += (base + added) / 4
        whole = base + added
        own_whole = whole[own] - is_deep * 0.2 * (y[own] - base[own])
        scores = OwnScores(base[own], own_whole, is_reported=not is_deep, is_base=not is_deep)
        blind.add(split(own, left_out), scores, base[left_out], whole[left_out])
    assert np.sqrt(np.mean((blind.scores_as_new() - truth) ** 2)) < 0.02


def test_own_scores_that_may_not_be_reported_stand_beside_the_reported_ones():
    blind = Blind(np.zeros((3, 1)))
    own = OwnScores(column(10.0, 20.0), column(11.0, 22.0), is_reported=False)
    np.testing.assert_array_equal(own.best, column(10.0, 20.0))
    blind.add(split([2, 0], [1]), own, column(4.0), column(7.0))
    np.testing.assert_allclose(blind.scores(), column(20.0, 7.0, 10.0))
    # Own additions explain -(10 * 1 + 20 * 2) / 500 of the residuals -10 and -20, that of the row left out -3 / 4.
    lacking = -12 / 16 + 50 / 500
    np.testing.assert_allclose(blind.scores_as_new(), column(22 - 20 * lacking, 7, 11 - 10 * lacking))


def test_own_scores_that_nothing_can_correct_are_not_used_where_they_may_not_be_reported():
    blind = Blind(np.zeros((2, 1)))
    none = np.empty((0, 1))
    blind.add(split([1, 0], []), OwnScores(column(1.0, 2.0), column(3.0, 5.0), is_reported=False), none, none)
    np.testing.assert_array_equal(blind.scores_as_new(), column(2.0, 1.0))


def test_without_rows_left_out_the_scores_of_own_rows_stand():
    blind = Blind(np.zeros((2, 1)))
    none = np.empty((0, 1))
    blind.add(split([1, 0], []), OwnScores(column(1.0, 2.0), column(3.0, 5.0)), none, none)
    np.testing.assert_array_equal(blind.scores(), column(5.0, 3.0))


@pytest.mark.parametrize("depth", [1, 3])
def test_what_is_reported_is_about_what_new_rows_show(small_stack, depth):
    """The average of five subsystems errs less than each, and its training rows must show that."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 8))
    y = np.sin(X[:, 0] * X[:, 1]) + X[:, 2] ** 2 + 0.1 * rng.normal(size=3000)
    options = small_stack | {"n_subsystems": 5, "max_depth": depth, "hidden_width": 200}
    model = SSTPLRegressor(**options).fit(X[:1500], y[:1500])
    reported = np.mean((model.oof_prediction_ - y[:1500]) ** 2)
    new = np.mean((model.predict(X[1500:]) - y[1500:]) ** 2)
    alone = np.mean(
        (
            model.subsystems_[0].predict(model._input_map.transform(X[1500:]))[:, 0] * y[:1500].std()
            + y[:1500].mean()
            - y[1500:]
        )
        ** 2
    )
    assert new < alone
    assert 0.8 * new < reported < 1.35 * new
