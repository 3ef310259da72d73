"""The progress bar of a fit: shown with ``verbose``, once two seconds have passed."""

from __future__ import annotations

from math import ceil
from time import perf_counter
from types import TracebackType

from tqdm.auto import tqdm

from sstpl._parallel import stop_if_unwanted

_SECONDS_BEFORE_SHOWN = 2.0
_SECONDS_BETWEEN_TICKS = 0.5
_SECONDS_BETWEEN_DRAWINGS = 0.1  # small steps end faster than anybody reads
_UNIT = 1e9  # the bar counts work in 10^9 floating-point operations
_NOTHING = 1e-6  # of those: what rounding leaves of work that is done


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
        self._pace = _Pace()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def plan(self, flops: float) -> None:
        """Add work to do."""
        self._pace.plan(flops / _UNIT, perf_counter())
        self._total += flops / _UNIT
        self._draw()

    def stage(self, name: str) -> None:
        """Say what is being done now."""
        self._stage = name
        self._draw()

    def done(self, flops: float) -> None:
        """Count planned work as done."""
        self._pace.done(flops / _UNIT, perf_counter())
        self._done += flops / _UNIT
        self._draw()

    def drop(self, flops: float) -> None:
        """Count planned work as not needed after all."""
        self._pace.drop(flops / _UNIT)
        self._done += flops / _UNIT
        self._draw()

    def tick(self) -> None:
        """Redraw now and then, so that the clock moves during a long native call; end the call if it is unwanted."""
        stop_if_unwanted()
        if perf_counter() - self._drawn > _SECONDS_BETWEEN_TICKS:
            self._draw()

    def _draw(self) -> None:
        now = perf_counter()
        if not self._verbose or now - self._drawn < _SECONDS_BETWEEN_DRAWINGS:
            return
        self._drawn = now
        if self._bar is None:
            if self._drawn - self._start < _SECONDS_BEFORE_SHOWN:
                return
            self._bar = tqdm(
                desc=self._description,
                total=self._total,
                leave=False,
                bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}{postfix}",
            )
            self._bar.start_t -= self._drawn - self._start
        self._bar.total = self._total
        self._bar.n = min(self._done, self._total)
        left = self._pace.seconds_left(self._drawn)
        known = "" if left is None else f", about {tqdm.format_interval(ceil(left))} left of what is planned"
        self._bar.set_postfix_str(self._stage + known, refresh=True)


class _Pace:
    """How fast planned work is done, by the last stretch of it without a pause: sizes, and so speeds, differ."""

    def __init__(self) -> None:
        self._left = 0.0
        self._stretch = 0.0  # done in this stretch
        self._began = self._last = 0.0
        self._rate = 0.0  # work in a second

    def plan(self, work: float, now: float) -> None:
        if self._left < _NOTHING:
            self._stretch, self._began, self._last = 0.0, now, now
        self._left += work

    def done(self, work: float, now: float) -> None:
        self._left -= work
        self._stretch += work
        self._last = now
        if now > self._began:
            self._rate = self._stretch / (now - self._began)

    def drop(self, work: float) -> None:
        self._left -= work

    def seconds_left(self, now: float) -> float | None:
        """Return the seconds that the work left should take, or None where nothing tells, or it takes longer."""
        if self._rate <= 0.0 or self._left < _NOTHING:
            return None
        seconds = self._left / self._rate - (now - self._last)
        return seconds if seconds > 0.0 else None
