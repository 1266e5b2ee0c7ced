"""States of a network and its outputs, held to the event shape that it was built for."""

from __future__ import annotations

from torch import Tensor

from si_core import UsageError

__all__ = ["as_events", "check_states"]


def check_states(x: Tensor, shape: tuple[int, ...], where: str) -> None:
    """Refuse states that are not of the event shape.

    Args:
        x: states.
        shape: of an event.
        where: the name of the network.

    Raises:
        UsageError: with both shapes.
    """
    if x.ndim == 0 or tuple(x.shape[1:]) != shape:
        raise UsageError(
            "states of another shape than the network was built for",
            where=where,
            got=f"x {tuple(x.shape)}",
            allowed=f"(B, {', '.join(map(str, shape))})",
        )


def as_events(output: Tensor, heads: int | None, shape: tuple[int, ...]) -> Tensor:
    """Outputs (B, heads * size) or of that many numbers as (B, *event), or (B, heads, *event) where heads is given."""
    return output.reshape(len(output), *(() if heads is None else (heads,)), *shape)
