"""Who is told of the steps of a fit while it runs: the parameter ``callback``, and scikit-learn's own callbacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

from sstpl import _validation as check
from sstpl._report import Step
from sstpl._selection import Score

if TYPE_CHECKING:
    from sstpl._base import SSTPLBase

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn before 1.9 has none

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in for scikit-learn's, and knows of no callbacks."""

        def _init_callback_context(self, max_subtasks: int | None) -> None:
            return None

    def with_callbacks(method: Any) -> Any:
        """Return the method as it is."""
        return method


__all__ = ["Callback", "CallbackSupportMixin", "FitStep", "Listeners", "Tell", "TellOf", "nobody", "with_callbacks"]

Tell: TypeAlias = Callable[[Step], None]
TellOf: TypeAlias = Callable[[int, Step], None]  # with the number of the subsystem

_DECIDED_LATER = ("map", "pair")


def nobody(step: Step) -> None:
    """Tell nobody of a step."""


@dataclass(frozen=True)
class FitStep:
    """What ``callback`` is told after a step of a fit.

    Attributes
    ----------
    subsystem : int
        Number of the subsystem, from 1; 0 for input maps.
    stage : {"map", "level", "encoder", "readout", "backward", "pair", "fusion", "subsystem"}
        What was fitted, as in `Step`; "subsystem" ends all of one.
    level : int
        Level of the stack, from 1; 0 for input maps, pairs, the fusion and subsystems.
    name : str
        The stage, and which of its kind.
    score : Score or None
        Selection score, as in `Step`; for "subsystem" that of the mean over the subsystems up to this one.
    accepted : bool or None
        Whether the model uses it, as far as is known: a wider first level may still replace one. None for input maps
        and pairs, one of which is chosen when all have been tried.
    seconds : float
        Wall time of the step.
    """

    subsystem: int
    stage: str
    level: int
    name: str
    score: Score | None
    accepted: bool | None
    seconds: float


Callback: TypeAlias = Callable[[FitStep], "bool | None"] | None


class Listeners:
    """The callbacks of an estimator during one fit; they hear of one step at a time, from whatever thread."""

    def __init__(self, estimator: SSTPLBase, X: object, y: object) -> None:
        self._estimator = estimator
        self._callback = estimator.callback
        self._data = {"X": X, "y": y}
        self._lock = Lock()
        self._root = estimator._init_callback_context(max_subtasks=None)
        if self._root is not None:
            self._root.call_on_fit_task_begin(estimator=estimator, **self._data)

    def teller(self, stop: Callable[[], None]) -> TellOf:
        """Return what is to be called after every step; it calls `stop` where a listener asks for it."""

        def tell(subsystem: int, step: Step) -> None:
            accepted = None if step.stage in _DECIDED_LATER else step.accepted
            told = FitStep(subsystem, step.stage, step.level, step.name, step.score, accepted, step.seconds)
            with self._lock:
                answers = [self._tell_callback(told), self._tell_scikit_learn(told)]
            if any(answers):
                stop()

        return tell

    def end(self) -> None:
        """Say that the estimator is fitted."""
        if self._root is not None:
            self._root.call_on_fit_task_end(estimator=self._estimator, **self._data, reconstruction_attributes={})

    def _tell_callback(self, step: FitStep) -> bool:
        return self._callback is not None and check.stop_request(self._callback(step))

    def _tell_scikit_learn(self, step: FitStep) -> bool:
        if self._root is None:
            return False
        task = self._root.subcontext(task_name=step.name)
        task.call_on_fit_task_begin(estimator=self._estimator)
        return bool(task.call_on_fit_task_end(estimator=self._estimator))
