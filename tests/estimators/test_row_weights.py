"""What weights make of means, quantiles, scores and calibration: the same as copies of rows, or a known formula."""

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_sample_weight

from sstpl._blind import Blind, OwnScores
from sstpl._calibration import fit_calibration
from sstpl._conformal import residual_conformity
from sstpl._rows import Split
from sstpl._selection import clearly_less, gain_over, score_predictions
from sstpl._targets import encode_numbers
from sstpl._weights import by_class, effective_size, normalised, order_statistics, quantiles, spread_evenly

COUNTS = np.random.default_rng(0).integers(1, 5, size=200)
WEIGHTS = normalised(COUNTS.astype(np.float64))


@pytest.fixture
def values():
    return np.random.default_rng(1).normal(size=(200, 3))


def test_weights_have_mean_one_and_equal_ones_are_none():
    assert WEIGHTS.mean() == pytest.approx(1.0)
    np.testing.assert_allclose(WEIGHTS / WEIGHTS[0], COUNTS / COUNTS[0])
    assert normalised(np.full(5, 1e-300)) is None
    assert normalised(None) is None
    assert np.isfinite(normalised(np.array([1e308, 1e308, 1e-300]))).all()


def test_weights_of_classes_are_those_of_scikit_learn(values):
    y = np.repeat(["a", "b", "c"], [150, 40, 10])
    labels = np.unique(y, return_inverse=True)[1]
    for class_weight in ("balanced", {"a": 2.0, "c": 0.5}, {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}):
        np.testing.assert_allclose(by_class(class_weight, y, None), compute_sample_weight(class_weight, y))
    balanced = by_class("balanced", y, COUNTS.astype(float))
    np.testing.assert_allclose(np.bincount(labels, weights=balanced), balanced.sum() / 3)
    no_c = np.where(y == "c", 0.0, 1.0)  # then there are two classes
    np.testing.assert_allclose(np.bincount(labels, weights=by_class("balanced", y, no_c)), [95, 95, 0])


def test_the_effective_size_is_that_of_kish():
    assert effective_size(7, None) == 7
    assert effective_size(4, np.array([1.0, 1.0, 1e-12, 1e-12])) == 2
    assert effective_size(3, np.array([1.0, 1e-9, 1e-9])) == 1
    rare = np.repeat([50, 50 / 99], [100, 9900])  # classes of 1 % and 99 %, balanced
    assert effective_size(10_000, rare) == int(10_000**2 / (100 * 50**2 + 9900 * (50 / 99) ** 2))


def test_quantiles_of_weighted_rows_are_those_of_copies(values):
    copies = np.sort(values[:, 0].repeat(COUNTS))
    for level in (1e-9, 0.1, 0.25, 0.5, 0.9, 1.0):
        expected = copies[max(0, int(np.ceil(level * len(copies) - 1e-9)) - 1)]
        assert quantiles(values[:, 0], WEIGHTS, np.array([level])) == [expected]


def test_order_statistics_split_the_weight_evenly(values):
    sorted_ones = order_statistics(values, WEIGHTS)
    m = effective_size(200, WEIGHTS)
    assert sorted_ones.shape == (m, 3)
    assert (np.diff(sorted_ones, axis=0) >= 0).all()
    np.testing.assert_array_equal(sorted_ones[-1], values.max(axis=0))
    for r in (1, m // 3, m - 1):
        below = values <= sorted_ones[r - 1]
        share = WEIGHTS @ below / WEIGHTS.sum()
        assert (share >= r / m - 1e-9).all()
        assert (share - WEIGHTS.max() / WEIGHTS.sum() <= r / m).all()
    np.testing.assert_array_equal(order_statistics(values.copy(), None), np.sort(values, axis=0))
    np.testing.assert_array_equal(order_statistics(values, np.full(200, 0.5)), np.sort(values, axis=0))


def test_evenly_spread_rows_come_as_often_as_their_weights_say():
    rows = spread_evenly(WEIGHTS, int(COUNTS.sum()))
    np.testing.assert_array_equal(np.bincount(rows, minlength=200), COUNTS)
    np.testing.assert_array_equal(spread_evenly(np.ones(50), 50), np.arange(50))


@pytest.mark.parametrize("labelled", [True, False])
def test_scores_of_weighted_rows_are_those_of_copies(values, labelled):
    rng = np.random.default_rng(2)
    targets, labels = rng.normal(size=(200, 3)), rng.integers(0, 3, size=200) if labelled else None
    weighted = score_predictions(values, targets, labels, WEIGHTS)
    every = np.repeat(np.arange(200), COUNTS)
    copies = score_predictions(values[every], targets[every], labels[every] if labelled else None)
    assert weighted.value == pytest.approx(copies.value)
    assert weighted.fit == pytest.approx(copies.fit)


def test_targets_are_standardised_by_weighted_moments(values):
    targets, coded, _ = encode_numbers(values, np.dtype(np.float64), WEIGHTS)
    copies, _, _ = encode_numbers(values.repeat(COUNTS, axis=0), np.dtype(np.float64))
    np.testing.assert_allclose(targets.mean, copies.mean)
    np.testing.assert_allclose(targets.scale, copies.scale)
    np.testing.assert_allclose(WEIGHTS @ coded, 0, atol=1e-9)
    np.testing.assert_allclose(WEIGHTS @ coded**2 / 200, 1)


def test_the_standard_error_of_a_weighted_gain_is_how_far_it_varies():
    """Weighted means of many draws of the same rows' gains vary as the standard error says."""
    rng = np.random.default_rng(3)
    draws = [gain_over(np.zeros(200), rng.normal(0.3, 1.0, size=200), WEIGHTS) for _ in range(2000)]
    gains, errors = np.array(draws).T
    assert gains.mean() == pytest.approx(0.3, abs=0.01)
    assert errors.mean() == pytest.approx(gains.std(), rel=0.05)
    equal = gain_over(np.zeros(200), gains[:200], np.ones(200))
    assert equal == pytest.approx(gain_over(np.zeros(200), gains[:200]))
    assert clearly_less(np.zeros(200), np.where(COUNTS == 4, 1.0, -1.0), 0.0, np.where(COUNTS == 4, 9.0, 1.0))


def test_calibration_of_weighted_rows_is_nearly_that_of_copies():
    """Only how many rows there are differs, and with it how far certainty is smoothed."""
    rng = np.random.default_rng(4)
    counts = rng.integers(1, 4, size=4000)
    p = rng.beta(0.5, 0.5, size=4000)
    labels, scores = (rng.random(4000) < p).astype(np.int64), np.column_stack([1 - 2 * p, 2 * p - 1])
    weighted, report = fit_calibration(scores, labels, normalised(counts.astype(float)))
    copies, expected = fit_calibration(scores.repeat(counts, axis=0), labels.repeat(counts))
    assert weighted.floor == copies.floor
    assert weighted.slope == pytest.approx(copies.slope, rel=1e-2)
    assert report.log_loss == pytest.approx(expected.log_loss, rel=1e-3)
    assert weighted.n_rows == int(counts.sum() ** 2 / np.square(counts).sum())


def test_the_weighted_quantile_of_residuals_counts_the_new_row():
    """The least value with (m + 1) / m of the coverage at or below it, m the effective size."""
    values, weights = np.arange(1.0, 101.0)[:, None], np.repeat([1.5, 0.5], 50)
    m = effective_size(100, weights)
    conformity = residual_conformity(values, np.zeros_like(values), weights)
    share = np.cumsum(weights) / weights.sum()
    for covered in (0.1, 0.5, 0.9):
        wanted = np.ceil((m + 1) * covered) / m
        assert conformity.quantile(covered) == [values[np.searchsorted(share, wanted - 1e-9), 0]]
    assert conformity.quantile(m / (m + 1) + 1e-6) == [np.inf]


def test_what_upper_levels_lack_is_measured_by_weight():
    """Left-out rows of weight 3 show a gain of 1 of the residual, those of weight 1 none; own rows show none."""
    y, weights = np.ones((8, 1)), np.array([1.0, 1.0, 1.0, 1.0, 3.0, 3.0, 1.0, 1.0])
    blind = Blind(y, weights)
    split = Split(np.arange(4), np.array([0, 2, 4]), np.arange(4, 8))
    base, none = np.zeros((4, 1)), np.zeros((4, 1))
    blind.add(split, OwnScores(none, none), base, np.array([[1.0], [1.0], [0.0], [0.0]]))
    np.testing.assert_allclose(blind.scores()[:4], 6 / 8)
