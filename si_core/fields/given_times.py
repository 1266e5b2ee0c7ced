"""The times at which a caller asks for a field: within [0, 1], one for each state or one for all."""

from __future__ import annotations

import torch
from torch import Tensor

from si_core.errors import UsageError

__all__ = ["given_times"]


def given_times(t: Tensor | float, x: Tensor) -> Tensor:
    """Times in double precision on the device of x, shape () or (B,).

    Numbers on another device than the processor are not looked at: reading them would make the host wait.

    Args:
        t: the times, a number or a tensor of shape (), (1,) or (B,).
        x: the states, shape (B, *event).

    Raises:
        UsageError: what is no number or of another shape, or the first time that is not in [0, 1].
    """
    try:
        times = torch.as_tensor(t, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UsageError("a time is a number", got=repr(t), allowed="0 <= t <= 1, or a tensor of such") from error
    if times.ndim > 1 or times.numel() not in (1, len(x)):
        allowed = f"(), or one for each state: ({len(x)},)"
        raise UsageError("times have another shape than the states", got=f"shape {tuple(times.shape)}", allowed=allowed)
    if times.device.type == "cpu":
        # Asked this way round, a time that is no number is outside too.
        outside = ~((times >= 0) & (times <= 1)).reshape(-1)
        if bool(outside.any()):
            index = int(outside.nonzero()[0])
            entry = f" at entry {index}" if times.ndim else ""
            got = f"{float(times.reshape(-1)[index].detach()):g}{entry}"
            raise UsageError("fields are of times from 0 to 1", got=got, allowed="0 <= t <= 1")
    return times.to(x.device)
