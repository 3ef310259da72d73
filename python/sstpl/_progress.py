"""The progress bar of a fit: shown with ``verbose``, once two seconds have passed."""

from __future__ import annotations

from time import perf_counter
from types import TracebackType

from tqdm.auto import tqdm

from sstpl._parallel import stop_if_unwanted

_SECONDS_BEFORE_SHOWN = 2.0
_SECONDS_BETWEEN_TICKS = 0.5
_UNIT = 1e9  # the bar counts work in 10^9 floating-point operations


class Progress:
    """Work done against work planned, in floating-point operations."""

    def __init__(self, verbose: bool, description: str) -> None:
        self._start = perf_counter()
        self._verbose = verbose
        self._description = description
        self._bar: tqdm | None = None
        self._total = 0.0
        self._done = 0.0
        self._stage = ""
        self._drawn = 0.0

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def plan(self, flops: float) -> None:
        """Add work to do."""
        self._total += flops / _UNIT
        self._draw()

    def stage(self, name: str) -> None:
        """Say what is being done now."""
        self._stage = name
        self._draw()

    def done(self, flops: float) -> None:
        """Count planned work as done, or as not needed after all."""
        self._done += flops / _UNIT
        self._draw()

    def tick(self) -> None:
        """Redraw now and then, so that the clock moves during a long native call; end the call if it is unwanted."""
        stop_if_unwanted()
        if perf_counter() - self._drawn > _SECONDS_BETWEEN_TICKS:
            self._draw()

    def _draw(self) -> None:
        if not self._verbose:
            return
        self._drawn = perf_counter()
        if self._bar is None:
            if perf_counter() - self._start < _SECONDS_BEFORE_SHOWN:
                return
            self._bar = tqdm(
                desc=self._description,
                total=self._total,
                leave=False,
                bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}",
            )
            self._bar.start_t -= _SECONDS_BEFORE_SHOWN
        self._bar.total = self._total
        self._bar.n = min(self._done, self._total)
        self._bar.set_postfix_str(self._stage, refresh=True)
