"""Numbers of time times batches of events: what fields, positions and targets are made of."""

from __future__ import annotations

import torch
from torch import Tensor

from si_core.contract.schedule import Coefficients, Scalar

__all__ = ["combined", "spread"]


def spread(scalar: Scalar, x: Tensor) -> Tensor | float:
    """A scalar of a schedule in x's dtype, broadcasting over the event of x."""
    if isinstance(scalar, float):
        return scalar
    if scalar.dtype != x.dtype or scalar.device != x.device:
        scalar = scalar.to(device=x.device, dtype=x.dtype)
    return scalar.reshape(-1, 1) if x.ndim == 2 else scalar.reshape(-1, *(1 for _ in x.shape[1:]))


def combined(coefficients: Coefficients, basis: tuple[Tensor, ...]) -> Tensor:
    """``sum_i coefficients_i basis_i`` with as few kernels as the numbers allow, shape (B, *event)."""
    terms = [(s, e) for s, e in zip(coefficients, basis, strict=True) if not (isinstance(s, float) and s == 0.0)]
    if not terms:
        return basis[0].new_zeros(()).expand_as(basis[0])
    scalar, element = terms[0]
    if isinstance(scalar, float) and scalar == 1.0 and len(terms) == 1:
        return element
    result = spread(scalar, element) * element
    # The product is a new tensor, so the rest may be added in place: large batches are bound by fresh memory.
    for scalar, element in terms[1:]:
        if isinstance(scalar, float):
            result.add_(element, alpha=scalar)
        else:
            result.addcmul_(torch.as_tensor(spread(scalar, element)), element)
    return result
