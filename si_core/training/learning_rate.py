"""The learning rate as a pure function of the step, so that there is nothing to save or restore."""

from __future__ import annotations

import math

from si_core.recipes.training import Cosine, Step, Train

__all__ = ["learning_rate"]


def learning_rate(train: Train, step: int) -> float:
    """The learning rate of a step, counted from 0: warm-up, then the schedule over the steps that remain."""
    schedule, base = train.schedule, train.optimizer.lr
    if step < schedule.warmup:
        return base * (step + 1) / schedule.warmup
    done = step - schedule.warmup
    if isinstance(schedule, Cosine):
        whole = max(train.steps - schedule.warmup, 1)
        wave = 0.5 * (1 + math.cos(math.pi * min(done / whole, 1.0)))
        return base * (schedule.final + (1 - schedule.final) * wave)
    if isinstance(schedule, Step):
        return float(base * schedule.factor ** (done // schedule.every))
    return base
