"""The recursive stack: widths, depth, images, time."""

import numpy as np
import pytest

from sstpl import SSTPLClassifier, SSTPLRegressor


@pytest.fixture(scope="module")
def fitted(digits):
    X, y = digits
    return SSTPLClassifier(n_subsystems=2, random_state=0).fit(X[:1200], y[:1200])


def levels(report):
    return [s for s in report.steps if s.stage == "level"]


def test_digits_are_learnt_by_default(digits):
    X, y = digits
    model = SSTPLClassifier(max_subsystems=2, random_state=0).fit(X[:1200], y[:1200])
    assert model.score(X[1200:], y[1200:]) > 0.94  # of other writers


@pytest.mark.parametrize("n_rows", [3300, 3500])
def test_width_is_doubled_while_the_error_falls_and_there_are_more_rows(n_rows):
    X = np.random.default_rng(0).normal(size=(n_rows, 6))
    y = np.sin(3 * X[:, 0] * X[:, 1]) + np.cos(4 * X[:, 2])
    units = {"hidden_weights": "constrained"}  # centers may be as many as rows
    model = SSTPLRegressor(n_subsystems=2, max_depth=1, random_state=0, **units).fit(X, y)
    first = [s for s in levels(model.report_.subsystems[0]) if s.level == 1]
    assert [s.detail["width"] for s in first] == ([1024] if n_rows == 3300 else [1024, 2048])
    assert sum(s.accepted for s in first) == 1
    assert all(s.detail["alphas"] == [first[0].alpha] for s in first[1:])  # a wider path would be of the same features
    errors = {s.detail["width"]: -s.score.fit for s in first}
    (kept,) = [s.detail["width"] for s in first if s.accepted]
    assert errors[kept] == min(errors.values())
    for subsystem in model.subsystems_:
        assert {level.width for level in subsystem.levels} == {kept}


def test_depth_is_where_rows_left_out_stop_gaining(fitted):
    for report, subsystem in zip(fitted.report_.subsystems, fitted.subsystems_, strict=True):
        later = [s for s in levels(report) if s.level > 1]
        assert [s.accepted for s in later] == [True] * (subsystem.depth - 1) + [False] * (
            len(later) - subsystem.depth + 1
        )
        assert len(subsystem.levels) == subsystem.depth <= fitted.depth_ <= 4


def test_penalty_of_the_first_level_serves_all_or_above_centers_the_next_larger_one(fitted, digits):
    X, y = digits
    centers = SSTPLClassifier(hidden_weights="centers", hidden_width=200, n_subsystems=2, random_state=0)
    for model in (fitted, centers.fit(X[:500], y[:500])):
        for report, subsystem in zip(model.report_.subsystems, model.subsystems_, strict=False):
            above = 10 if subsystem.activation == "distance" else 1
            (first,) = [s for s in levels(report) if s.level == 1 and s.accepted]
            for s in levels(report):
                assert s.level == 1 or s.alpha == pytest.approx(above * first.alpha)


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
    assert [s.detail["map"] for s in tried[::4]] == ["feature", "quantile", "piecewise"]
    assert [s.detail["columns"] for s in tried] == ["all", "above", "subsets", "subsets"] * 3
    assert [s.detail["hidden_weights"] for s in tried] == (["constrained"] * 3 + ["normal"]) * 3
    (kept,) = [s for s in tried if s.accepted]
    assert kept.detail["n_samples"] == 240  # three fifths
    assert kept.detail["relative_error"] == min(s.detail["relative_error"] for s in tried) == 1
    for s in tried:
        assert s.detail["relative_error"] > 1.2 or s.detail["n_samples"] == 240
    assert model.score(X[400:], y[400:]) > SSTPLRegressor(**small_stack | {"scaling": "none"}).fit(
        X[:400], y[:400]
    ).score(X[400:], y[400:])


def columns_chosen(model):
    """Return what units may see, by the report, and whether every unit of the first level sees every column."""
    (chosen,) = [s.detail["columns"] for s in model.report_.preparation if s.accepted]
    return chosen, bool((model.subsystems_[0].levels[0].hidden_weights != 0).all())


def test_units_see_subsets_of_the_columns_where_the_target_does(small_stack):
    X = np.random.default_rng(0).normal(size=(1500, 12))
    y = np.sign(X[:, 0]) + np.sign(X[:, 1]) + np.sign(X[:, 2])
    options = small_stack | {"scaling": "feature", "hidden_width": 400}
    scores = [
        SSTPLRegressor(**options | {"hidden_columns": columns}).fit(X[:1000], y[:1000]).score(X[1000:], y[1000:])
        for columns in ("all", "subsets")
    ]
    assert scores[1] > scores[0] + 0.02
    assert columns_chosen(SSTPLRegressor(**options).fit(X[:1000], y[:1000])) == ("subsets", False)


def test_units_see_all_columns_where_the_target_does(small_stack):
    X = np.random.default_rng(0).normal(size=(1000, 12))
    y = X.sum(axis=1) > 0
    model = SSTPLClassifier(**small_stack | {"scaling": "feature", "hidden_width": 400}).fit(X, y)
    columns, sees_all = columns_chosen(model)
    assert columns in ("all", "above")
    assert sees_all


def test_units_above_the_first_level_see_subsets_where_that_is_asked_for(small_stack):
    X = np.random.default_rng(0).normal(size=(300, 6))
    options = small_stack | {"scaling": "none", "hidden_columns": "above", "subsystem_fraction": 1.0, "n_subsystems": 1}
    first, *above = SSTPLRegressor(**options).fit(X, np.sin(X.sum(axis=1))).subsystems_[0].levels
    assert (first.hidden_weights != 0).all()
    assert above
    for level in above:
        seen = level.hidden_weights != 0
        assert 1 <= seen[:, :6].sum(axis=1).min() < seen[:, :6].sum(axis=1).max() == 6
        assert seen[:, 6:].all()  # the scores of the level below


def test_trials_judge_by_rows_that_they_left_out(small_stack):
    X = np.random.default_rng(0).normal(size=(900, 10))
    y = np.random.default_rng(1).integers(0, 2, size=900)
    model = SSTPLClassifier(**small_stack | {"hidden_width": 300}).fit(X, y)
    assert len(model.report_.preparation) == 12
    for step in model.report_.preparation:
        assert abs(step.score.value - 0.5) < 4 * np.sqrt(0.25 / step.detail["n_samples"])


def test_columns_of_one_feature_are_seen_together(small_stack):
    X = np.random.default_rng(0).normal(size=(300, 4))
    y = np.sign(X[:, 0]) + X[:, 3]
    options = small_stack | {"scaling": "quantile", "hidden_columns": "subsets", "n_subsystems": 1}
    seen = SSTPLRegressor(**options).fit(X, y).subsystems_[0].levels[0].hidden_weights != 0
    np.testing.assert_array_equal(seen[:, :4], seen[:, 4:])
    assert 1 <= seen[:, :4].sum(axis=1).min() < seen[:, :4].sum(axis=1).max() == 4


@pytest.mark.parametrize("columns", ["all", "subsets"])
def test_units_see_rectangles_of_images_or_all(small_stack, digits, columns):
    options = small_stack | {
        "image_shape": (8, 8),
        "image_filters": 0,
        "hidden_columns": columns,
        "hidden_weights": "normal",
    }
    model = SSTPLClassifier(**options).fit(digits[0][:300], digits[1][:300])
    seen = model.subsystems_[0].levels[0].hidden_weights[:, :64] != 0
    assert (seen.sum(axis=1) == seen[0].sum()).all() == (columns == "all")


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


@pytest.mark.parametrize(("limit", "width"), [(90.0, 1024), (250.0, 2048)])
def test_a_memory_limit_ends_the_growth_of_the_width(limit, width):
    X = np.random.default_rng(0).normal(size=(7000, 6))
    y = np.sin(3 * X[:, 0] * X[:, 1]) + np.cos(4 * X[:, 2])
    options = {"n_subsystems": 1, "max_depth": 1, "scaling": "feature", "hidden_columns": "all", "random_state": 0}
    model = SSTPLRegressor(memory_limit=limit, **options).fit(X, y)
    assert model.subsystems_[0].levels[0].width == width


@pytest.mark.parametrize("options", [{"hidden_width": 3000}, {"architecture": "paper", "fusion_width": 3000}])
def test_a_width_that_does_not_fit_is_refused_before_any_work(options, digits):
    model = SSTPLClassifier(memory_limit=100.0, **options)
    with pytest.raises(MemoryError, match=r"width 3000 on 1438 rows needs about 308 MiB .* memory_limit is 100 MiB"):
        model.fit(*digits)
    assert not hasattr(model, "report_")
