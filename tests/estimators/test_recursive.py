"""The recursive stack: widths, depth, images, time."""

import numpy as np
import pytest

from sstpl import SSTPLClassifier, SSTPLRegressor


@pytest.fixture(scope="module")
def fitted(digits):
    X, y = digits
    return SSTPLClassifier(max_hidden_width=1024, n_subsystems=2, random_state=0).fit(X[:1200], y[:1200])


def levels(report):
    return [s for s in report.steps if s.stage == "level"]


def test_digits_are_learnt_by_default(digits):
    X, y = digits
    model = SSTPLClassifier(max_subsystems=2, random_state=0).fit(X[:1200], y[:1200])
    assert model.score(X[1200:], y[1200:]) > 0.95


def test_width_is_doubled_while_the_error_falls(fitted):
    first = [s for s in levels(fitted.report_.subsystems[0]) if s.level == 1]
    assert [s.detail["width"] for s in first] == [512, 1024][: len(first)]
    assert sum(s.accepted for s in first) == 1
    errors = {s.detail["width"]: -s.score.fit for s in first}
    (kept,) = [s.detail["width"] for s in first if s.accepted]
    assert errors[kept] == min(errors.values())
    for subsystem in fitted.subsystems_:
        assert {level.width for level in subsystem.levels} == {kept}


def test_depth_is_where_rows_left_out_stop_gaining(fitted):
    for report, subsystem in zip(fitted.report_.subsystems, fitted.subsystems_, strict=True):
        later = [s for s in levels(report) if s.level > 1]
        assert [s.accepted for s in later] == [True] * (subsystem.depth - 1) + [False] * (
            len(later) - subsystem.depth + 1
        )
        assert len(subsystem.levels) == subsystem.depth <= fitted.depth_ <= 4


def test_penalty_of_the_first_level_serves_all(fitted):
    for report in fitted.report_.subsystems:
        (first,) = [s for s in levels(report) if s.level == 1 and s.accepted]
        assert {s.alpha for s in levels(report) if s.level > 1} <= {first.alpha}


def test_subsystems_leave_different_rows_out(small_stack, digits):
    X, y = digits
    model = SSTPLClassifier(**small_stack | {"n_subsystems": 5}).fit(X[:500], y[:500])
    assert sum(500 - r.n_samples for r in model.report_.subsystems) == 500


def test_scores_of_rows_left_out_are_predictions(small_stack, digits):
    X, y = digits[0][:500], digits[1][:500]
    model = SSTPLClassifier(**small_stack | {"n_subsystems": 1, "scaling": "none"}).fit(X, y)
    predicted = model.decision_function(X)
    left_out = np.all(np.abs(predicted - model.oof_decision_function_) < 1e-9, axis=1)
    assert left_out.sum() == 500 - model.report_.subsystems[0].n_samples


def test_all_rows_and_a_fixed_depth(small_stack, digits):
    X, y = digits
    model = SSTPLClassifier(**small_stack | {"subsystem_fraction": 1.0, "n_subsystems": 1}).fit(X[:500], y[:500])
    assert model.depth_ == 3
    assert model.score(X[500:], y[500:]) > 0.9


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_activations_without_an_inverse_learn(small_stack, digits, activation):
    X, y = digits
    model = SSTPLClassifier(**small_stack | {"activation": activation}).fit(X[:1000], y[:1000])
    assert model.score(X[1000:], y[1000:]) > 0.85


def test_input_map_is_chosen_by_its_error(small_stack):
    rng = np.random.default_rng(0)
    X = np.exp(3 * rng.normal(size=(600, 3)))  # heavy tails: ranks tell what values do not
    y = np.log(X[:, 0]) + np.log(X[:, 1])
    model = SSTPLRegressor(**small_stack).fit(X[:400], y[:400])
    tried = model.report_.preparation
    assert [s.detail["map"] for s in tried] == ["feature", "quantile", "piecewise"]
    (kept,) = [s for s in tried if s.accepted]
    assert kept.score.fit == max(s.score.fit for s in tried)
    assert model.score(X[400:], y[400:]) > SSTPLRegressor(**small_stack | {"scaling": "none"}).fit(
        X[:400], y[:400]
    ).score(X[400:], y[400:])


@pytest.mark.parametrize("image_filters", ["auto", 16, 0])
@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_images_are_learnt(small_stack, digits, image_filters, dtype):
    X, y = digits[0].astype(dtype), digits[1]
    chosen = small_stack | {"image_shape": (8, 8), "image_filters": image_filters, "hidden_width": 200}
    model = SSTPLClassifier(**chosen).fit(X[:1000], y[:1000])
    assert model.score(X[1000:], y[1000:]) > 0.93
    assert model.decision_function(X[:7]) == pytest.approx(model.decision_function(X)[:7], abs=1e-4)


def test_images_of_several_channels_and_flat_ones_are_accepted(small_stack):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 255, size=(60, 5 * 6 * 3)).astype(np.uint8)
    X[:4] = 0
    y = rng.normal(size=60)
    model = SSTPLRegressor(**small_stack | {"image_shape": (5, 6, 3)}).fit(X, y)
    assert np.isfinite(model.predict(X)).all()


def test_a_spent_time_limit_still_gives_a_model(digits):
    X, y = digits
    model = SSTPLClassifier(time_limit=0.0, random_state=0).fit(X[:300], y[:300])
    assert model.report_.stopped_by_time
    assert (model.depth_, model.n_subsystems_) == (1, 1)
    assert model.score(X[300:], y[300:]) > 0.8
