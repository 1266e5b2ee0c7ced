"""Which state is the largest, in words: what methods say of a solution that goes wrong."""

from __future__ import annotations

from torch import Tensor

__all__ = ["largest_state"]


def largest_state(x: Tensor) -> str:
    """Which state, shape (B, *event), has the largest norm, for an error; one that is no number counts as largest."""
    if not x.numel():
        return "no states"
    norms = x.detach().reshape(len(x), -1).norm(dim=1)
    row = int(norms.argmax())
    return f"largest state {row}, of norm {float(norms[row]):g}"
