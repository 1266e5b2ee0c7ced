"""Interleaved timing: things that are compared are run in turn, so that what disturbs the machine disturbs all alike.

The figure for one thing is the median over many short repetitions, with the quartiles; the figure for a difference or
a ratio is the median of those within a repetition, which a slow minute of the machine leaves alone.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from si_core.cli.examining.speed import threads
from si_core.models.freed_memory import keep_freed_memory

__all__ = ["Effort", "Spread", "Work", "beyond", "interleaved", "ratio", "spread", "threads"]

Work = Mapping[str, Callable[[], object]]
"""Pieces of work, by name."""

FEWEST = 5
"""Repetitions that are made whatever they cost, where as many are asked for."""


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of repetitions."""

    median: float
    lower: float
    upper: float

    def times(self, factor: float) -> Spread:
        """The same in another unit."""
        return Spread(self.median * factor, self.lower * factor, self.upper * factor)


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles."""
    lower, median, upper = torch.tensor(values, dtype=torch.float64).quantile(
        torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64)
    )
    return Spread(float(median), float(lower), float(upper))


def beyond(values: Sequence[float], *parts: Sequence[float]) -> Spread:
    """What remains of the values without the parts, repetition by repetition."""
    return spread([value - sum(rest) for value, *rest in zip(values, *parts, strict=True)])


def ratio(values: Sequence[float], base: Sequence[float]) -> Spread:
    """The values in units of the base, repetition by repetition."""
    return spread([value / one for value, one in zip(values, base, strict=True)])


def interleaved(
    work: Work,
    repetitions: int,
    each: int | Mapping[str, int] = 1,
    seconds: float | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Seconds of each piece of work in each repetition, in the order of the repetitions.

    Args:
        work: what to run, by name; the order changes from one repetition to the next.
        repetitions: how often each is timed.
        each: of how many equal steps a piece consists, for all or by name; the result is seconds of a step.
        seconds: begin no repetition after so many seconds, once there are a few.
        clock: what is read before and after a piece.
    """
    names = list(work)
    begin = time.perf_counter()
    for _ in range(3):
        for name in names:
            work[name]()
        if seconds is not None and time.perf_counter() - begin > seconds / 10:
            break
    found: dict[str, list[float]] = {name: [] for name in names}
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    begin = time.perf_counter()
    try:
        for repetition in range(repetitions):
            if seconds is not None and repetition >= FEWEST and time.perf_counter() - begin > seconds:
                break
            shift = repetition % len(names)
            for name in names[shift:] + names[:shift]:
                start = clock()
                work[name]()
                steps = each if isinstance(each, int) else each[name]
                found[name].append((clock() - start) / steps)
    finally:
        if enabled:
            gc.enable()
    return found


@dataclass(frozen=True)
class Effort:
    """How much is measured, and by which clock.

    Args:
        repetitions: how often each piece of work is timed, at most.
        processor: whether time is that of the processor in this process, which leaves out what other processes take;
            for one thread only, as that of several is summed.
    """

    repetitions: int = 40
    processor: bool = False

    def compare(self, work: Work, each: int | Mapping[str, int] = 1, seconds: float = 4.0) -> dict[str, list[float]]:
        """Seconds of a step of each piece of work in each repetition; see :func:`interleaved`."""
        # Else the same call takes a third more or less, by what was freed before it.
        keep_freed_memory()
        clock = time.process_time if self.processor else time.perf_counter
        return interleaved(work, self.repetitions, each, seconds, clock)
