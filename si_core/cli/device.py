"""The ``--device`` of a command, checked before anything is built."""

from __future__ import annotations

from si_core.errors import UsageError

__all__ = ["checked_device"]


def checked_device(name: str) -> str:
    """The device's name if it can be used here.

    Raises:
        UsageError: an unknown device, or one this machine lacks.
    """
    import torch

    there = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    refusal = UsageError(
        "no such device here", where="--device", got=name, allowed=", ".join(there), fix="--device cpu"
    )
    try:
        made = torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise refusal from error
    if made.device.type == "meta":
        raise refusal  # a device of torch that holds no numbers
    return name
