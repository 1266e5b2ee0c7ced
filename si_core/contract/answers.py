"""What components answer, held to their interfaces at every call, before it is broadcast into something else.

Kind of value, shape and precision are looked at, never numbers, which a device has to wait for. What does not fit is
the error of the component that gave it, also where another one would stumble over it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from si_core.errors import PluginError, owned

__all__ = ["check_states", "entrywise", "form_of", "misbehaved"]

_PRECISIONS = (torch.float32, torch.float64)


def misbehaved(
    component: object, method: str | None, problem: str, *, got: object, allowed: object, fix: str | None = None
) -> PluginError:
    """The error of a component whose method answered something else than is due.

    Args:
        component: who answered.
        method: what was asked; None where the component as a whole is meant.
        problem: what is wrong.
        got: what came.
        allowed: what is due.
        fix: what to do.
    """
    return PluginError(problem, where=owned(component, method), got=got, allowed=allowed, fix=fix)


def form_of(value: object) -> str:
    """What a value is, in words: the shape and precision of a tensor, the type of anything else."""
    if not isinstance(value, Tensor):
        return "None" if value is None else type(value).__name__
    return f"{tuple(value.shape)} of {str(value.dtype).removeprefix('torch.')}"


def check_states(component: Any, method: str, values: object, n: int, shape: tuple[int, ...]) -> Tensor:
    """The values, if they are n states.

    Args:
        component: who drew them.
        method: by which method.
        values: what it drew.
        n: how many are due.
        shape: of an event.

    Raises:
        PluginError: no tensor, another shape, or neither float32 nor float64.
    """
    if isinstance(values, Tensor) and values.shape == (n, *shape) and values.dtype in _PRECISIONS:
        return values
    raise misbehaved(
        component,
        method,
        "draws are a tensor of n events",
        got=form_of(values),
        allowed=f"{(n, *shape)} of float32 or float64",
    )


def entrywise(method: Callable[[Tensor], Any], t: Tensor) -> Tensor:
    """What a function of time gives at times of shape (N,) or (), as a tensor like them; it may give one for all.

    Raises:
        PluginError: it gives no numbers, or not one for each time.
    """
    found = method(t)
    try:
        value = torch.as_tensor(found, dtype=t.dtype, device=t.device)
    except (TypeError, ValueError, RuntimeError):
        value = None
    if value is None or value.shape not in (t.shape, (), (1,)[: t.ndim]):
        owner = getattr(method, "__self__", method)
        raise misbehaved(
            owner,
            getattr(method, "__name__", None),
            "a function of time gives a number for each time",
            got=form_of(found),
            allowed=f"{tuple(t.shape)}, the shape of t, or one number",
        )
    return value.expand_as(t)
