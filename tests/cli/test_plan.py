"""`sstpl plan`: what it prints is the plan, and what it is asked is checked."""

import re
from dataclasses import replace
from math import inf

import pytest

from sstpl._plan import Rates
from sstpl._work import LevelFlops
from sstpl.cli import plan

LEVEL = LevelFlops(1e11, 1e11, 1e10, 1e10, 1e10, inf)
RATES = Rates(LEVEL, LEVEL, LEVEL, 2e-8, 1e-9, 1e-6, 5e-7, 4e9, 1e9)
LARGE = ("plan", "--rows", "1e9", "--features", "500", "--width", "4000", "--workers", "64", "--memory", "128")


@pytest.fixture
def measured(monkeypatch):
    """Measure nothing, and return the problems and machines that the rates were asked for."""
    asked = []

    def measure(problem, machines):
        asked.append((problem, machines))
        return replace(RATES, level=replace(LEVEL, leave_one_out=1e11)) if problem.is_regression else RATES

    monkeypatch.setattr(plan, "measure", measure)
    return asked


def nested(keys):
    return {key for key in keys if key == key.strip()}, {key.strip() for key in keys if key != key.strip()}


def test_the_object_has_what_the_help_says(run_json, measured):
    found = run_json(*LARGE)
    keys, of_items = nested(plan.KEYS)
    assert set(found) == keys
    assert {key for item in (*found["stages"], *found["limits"]) for key in item} == of_items
    assert all(key in plan.KEYS["problem"] for key in found["problem"])
    assert all(key in plan.KEYS["machines"] for key in found["machines"])


def test_the_last_stage_is_the_sum_of_the_others(run_json, measured):
    *stages, whole = run_json(*LARGE)["stages"]
    for key in ("seconds", "flops", "rows_read", "sent"):
        assert whole[key] == pytest.approx(sum(stage[key] for stage in stages))
    assert whole["memory"] == max(stage["memory"] for stage in stages)


def test_options_are_what_is_planned(run_json, measured):
    run_json(*LARGE, "--depth", "2", "--subsystems", "3", "--folds", "4", "--outputs", "10", "--network", "25")
    problem, machines = measured[-1]
    assert (problem.n_rows, problem.n_features, problem.n_outputs, problem.width) == (10**9, 500, 10, 4000)
    assert (problem.depth, problem.n_subsystems, problem.n_folds, problem.is_regression) == (2, 3, 4, False)
    assert (machines.n_workers, machines.memory, machines.network) == (64, 128 * 2**30, 25e9 / 8)
    run_json("plan", "--rows", "1000", "--features", "5", "--regression")
    problem, machines = measured[-1]
    assert (problem.n_outputs, problem.width, problem.depth, problem.n_subsystems) == (1, 4096, 4, 5)
    assert problem.is_regression
    assert machines.n_workers == 1


def test_the_table_names_every_stage_and_what_breaks_first(run, run_json, measured):
    printed, found = run(*LARGE), run_json(*LARGE)
    for stage in found["stages"]:
        assert re.search(rf"^{stage['name']} +{stage['place']} ", printed, re.M), stage
    first, second = found["limits"][:2]
    assert re.search(rf"^{first['limit']} .*too little$", printed, re.M)
    assert second["share"] < 1
    assert not re.search(rf"^{second['limit']} .*(too little|breaks first)$", printed, re.M)
    assert f"what helps: {first['remedy']}" in printed
    printed = run("plan", "--rows", "1000", "--features", "5", "--memory", "1000")
    assert re.search(r"^memory of the machine .*breaks first$", printed, re.M)


def test_a_plan_of_what_is_measured(run, run_json):
    small = ("plan", "--rows", "2000", "--features", "4", "--width", "30", "--threads", "1")
    found = run_json(*small)
    assert found["rates"]["level"]["hidden"] > 0
    assert found["rates"]["level"]["leave_one_out"] is None
    assert 0 < found["stages"][-1]["seconds"] < 60
    assert "GFlop/s" in run(*small, "--regression")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0123, "0.0123 s"), (119.0, "119 s"), (120.0, "2 min"), (7200.0, "2 h"), (86400.0 * 3, "3 d")],
)
def test_times_are_in_the_largest_unit_that_they_are_twice_of(seconds, shown):
    assert plan._time(seconds) == shown


@pytest.mark.parametrize(
    ("n_bytes", "shown"),
    [(0.0, "-"), (999.0, "999 B"), (1000.0, "0.977 KiB"), (2.0**31, "2 GiB"), (2.0**62, "4.1e+03 PiB")],
)
def test_bytes_are_in_powers_of_1024(n_bytes, shown):
    assert plan._bytes(n_bytes) == shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rows", "10"], "required: --features"),
        (["--rows", "0", "--features", "5"], "whole number of at least 1, got 0"),
        (["--rows", "1.5", "--features", "5"], "whole number of at least 1, got 1.5"),
        (["--rows", "inf", "--features", "5"], "whole number of at least 1, got inf"),
        (["--rows", "many", "--features", "5"], "argument --rows: invalid"),
        (["--rows", "9", "--features", "5"], "--rows must be at least 10"),
        (["--rows", "100", "--features", "5", "--folds", "1"], "--folds must be at least 2"),
        (["--rows", "100", "--features", "5", "--outputs", "1"], "--outputs must be at least 2 classes"),
        (["--rows", "100", "--features", "5", "--workers", "101"], "--workers must be at most --rows"),
        (["--rows", "100", "--features", "5", "--memory", "0"], "larger than 0, got 0"),
        (["--rows", "100", "--features", "5", "--network", "nan"], "larger than 0, got nan"),
        (["--rows", "100", "--features", "5", "--threads", "100000"], "--threads: rates are measured here"),
    ],
)
def test_what_cannot_be_planned_is_an_error_of_the_command(fail, measured, arguments, said):
    code, error = fail("plan", *arguments)
    assert code == 2
    assert said in error
    assert measured == []
