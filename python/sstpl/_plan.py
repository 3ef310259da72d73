"""What a fit takes: seconds, bytes and network of every stage, on one machine or on several.

Several machines work as follows. Each holds a part of the rows. At every level each adds up the sums of its rows, fold
by fold; sums go up a tree, four to one, to the worker that solves. It sends the solutions to all, which score their
rows. Scores go to the client, which decides, as it holds what is a number or a few for every row.

    seconds of a stage = flops / (rate x workers)  +  bytes of rows / disk, where they do not stay in memory
                         +  bytes sent over the busiest link / network
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

from sstpl import _work as work
from sstpl._parallel import workers_for
from sstpl._spill import SHARE_OF_MEMORY
from sstpl._work import LevelFlops, Problem

FAN_IN = 4  # sums that one worker merges at once
_PASSES_OF_MAP = 7  # over X: checked, hashed, extremes, mean, deviation, read to be mapped; and mapped rows written
_PASSES_OF_COPY = 2

WORKERS, SOLVER, CLIENT = "workers", "one worker", "client"
MACHINE = "machine"  # that is all of them


@dataclass(frozen=True)
class Rates:
    """What a machine does in a second, at the sizes of a problem.

    Attributes
    ----------
    level : LevelFlops
        flop/s of the parts of a level.
    beside : LevelFlops
        The same for one thread of several that each fit a subsystem.
    trial : LevelFlops or None
        The same for the narrow levels that input maps are tried with.
    value, value_again : float
        Seconds for each value of X, once and for every subsystem: checks, input map, copies.
    row, row_again : float
        Seconds for each row, once and for every subsystem, with all its outputs: folds, scores, calibration.
    copy, disk : float
        bytes/s of memory that is copied, and of files that are read; `disk` is None where nothing needs it.
    """

    level: LevelFlops
    beside: LevelFlops
    trial: LevelFlops | None
    value: float
    value_again: float
    row: float
    row_again: float
    copy: float
    disk: float | None


@dataclass(frozen=True)
class Machines:
    """What a fit runs on: machines, threads of each, bytes of memory of each, and bytes/s of the network of each."""

    n_workers: int
    n_threads: int
    memory: float
    network: float

    def file_bytes(self, problem: Problem) -> float:
        """Return the bytes that each machine has in files: X, mapped rows, a subsystem's copy; 0 for none.

        One machine, which is its own client, has targets and scores there too.
        """
        n_bytes = work.row_bytes(problem) / self.n_workers
        if n_bytes <= SHARE_OF_MEMORY * self.memory:
            return 0.0
        return 3 * n_bytes + (work.output_file_bytes(problem) if self.n_workers == 1 else 0.0)

    def reads_disk(self, problem: Problem) -> bool:
        """Whether the files of rows are too large to stay in the system's cache."""
        return self.file_bytes(problem) > self.memory


@dataclass(frozen=True)
class Stage:
    """A stage of a fit, all levels and subsystems taken together.

    Attributes
    ----------
    name, place : str
        What is done, and by whom.
    flops, rows_read, sent : float
        Operations, bytes of rows that are read and written, bytes between machines; on all machines together.
    memory : float
        Bytes that one machine holds at once.
    computing, reading, sending : float
        Seconds, one after another.
    """

    name: str
    place: str
    flops: float = 0.0
    rows_read: float = 0.0
    sent: float = 0.0
    memory: float = 0.0
    computing: float = 0.0
    reading: float = 0.0
    sending: float = 0.0

    @property
    def seconds(self) -> float:
        """Seconds of the stage."""
        return self.computing + self.reading + self.sending


@dataclass(frozen=True)
class Limit:
    """Something that a fit may be too large for: what it needs, of what there is, and what one would do."""

    name: str
    need: float
    capacity: float
    remedy: str
    is_memory: bool = False  # in bytes, or in seconds

    @property
    def share(self) -> float:
        """What is needed of what there is; above 1, the fit ends for lack of it."""
        return self.need / self.capacity


@dataclass(frozen=True)
class Plan:
    """What a fit takes."""

    problem: Problem
    machines: Machines
    stages: tuple[Stage, ...]

    @property
    def seconds(self) -> float:
        """Seconds of the fit."""
        return self.whole.seconds

    @property
    def whole(self) -> Stage:
        """All stages together; of memory the most."""
        names = ("flops", "rows_read", "sent", "computing", "reading", "sending")
        sums = {name: sum(getattr(stage, name) for stage in self.stages) for name in names}
        return Stage("in all", "", memory=max(stage.memory for stage in self.stages), **sums)

    def memory(self, *places: str) -> float:
        """Return the bytes that a machine of these places holds at once."""
        return max(stage.memory for stage in self.stages if stage.place in places)

    def limits(self) -> list[Limit]:
        """Return what the fit may be too large for, the nearest first.

        Of memory the share that is needed; of time the share in which the machines wait for one of them.
        """
        memory, narrower = self.machines.memory, "a smaller width or fewer folds"
        if self.machines.n_workers == 1:
            found = [Limit("memory of the machine", self.whole.memory, memory, f"several machines, {narrower}", True)]
        else:
            solving, deciding = (
                sum(stage.computing for stage in self.stages if stage.place == place) for place in (SOLVER, CLIENT)
            )
            sending = sum(stage.sending for stage in self.stages)
            found = [
                Limit("memory of the client", self.memory(CLIENT), memory, "a larger client, fewer outputs", True),
                Limit("memory of a worker", self.memory(WORKERS, SOLVER), memory, f"more workers, {narrower}", True),
                Limit("time of the client alone", deciding, self.seconds, "fewer subsystems or outputs"),
                Limit("time of one worker alone", solving, self.seconds, f"more threads there, {narrower}"),
                Limit("time of the network", sending, self.seconds, f"a faster network, fewer workers, {narrower}"),
            ]
        return sorted(found, key=lambda limit: -limit.share)


def plan(problem: Problem, machines: Machines, rates: Rates) -> Plan:
    """Return what a fit of the problem takes on such machines, of such rates."""
    stages = [*_map_stages(problem, machines, rates), *_level_stages(problem, machines, rates)]
    if machines.n_workers > 1:
        stages += _network_stages(problem, machines, rates)
    stages.append(_client_stage(problem, machines, rates))
    if machines.n_workers == 1:
        stages = [replace(stage, place=MACHINE) for stage in stages]
    return Plan(problem, machines, tuple(stages))


def tree(n_workers: int) -> tuple[int, int]:
    """Return how many sums are sent to reduce those of all workers to one, and how many of them one after another."""
    sent = in_turn = 0
    while n_workers > 1:
        left = ceil(n_workers / FAN_IN)
        sent += n_workers - left
        in_turn += min(FAN_IN, n_workers) - 1
        n_workers = left
    return sent, in_turn


def _held(problem: Problem, machines: Machines) -> tuple[float, float]:
    """Return the bytes of rows in a worker's memory, and what stands beside them where it is the client too."""
    if machines.file_bytes(problem):
        rows, beside = work.block_bytes(problem), work.bookkeeping_bytes_beside_files(problem)
    else:  # X, mapped rows, a subsystem's
        rows, beside = 3 * work.row_bytes(problem) / machines.n_workers, work.bookkeeping_bytes(problem)
    return rows, beside if machines.n_workers == 1 else 0.0


def _reading(problem: Problem, machines: Machines, rates: Rates, n_bytes: float) -> float:
    if not machines.reads_disk(problem):
        return 0.0
    assert rates.disk is not None
    return n_bytes / (machines.n_workers * rates.disk)


def _map_stages(problem: Problem, machines: Machines, rates: Rates) -> list[Stage]:
    """Return the choice of the input map, on few rows and one machine, and the map of all rows."""
    n_workers, n_values = machines.n_workers, float(problem.n_rows) * problem.n_features
    n_bytes = work.row_bytes(problem)
    memory = sum(_held(problem, machines))
    stages = []
    trials = work.trial_flops(problem)
    if trials:
        assert rates.trial is not None
        each = [flops.seconds(rates.trial) for flops in trials]
        some = float(work.DTYPE.itemsize * problem.trial.n_rows * problem.n_features)
        sent = some if n_workers > 1 else 0.0
        computing = max(*each, sum(each) / machines.n_threads)  # side by side
        flops = sum(flops.total for flops in trials)
        stages.append(
            Stage("choice of the input map", CLIENT, flops, some, sent, 0.0, computing, 0.0, sent / machines.network)
        )
    for name, passes, seconds_each in (
        ("input map", _PASSES_OF_MAP, rates.value),
        ("rows of subsystems", problem.n_subsystems * _PASSES_OF_COPY, problem.n_subsystems * rates.value_again),
    ):
        read = passes * n_bytes
        reading = _reading(problem, machines, rates, read)
        stages.append(Stage(name, WORKERS, 0.0, read, 0.0, memory, seconds_each * n_values / n_workers, reading))
    return stages


def _level_stages(problem: Problem, machines: Machines, rates: Rates) -> list[Stage]:
    """Return what the levels of all subsystems compute."""
    n_workers, n_later = machines.n_workers, problem.n_subsystems - 1
    flops = work.subsystem_flops(problem, n_workers)
    at_once = 1
    if n_workers == 1 and n_later:  # as fit_system does it, after the first
        at_once = min(n_later, workers_for(problem.n_rows, problem.width, machines.n_threads))
    rounds = ceil(n_later / at_once)
    later = rates.beside if at_once > 1 else rates.level
    rows, beside = _held(problem, machines)
    n_own = max(1, problem.n_sampled // n_workers)
    memory = rows + beside + at_once * work.sums_bytes(problem, n_own)
    alone = rows + beside + at_once * work.sums_bytes(problem, 0 if n_workers > 1 else n_own)
    stages = []
    for name, kind, place in (
        ("hidden units", "hidden", WORKERS),
        ("sums", "sums", WORKERS),
        ("path of penalties", "path", SOLVER),
        ("solves", "solves", SOLVER),
        ("scores", "scores", WORKERS),
        ("rows left out one by one", "leave_one_out", WORKERS),
    ):
        own = getattr(flops, kind)
        if own == 0:
            continue
        over = n_workers if place == WORKERS else 1
        computing = (own / getattr(rates.level, kind) + rounds * own / getattr(later, kind)) / over
        if kind == "sums" and problem.n_sampled >= problem.width:  # made by every worker
            made = work.fresh_bytes(problem.width, problem.n_outputs, problem.n_folds)
            computing += (1 + rounds) * problem.depth * made / rates.copy
        # Rows are read to make hidden units of them: 2 p flops for every value.
        read = problem.n_subsystems * own / (2 * problem.width) * work.DTYPE.itemsize if kind == "hidden" else 0.0
        held = memory if place == WORKERS else alone
        reading = _reading(problem, machines, rates, read)
        stages.append(Stage(name, place, problem.n_subsystems * own, read, 0.0, held, computing, reading))
    return stages


def _network_stages(problem: Problem, machines: Machines, rates: Rates) -> list[Stage]:
    """Return what goes between machines: sums to the one that solves, layers and solutions to all."""
    n_levels, n_workers = problem.n_subsystems * problem.depth, machines.n_workers
    sums = problem.n_folds * work.packed_bytes(problem.width, problem.n_outputs)
    sent, in_turn = tree(n_workers)
    rows, _ = _held(problem, machines)
    received = n_levels * in_turn * sums
    # What arrives is unpacked, and added.
    up = Stage(
        "sums to one worker",
        WORKERS,
        sent=n_levels * sent * sums,
        memory=rows + (FAN_IN + 1) * sums,
        computing=2 * received / rates.copy,
        sending=received / machines.network,
    )
    layers = problem.n_subsystems * work.layer_bytes(problem)
    down = (n_workers + 2) * layers + n_workers * n_levels * work.solution_bytes(problem)
    # Every layer is made of pairs of rows that workers send; each is sent to all by one machine.
    stages = [up, Stage("layers and solutions to workers", WORKERS, sent=down, sending=down / machines.network)]
    return [*stages, _log_loss_stage(problem, machines)] if work.takes_log_loss(problem) else stages


def _log_loss_stage(problem: Problem, machines: Machines) -> Stage:
    """Return what readouts by log-loss send: sums to the client; at every step gradients there, and readouts back."""
    n_workers, n_subsystems = machines.n_workers, problem.n_subsystems
    sums = work.packed_bytes(problem.width, problem.n_outputs)
    sent, in_turn = tree(n_workers)
    steps = n_workers * work.step_bytes(problem)
    return Stage(
        "steps to the least log-loss",
        CLIENT,
        sent=n_subsystems * ((sent + 1) * sums + steps),
        memory=work.bookkeeping_bytes(problem) + 3 * sums,  # packed, and unpacked to be solved
        sending=n_subsystems * ((in_turn + 1) * sums + steps) / machines.network,
    )


def _client_stage(problem: Problem, machines: Machines, rates: Rates) -> Stage:
    """Return what is done for rows and their scores: folds, choices, calibration."""
    n, n_subsystems = float(problem.n_rows), problem.n_subsystems
    sent = 0.0
    if machines.n_workers > 1:  # the scores of the first level and, where there are more, those of the whole
        sent = n_subsystems * n * problem.n_outputs * work.DTYPE.itemsize * (2 if problem.depth > 1 else 1)
    memory = work.bookkeeping_bytes(problem)
    if machines.n_workers == 1:
        memory = sum(_held(problem, machines))
    computing = n * (rates.row + n_subsystems * rates.row_again)
    return Stage(
        "folds, choices, calibration",
        CLIENT,
        sent=sent,
        memory=memory,
        computing=computing,
        sending=sent / machines.network,
    )
