"""The augmented flow: states carried together with the logarithm of their change of volume.

    ``dX/du = b(u, X)``,   ``dl/du = div b(u, X)``     so     ``log rho_a(x) = log rho_b(X_b) + l_b``

for an ODE solved from ``X_a = x``, ``l_a = 0`` at clock position a to b, whichever of a and b is the larger: the
logarithm of a flow's density falls at the rate ``div b`` along it (arXiv 1806.07366; arXiv 2303.08797, section 2).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from si_core import Problem, Transport
from si_estimators.divergence import drift_and_divergence
from si_estimators.options import flat

__all__ = ["AugmentedFlow"]


class AugmentedFlow(Problem):
    """The initial value problem of ``(X, l)``, as an integrator sees it.

    A state is a row ``(x_1, ..., x_d, l_1, ..., l_K)``: it holds an event of any shape in the form that every
    integrator takes. Each probe of the divergence has an l of its own; the exact divergence has one. The drift can be
    differentiated further where gradient mode is on.

    Args:
        transport: the flow of X, an ODE.
        shape: the event shape.
        probes: probes of the divergence for each row, shape (K, B, *event); None for the exact one.
    """

    def __init__(self, transport: Transport, shape: tuple[int, ...], probes: Tensor | None = None) -> None:
        self.transport, self.shape, self.probes = transport, shape, probes
        self.start, self.stop = transport.start, transport.stop
        self._columns = 1 if probes is None else len(probes)

    def initial(self, x: Tensor) -> Tensor:
        """``(x, 0)`` for points x (B, *event), shape (B, d + K)."""
        return torch.cat([flat(x), x.new_zeros(len(x), self._columns)], 1)

    def split(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """X, shape (B, *event), and l, shape (B, K)."""
        return state[:, : -self._columns].reshape(-1, *self.shape), state[:, -self._columns :]

    def prepare(self, times: Sequence[float], state: Tensor) -> None:
        """Compute the transport's scalars at these clock positions at once."""
        self.transport.prepare(times, self.split(state)[0])

    def drift(self, time: float, state: Tensor) -> Tensor:
        """``(b, div b)`` per unit of clock, shape (B, d + K)."""
        x, _ = self.split(state)
        velocity, divergence = drift_and_divergence(self.transport, time, x, self.probes, torch.is_grad_enabled())
        return torch.cat([flat(velocity), divergence], 1)
