"""What it costs to pair states with different conditions: transport of (x, y) in place of x alone.

    c((x0, y0), (x1, y1)) = |x0 - x1|^2 / 2 + sum_k w_k d_k(y0, y1),

d = |y0 - y1|^2 / (2 scale^2) of values, in the scale that the condition declares, and 1 for labels that differ
(Chemseddine et al., arXiv 2403.18705; Kerrigan et al., arXiv 2404.04240). A condition that is left out differs by 1
from one that is not, and by nothing from another.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import Condition, ConditionSpec, UsageError

__all__ = ["ConditionWeight", "condition_distances", "named_weights"]

ConditionWeight = Annotated[float, Field(gt=0)] | dict[str, Annotated[float, Field(gt=0)]]
"""One weight for all conditions, or one for each by name; in units of x^2."""


def named_weights(
    weight: float | Mapping[str, float], specs: Mapping[str, ConditionSpec], apart: frozenset[str], where: str
) -> dict[str, float]:
    """The weight of each condition that has one.

    Args:
        weight: of all, or by name.
        specs: the conditions of the target.
        apart: those that pairs have in common already.
        where: for errors.

    Raises:
        UsageError: a name that is no condition, or one that pairs have in common already; no condition at all.
    """
    weighed = {name: spec for name, spec in specs.items() if name not in apart}
    if not isinstance(weight, Mapping):
        if not specs:
            raise UsageError("there are no conditions to weigh", where=f"{where}: condition_weight", got=str(weight))
        return dict.fromkeys(weighed, float(weight))
    for name in weight:
        if name not in weighed:
            known = name in specs
            raise UsageError(
                "pairs are within classes of this condition already" if known else f"no condition {name!r}",
                where=f"{where}: condition_weight",
                got=name,
                allowed=", ".join(weighed) or "none",
                fix="within_classes: false" if known else None,
            )
    return {name: float(value) for name, value in weight.items()}


def condition_distances(
    one: Condition, other: Condition, specs: Mapping[str, ConditionSpec], weights: Mapping[str, float]
) -> Tensor:
    """``sum_k w_k d_k``, shape (n, m), float64.

    Args:
        one: conditions by name, each (n, *shape).
        other: each (m, *shape).
        specs: of them.
        weights: of those that count, at least one.
    """
    return torch.stack([weights[name] * _distances(one[name], other[name], specs[name]) for name in weights]).sum(0)


def _distances(one: Tensor, other: Tensor, spec: ConditionSpec) -> Tensor:
    if spec.classes is not None:
        return (one[:, None] != other).double()
    first, second = (each.double().reshape(len(each), math.prod(spec.shape)) / spec.scale for each in (one, other))
    squares = torch.cdist(first.nan_to_num(), second.nan_to_num(), compute_mode="donot_use_mm_for_euclid_dist").square()
    absent, of_other = spec.is_absent(one)[:, None], spec.is_absent(other)
    return torch.where(absent | of_other, (absent != of_other).double(), squares / 2)
