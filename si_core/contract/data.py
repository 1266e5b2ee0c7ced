"""The values that flow through the library: a draw of the process, a trajectory, an estimate.

They are frozen: a stage hands its result on and nobody changes it behind another's back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from si_core.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from si_core.contract.process import Process
    from si_core.contract.schedule import Schedule

__all__ = ["Bound", "Draw", "Estimate", "Trajectory"]

Bound = Literal["exact", "unbiased", "lower", "upper"]


@dataclass(frozen=True)
class Draw:
    """A batch of draws ``x_t = I(t, x0, x1) + gamma(t) z`` of a process.

    Args:
        t: times in [0, 1], shape (B,).
        x0: draws of the source, shape (B, *event).
        x1: draws of the target, shape (B, *event).
        z: standard normal noise, shape (B, *event); zeros where the process has no latent.
        xt: the process at ``t``, shape (B, *event).
        condition: what the networks are told beside (t, x), such as class labels (B,), or None.
        schedule: the process's time-dependent scalars at ``t``, in the clock of the draw.
        process: the process drawn from.
        antithetic: whether the second half of the batch repeats the first with -z.
    """

    t: Tensor
    x0: Tensor
    x1: Tensor
    z: Tensor
    xt: Tensor
    condition: Tensor | None = None
    schedule: Schedule | None = None
    process: Process | None = None
    antithetic: bool = False

    def target(self, field: str) -> Tensor:
        """The regression target of a field: its row times (x0, x1, z), shape (B, *event).

        In the draw's own clock a velocity is ``dx/du``; see :mod:`si_core.process.rows`.

        Raises:
            UsageError: the draw knows no process, or the process no such field.
        """
        if self.process is None:
            raise UsageError(
                "this draw was made by hand, without its process", fix="make it with StochasticInterpolant.draw"
            )
        return self.process.regression_target(field, self)


@dataclass(frozen=True)
class Trajectory:
    """States along the solution of an initial value problem.

    Args:
        t: times, shape (K,), K >= 2, from the start to the stop of the transport.
        x: states, shape (K, B, *event).
        evaluations: how often the drift was evaluated.
    """

    t: Tensor
    x: Tensor
    evaluations: int

    @property
    def final(self) -> Tensor:
        """The state at the stop of the transport, shape (B, *event)."""
        return self.x[-1]


@dataclass(frozen=True)
class Estimate:
    """A measured number that says what it is.

    Args:
        name: the estimator's component name.
        value: the number, in ``unit``.
        standard_error: of ``value`` by the sampling of data and noise; None where it is not known.
        bound: what ``value`` is to the quantity named: ``exact`` (up to the integrator), ``unbiased``, ``lower`` or
            ``upper``.
        unit: such as ``nats``, ``bits/dim`` or ``1``.
        per_sample: the value of each sample, shape (B,), or None.
        details: further numbers worth showing, such as an effective sample size.
    """

    name: str
    value: float
    standard_error: float | None
    bound: Bound
    unit: str
    per_sample: Tensor | None = None
    details: dict[str, Any] | None = None
