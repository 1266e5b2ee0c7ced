"""The max-min form of the Schrödinger bridge (arXiv 2303.08797, section 5.3), with reference dX = sqrt(2 epsilon) dW.

Over the paths I of a process ``x_t = I(t, x0, x1) + gamma(t) z`` with independent ends, and over drifts u,

    ``max_I min_u  int E[ 1/2 |u(t, x_t)|^2 - <dI/dt + (gamma_dot - epsilon/gamma) z, u(t, x_t)> ] dt``.

For a given I the inner optimum is the forward drift ``b_F = b + epsilon s``, of value ``-1/2 int E|b_F|^2 dt``; so the
outer player looks for the path of least energy. At the saddle u is the drift of the bridge and the law of x_t that of
the bridge, where ``gamma^2 <= 2 epsilon t(1-t)``: a process with more noise than the bridge itself can't have its law.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import torch
from pydantic import Field

from si_core import Regression, Structure, UniformClock, UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from si_core import Schedule, StochasticInterpolant

__all__ = ["SchrodingerBridge"]

_ROUNDING = 1e-9


class SchrodingerBridge(Regression):
    """Learns the forward drift ``b_F = b + epsilon s``, and the path for which its energy is least.

    The field is the velocity plus epsilon times the score, so that every drift at this noise level follows from it. A
    learnable interpolant maximises what networks minimise (``train.process``).

    Args:
        epsilon: the noise of the reference ``dX = sqrt(2 epsilon) dW``.

    Raises:
        UsageError: epsilon is not positive; in use: a process without noise, with dependent ends, or whose gamma is too
            large: ``gamma^2 > 2 epsilon t(1-t)``.
    """

    field: ClassVar[str] = "forward-drift"
    process_role: ClassVar[Literal["none", "minimises", "maximises"]] = "maximises"

    def __init__(self, epsilon: Annotated[float, Field(gt=0)] = 0.5) -> None:
        if not 0 < epsilon < float("inf"):
            raise UsageError(
                "the noise of the reference is positive", where="schrodinger-bridge", got=epsilon, allowed="epsilon > 0"
            )
        self.epsilon = float(epsilon)

    def coefficients(self, structure: Structure, s: Schedule) -> tuple[Tensor | float, ...]:
        """The coefficients of ``(dt/du) (b + epsilon s)``, per unit of the schedule's clock."""
        velocity, score = structure.coefficients("velocity", s), structure.score_drift_coefficients(s)
        return tuple(b if _is_zero(r) else b + self.epsilon * r for b, r in zip(velocity, score, strict=True))

    def check(self, process: StochasticInterpolant) -> None:
        """Refuse a process that is not the max-min form of a bridge.

        Raises:
            UsageError: no latent, ends that are not independent, or a latent noisier than the bridge.
        """
        if process.latent.vanishes:
            raise UsageError(
                "a bridge needs noise on its way",
                where="schrodinger-bridge",
                got="a latent that vanishes",
                fix=f"latent: {{use: brownian, scale: {2 * self.epsilon:g}}}",
            )
        if not process.coupling.independent:
            raise UsageError(
                "the max-min form is one of independent ends",
                where="schrodinger-bridge",
                got=f"coupling {type(process.coupling).__name__}",
                fix="coupling: independent",
            )
        u = torch.linspace(0, 1, 129, dtype=torch.float64)[1:-1]
        gamma = torch.as_tensor(process.schedule(UniformClock(), u).gamma)
        excess = gamma.square() / (2 * self.epsilon * u * (1 - u)) - 1
        worst = int(excess.argmax())
        if float(excess[worst]) > _ROUNDING:
            raise UsageError(
                "the latent is noisier than the bridge: no path can then have the bridge's law",
                where="schrodinger-bridge",
                got=f"gamma^2 = {float(gamma[worst] ** 2):.4g} at t = {float(u[worst]):.3g}",
                allowed=f"gamma^2 <= 2 epsilon t(1-t) = {2 * self.epsilon * float(u[worst] * (1 - u[worst])):.4g}",
                fix=f"latent: {{use: brownian, scale: {2 * self.epsilon:g}}}, or a larger epsilon",
            )


def _is_zero(scalar: Tensor | float) -> bool:
    return isinstance(scalar, float) and scalar == 0.0
