"""The values that flow through the library: pairs, a draw of the process, a trajectory, an estimate.

They are frozen: a stage hands its result on and nobody changes it behind another's back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from si_core.contract.combine import combined
from si_core.contract.estimate_line import estimate_line
from si_core.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from si_core.contract.process import Structure
    from si_core.contract.schedule import Coefficients, Schedule

__all__ = ["Bound", "Draw", "Estimate", "Pairs", "Trajectory"]

Bound = Literal["exact", "unbiased", "consistent", "lower", "upper", "approximate"]
"""What a number is to the quantity that it is named after: a claim. What does not hold by theorem for what was computed
takes the weaker word.

=============== ====================================================================================================
``exact``       equal, up to the integrator
``unbiased``    equal in expectation
``consistent``  equal in the limit of many samples, particles or steps
``lower``       not above, in expectation
``upper``       not below, in expectation
``approximate`` near, and no theorem says how near
=============== ====================================================================================================
"""


@dataclass(frozen=True)
class Pairs:
    """Pairs ``(x0, x1) ~ nu`` of a coupling.

    Args:
        x0: draws of the source, shape (B, *event).
        x1: draws of the target, shape (B, *event).
        condition: what belongs to the pairs, by name, each (B, *shape); see :mod:`si_core.contract.condition`.
        weight: of each pair in expectations, shape (B,), non-negative with mean 1 over the coupling; None where all
            are 1. The law of the process is then the weighted one.
        interval: ``(a, b)``, each (B,), ``0 <= a < b <= 1``, where pairs live on times of their own: alpha, beta and
            gamma are functions of ``(t - a)/(b - a)`` there, and velocities are per unit of t. None where all live on
            [0, 1]; see :attr:`si_core.Coupling.intervals`.
    """

    x0: Tensor
    x1: Tensor
    condition: Mapping[str, Tensor] | None = None
    weight: Tensor | None = None
    interval: tuple[Tensor, Tensor] | None = None


@dataclass(frozen=True)
class Draw:
    """A batch of draws ``x_t = I(t, x0, x1) + gamma(t) z`` of a process.

    Args:
        t: times in [0, 1], shape (B,).
        x0: draws of the source, shape (B, *event).
        x1: draws of the target, shape (B, *event).
        z: standard normal noise, shape (B, *event); zeros where the process has no latent.
        xt: the process at ``t``, shape (B, *event).
        condition: what the networks are given beside (t, x), by name, each (B, *shape); None where there is nothing.
        schedule: the process's time-dependent scalars at ``t``, in the clock of the draw.
        structure: what is known of the process drawn from, which gives the coefficients of its fields.
        velocity: ``dI/du`` at fixed (x0, x1), shape (B, *event); None where the path is spatially linear.
        antithetic: whether the second half of the batch repeats the first with -z.
        weight: of each draw in expectations, shape (B,); None where all are 1.
        s: further times in [0, 1], shape (B,), uniform and independent of t, for objectives with ``two_times``; else
            None.
    """

    t: Tensor
    x0: Tensor
    x1: Tensor
    z: Tensor
    xt: Tensor
    condition: Mapping[str, Tensor] | None = None
    schedule: Schedule | None = None
    structure: Structure | None = None
    velocity: Tensor | None = None
    antithetic: bool = False
    weight: Tensor | None = None
    s: Tensor | None = None

    def target(self, field: str) -> Tensor:
        """The regression target of a field: its coefficients times (x0, x1, z), shape (B, *event).

        In the draw's own clock a velocity is ``dx/du``; see :mod:`si_core.process.coefficients`.

        Raises:
            UsageError: the draw was made by hand, or the process has no such field.
        """
        structure, schedule = self.made
        return self.combined(structure.coefficients(field, schedule))

    def combined(self, coefficients: Coefficients) -> Tensor:
        """Coefficients times the draw, shape (B, *event): over (x0, x1, z), or over (dI/du, z, x0, x1)."""
        if self.velocity is None:
            return combined(coefficients, (self.x0, self.x1, self.z))
        return combined(coefficients, (self.velocity, self.z, self.x0, self.x1))

    @property
    def made(self) -> tuple[Structure, Schedule]:
        """What a process knows of its draws.

        Raises:
            UsageError: it was made by hand.
        """
        if self.structure is None or self.schedule is None:
            raise UsageError(
                "this draw was made by hand, without its process", fix="make it with StochasticInterpolant.draw"
            )
        return self.structure, self.schedule


@dataclass(frozen=True)
class Trajectory:
    """States along the solution of an initial value problem.

    Args:
        t: times, shape (K,), K >= 2, from the start to the stop of the transport.
        x: states, shape (K, B, *event).
        evaluations: how often the drift was evaluated.
        log_weights: of the last states, shape (B,): expectations under the law that is meant are
            ``sum_i w_i f(x_i) / sum_i w_i``; None where the states have that law themselves.
        log_density: of the last states under the law that they are drawn from, shape (B,), in nats; None where it was
            not computed.
    """

    t: Tensor
    x: Tensor
    evaluations: int
    log_weights: Tensor | None = None
    log_density: Tensor | None = None

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
        bound: what ``value`` is to the quantity named, one of :data:`Bound`.
        unit: such as ``nats``, ``bits/dim`` or ``1``.
        per_sample: the value of each sample, shape (B,), or None.
        details: further numbers worth showing, such as an effective sample size. ``value_of_data_law``, in ``unit``, is
            the value for a model whose law is that of the data, where it is known; every printed line has it.
            ``floor``, in ``unit``, is what two sets of the data's own law have, of the sizes that were compared. Those
            in the forms of :mod:`si_core.contract.panel_shapes` are drawn by reports.
    """

    name: str
    value: float
    standard_error: float | None
    bound: Bound
    unit: str
    per_sample: Tensor | None = None
    details: dict[str, Any] | None = None

    def __str__(self) -> str:
        """The line that is printed: :func:`si_core.estimate_line`."""
        return estimate_line(self)

    def __repr__(self) -> str:
        """The line that is printed, the size of ``per_sample`` and the names of the details."""
        parts = [estimate_line(self)]
        if self.per_sample is not None:
            parts.append(f"per_sample of shape {tuple(self.per_sample.shape)}")
        if self.details:
            parts.append(f"details: {', '.join(self.details)}")
        return f"Estimate({'; '.join(parts)})"
