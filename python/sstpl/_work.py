"""What a fit of the recursive architecture computes and holds, counted: floating-point operations, and bytes.

Counted are products, factorisations and triangular solves. What goes along with them, such as activations, is in the
rates at which they are done (`_rates`), and what is done for every row or value of X beside them is counted as rows and
values.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from math import ceil

import numpy as np

from sstpl._blocks import BLOCK_VALUES
from sstpl._budget import BYTES_ALWAYS_KEPT, MOST_BYTES_KEPT, level_bytes
from sstpl._levels import SHIFT_ROWS, n_landmarks
from sstpl._logistic import MOST_STEPS, steps_that_pay
from sstpl._maps import TABLE_MAPS
from sstpl._trials import MOST_COLUMNS_OF_TRIALS, ROWS_OF_TRIALS, n_parts, width_of_trials

FRACTION = 0.8  # of the rows, that a subsystem learns from
DTYPE = np.dtype(np.float32)
_N_ALPHAS, _N_ALPHAS_OF_TRIAL = 4, 3  # of the path, that the search looks at as a rule

PATH_WIDTH, BLOCK_ROWS = 1024, 4096  # as in crossfit.hpp
_SINGLE_PANEL, _PANEL = 1024, 512  # of packed sums, as in symmetric.cpp

# Of a row, and of each of its outputs: targets, scores, shares of residuals, and their copies while they are sorted.
_CLASS_BYTES, _NUMBER_BYTES = (70, 70), (50, 30)
_CLASS_BYTES_BESIDE_FILES, _NUMBER_BYTES_BESIDE_FILES = 70, 60  # of a row that is in a file, and its outputs as well
_OUTPUT_FILE_BYTES = 50

_COLUMNS_OF_MAPS = dict(zip(TABLE_MAPS, (1, 2, 8), strict=True))  # at most, for each of X
_UNITS_OF_MAPS, _UNITS_OF_ONE_LEVEL = 4, 3  # that are tried with each map


@dataclass(frozen=True)
class LevelShape:
    """The sizes of a level: rows that it learns from, columns that it sees."""

    n_rows: int
    n_columns: int
    width: int
    n_outputs: int
    n_folds: int
    is_regression: bool

    @property
    def flops(self) -> float:
        """Roughly, by which the core chooses between one thread and several."""
        n, d, p = self.n_rows, self.n_columns, self.width
        return float(4 * n * d * p + n * p**2 + (self.n_folds + 1) * p**3 / 3)


@dataclass(frozen=True)
class Problem:
    """What is fitted.

    Attributes
    ----------
    n_rows, n_features, n_outputs : int
        Rows, mapped columns that hidden units see, and classes or columns of the target.
    width, depth, n_subsystems, n_folds : int
        Hidden units of a level, levels that are fitted in each subsystem, subsystems, folds.
    is_regression : bool
        Whether rows are left out one by one.
    tries_maps : bool
        Whether the input map is chosen among those for tables.
    """

    n_rows: int
    n_features: int
    n_outputs: int
    width: int
    depth: int
    n_subsystems: int
    n_folds: int
    is_regression: bool
    tries_maps: bool

    @property
    def n_sampled(self) -> int:
        """Rows that a subsystem learns from."""
        return max(2, round(FRACTION * self.n_rows))

    @property
    def n_left_out(self) -> int:
        """Rows that a subsystem does not see, which say how deep it is."""
        return self.n_rows - self.n_sampled

    @property
    def level(self) -> LevelShape:
        """The first level of a subsystem."""
        n, d, p = self.n_sampled, self.n_features, self.width
        return LevelShape(n, d, p, self.n_outputs, self.n_folds, self.is_regression)

    @property
    def trial(self) -> LevelShape:
        """The narrow level that an input map is tried with, on all columns of X."""
        n = min(self.n_rows, ROWS_OF_TRIALS)
        return replace(self.level, n_rows=max(2, round(FRACTION * n)), width=min(self.width, width_of_trials(n)))


@dataclass(frozen=True)
class LevelFlops:
    """Floating-point operations of a level, or rates of each kind of them in flop/s."""

    hidden: float
    sums: float
    path: float
    solves: float
    scores: float
    leave_one_out: float

    def __add__(self, other: LevelFlops) -> LevelFlops:
        return LevelFlops(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def total(self) -> float:
        """All of them."""
        return float(sum(vars(self).values()))

    def seconds(self, rates: LevelFlops) -> float:
        """Return the time at rates in flop/s; those of what is not computed do not count."""
        return float(
            sum(own / rate for own, rate in zip(vars(self).values(), vars(rates).values(), strict=True) if own)
        )

    def scaled(self, factor: float) -> LevelFlops:
        """Return a multiple."""
        return LevelFlops(*(factor * getattr(self, f.name) for f in fields(self)))


def kept_share(n_rows: int, width: int, n_folds: int) -> float:
    """Return the share of the rows whose hidden features are kept for the second pass, as the core decides it."""
    row_bytes = width * DTYPE.itemsize
    all_fit = n_rows * row_bytes <= BYTES_ALWAYS_KEPT
    room = BYTES_ALWAYS_KEPT if all_fit else min((2 * n_folds + 4) * width**2, MOST_BYTES_KEPT)
    return min(1.0, room // row_bytes / n_rows)


def level_flops(
    shape: LevelShape, n_alphas: int, *, is_fed: bool = False, shared_rows: int = 0, n_workers: int = 1
) -> LevelFlops:
    """Return what one level computes, on all workers; `is_fed` says that it sees the scores of a level below.

    Where rows are fewer than hidden units, the solves are of the order of the rows. A worker keeps features of its own,
    or products with the `shared_rows` that units lie between.
    """
    n, p, c, K = float(shape.n_rows), float(shape.width), float(shape.n_outputs), shape.n_folds
    n_products = float(shared_rows or p)
    per_row, alone = 2.0 * shape.n_columns * n_products, float(shape.is_regression)
    at_prediction = alone * is_fed  # rows as they will look: the scores that they carry are other ones
    remade = 1.0 - min(1.0, kept_share(max(1, shape.n_rows // n_workers), shape.width, K) * p / n_products)
    scores = 2 * n * p * c * (1 + alone + at_prediction)
    if n < p:
        m = n * (K - 1) / K
        return LevelFlops(
            hidden=per_row * n * (1 + at_prediction),
            sums=2 * n * n * p,
            path=K * (n_alphas if n_alphas > 1 else 0) * _solve(m, c, p),
            solves=_solve(n, c, p) + K * _solve(m, c, p),
            scores=scores,
            leave_one_out=alone * n**3 + at_prediction * (2 * n**3 + 2 * n * n * p),
        )
    return LevelFlops(
        hidden=per_row * n * (1 + remade * (1 + alone) + at_prediction),
        sums=n * p * p + 2 * n * p * c,
        path=K * (n_alphas if n_alphas > 1 else 0) * _solve(min(p, PATH_WIDTH), c, min(p, PATH_WIDTH)),
        solves=(K + 1) * _solve(p, c, 0.0),
        scores=scores,
        leave_one_out=alone * n * p * p * (1 + at_prediction),
    )


def log_loss_flops(shape: LevelShape) -> LevelFlops:
    """Return what the readout by log-loss of a level computes, whose features are kept, or made for every pass."""
    n, p, m = float(shape.n_rows), float(shape.width), float(shape.n_outputs * (shape.n_folds + 1))
    is_kept = shape.n_rows * shape.width * DTYPE.itemsize <= BYTES_ALWAYS_KEPT
    passes = 1 if is_kept else MOST_STEPS + 3
    return LevelFlops(
        hidden=2.0 * shape.n_columns * p * (passes * n + min(SHIFT_ROWS, n)),
        sums=n * p * p,
        path=0.0,
        solves=p**3 / 3 + 2 * MOST_STEPS * p * p * m,
        scores=4 * (MOST_STEPS + 1) * n * p * m + 2 * n * p * shape.n_outputs,
        leave_one_out=0.0,
    )


def step_bytes(problem: Problem) -> float:
    """Return the bytes of the gradients and readouts of all steps to the least log-loss, to and from one worker."""
    n_columns = problem.n_outputs * (problem.n_folds + 1)
    return float((8 + DTYPE.itemsize) * (MOST_STEPS + 1) * (problem.width + 1) * n_columns)


def takes_log_loss(problem: Problem) -> bool:
    """Whether readouts of the problem are fitted to the log-loss, as `RecursiveFit` decides it."""
    sizes = (problem.n_sampled, problem.n_features, problem.width, problem.n_outputs, problem.n_folds, DTYPE.itemsize)
    return not problem.is_regression and problem.n_folds > 1 and steps_that_pay(*sizes)


def _solve(order: float, n_outputs: float, n_weights: float) -> float:
    """Return the flops of a Cholesky solve, and of a product of a matrix (n_weights, order) with the solution."""
    return order**3 / 3 + 2 * order * n_outputs * (order + n_weights)


def subsystem_flops(problem: Problem, n_workers: int = 1) -> LevelFlops:
    """Return what a subsystem computes: its levels, and the scores of the rows that it leaves out.

    These are scored by every level as it is fitted, in the end once more by all, and by the first where it is not all.
    Of several levels, subsystems of classes have one every other time, which is not counted.
    """
    p, c, depth = problem.width, problem.n_outputs, problem.depth
    total = LevelFlops(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    for level in range(1, depth + 1):
        columns = problem.n_features + (c if level > 1 else 0)
        shared = n_landmarks(problem.n_sampled, columns, p, c)
        total += level_flops(
            replace(problem.level, n_columns=columns),
            _N_ALPHAS if level == 1 else 1,
            is_fed=level > 1,
            shared_rows=shared,
            n_workers=n_workers,
        )
        has_base = depth > 1 or takes_log_loss(problem)
        passes = 2 + (level == 1 and has_base)
        held = float(passes * problem.n_left_out)
        total += LevelFlops(2 * held * columns * (shared or p), 0.0, 0.0, 0.0, 2 * held * p * c, 0.0)
        if level == depth and takes_log_loss(problem):
            total += log_loss_flops(replace(problem.level, n_columns=columns))
    return total


def trial_flops(problem: Problem) -> list[LevelFlops]:
    """Return what each chain computes that is tried to choose the input map and the hidden units.

    On the first part of the rows every map is tried with all units, on others about half of these. Where there are
    several subsystems, the best one is tried once more, with other units beside it; say, with the map of quantiles.
    """
    if not problem.tries_maps:
        return []
    n_units = _UNITS_OF_MAPS if problem.depth > 1 else _UNITS_OF_ONE_LEVEL
    parts = n_parts(min(problem.n_rows, ROWS_OF_TRIALS))
    n_chains = n_units + ceil((parts - 1) * n_units / 2)
    columns = [factor * problem.n_features for factor in _COLUMNS_OF_MAPS.values()]
    tried = [n for n in columns if n == columns[0] or n <= MOST_COLUMNS_OF_TRIALS]
    found = [chain for n in tried for chain in [_trial_chain(problem, n)] * n_chains]
    if problem.n_subsystems > 1:
        found += [_trial_chain(problem, tried[:2][-1])] * parts
    return found


def _trial_chain(problem: Problem, columns: int) -> LevelFlops:
    chain = level_flops(replace(problem.trial, n_columns=columns), _N_ALPHAS_OF_TRIAL)
    if problem.depth > 1:
        above = replace(problem.trial, n_columns=columns + problem.n_outputs)
        chain += level_flops(above, 1, is_fed=True)
    return chain


def packed_bytes(width: int, n_outputs: int) -> float:
    """Return the bytes of sums as they are sent: float64, a Gram matrix in panels of a triangle, and what is beside it.

    About 4 p^2 for a width p; a matrix of at most 1024 columns is one panel, and whole.
    """
    panel = width if width <= _SINGLE_PANEL else _PANEL
    ends = [min(begin + panel, width) for begin in range(0, width, panel)]
    gram = sum(end * (end - begin) for begin, end in zip([0, *ends], ends, strict=False))
    return 8.0 * (gram + width * (n_outputs + 3) + 2 * n_outputs)


def fresh_bytes(width: int, n_outputs: int, n_folds: int) -> float:
    """Return the bytes of memory that the sums of a level are made in: those of all folds, and of all rows."""
    return (n_folds + 1) * packed_bytes(width, n_outputs)


def layer_bytes(problem: Problem) -> float:
    """Return the bytes of the hidden layers of a subsystem, which every worker is sent."""
    columns = problem.depth * problem.n_features + (problem.depth - 1) * problem.n_outputs
    return float(DTYPE.itemsize * problem.width * (columns + problem.depth))


def solution_bytes(problem: Problem) -> float:
    """Return the bytes of the solutions of a level, on all rows and without each fold."""
    return float(DTYPE.itemsize * (problem.n_folds + 1) * (problem.width + 1) * problem.n_outputs)


def bookkeeping_bytes(problem: Problem) -> float:
    """Return the bytes that are held for rows in memory and their outputs: targets, folds, scores."""
    row, output = _NUMBER_BYTES if problem.is_regression else _CLASS_BYTES
    return float(problem.n_rows) * (row + output * problem.n_outputs)


def bookkeeping_bytes_beside_files(problem: Problem) -> float:
    """Return the bytes that are held for rows in files, whose targets and scores are in files as well."""
    return float(problem.n_rows) * (_NUMBER_BYTES_BESIDE_FILES if problem.is_regression else _CLASS_BYTES_BESIDE_FILES)


def output_file_bytes(problem: Problem) -> float:
    """Return the bytes of these files."""
    return float(problem.n_rows) * problem.n_outputs * _OUTPUT_FILE_BYTES


def sums_bytes(problem: Problem, n_rows: int) -> float:
    """Return the bytes of a level on some rows: its sums, what it is solved in, and the features that are kept."""
    p, K = problem.width, problem.n_folds
    in_panels = fresh_bytes(p, problem.n_outputs, K) - 4.0 * (K + 1) * p**2  # which hold more than a triangle
    return level_bytes(n_rows, p, K, DTYPE, problem.is_regression) + in_panels


def row_bytes(problem: Problem) -> float:
    """Return the bytes of all rows of mapped columns."""
    return float(DTYPE.itemsize) * problem.n_rows * problem.n_features


def block_bytes(problem: Problem) -> float:
    """Return the bytes of the blocks of rows that are in memory where the rows are in files."""
    return float(DTYPE.itemsize * BLOCK_ROWS * (problem.n_features + problem.width) + 2 * 8 * BLOCK_VALUES)
