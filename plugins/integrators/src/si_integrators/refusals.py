"""Errors of methods that are given a problem they can't solve."""

from __future__ import annotations

from si_core import UsageError

__all__ = ["no_generator", "only_odes"]


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
