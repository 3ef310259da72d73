"""``sstpl plan``: what a fit takes, before it is started; on this machine, or on several like it."""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict
from typing import Any

from sstpl import _plan
from sstpl._config import available_cores, threads
from sstpl._plan import Limit, Machines, Plan, Rates
from sstpl._rates import measure
from sstpl._spill import machine_bytes
from sstpl._work import Problem
from sstpl.cli import _options as arguments
from sstpl.cli import _output as output

_GIB = 2.0**30
_BITS = 8.0
KEYS = {
    "problem": "object: rows, features, outputs, width, depth, subsystems, folds, is_regression",
    "machines": "object: workers, and of each threads, bytes of memory, bytes_per_second of network, and "
    "file_bytes of rows that are too large for its memory",
    "rates": "object of what was measured on this machine: flop/s of every kind of work, seconds of values and rows, "
    "bytes/s",
    "stages": "array of objects with the following, in order, the last one the total",
    "  name": "of the stage; all levels and subsystems are taken together",
    "  place": "who does it: workers, one worker, or client",
    "  seconds": "of all of it",
    "  flops": "floating-point operations, of all machines together",
    "  rows_read": "bytes of rows that are read and written, of all machines together",
    "  sent": "bytes between machines",
    "  memory": "bytes that one machine holds at once",
    "limits": "array of objects with the following, the one that is nearest first",
    "  limit": "what the fit may be too large for",
    "  need": "bytes, or seconds",
    "  capacity": "bytes of memory, or seconds of the whole fit",
    "  share": "need / capacity",
    "  remedy": "what one would do",
}


def add(commands: Any) -> None:
    """Add the command."""
    parser = arguments.add_command(
        commands,
        "plan",
        "say what a fit takes in time, memory and network, and what breaks first",
        """
sstpl plan --rows 100000 --features 50
sstpl plan --rows 1e6 --features 30 --outputs 1 --regression --width 2000 --subsystems 1 --json
sstpl plan --rows 1e9 --features 500 --width 4000 --depth 2 --subsystems 1 --workers 64 --memory 128
""",
        more="The work is counted, and this machine's rates are measured in a few seconds at the sizes asked for; "
        "other machines are taken to be like it. Widths, levels and subsystems are those of the largest fit that the "
        'estimators try by default, without the search for the width. Of architecture="recursive".',
        keys=KEYS,
    )
    parser.add_argument("--rows", type=_count, required=True, metavar="N", help="number of rows, such as 1e9")
    parser.add_argument(
        "--features", type=_count, required=True, metavar="N", help="columns that hidden units see: mapped ones"
    )
    parser.add_argument("--outputs", type=_count, metavar="N", help="classes, or columns of the target (default 2, 1)")
    parser.add_argument("--regression", action="store_true", help="numbers are predicted, and rows left out one by one")
    parser.add_argument("--width", type=_count, default=4096, metavar="N", help="hidden units (default 4096)")
    parser.add_argument("--depth", type=_count, default=4, metavar="N", help="levels (default 4)")
    parser.add_argument("--subsystems", type=_count, default=5, metavar="N", help="subsystems (default 5)")
    parser.add_argument("--folds", type=_count, default=5, metavar="N", help="folds (default 5)")
    parser.add_argument("--workers", type=_count, default=1, metavar="N", help="machines that hold rows (default 1)")
    parser.add_argument("--memory", type=_positive, metavar="GB", help="of each, of 2^30 bytes (default: as here)")
    parser.add_argument(
        "--network", type=_positive, default=10.0, metavar="GBIT", help="Gbit/s of each machine (default 10)"
    )
    arguments.add_threads(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Measure, plan and print."""
    n_outputs = options.outputs or (1 if options.regression else 2)
    if options.folds < 2:
        raise output.UsageError(f"--folds must be at least 2, got {options.folds}")
    if n_outputs < 2 and not options.regression:
        raise output.UsageError(f"--outputs must be at least 2 classes, got {n_outputs}")
    least = 2 * max(options.folds, n_outputs)
    if options.rows < least:
        raise output.UsageError(f"--rows must be at least {least} for so many folds and outputs, got {options.rows}")
    if options.workers > options.rows:
        raise output.UsageError(f"--workers must be at most --rows, got {options.workers}")
    if options.threads is not None and options.threads > available_cores():
        raise output.UsageError(
            f"--threads: rates are measured here, where there are {available_cores()}, got {options.threads}"
        )
    problem = Problem(
        options.rows,
        options.features,
        n_outputs,
        options.width,
        options.depth,
        options.subsystems,
        options.folds,
        options.regression,
        tries_maps=True,
    )
    memory = machine_bytes() if options.memory is None else options.memory * _GIB
    with threads(options.threads) as n_threads:
        machines = Machines(options.workers, n_threads, memory, options.network * 1e9 / _BITS)
        rates = measure(problem, machines)
    found = _plan.plan(problem, machines, rates)
    if options.json:
        output.print_json(_document(found, rates))
    else:
        _print(found, rates)


def _document(plan: Plan, rates: Rates) -> dict[str, Any]:
    problem, machines = plan.problem, plan.machines
    return {
        "problem": {name.removeprefix("n_"): value for name, value in asdict(problem).items() if name != "tries_maps"},
        "machines": {
            "workers": machines.n_workers,
            "threads": machines.n_threads,
            "memory": machines.memory,
            "bytes_per_second": machines.network,
            "file_bytes": machines.file_bytes(problem),
        },
        "rates": asdict(rates),
        "stages": [
            {
                "name": stage.name,
                "place": stage.place,
                "seconds": stage.seconds,
                "flops": stage.flops,
                "rows_read": stage.rows_read,
                "sent": stage.sent,
                "memory": stage.memory,
            }
            for stage in (*plan.stages, plan.whole)
        ],
        "limits": [
            {
                "limit": limit.name,
                "need": limit.need,
                "capacity": limit.capacity,
                "share": limit.share,
                "remedy": limit.remedy,
            }
            for limit in plan.limits()
        ],
    }


def _print(plan: Plan, rates: Rates) -> None:
    problem, machines = plan.problem, plan.machines
    files = machines.file_bytes(problem)
    what = f"{problem.n_outputs} outputs" if problem.is_regression else f"{problem.n_outputs} classes"
    output.print_facts(
        {
            "fit": f"{problem.n_rows:,} rows of {problem.n_features:,} columns, {what}; width {problem.width}, "
            f"levels: {problem.depth}, subsystems: {problem.n_subsystems}, folds: {problem.n_folds}",
            "machines": f"{machines.n_workers}; of each: threads: {machines.n_threads}, {_bytes(machines.memory)}"
            + (f", {machines.network * _BITS / 1e9:g} Gbit/s" if machines.n_workers > 1 else "")
            + (f", {_bytes(files)} in files" if files else ""),
            "measured here": _measured(rates),
        }
    )
    print(f"\n{'stage':<32}{'by':<12}{'time':>9}{'flops':>10}{'rows':>11}{'sent':>11}{'memory':>11}")
    for stage in (*plan.stages, plan.whole):
        print(
            f"{stage.name:<32}{stage.place:<12}{_time(stage.seconds):>9}{_number(stage.flops):>10}"
            f"{_bytes(stage.rows_read):>11}{_bytes(stage.sent):>11}{_bytes(stage.memory):>11}"
        )
    print()
    first, *others = plan.limits()
    for limit in (first, *others):
        verdict = "too little" if limit.share > 1 else "breaks first" if limit is first else ""
        print(f"{limit.name:<32}{_needed(limit):<40}{verdict}".rstrip())
    print(f"what helps: {first.remedy}")


def _measured(rates: Rates) -> str:
    kinds = {"hidden": "hidden units", "sums": "sums", "path": "path", "solves": "solves", "leave_one_out": "leverages"}
    shown = [f"{label} {getattr(rates.level, kind) / 1e9:.0f}" for kind, label in kinds.items()]
    shown = [one for one in shown if not one.endswith(" inf")]
    found = f"{', '.join(shown)} GFlop/s; {1e9 * rates.value:.0f} ns a value, {1e6 * rates.row:.1f} us a row"
    return found + ("" if rates.disk is None else f"; disk {rates.disk / 1e6:.0f} MB/s")


def _needed(limit: Limit) -> str:
    show = _bytes if limit.is_memory else _time
    share = f"{100 * limit.share:.3g} %" if limit.share < 10 else f"{limit.share:,.0f} times that"
    return f"{show(limit.need)} of {show(limit.capacity)}, {share}"


def _number(value: float) -> str:
    return f"{value:.1e}" if value else "-"


def _bytes(value: float) -> str:
    units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{value:.3g} {units[0]}" if value else "-"


def _time(value: float) -> str:
    for size, unit in ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s")):
        if value >= 2 * size or unit == "s":
            return f"{value / size:.3g} {unit}"
    raise AssertionError


def _count(text: str) -> int:
    """Return a whole number, which may be written as 1e9."""
    number = float(text)
    if not (number >= 1 and number.is_integer()):
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, got {text}")
    return int(number)


def _positive(text: str) -> float:
    number = float(text)
    if not (0 < number < math.inf):
        raise argparse.ArgumentTypeError(f"must be finite and larger than 0, got {text}")
    return number
