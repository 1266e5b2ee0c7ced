"""What is shown of a training: progress often, a line now and then."""

from __future__ import annotations

import time
from typing import Any

from si_core.runs.log import Console
from si_core.storage.machine import in_time
from si_core.training.trainer import Trainer

__all__ = ["ShownTraining"]

_PROGRESS_SECONDS = 0.1
_LINE_SECONDS = 10.0


class ShownTraining:
    """The steps of a training on a console.

    Args:
        trainer: whose steps.
        console: where to speak.
    """

    def __init__(self, trainer: Trainer, console: Console) -> None:
        self._trainer, self._console, self._first = trainer, console, trainer.step
        self._began = time.monotonic()
        self._line, self._progress = self._began - _LINE_SECONDS, self._began
        self._losses = ""

    def record(self, record: dict[str, Any], throughput: dict[str, Any] | None = None) -> None:
        """A record of metrics was made, and one of the pace since the last one."""
        self._losses = "  ".join(f"{name} {value:.4f}" for name, value in record["losses"].items())
        if "validation" in record:
            self._losses += f"  held out {record['validation']['total']:.4f}"
        step, steps, now = self._trainer.step, self._trainer.train.steps, time.monotonic()
        if self._trainer.finished or now - self._line > _LINE_SECONDS:
            pace = (step - self._first) / max(now - self._began, 1e-9)
            left = "" if self._trainer.finished else f", {in_time((steps - step) / max(pace, 1e-9))} left"
            described = f"{_pace(pace)} steps/s{_described(throughput)}{left}"
            self._console.line(f"step {step}/{steps}  {self._losses}  {described}")
            for name, means in record.get("validation_by_time", {}).items():
                shown = " ".join("-" if mean is None else f"{mean:.3g}" for mean in means)
                self._console.line(f"  {name} on held-out rows by time, from 0 to 1: {shown}")
            self._line = now

    def progress(self) -> None:
        """A step was done."""
        step, steps, now = self._trainer.step, self._trainer.train.steps, time.monotonic()
        if self._trainer.finished or now - self._progress > _PROGRESS_SECONDS:
            self._console.progress(step, steps, self._losses)
            self._progress = now


def _pace(per_second: float) -> str:
    """A pace with two digits at least: 0.21, 3.4, 120."""
    return f"{per_second:.0f}" if per_second >= 10 else f"{per_second:.2g}"


def _described(throughput: dict[str, Any] | None) -> str:
    """The pace of the newest interval, in words."""
    if throughput is None:
        return ""
    outside = "" if throughput["outside"] is None else f", {throughput['outside']:.1%} of the time outside the network"
    return f", {throughput['samples_per_second']:,.0f} samples/s{outside}"
