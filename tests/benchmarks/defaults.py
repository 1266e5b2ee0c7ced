"""The methods that the library takes where none is named, with as many steps as some number of calls allows."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

import si_core as si
from si_core.models.sampler import default_integrator

__all__ = ["default_method", "within"]


def default_method(stochastic: bool) -> tuple[str, dict[str, Any]]:
    """The name and the options of the integrator meant where none is named."""
    selection = default_integrator(stochastic)
    return selection.name, dict(selection.options)


def within(calls: int, name: str, options: dict[str, Any], transport: si.Transport, x: Tensor) -> si.Integrator:
    """An integrator with the most steps that make at most so many calls of the drift, trial runs included."""
    build = partial(si.build, "integrator", name, **options)
    generator = torch.Generator().manual_seed(0)
    few, low, high = x[:2], 1, calls
    while low < high:
        middle = (low + high + 1) // 2
        made = si.integrate(transport, few, build(steps=middle), generator).evaluations
        low, high = (middle, high) if made <= calls else (low, middle - 1)
    return build(steps=low)  # type: ignore[no-any-return]
