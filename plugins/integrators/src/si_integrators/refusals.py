"""Errors of methods that are given a problem they can't solve, and what they say of states."""

from __future__ import annotations

from torch import Tensor

from si_core import UsageError

__all__ = ["largest_state", "no_generator", "only_odes"]


def largest_state(x: Tensor) -> str:
    """Which state, shape (B, *event), has the largest norm, for an error; one that is no number counts as largest."""
    if not x.numel():
        return "no states"
    norms = x.detach().reshape(len(x), -1).norm(dim=1)
    row = int(norms.argmax())
    return f"largest state {row}, of norm {float(norms[row]):g}"


def only_odes(where: str) -> UsageError:
    """The method integrates no noise."""
    return UsageError(
        "the method solves ODEs, and this problem has noise",
        where=where,
        allowed="euler-maruyama, stochastic-heun or another SDE method; or epsilon = 0",
    )


def no_generator(where: str) -> UsageError:
    """There is nothing to draw noise from."""
    return UsageError(
        "an SDE needs a source of noise",
        where=where,
        fix="pass generator=torch.Generator(x.device).manual_seed(0)",
    )
