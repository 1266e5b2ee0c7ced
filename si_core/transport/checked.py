"""What a method returned, held to what :class:`si_core.Trajectory` says before anybody uses it."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from si_core.contract.answers import form_of, misbehaved
from si_core.contract.data import Trajectory
from si_core.contract.integrator import Integrator

__all__ = ["check_trajectory"]


def check_trajectory(integrator: Integrator, trajectory: Any, x: Tensor, states: int | None = None) -> Trajectory:
    """The trajectory, if its parts have the shapes that are due.

    Weights of another number of states would go to others than their own, without a word; so this looks at shapes, and
    never at numbers, which a device has to wait for.

    Args:
        integrator: the method, for the error.
        trajectory: what it returned.
        x: the initial state, shape (B, *event).
        states: how many it has to have; None for two or more.

    Raises:
        PluginError: says which part has another shape.
    """
    if not isinstance(trajectory, Trajectory):
        raise misbehaved(
            integrator, None, "a method returns a Trajectory", got=form_of(trajectory), allowed="si_core.Trajectory"
        )
    shape, count = tuple(trajectory.x.shape), len(trajectory.x)
    due = (count if states is None else states, *x.shape)
    if count < 2 or shape != due:
        raise misbehaved(
            integrator,
            None,
            "the states of a trajectory have the shape of the initial one",
            got=str(shape),
            allowed=f"({'K >= 2' if states is None else states}, {', '.join(map(str, x.shape))})",
        )
    for attribute, due_count in (("t", count), ("log_weights", len(x)), ("log_density", len(x))):
        values = getattr(trajectory, attribute)
        if values is not None and (tuple(values.shape) != (due_count,) or not values.is_floating_point()):
            raise misbehaved(
                integrator,
                None,
                f"the {attribute} of a trajectory are floating-point numbers, one for each state",
                got=f"{values.dtype} {tuple(values.shape)}",
                allowed=str((due_count,)),
            )
    return trajectory
