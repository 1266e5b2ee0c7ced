"""A draw of a process whose numbers say nothing: what a loaded model is tried on without its data."""

from __future__ import annotations

import torch

from si_core.contract.clock import Clock
from si_core.contract.data import Draw
from si_core.process.process import StochasticInterpolant

__all__ = ["example_draw"]


def example_draw(process: StochasticInterpolant, clock: Clock, dtype: torch.dtype) -> Draw:
    """Two draws of a process in the form that its own have, whose numbers say nothing: no data are asked for."""
    x0, x1, z = (torch.ones(2, *process.shape, dtype=dtype) * number for number in (-1, 1, 0))
    condition = {
        name: torch.zeros(2, *spec.shape, dtype=dtype if spec.classes is None else torch.int64)
        for name, spec in process.conditions.items()
    }
    schedule = process.schedule(clock, torch.tensor([0.25, 0.75], dtype=torch.float64))
    return process.draw_of(schedule, x0, x1, z, condition=condition or None)
