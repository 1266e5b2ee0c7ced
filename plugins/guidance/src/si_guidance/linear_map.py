"""A linear operator seen from model space, and normal densities with covariance ``a I + v A A^T``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor

from si_core import UsageError

__all__ = ["LinearMap", "Operator"]

_DENSE = 2**22
"""Numbers of a matrix that is still written out, and decomposed."""

_PROBES = 64
"""Random directions that tell the size of a larger one."""


class Operator(Protocol):
    """A linear map of events."""

    def apply(self, x: Tensor) -> Tensor:
        """``A x`` of each of (B, *event), shape (B, *out)."""
        ...


class LinearMap:
    """``x -> A decode(x)``, affine in x, with the spectrum of its linear part A.

    A matrix of up to 4 million numbers is written out and ``A A^T`` decomposed, once; of a larger one the mean of the
    diagonal of ``A A^T`` stands for it, from fixed random directions.

    Args:
        operator: anything with ``apply``, or a function.
        decode: model space to data space.
        shape: of an event.
        device: where it is computed.

    Raises:
        UsageError: no operator, or one that gives no batch of rows.
    """

    def __init__(
        self, operator: Any, decode: Callable[[Tensor], Tensor], shape: tuple[int, ...], device: torch.device
    ) -> None:
        apply = getattr(operator, "apply", operator)
        if not callable(apply):
            raise UsageError("an operator has apply(x)", got=type(operator).__name__)
        self._apply, self._decode = apply, decode
        with torch.inference_mode(False), torch.no_grad():
            origin = torch.zeros(1, *shape, dtype=torch.float64, device=device)
            self.offset = self.apply(origin)
            d, m = math.prod(shape), self.offset.numel()
            self.basis: Tensor | None = None
            if d * m <= _DENSE:
                matrix = self._columns(origin, d, m) if d < m else self._rows(origin, m)
                values, self.basis = torch.linalg.eigh(matrix @ matrix.T)
                self.values = values.clamp_min(0.0)
            else:
                source = torch.Generator().manual_seed(0)
                probes = torch.randn(_PROBES, *shape, generator=source, dtype=torch.float64).to(device)
                seen = (self.apply(probes) - self.offset).reshape(_PROBES, -1).double()
                self.values = seen.square().mean().expand(m)

    def apply(self, x: Tensor) -> Tensor:
        """``A decode(x)``, shape (B, *out)."""
        seen: Tensor = self._apply(self._decode(x))
        if not isinstance(seen, Tensor) or seen.ndim < 1 or len(seen) != len(x):
            got = str(tuple(seen.shape)) if isinstance(seen, Tensor) else type(seen).__name__
            raise UsageError("an operator maps each state", got=got, allowed=f"({len(x)}, *out)")
        return seen

    def _columns(self, origin: Tensor, d: int, m: int) -> Tensor:
        """A by what it makes of unit vectors, shape (m, d)."""
        unit = torch.eye(d, dtype=torch.float64, device=origin.device).reshape(d, *origin.shape[1:])
        return (self.apply(unit) - self.offset).reshape(d, m).double().T

    def _rows(self, origin: Tensor, m: int) -> Tensor:
        """A by the gradients of what it gives, shape (m, d): of a large event the unit vectors would fill memory."""
        x = origin.repeat(m, *(1 for _ in origin.shape[1:])).requires_grad_()
        with torch.enable_grad():
            seen = self.apply(x).reshape(m, m).diagonal().sum()
            if not seen.requires_grad:
                raise UsageError("an operator can't be differentiated", allowed="operations of torch, without detach")
        rows: Tensor = torch.autograd.grad(seen, x)[0]
        return rows.reshape(m, -1).double()

    def log_normal(self, residual: Tensor, noise: float, spread: Tensor) -> Tensor:
        """``log N(residual; 0, noise I + spread A A^T)``, shape (B,).

        Args:
            residual: shape (B, *out).
            noise: a variance.
            spread: shape (1,) or (B,).
        """
        flat = residual.reshape(len(residual), -1)
        if self.basis is not None:
            flat = flat @ self.basis.to(flat)
        variance = (noise + spread.reshape(-1, 1).to(self.values) * self.values).to(flat)
        each: Tensor = flat.square() / variance + torch.log(2 * math.pi * variance)
        return -0.5 * each.sum(1)
