"""What a coupling drew, held to what :class:`si_core.Pairs` says before anybody uses it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from si_core.contract.answers import form_of, misbehaved
from si_core.contract.coupling import Coupling
from si_core.contract.data import Pairs

__all__ = ["check_pairs", "check_weights"]


def check_pairs(coupling: Coupling, pairs: Any, n: int, shape: tuple[int, ...]) -> Pairs:
    """The pairs, if they are n with the shapes that are due; numbers are not looked at.

    A weight of shape (B, 1) would multiply every loss by every weight, without a word.

    Args:
        coupling: who drew them, for the error.
        pairs: what it drew.
        n: how many are due.
        shape: of an event.

    Raises:
        PluginError: says which part has another shape.
    """
    if not isinstance(pairs, Pairs):
        raise misbehaved(coupling, "draw", "a coupling draws Pairs", got=form_of(pairs), allowed="si_core.Pairs")
    parts = [("x0", pairs.x0, (n, *shape)), ("x1", pairs.x1, (n, *shape))]
    if pairs.weight is not None:
        parts.append(("weight", pairs.weight, (n,)))
    for name, values, due in parts:
        if not isinstance(values, Tensor) or values.shape != due or not values.is_floating_point():
            raise misbehaved(
                coupling,
                "draw",
                f"{name} of pairs has another shape or precision",
                got=form_of(values),
                allowed=f"floating-point numbers {due}",
            )
    return pairs


def check_weights(coupling: Coupling, weight: Tensor | None) -> None:
    """Refuse weights of pairs that are negative, not finite or all 0; it reads the numbers.

    Raises:
        PluginError: the first such weight.
    """
    if weight is None:
        return
    wrong = ~(torch.isfinite(weight) & (weight >= 0))
    if bool(wrong.any()) or not bool((weight > 0).any()):
        entry = int(wrong.nonzero()[0]) if bool(wrong.any()) else 0
        raise misbehaved(
            coupling,
            "draw",
            "a weight of pairs",
            got=f"{float(weight[entry]):g} at pair {entry}" if bool(wrong.any()) else "0 at every pair",
            allowed="finite numbers >= 0, with mean 1 over the coupling",
        )
