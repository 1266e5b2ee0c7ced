"""The fitted clock of a problem at hand: for models made in Python, which no run keeps a clock for."""

from __future__ import annotations

import torch
from torch import Tensor

from si_core import Transport
from si_integrators.fitted import Fitted, fit

__all__ = ["fit_clock"]


def fit_clock(transport: Transport, x: Tensor, order: float, generator: torch.Generator | None = None) -> Fitted:
    """The clock in which equal steps make equal errors, as a pilot measures them along this problem.

    Args:
        transport: the problem; its clock is the one that is mapped, whose orders at the ends the new one has.
        x: its initial states, shape (B, *event), B > 0, of which the pilot takes the first 256.
        order: of the method that is to solve it (:attr:`~si_core.Integrator.order`).
        generator: the source of the noise of an SDE.

    Returns:
        A clock for ``Transport(..., clock=)``, of this problem or of any other in the same process.
    """
    return Fitted(transport.clock, fit(transport, x, order, generator), list(transport.clock.orders))
