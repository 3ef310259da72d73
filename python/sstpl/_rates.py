"""How fast this machine does what a fit consists of, measured by doing a little of it at the sizes of a problem.

Products and solves are those of `fit_crossfit` on few rows; what is done for every row and value of X beside them is
that of whole fits with one hidden unit. Widths and columns above 4096 are measured at 4096. Rows are random numbers.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from math import ceil, inf
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from sstpl import _core
from sstpl._config import threads, threads_for
from sstpl._parallel import workers_for
from sstpl._plan import Machines, Rates
from sstpl._work import BLOCK_ROWS, DTYPE, LevelFlops, LevelShape, Problem, fresh_bytes, kept_share, level_flops
from sstpl.classifier import SSTPLClassifier
from sstpl.regressor import SSTPLRegressor

_MOST_COLUMNS = _WIDEST = 4096
_MOST_ROWS_OF_DUAL = 2048
_MOST_ROWS, _MOST_VALUES = 200_000, 2**22  # of the fits with one hidden unit
_FILE_BYTES, _CHUNK_BYTES, _COPY_BYTES = 2**28, 2**22, 2**26
_ENOUGH_SECONDS, _MOST_REPEATS = 1.0, 3
_MOSTLY = 0.5  # of the features, which the core then keeps in the probe as well
_LEAST_SHARE = 0.05
_ALPHAS = (1.0, 10.0, 100.0)  # of the path: no solve fails, and for targets of noise the error never rises


def measure(problem: Problem, machines: Machines) -> Rates:
    """Return the rates of this machine for a problem, with as many threads as the machines of the plan use."""
    with threads(machines.n_threads) as n_threads:
        _fit_seconds(problem, 1000, 1, 1)  # what the first fit of a process does for all
        copy = _copy_rate()
        row, row_again = _per_fit(problem, min(problem.n_rows, _MOST_ROWS), 1)
        value, value_again = _of_values(problem, row, row_again, 2 * DTYPE.itemsize / copy)
        n_own = max(min(problem.n_sampled, problem.width), problem.n_sampled // machines.n_workers)
        shape = replace(problem.level, n_rows=n_own)
        level = _level_rates(shape, n_threads, copy)
        beside = level
        n_beside = workers_for(problem.n_rows, problem.width, n_threads) if machines.n_workers == 1 else 1
        if min(n_beside, problem.n_subsystems - 1) > 1:
            beside = _level_rates(shape, 1, copy)
        trial = _level_rates(problem.trial, 1, copy) if problem.tries_maps else None
    disk = _disk_rate() if machines.reads_disk(problem) else None
    return Rates(level, beside, trial, value, value_again, row, row_again, copy, disk)


def _of_values(problem: Problem, row: float, row_again: float, least: float) -> tuple[float, float]:
    """Return the seconds of a value, once and for every subsystem, which copies it: in `least` seconds or more."""
    n_columns = min(problem.n_features, _MOST_COLUMNS)
    n_rows = max(2, min(problem.n_rows, _MOST_VALUES // n_columns))
    once, again = _per_fit(problem, n_rows, n_columns)
    in_all = max(2 * least, (once + again - row - row_again) / n_columns)
    each = min(max(least, (again - row_again) / n_columns), in_all - least)
    return in_all - each, each


def _repeated(once: Callable[[], tuple[float, ...]]) -> tuple[float, ...]:
    """Return the medians of what is measured several times, if that is soon done."""
    start, found = perf_counter(), [once()]
    while len(found) < _MOST_REPEATS and perf_counter() - start < _ENOUGH_SECONDS:
        found.append(once())
    return tuple(map(median, zip(*found, strict=True)))


def _random(n_rows: int, n_columns: int, seed: int) -> Any:
    return np.random.default_rng(seed).standard_normal((n_rows, n_columns), dtype=np.float32)


def _per_fit(problem: Problem, n_rows: int, n_columns: int) -> tuple[float, float]:
    """Return the seconds for each row of a fit with one hidden unit: without its subsystems, and of one of them."""
    one, two = _repeated(lambda: tuple(_fit_seconds(problem, n_rows, n_columns, count) for count in (1, 2)))
    each = min(max(0.0, two - one), one)
    return (one - each) / n_rows, each / n_rows


def _fit_seconds(problem: Problem, n_rows: int, n_columns: int, n_subsystems: int) -> float:
    X, c = _random(n_rows, n_columns, 0), problem.n_outputs
    kind = SSTPLRegressor if problem.is_regression else SSTPLClassifier
    y: Any = _random(n_rows, c, 1) if problem.is_regression else np.arange(n_rows) % c
    model = kind(
        hidden_width=1,
        max_depth=1,
        n_subsystems=n_subsystems,
        n_folds=problem.n_folds,
        scaling="feature",
        hidden_columns="all",
        random_state=0,
    )
    start = perf_counter()
    model.fit(X, y)
    return perf_counter() - start


def probe_of(shape: LevelShape) -> LevelShape:
    """Return the sizes at which the rates of a level are measured: as many rows at once, but fewer folds of them."""
    d, p = min(shape.n_columns, _MOST_COLUMNS), min(shape.width, _WIDEST)
    if shape.n_rows < shape.width:  # rows are then the order of the solves
        return replace(shape, n_rows=min(shape.n_rows, _MOST_ROWS_OF_DUAL), n_columns=d, width=p)
    of_fold = ceil(shape.n_rows / shape.n_folds)
    block = ceil(of_fold / ceil(of_fold / BLOCK_ROWS))
    n_folds = max(2, ceil(p / block))  # with fewer rows than hidden units another form would be solved
    return replace(shape, n_rows=n_folds * block, n_columns=d, width=p, n_folds=n_folds)


def _level_rates(shape: LevelShape, n_threads: int, copy: float) -> LevelFlops:
    """Return the rates of a level in flop/s, with the threads that it would have."""
    probe = probe_of(shape)
    n, d, p, c = probe.n_rows, probe.n_columns, probe.width, probe.n_outputs
    X, Y, W = _random(n, d, 2), _random(n, c, 3), _random(p, d, 4) / np.float32(np.sqrt(d))
    bias, weights, intercept = np.zeros(p, X.dtype), _random(p, c, 5), np.zeros(c, X.dtype)
    starts = np.linspace(0, n, probe.n_folds + 1).astype(np.int64)
    keeps = kept_share(shape.n_rows, shape.width, shape.n_folds) > _MOSTLY
    hold_bytes = 2**30 if keeps else 0

    def once() -> tuple[float, ...]:
        start = perf_counter()
        fit = _core.fit_crossfit(
            X, Y, _ALPHAS, starts, hidden=(W, bias), leave_one_out=probe.is_regression, hold_bytes=hold_bytes
        )
        whole = perf_counter() - start
        own = fit["report"]["seconds"]
        start = perf_counter()
        _core.predict_stack(X, [(W, bias, weights, intercept)], 1.0, "tanh")
        hidden = perf_counter() - start
        return hidden, own["sums"], own["path"], own["solve"], own["scores"], whole - sum(own.values())

    with threads(n_threads), threads_for(shape.flops):
        hidden, sums, path, solve, scores, alone = _repeated(once)
    flops = level_flops(probe, len(_ALPHAS))
    made_sums = fresh_bytes(p, c, probe.n_folds) / copy if n >= p else 0.0
    again = 0.0 if keeps else hidden
    scored, made = 2.0 * n * p * c, 2.0 * n * d * p
    return LevelFlops(
        hidden=(made + scored) / hidden,
        sums=flops.sums / _less(sums, hidden + made_sums),
        path=flops.path / path,
        solves=flops.solves / solve,
        scores=scored / _less(scores, again),
        leave_one_out=flops.leave_one_out / _less(alone, again) if probe.is_regression else inf,
    )


def _less(seconds: float, part: float) -> float:
    """Return the seconds without a part of them that was measured by itself, of which noise must not leave nothing."""
    return max(seconds - part, _LEAST_SHARE * seconds)


def _copy_rate() -> float:
    source = np.ones(_COPY_BYTES // 8)

    def once() -> tuple[float, ...]:
        start = perf_counter()
        source.copy()
        return (perf_counter() - start,)

    return _COPY_BYTES / _repeated(once)[0]


def _disk_rate() -> float:
    """Return bytes/s of reading a file in the folder of temporary files, none of which is in the system's cache."""
    chunk = os.urandom(_CHUNK_BYTES)
    with tempfile.TemporaryFile() as file:
        for _ in range(_FILE_BYTES // _CHUNK_BYTES):
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        file.seek(0)
        start = perf_counter()
        while file.read(_CHUNK_BYTES):
            pass
        return _FILE_BYTES / (perf_counter() - start)
