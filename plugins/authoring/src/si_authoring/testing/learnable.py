"""Components with parameters in the kit: moved as the core moves them, and checked away from their first parameters.

A mistake in what is learned hides where training begins: an ``alpha_dot`` that forgets the learned part of alpha is
right as long as that part is 0.
"""

from __future__ import annotations

import copy
import dataclasses
from typing import TypeVar

import torch
from torch import nn

from si_authoring.testing.check import Check, Measured, NotApplicable, Violation

__all__ = ["also_perturbed", "perturbed", "placed"]

Component = TypeVar("Component")

_SHARE = 0.3
_SEED = 7


def placed(component: Component, dtype: torch.dtype = torch.float64, device: str = "cpu") -> Component:
    """A copy of a module in a precision and on a device, where the core would have moved it; others as they are."""
    if not isinstance(component, nn.Module):
        return component
    moved: Component = copy.deepcopy(component).to(device=device, dtype=dtype).requires_grad_(False)
    return moved


def perturbed(component: nn.Module) -> nn.Module:
    """A copy at other parameters: each times a factor in 1 +- 0.3, which keeps its sign; in +- 0.3 where it was 0."""
    moved = copy.deepcopy(component)
    generator = torch.Generator().manual_seed(_SEED)
    with torch.no_grad():
        for parameter in moved.parameters():
            wave = torch.rand(parameter.shape, generator=generator, dtype=torch.float64).to(parameter)
            step = _SHARE * (2 * wave - 1)
            parameter.copy_(torch.where(parameter == 0, step, parameter * (1 + step)))
    return moved


def also_perturbed(check: Check) -> Check:
    """The check, made once more at perturbed parameters where the component has parameters."""

    def run(component: object) -> Measured | None:
        measured = check.run(component)
        if not isinstance(component, nn.Module) or next(component.parameters(), None) is None:
            return measured
        try:
            again = check.run(perturbed(component))
        except NotApplicable:
            return measured
        except Violation as violation:
            problem = f"at other parameters than its first: {violation.problem}"
            raise Violation(problem, violation.measured) from violation
        return max(
            filter(None, (measured, again)), key=lambda m: m.deviation / m.allowed if m.allowed else 0.0, default=None
        )

    return dataclasses.replace(check, run=run)
