"""Tensors that are spread over the processes (:mod:`si_core.training.sharding`): a part, and all of it."""

from __future__ import annotations

from typing import Any

from torch import Tensor

__all__ = ["is_sharded", "like", "local", "whole"]


def is_sharded(value: object) -> bool:
    """Whether a tensor is spread over the processes."""
    return isinstance(value, Tensor) and hasattr(value, "full_tensor")


def local(value: Tensor) -> Tensor:
    """The part of a tensor that is here; all of it where it is not spread."""
    return value.to_local() if is_sharded(value) else value  # type: ignore[attr-defined]


def whole(value: Any) -> Any:
    """A tensor that is spread, gathered: all processes have to ask. Anything else is as it is."""
    return value.full_tensor() if is_sharded(value) else value


def like(value: Any, parameter: object) -> Any:
    """A whole tensor spread as a parameter of its shape is; anything else is as it is.

    Each process cuts its part out of what it has, and asks nobody: process 0 alone reads checkpoints.
    """
    if not is_sharded(parameter) or not isinstance(value, Tensor) or value.shape != parameter.shape:  # type: ignore[attr-defined]
        return value
    from torch.distributed.tensor import DTensor

    mesh, placements = parameter.device_mesh, parameter.placements  # type: ignore[attr-defined]
    dim, rank = placements[0].dim, mesh.get_local_rank()
    parts = value.to(parameter.device).chunk(mesh.size(), dim)  # type: ignore[attr-defined]
    own = parts[rank] if rank < len(parts) else parts[0].narrow(dim, 0, 0)
    made: Tensor = DTensor.from_local(own, mesh, placements, run_check=False, shape=value.shape, stride=value.stride())
    return made
