"""Second times, for objectives with two."""

from __future__ import annotations

from dataclasses import replace

import torch

from si_core.contract.data import Draw

__all__ = ["with_second_times"]


def with_second_times(draw: Draw, generator: torch.Generator) -> Draw:
    """The draw with s uniform on [0, 1] and independent of t; the two of an antithetic pair share theirs."""
    parts = 1 + draw.antithetic
    s = torch.rand(len(draw.xt) // parts, generator=generator, dtype=torch.float64, device=draw.xt.device)
    return replace(draw, s=s.to(draw.xt).repeat(parts))
