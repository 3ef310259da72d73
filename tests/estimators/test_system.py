"""How subsystems are averaged, and what is reported of the rows that they were trained on."""

import numpy as np
import pytest

from sstpl import SSTPLRegressor
from sstpl._blind import Blind, Staged
from sstpl._rows import Split

STARTS = np.array([0, 1, 2])


def column(*values):
    return np.array(values, dtype=np.float64)[:, np.newaxis]


def split(rows, left_out):
    return Split(np.array(rows), STARTS, np.array(left_out, dtype=np.int64))


def test_blind_scores_are_the_mean_of_the_bases_and_what_the_rest_adds_to_rows_left_out():
    blind = Blind(np.zeros((3, 1)))
    # Subsystem 1 is trained on rows 2 and 0 (in the order of its folds) and leaves out row 1; base 4, whole 7.
    blind.add(split([2, 0], [1]), Staged(column(10.0, 20.0), None), Staged(column(4.0), column(7.0)))
    np.testing.assert_allclose(blind.scores(), column(20.0, 7.0, 10.0))
    # Subsystem 2 leaves out row 2.
    blind.add(split([0, 1], [2]), Staged(column(30.0, 6.0), None), Staged(column(12.0), column(11.0)))
    np.testing.assert_allclose(blind.scores(), column(25.0, 5.0 + 3.0, 11.0 - 1.0))


def test_one_more_subsystem_is_judged_by_the_mean_of_the_bases():
    blind = Blind(np.zeros((3, 1)))
    blind.add(split([2, 0], [1]), Staged(column(10.0, 20.0), None), Staged(column(4.0), column(7.0)))
    found = blind.with_one(
        split([0, 1], [2]), Staged(column(30.0, 6.0), column(0.0, 0.0)), Staged(column(12.0), column(0.0))
    )
    np.testing.assert_allclose(found, column(25.0, 5.0, 11.0))
    np.testing.assert_allclose(blind.scores(), column(20.0, 7.0, 10.0))  # asking changes nothing


def test_a_row_left_out_twice_gets_the_mean_of_what_was_added():
    blind = Blind(np.zeros((2, 1)))
    for whole in (3.0, 5.0):
        blind.add(split([0], [1]), Staged(column(1.0), None), Staged(column(1.0), column(whole)))
    np.testing.assert_allclose(blind.scores(), column(1.0, 1.0 + (2.0 + 4.0) / 2))


def test_a_subsystem_that_leaves_no_row_out_has_its_own_scores():
    blind = Blind(np.zeros((2, 1)))
    none = column()
    blind.add(split([1, 0], []), Staged(column(1.0, 2.0), column(5.0, 7.0)), Staged(none, none))
    np.testing.assert_allclose(blind.scores(), column(7.0, 5.0))


N_PARTS, N_ROWS = 4, 40


def parted(targets, seed=0):
    """Four subsystems, each of which leaves out a quarter of the rows; their scores know half of the targets."""
    rng = np.random.default_rng(seed)
    blind, parts = Blind(targets), np.arange(N_ROWS) % N_PARTS
    base, whole = rng.normal(size=(2, N_PARTS, N_ROWS, 1))
    for k in range(N_PARTS):
        rows, left_out = np.flatnonzero(parts != k), np.flatnonzero(parts == k)
        blind.add(
            split(rows, left_out), Staged(base[k, rows], whole[k, rows]), Staged(base[k, left_out], whole[k, left_out])
        )
    return blind.scores(), parts, base, whole - base


def test_what_is_known_twice_is_mixed_by_what_suits_the_rows_of_other_parts():
    targets = np.random.default_rng(1).normal(size=(N_ROWS, 1))
    found, parts, base, added = parted(targets)
    rows = np.arange(N_ROWS)
    exact = added[parts, rows]
    own = (added.sum(axis=0) - exact) / (N_PARTS - 1)

    def scores(t):
        return base.mean(axis=0) + exact / N_PARTS + (1 - 1 / N_PARTS) * ((1 - t) * exact + t * own)

    shares = np.linspace(0, 1, 20_001)
    for part in range(N_PARTS):
        others = parts != part
        losses = [np.sum((scores(t)[others] - targets[others]) ** 2) for t in shares]
        best = shares[np.argmin(losses)]
        np.testing.assert_allclose(found[~others], scores(best)[~others], atol=1e-3)


def test_targets_of_a_part_do_not_reach_its_scores():
    targets = np.random.default_rng(1).normal(size=(N_ROWS, 1))
    before, parts, _, _ = parted(targets)
    targets[parts == 2] += 3.0
    after = parted(targets)[0]
    np.testing.assert_array_equal(after[parts == 2], before[parts == 2])
    assert np.abs(after - before).max() > 1e-3


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
