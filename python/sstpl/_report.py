"""What a fit tried, and what came of it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from scipy.linalg import LinAlgWarning

from sstpl._calibration import CalibrationReport
from sstpl._selection import Score


@dataclass
class Step:
    """One solve of a fit, tried in one place.

    Attributes
    ----------
    stage : {"map", "level", "encoder", "readout", "backward", "pair", "fusion"}
    level : int
        Level of the stack, forward or backward level, from 1; 0 for input maps, pairs and the fusion.
    score : Score or None
        Selection score, where the stage makes predictions: of out-of-fold scores (level 1, readout), of rows that
        were left out (map, later levels, pair), of the scores that the fit returns (fusion).
    accepted : bool
        Whether the fitted model uses it.
    alpha, rank, rcond, solver : float, int, float, str
        Penalty used, and the outcome of the solve on all rows. A lasso has no rank and no rcond, a map has none.
    seconds : float
        Wall time of the step.
    detail : dict
        Everything else the core reported: the alpha path and its errors, the solves without each fold, primal
        or dual form, seconds per part; for pairs, the forward and the backward level, 0 for none; for levels and
        pairs judged on rows left out, the gain there and its standard error; for maps, what stood for
        ``hidden_weights`` and ``hidden_columns``, how many rows were left out, and the squared error relative to
        the best one's of the same rows ("relative_error"); for those with the best map, the squared error of the mean
        with the best one's scores, relative to that of two chains of the best ("beside_best"; None where subsystems
        do not alternate).
    """

    stage: str
    level: int
    seconds: float
    score: Score | None = None
    accepted: bool = True
    alpha: float | None = None
    rank: int | None = None
    rcond: float | None = None
    solver: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The stage, and which of its kind."""
        if self.stage == "map":
            return f"{self.detail['map']}, {self.detail['hidden_weights']}, {self.detail['columns']}"
        if self.stage == "pair":
            return f"pair {self.detail['forward']}, {self.detail['backward'] or 'none'}"
        return f"{self.stage} {self.level}" if self.level else self.stage


def step(stage: str, level: int, seconds: float, native: dict[str, Any], score: Score | None = None) -> Step:
    """Make a step from a report of the core."""
    solve = native.get("solve", {})
    return Step(
        stage,
        level,
        seconds,
        score,
        alpha=native.get("alpha"),
        rank=solve.get("rank"),
        rcond=solve.get("rcond"),
        solver="fista" if native.get("penalty") == "lasso" else solve.get("solver"),
        detail=native,
    )


@dataclass
class SubsystemReport:
    """What one subsystem tried.

    Attributes
    ----------
    n_samples : int
        Rows in its sample.
    steps : list of Step
    score : Score or None
        Of its own predictions of all training rows: out-of-fold in its sample, out-of-bag outside. Where its readout
        is fitted to the log-loss, they are no codes, and only the accuracy means something. None after
        ``partial_fit``, which keeps sums and no rows to score, and with ``n_folds=1``.
    system_score : Score or None
        Of the mean over the subsystems up to this one.
    accepted : bool
        Whether the system kept it.
    seconds : float
    """

    n_samples: int
    steps: list[Step]
    score: Score | None
    system_score: Score | None
    accepted: bool
    seconds: float


@dataclass(repr=False)
class Report:
    """What a fit tried.

    Attributes
    ----------
    preparation : list of Step
        Input maps that were tried before the first subsystem.
    subsystems : list of SubsystemReport
        One entry per subsystem, the rejected last one included.
    stopped_by_time : bool
        Whether ``time_limit`` ended the search for width, depth or subsystems.
    calibration : CalibrationReport or None
        The map from scores to class probabilities, what else was tried, and its log-loss (classification).
    score : Score or None
        Of the scores of the training rows that the fit returns (``oof_decision_function_``, ``oof_prediction_``), where
        it does.
    """

    preparation: list[Step] = field(default_factory=list)
    subsystems: list[SubsystemReport] = field(default_factory=list)
    stopped_by_time: bool = False
    calibration: CalibrationReport | None = None
    score: Score | None = None

    @property
    def seconds(self) -> float:
        """Seconds of all that was tried; where it ran side by side, more than went by."""
        return sum(s.seconds for s in self.preparation) + sum(s.seconds for s in self.subsystems)

    def numbered_steps(self) -> Iterator[tuple[int, Step]]:
        """Yield every step with the number of its subsystem, from 1; 0 for input maps."""
        yield from ((0, s) for s in self.preparation)
        for number, subsystem in enumerate(self.subsystems, start=1):
            yield from ((number, s) for s in subsystem.steps)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as nested dicts and lists of plain values."""
        return asdict(self)

    def summary(self) -> str:
        """Return a table of every step as text: score (accuracy or R^2), squared error, penalty, whether it is used."""
        lines = [f"{'subsystem':>9}  {'step':<19}{'width':>6}{'score':>8}{'error':>11}{'alpha':>9}{'seconds':>9}  used"]
        for number, s in self.numbered_steps():
            used = s.accepted and (number == 0 or self.subsystems[number - 1].accepted)
            score, error = ("", "") if s.score is None else (f"{s.score.value:.4f}", f"{-s.score.fit:.4g}")
            alpha = "" if s.alpha is None else f"{s.alpha:.0e}"
            lines.append(
                f"{number or '':>9}  {s.name:<19.19}{s.detail.get('width', ''):>6}{score:>8}{error:>11}{alpha:>9}"
                f"{s.seconds:>9.2f}  {'yes' if used else 'no'}"
            )
        return "\n".join(lines)

    def __repr__(self) -> str:
        n_kept = sum(subsystem.accepted for subsystem in self.subsystems)
        n_steps = sum(1 for _ in self.numbered_steps())
        score = "" if self.score is None else f"score {self.score.value:.4f}, "
        return f"<Report: {n_kept} subsystems kept, {n_steps} steps, {score}{self.seconds:.2f} s; see summary()>"

    def warn(self) -> None:
        """Warn of solves that the first choice of solver could not do, and of lassos that hit their cap."""
        steps = [s for subsystem in self.subsystems for s in subsystem.steps]
        fallen_back = [s for s in steps if s.solver == "eigen"]
        if fallen_back:
            worst = min(fallen_back, key=lambda s: s.rcond if s.rcond is not None else 0.0)
            warnings.warn(
                f"{len(fallen_back)} of {len(steps)} ridge solves were too ill-conditioned for Cholesky and took the "
                f"minimum-norm solution on their leading eigenvalues (lowest rcond {worst.rcond:.1e}, rank "
                f"{worst.rank}, stage {worst.stage!r}); increase alpha, or drop duplicate columns. See report_.",
                LinAlgWarning,
                stacklevel=3,
            )
