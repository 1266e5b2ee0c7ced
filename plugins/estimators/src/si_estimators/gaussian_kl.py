"""The exact divergence of models between Gaussians whose drifts are affine, by the equations of their moments.

    ``dX = (A(t) X + a(t)) dt + g(t) dW``:    ``dm/dt = A m + a``,    ``dC/dt = A C + C A^T + g^2 I``

    ``KL(N(m1, C1) | N(m, C)) = 1/2 [tr(C^-1 C1) - d + (m - m1).C^-1 (m - m1) + log det C/det C1]``

It is the truth that bounds are held against: no sampling, no network, an error of order 4 in the steps.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.distributions import MultivariateNormal, kl_divergence

from si_core import Distribution, Estimate, Estimator, Largest, Model, Transport, UsageError, exact_fields
from si_estimators.options import whole

__all__ = ["GaussianKL", "affine_drift", "transported_moments"]

_WHERE = "gaussian-kl"
_AFFINE, _GAUSSIAN = 1e-6, 1e-6
"""How far a drift may be from affine, and a log-density from a Gaussian one, relative to their size."""


def affine_drift(transport: Transport, time: float, d: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """``A`` (d, d) and ``a`` (d,) of an affine drift per unit of clock, float64.

    Raises:
        UsageError: the drift is not affine.
    """
    points = torch.cat([torch.zeros(1, d), torch.eye(d), torch.tensor([[-1.0], [0.5], [1.7]]).expand(3, d)]).to(dtype)
    values = transport.drift(time, points.reshape(-1, *_shape(transport, d))).flatten(1).double()
    constant = values[0]
    matrix = (values[1 : d + 1] - constant).T
    rest = values[d + 1 :] - (points[d + 1 :].double() @ matrix.T + constant)
    if float(rest.abs().max()) > _AFFINE * float(1 + values.abs().max()) * (1e3 if dtype != torch.float64 else 1):
        raise UsageError(
            "the drift is not affine, so the law of its samples is no Gaussian",
            where=f"{_WHERE} at clock position {time:g}",
            got=f"off by {float(rest.abs().max()):.2g}",
            fix="use it for models of affine fields, such as network: exact between Gaussians",
        )
    return matrix, constant


def transported_moments(
    transport: Transport, mean: Tensor, covariance: Tensor, steps: int, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """The mean (d,) and covariance (d, d) at the transport's stop, by RK4 in its clock."""
    h = (transport.stop - transport.start) / steps
    grid = [transport.start + h * k / 2 for k in range(2 * steps + 1)]
    transport.prepare(grid, torch.zeros(1, *_shape(transport, len(mean)), dtype=dtype))
    rates = [(*affine_drift(transport, time, len(mean), dtype), float(transport.noise(time)) ** 2) for time in grid]
    eye, sign = torch.eye(len(mean), dtype=mean.dtype), 1.0 if h > 0 else -1.0

    def derivative(rate: tuple[Tensor, Tensor, float], m: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        matrix, constant, noise = rate
        # Noise widens the law in whichever direction time runs.
        return matrix @ m + constant, matrix @ c + c @ matrix.T + sign * noise * eye

    m, c = mean, covariance
    for k in range(steps):
        first, middle, last = rates[2 * k : 2 * k + 3]
        k1 = derivative(first, m, c)
        k2 = derivative(middle, m + h / 2 * k1[0], c + h / 2 * k1[1])
        k3 = derivative(middle, m + h / 2 * k2[0], c + h / 2 * k2[1])
        k4 = derivative(last, m + h * k3[0], c + h * k3[1])
        m = m + h / 6 * (k1[0] + 2 * k2[0] + 2 * k3[0] + k4[0])
        c = c + h / 6 * (k1[1] + 2 * k2[1] + 2 * k3[1] + k4[1])
    return m, c


class GaussianKL(Estimator):
    """``KL(rho | rho_hat)`` of a model with affine drifts between Gaussians, *exact* up to the order 4 of its steps.

    rho is the law of the end that sampling reaches and rho_hat that of the samples, both Gaussian; the moments of
    rho_hat follow from ordinary differential equations (see the module). For exact fields with affine errors
    (``network: exact``) it is the truth beside ``kl-bound``.

    Args:
        epsilon: the noise level; None for the model's own, 0 for the ODE.
        steps: of RK4 for the moments.

    Raises:
        UsageError: an option out of range.
    """

    needs = frozenset({"fields", "densities", "exact"})

    def __init__(
        self,
        epsilon: Annotated[float, Field(ge=0)] | None = None,
        steps: Annotated[int, Field(ge=1, le=Largest.STEPS)] = 400,
    ) -> None:
        self.epsilon, self.steps = epsilon, whole(steps, "steps", _WHERE)
        self.quantity = "kl-divergence" if epsilon is None else ""

    def check(self, model: Model) -> None:
        """Refuse ends that are no Gaussians."""
        _gaussian_ends(model)

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model.
            x: not used.
            generator: not used.

        Raises:
            UsageError: an end that is no Gaussian, or a drift that is not affine.
        """
        begin, end = _gaussian_ends(model)
        transport = model.transport(epsilon=self.epsilon)
        with torch.no_grad():
            found = transported_moments(transport, *begin, self.steps, model.dtype or torch.float64)
        value = float(kl_divergence(MultivariateNormal(*end), MultivariateNormal(*found)))
        error = (found[0] - end[0]).tolist()
        return Estimate(_WHERE, value, None, "exact", "nats", details={"epsilon": self.epsilon, "mean_error": error})


def _gaussian_ends(model: Model) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Mean (d,) and covariance (d, d) of where samples start and where they are meant to end.

    Raises:
        UsageError: moments that are not known, or a law that is no Gaussian.
    """
    exact = exact_fields(model.process)
    moments = getattr(exact, "moments", None)
    if moments is None:
        raise UsageError("the moments of this process are not known", where=_WHERE, got=type(exact).__name__)
    begin, end = moments(model.start), moments(model.stop)
    for law, known in ((model.origin, begin), (model.end, end)):
        _refuse_other_laws(law, *known)
    return begin, end


def _refuse_other_laws(law: Distribution, mean: Tensor, covariance: Tensor) -> None:
    """Refuse a law that is not the Gaussian of its moments."""
    d = len(mean)
    z = torch.cat([torch.zeros(1, d), 2 * torch.eye(d), -2 * torch.eye(d), torch.ones(1, d)]).to(mean)
    points = mean + z @ torch.linalg.cholesky(covariance).T
    gaussian = MultivariateNormal(mean, covariance).log_prob(points)
    known = law.log_prob(points.reshape(-1, *law.shape)).double() if law.has_density else None
    if known is None or float((known - gaussian).abs().max()) > _GAUSSIAN * float(1 + gaussian.abs().max()):
        raise UsageError(
            "both ends must be Gaussians", where=_WHERE, got=type(law).__name__, fix="source and target: gaussian"
        )


def _shape(transport: Transport, d: int) -> tuple[int, ...]:
    process = transport.fields.process
    return (d,) if process is None else process.shape
