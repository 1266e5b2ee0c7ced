"""How fast training is, and what share of its time is not the networks' own.

The time between two records is measured as a whole; that within the networks' forward pass, the backward pass and the
optimizer's step at every eighth step, which costs nothing to speak of: by the clock on the CPU, by events on a CUDA
device, which nobody waits for. What is left is batches, losses, checks, averages, records, whoever follows the run.
The first step of a process, which compiles and allocates, is of no interval.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor

from si_core.fields.predictor import Predictor, WrappedPredictor

__all__ = ["Throughput", "TimedPredictor"]

_NOTHING = nullcontext()
_EVERY, _PLACE = 8, 3
"""Which steps are measured inside."""


class Throughput:
    """The pace of a training since it was asked last.

    Args:
        batch: draws of a step.
        device: where it trains.
    """

    def __init__(self, batch: int, device: torch.device) -> None:
        self._batch, self._cuda = batch, device.type == "cuda"
        self._first, self._since = True, 0.0
        self._steps, self._measured, self._inside = 0, 0, 0.0
        self._events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []
        self.active = False
        """Whether the present step is measured inside."""

    def begins(self, step: int) -> None:
        """A step begins."""
        if self._first:
            self._first = False
            return
        if not self._since:
            self._since = time.perf_counter()
        self._steps += 1
        self.active = step % _EVERY == _PLACE
        if self.active:
            self._fold()
            self._measured += 1

    def inside(self) -> AbstractContextManager[None]:
        """Around what is the networks' own."""
        return self._timed() if self.active else _NOTHING

    @contextmanager
    def _timed(self) -> Iterator[None]:
        if self._cuda:
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
            begin.record()
            yield
            end.record()
            self._events.append((begin, end))
            return
        began = time.perf_counter()
        yield
        self._inside += time.perf_counter() - began

    def _fold(self) -> None:
        """Take in what was measured before; each step has waited for the device since."""
        for begin, end in self._events:
            end.synchronize()
            self._inside += begin.elapsed_time(end) / 1000
        self._events = []

    def record(self, step: int) -> dict[str, Any] | None:
        """The pace since the last record, and the start of the next interval; None before the second step.

        ``seconds`` of the interval, ``steps_per_second``, ``samples_per_second``, and ``outside``, the share of the
        time that was not in the networks' forward and backward passes and the optimizer's steps, or None where no step
        was measured inside.
        """
        self.active = False
        if not self._steps:
            return None
        self._fold()
        now = time.perf_counter()
        seconds, steps = max(now - self._since, 1e-9), self._steps
        own = None if not self._measured else self._inside / self._measured * steps
        self._since, self._steps, self._measured, self._inside = now, 0, 0, 0.0
        return {
            "step": step,
            "seconds": seconds,
            "steps_per_second": steps / seconds,
            "samples_per_second": steps * self._batch / seconds,
            "outside": None if own is None else max(0.0, 1 - own / seconds),
        }


class TimedPredictor(WrappedPredictor):
    """Networks whose calls are measured; they are those of another predictor, which is called whole.

    Args:
        predictor: the networks.
        count: the number of fields.
        throughput: measures.
    """

    def __init__(self, predictor: Predictor, count: int, throughput: Throughput) -> None:
        super().__init__(predictor, count)
        self._throughput = throughput

    def forward(self, *arguments: Any, **named: Any) -> tuple[Tensor, ...]:
        """The outputs as the networks give them."""
        with self._throughput.inside():
            outputs: tuple[Tensor, ...] = self.whole(*arguments, **named)
        return outputs
