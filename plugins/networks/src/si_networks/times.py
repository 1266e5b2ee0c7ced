"""Times as networks are given them: one for all states, or one for each."""

from __future__ import annotations

import torch
from torch import Tensor

from si_core import UsageError

__all__ = ["as_times", "refuse_second_time"]


def as_times(t: Tensor | float, x: Tensor, where: str) -> Tensor:
    """Times in the precision and on the device of x: shape () where they are one for all, else (B,).

    Args:
        t: the times.
        x: states, shape (B, *event).
        where: the name of the network, for the error.

    Raises:
        UsageError: neither one time nor one for each state.
    """
    times = torch.as_tensor(t, dtype=x.dtype, device=x.device)
    if times.numel() == 1:
        return times.reshape(())
    if times.shape != x.shape[:1]:
        got = f"t {tuple(times.shape)}, x {tuple(x.shape)}"
        raise UsageError("times are one number, or one for each state", where=where, got=got)
    return times


def refuse_second_time(s: Tensor | None, where: str) -> None:
    """Refuse a second time that a network of one has no use for.

    Raises:
        UsageError: there is one.
    """
    if s is not None:
        raise UsageError("a network of one time is given two", where=f"{where}: s", fix=f"{where} with two_times=True")
