"""How often sampling asks the networks: counted with silent ones, which cost nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from si_core.errors import SIError
from si_core.models.acceleration.accelerator import Accelerator
from si_core.models.assembly import Assembly
from si_core.models.streams import generator

__all__ = ["SamplingCalls", "sampling_calls"]

_STATES = 2


class _Silent(nn.Module):
    """In place of networks: outputs of zero, and a count of the calls and of the states in them.

    Args:
        predictor: the networks.
        count: of the fields.
    """

    def __init__(self, predictor: nn.Module, count: int) -> None:
        super().__init__()
        self.predictor, self.count = predictor, count
        self.calls = self.states = 0

    def forward(
        self,
        position: Tensor,
        x: Tensor,
        condition: object = None,
        indices: Sequence[int] | None = None,
        s: object = None,
    ) -> tuple[Tensor, ...]:
        """Zeros for each of the fields."""
        self.calls += 1
        self.states += len(x)
        return tuple(torch.zeros_like(x) for _ in range(self.count if indices is None else len(indices)))


@dataclass(frozen=True)
class SamplingCalls:
    """How sampling asks the networks.

    Args:
        calls: for a block of samples.
        states: in all of these, for each sample.
        fixed: whether they are the same whatever the networks say; an adaptive method takes its steps by that, and
            with silent networks it takes fewer as a rule.
    """

    calls: int
    states: float
    fixed: bool


def sampling_calls(assembly: Assembly) -> SamplingCalls | None:
    """How sampling as a recipe says asks the networks; None where its method fails on networks that say nothing."""
    silent = _Silent(assembly.fields.predictor, len(assembly.fields.names))
    fields = assembly.fields.of(silent)  # type: ignore[arg-type]
    model = replace(assembly.model(fields), accelerator=Accelerator())
    try:
        model.sample(_STATES, generator(0, "evaluation", device=model.device))
    except SIError:
        return None
    return SamplingCalls(silent.calls, silent.states / _STATES, not model.integrator.adaptive)
