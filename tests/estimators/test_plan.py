"""What a plan says of a fit: its operations, bytes and messages, counted by hand or in real fits."""

import pickle
from dataclasses import replace
from math import inf, isfinite

import numpy as np
import pytest

from sstpl import SSTPLClassifier, SSTPLRegressor, _core, _rates
from sstpl._budget import level_bytes
from sstpl._plan import CLIENT, FAN_IN, MACHINE, SOLVER, WORKERS, Machines, Rates, plan, tree
from sstpl._work import (
    DTYPE,
    LevelFlops,
    LevelShape,
    Problem,
    kept_share,
    level_flops,
    packed_bytes,
    subsystem_flops,
    trial_flops,
)

GIB = 2.0**30
UNIT = LevelFlops(1.0, 1.0, 1.0, 1.0, 1.0, 1.0)  # one flop a second
RATES = Rates(UNIT, UNIT, UNIT, value=1e-3, value_again=1e-4, row=1e-2, row_again=1e-3, copy=inf, disk=1e8)
FAST = replace(RATES, level=UNIT.scaled(1e11))
SMALL = Problem(1000, 3, 2, 10, 2, 2, 5, False, tries_maps=False)
LARGE = Problem(10**9, 500, 2, 4000, 2, 1, 5, False, tries_maps=True)
ONE = Machines(1, 1, 16 * GIB, 1e9)
MANY = Machines(64, 1, 128 * GIB, 1.25e9)


def stages(found):
    return {stage.name: stage for stage in found.stages}


def test_a_level_counted_by_hand():
    found = level_flops(LevelShape(100, 3, 10, 2, 5, False), 8)
    solve = 10**3 / 3 + 2 * 10 * 10 * 2  # Cholesky, and two triangular solves with two right sides
    product = 2 * 10 * 10 * 2  # of the Gram matrix of a fold with a solution
    assert found.hidden == 2 * 100 * 3 * 10
    assert found.sums == 100 * 10 * 10 + 2 * 100 * 10 * 2
    assert found.path == pytest.approx(5 * 8 * (solve + product))
    assert found.solves == pytest.approx(6 * solve)
    assert found.scores == 2 * 100 * 10 * 2
    assert found.leave_one_out == 0
    assert level_flops(LevelShape(100, 3, 10, 2, 5, False), 1).path == 0


def test_rows_left_out_one_by_one_cost_their_triangular_solves_and_twice_where_they_will_look_different():
    shape = LevelShape(100, 3, 10, 1, 5, True)
    first, fed = level_flops(shape, 1), level_flops(shape, 1, is_fed=True)
    assert first.leave_one_out == 100 * 10 * 10
    assert fed.leave_one_out == 2 * first.leave_one_out
    assert fed.hidden == 2 * first.hidden


def test_fewer_rows_than_hidden_units_are_solved_at_the_order_of_the_rows():
    shape = LevelShape(10, 3, 1000, 1, 5, False)
    solve = 8**3 / 3 + 2 * 8 * (8 + 1000)
    assert level_flops(shape, 2).path == pytest.approx(5 * 2 * solve)
    assert level_flops(shape, 2).sums == 2 * 10 * 10 * 1000
    assert (
        _core.fit_crossfit(
            np.eye(10, 1000, dtype=np.float32), np.ones((10, 1), np.float32), [1.0], np.array([0, 5, 10])
        )["report"]["form"]
        == "dual"
    )


def test_features_are_kept_up_to_256_mib_and_then_as_many_as_are_less_than_half_the_sums():
    assert kept_share(2**26 // 1000, 1000, 5) == 1
    assert kept_share(10**6, 1000, 5) == 14 * 1000**2 // 4000 / 10**6
    assert kept_share(10**6, 10**4, 5) == 2**30 // (4 * 10**4) / 10**6


@pytest.mark.parametrize("kind", [SSTPLClassifier, SSTPLRegressor])
@pytest.mark.parametrize("depth", [1, 2])
def test_hidden_units_are_made_as_often_as_in_a_real_fit(monkeypatch, kind, depth):
    n, d, p = 1000, 4, 12
    is_regression = kind is SSTPLRegressor
    made = 0.0

    def fit_level(blocks, *arguments, **options):
        nonlocal made
        fit = _fit_level(blocks, *arguments, **options)
        for rows in (blocks, options["at_prediction"]):
            made += 0 if rows is None else 2.0 * len(rows[0]) * fit["hidden_weights"].size
        return fit

    def predict_stack(X, levels, *arguments, **options):
        nonlocal made
        made += sum(2.0 * len(X) * level[0].size for level in levels)
        return _predict_stack(X, levels, *arguments, **options)

    def hidden_features(X, layer, activation):
        nonlocal made
        made += 2.0 * len(X) * layer[0].size
        return _hidden_features(X, layer, activation)

    _fit_level, _predict_stack, _hidden_features = _core.fit_level, _core.predict_stack, _core.hidden_features
    monkeypatch.setattr(_core, "fit_level", fit_level)
    monkeypatch.setattr(_core, "hidden_features", hidden_features)
    monkeypatch.setattr(_core, "predict_stack", predict_stack)
    rng = np.random.default_rng(3)  # in which both levels are kept
    X = rng.normal(size=(n, d)).astype(np.float32)
    y = np.sin(2 * X[:, 0]) * X[:, 1] + np.tanh(3 * X[:, 2])
    model = kind(
        hidden_width=p, max_depth=depth, n_subsystems=2, scaling="feature", hidden_columns="all", random_state=0
    ).fit(X, y if is_regression else y > 0)
    depths = [depth, depth if is_regression else 1]
    assert [subsystem.depth for subsystem in model.subsystems_] == depths
    problem = Problem(n, d, 1 if is_regression else 2, p, depth, 2, 5, is_regression, tries_maps=False)
    assert made == sum(subsystem_flops(replace(problem, depth=own)).hidden for own in depths)


def test_units_between_few_rows_are_products_with_those():
    wide = replace(LARGE, n_rows=300_000, n_features=800, width=2000, depth=1)
    kept = 4 * kept_share(wide.n_sampled, 2000, wide.n_folds)
    assert kept < 1
    expected = (2 - kept) * wide.n_sampled + 2 * wide.n_left_out
    assert subsystem_flops(wide).hidden == pytest.approx(expected * 2 * 800 * 500)
    a_little_narrower = replace(wide, width=1023)
    assert subsystem_flops(a_little_narrower).hidden > subsystem_flops(wide).hidden


def test_maps_are_tried_at_one_two_and_eight_columns_where_these_are_not_too_many():
    one_level = replace(LARGE, n_features=20, depth=1, n_subsystems=1)
    hidden = [flops.hidden for flops in trial_flops(one_level)]
    assert hidden == [2 * 8000 * columns * 500 for columns in (20, 40, 160) for _ in range(3 + 2)]
    two_levels = [flops.hidden for flops in trial_flops(replace(one_level, depth=4))]
    c = LARGE.n_outputs
    assert two_levels == [2 * 8000 * (2 * columns + c) * 500 for columns in (20, 40, 160) for _ in range(4 + 2)]
    assert len(trial_flops(replace(one_level, n_features=500))) == 2 * (3 + 2)
    with_partner = [flops.hidden for flops in trial_flops(replace(one_level, n_subsystems=2))]
    assert with_partner == [*hidden, *[2 * 8000 * 40 * 500] * 2]
    assert trial_flops(SMALL) == []


def test_trials_of_maps_are_as_many_as_a_real_fit_reports():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 5)).astype(np.float32)
    model = SSTPLClassifier(hidden_width=20, max_depth=1, n_subsystems=1, random_state=0).fit(X, X[:, 0] > 0)
    steps = model.report_.preparation
    on_parts = [sum(step.detail["n_samples"] >= 60 * part for step in steps) for part in (1, 2, 3)]
    problem = Problem(300, 5, 2, 20, 1, 1, 5, False, tries_maps=True)
    assert on_parts[0] == 9 >= on_parts[1] >= on_parts[2] >= 1
    assert len(trial_flops(problem)) == 9 + 9  # about half of them on each of the other two


@pytest.mark.parametrize(("width", "n_outputs"), [(1, 1), (100, 2), (1024, 3), (1025, 1), (2000, 2)])
def test_sums_are_sent_in_as_many_bytes_as_they_are_pickled_in(width, n_outputs):
    pickled = len(pickle.dumps(_core.Sums(width, n_outputs)))
    assert 0 <= pickled - packed_bytes(width, n_outputs) < 1024


@pytest.mark.parametrize("n_workers", [1, 2, 4, 5, 16, 64, 100])
def test_a_tree_sends_all_sums_but_one_and_merges_them_all(n_workers):
    held, sent, in_turn = [{worker} for worker in range(n_workers)], 0, 0
    while len(held) > 1:
        parts = [held[start : start + FAN_IN] for start in range(0, len(held), FAN_IN)]
        sent += sum(len(part) - 1 for part in parts)
        in_turn += max(len(part) - 1 for part in parts)
        held = [set().union(*part) for part in parts]
    assert held == [set(range(n_workers))]
    assert tree(n_workers) == (sent, in_turn)
    assert sent == n_workers - 1


def test_messages_of_a_level_are_the_sums_of_all_folds_and_the_scores():
    problem = replace(LARGE, depth=1, tries_maps=False)
    found = stages(plan(problem, MANY, RATES))
    assert found["sums to one worker"].sent == 63 * 5 * packed_bytes(4000, 2)
    assert found["sums to one worker"].sending == 9 * 5 * packed_bytes(4000, 2) / MANY.network
    assert found["folds, choices, calibration"].sent == 4 * 10**9 * 2
    # Two rows for every unit to the client; weights and biases, and six solutions, to every worker.
    layer, solutions = 4 * 4000 * 501, 6 * 4 * 4001 * 2
    assert found["layers and solutions to workers"].sent == 66 * layer + 64 * solutions


def test_at_one_flop_a_second_a_stage_takes_its_flops():
    found = stages(plan(replace(SMALL, n_subsystems=1), ONE, RATES))
    flops = subsystem_flops(SMALL)
    for name, kind in (("hidden units", "hidden"), ("sums", "sums"), ("solves", "solves"), ("scores", "scores")):
        assert found[name].flops == found[name].seconds == getattr(flops, kind)
    assert found["input map"].seconds == pytest.approx(1e-3 * 3000)
    assert found["rows of subsystems"].seconds == pytest.approx(1e-4 * 3000)
    assert found["folds, choices, calibration"].seconds == pytest.approx((1e-2 + 1e-3) * 1000)


def test_every_worker_makes_memory_for_its_sums_at_every_level():
    own, half = (stages(plan(LARGE, MANY, replace(FAST, copy=copy)))["sums"].seconds for copy in (inf, 1e9))
    assert half - own == pytest.approx(2 * 6 * packed_bytes(4000, 2) / 1e9)


def test_subsystems_add_up():
    one, three = (plan(replace(SMALL, n_subsystems=n), ONE, RATES) for n in (1, 3))
    for name, stage in stages(one).items():
        factor = 1 if name == "input map" else 3
        if name != "folds, choices, calibration":
            assert stages(three)[name].seconds == pytest.approx(factor * stage.seconds)
            assert stages(three)[name].flops == pytest.approx(factor * stage.flops)


def test_small_subsystems_after_the_first_share_the_threads_and_need_memory_side_by_side():
    threads = replace(ONE, n_threads=2)
    slow = replace(RATES, beside=UNIT.scaled(0.5))
    one = stages(plan(replace(SMALL, n_subsystems=1), threads, slow))["sums"]
    five = stages(plan(replace(SMALL, n_subsystems=5), threads, slow))["sums"]
    assert five.seconds == pytest.approx((1 + 2 * 2) * one.seconds)  # two rounds of two, at half the rate
    assert five.memory > one.memory
    wide = replace(SMALL, n_rows=10**6, width=1000, n_subsystems=5)
    alone = replace(wide, n_subsystems=1)
    at_once = [stages(plan(one, threads, slow))["sums"] for one in (wide, alone)]
    assert at_once[0].seconds == pytest.approx(5 * at_once[1].seconds)


def test_workers_share_the_rows_and_not_the_solves():
    one, many = stages(plan(LARGE, replace(MANY, n_workers=2), RATES)), stages(plan(LARGE, MANY, RATES))
    for name in ("input map", "sums", "scores"):
        # A worker of fewer rows keeps a larger share of them for the second pass.
        assert many[name].seconds == pytest.approx(one[name].seconds / 32, rel=1e-3)
    for name in ("path of penalties", "solves", "choice of the input map"):
        assert many[name].seconds == one[name].seconds


@pytest.mark.parametrize("field", ["n_rows", "n_features", "n_outputs", "width", "depth", "n_subsystems", "n_folds"])
@pytest.mark.parametrize("machines", [ONE, MANY], ids=["one", "many"])
def test_more_of_anything_takes_no_less_of_anything(field, machines):
    problem = Problem(10**7, 50, 2, 500, 2, 2, 5, True, tries_maps=True)
    less = plan(problem, machines, RATES)
    more = plan(replace(problem, **{field: 2 * getattr(problem, field)}), machines, RATES)
    assert more.seconds > less.seconds
    assert more.whole.flops >= less.whole.flops
    assert more.whole.sent >= less.whole.sent


@pytest.mark.parametrize("is_regression", [False, True])
def test_memory_is_at_least_that_of_the_rows_and_of_a_level(is_regression):
    problem = Problem(100_000, 50, 2, 1000, 2, 1, 5, is_regression, tries_maps=False)
    found = plan(problem, ONE, RATES)
    rows = 3 * 4 * 100_000 * 50
    assert found.whole.memory >= rows + level_bytes(80_000, 1000, 5, DTYPE, is_regression)
    assert {stage.place for stage in found.stages} == {MACHINE}


def test_rows_that_do_not_fit_in_memory_are_in_files_and_read_from_the_disk_where_they_are_too_many_for_its_cache():
    n_bytes = 4 * 10**9 * 500 / 64
    small, middle, large = (replace(MANY, memory=factor * n_bytes) for factor in (2, 4, 17))
    assert [m.file_bytes(LARGE) for m in (small, middle, large)] == [3 * n_bytes, 3 * n_bytes, 0]
    assert [m.reads_disk(LARGE) for m in (small, middle, large)] == [True, False, False]
    assert stages(plan(LARGE, small, RATES))["rows of subsystems"].reading == 2 * n_bytes / RATES.disk
    assert plan(LARGE, middle, RATES).whole.reading == 0
    assert plan(LARGE, large, RATES).memory(WORKERS) > 3 * n_bytes > plan(LARGE, middle, RATES).memory(WORKERS)


@pytest.mark.parametrize(("is_regression", "held"), [(False, 70), (True, 60)])
def test_targets_and_scores_of_rows_in_files_are_in_files(is_regression, held):
    few, many = (Problem(10**7, 50, c, 500, 2, 1, 5, is_regression, tries_maps=False) for c in (2, 1000))
    n_bytes = 4 * 10**7 * 50
    small, large = replace(ONE, memory=15 * n_bytes), replace(ONE, memory=17 * n_bytes)
    assert small.file_bytes(many) - small.file_bytes(few) == 998 * 10**7 * 50
    client = {m: stages(plan(many, m, RATES))["folds, choices, calibration"].memory for m in (small, large)}
    assert client[small] - held * 10**7 < 100 * 2**20 < client[large] - 3 * n_bytes


def test_of_a_thousand_million_rows_the_client_breaks_first():
    found = plan(LARGE, MANY, FAST)
    first, *others = found.limits()
    assert (first.name, first.need) == ("memory of the client", 10**9 * (70 + 2 * 70))
    assert first.share == first.need / (128 * GIB) > 1
    assert all(first.share >= limit.share for limit in others)
    alone = sum(stage.seconds for stage in found.stages if stage.place == SOLVER)
    assert next(limit for limit in others if limit.name == "time of one worker alone").need == alone
    assert found.memory(CLIENT) == first.need


def test_on_one_machine_the_memory_is_the_limit():
    (limit,) = plan(SMALL, ONE, RATES).limits()
    assert limit.is_memory
    assert limit.share == limit.need / ONE.memory < 1


@pytest.mark.parametrize(
    "shape",
    [
        LevelShape(80_000, 50, 1000, 2, 5, False),
        LevelShape(4000, 100, 4000, 2, 5, False),
        LevelShape(4000, 10**5, 3000, 2, 5, False),
        LevelShape(10**9, 500, 10**5, 2, 5, False),
    ],
)
def test_rates_are_measured_on_rows_that_are_solved_as_the_fit_solves_them(shape):
    probe = _rates.probe_of(shape)
    assert probe.n_rows >= probe.width  # as in the fit
    assert probe.n_rows * max(probe.width, probe.n_columns) <= 2**26
    # No more rows at once than the fit takes, nor fewer.
    assert abs(probe.n_rows / probe.n_folds - min(4096, shape.n_rows / shape.n_folds)) <= 4096 / 10


def test_few_rows_are_measured_in_the_form_that_is_solved():
    probe = _rates.probe_of(LevelShape(300, 10, 1000, 2, 5, False))
    assert (probe.n_rows, probe.n_folds) == (300, 5)


@pytest.mark.parametrize("is_regression", [False, True])
def test_rates_are_positive_and_leave_threads_as_they_were(is_regression):
    problem = Problem(600, 3, 2, 20, 1, 3, 3, is_regression, tries_maps=True)
    before = _core.num_threads()
    rates = _rates.measure(problem, replace(ONE, n_threads=2))
    assert _core.num_threads() == before
    for level in (rates.level, rates.beside, rates.trial):
        found = vars(level)
        assert all(rate > 0 for rate in found.values())
        assert all(isfinite(rate) for kind, rate in found.items() if is_regression or kind != "leave_one_out")
        assert is_regression or level.leave_one_out == inf
    assert rates.copy > 0
    assert min(rates.value, rates.value_again, rates.row, rates.row_again) >= 0
    assert rates.disk is None
    assert 0 < plan(problem, ONE, rates).seconds < 60


def test_a_disk_is_measured_where_the_plan_reads_one(monkeypatch):
    monkeypatch.setattr(_rates, "_FILE_BYTES", 2**22)
    problem = Problem(600, 3, 2, 20, 1, 1, 3, False, tries_maps=False)
    rates = _rates.measure(problem, replace(ONE, memory=1000.0))
    assert rates.disk > 0
