"""The weights of random paths whose mean is the density of a model's SDE.

For the density at x of the forward model, paths run backward from ``X_1 = x`` to the source, and

    ``rho_F(1, x) = E exp(log w)``,    ``E log w <= log rho_F(1, x)``,    ``log w = log rho0(X_0) + R``.

Three forms of R, on the chain of :mod:`si_estimators.paths` (h the signed step from r to t, D its deviation):

*transition*  paths by f_B; R is the exact ratio of the Gaussian transition densities of the forward chain and of the
  backward proposal, ``sum -q.w - |q|^2/2`` with ``q = h (f_B(r, X_r) - f_F(t, X_t))/D``. The mean of the weights is the
  density of the discretised forward chain, whatever the networks and however many the steps. No divergence.
*ito*  paths by f_B; the Itô sum of Girsanov's formula,
  ``R = -int (div b_F + epsilon |s|^2) dtau - int sqrt(2 epsilon) s.dW``: ``sum h div f_F - q.w - |q|^2/2`` with
  ``q = h (f_B - f_F)/D`` at ``(r, X_r)``. Unbiased up to an error of order h.
*feynman-kac*  paths by f_F; ``R = -int div b_F dtau``: ``sum h div f_F``. Unbiased up to an error of order h; its
  weights scatter even for exact fields.

The sums are over the steps of the chain: along a Brownian path the integrand is only as smooth as the path, and a
quadrature on fewer nodes, as for the ODE, would lose what it saves.

With exact scores the first two have weights without scatter in the limit of small steps: the variance of log w falls
like h. For the twin, the density at x of the backward model at t = 0, paths run forward, and the names F and B (and
rho0, rho1) change places; all sums stay as they stand.

(arXiv 2303.08797, section 2; the first form is that of annealed importance sampling with its reverse kernel.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from si_core import Model
from si_estimators.density_ends import refuse_non_finite
from si_estimators.divergence import draw_probes, drift_and_divergence
from si_estimators.off_support import OffSupport
from si_estimators.options import flat, points
from si_estimators.paths import Chain, chain_of
from si_estimators.start_law import start_law

__all__ = ["PathForm", "Probing", "effective_size", "log_mean_exp", "path_log_weights"]

PathForm = Literal["transition", "ito", "feynman-kac"]


@dataclass(frozen=True)
class Probing:
    """How divergences are taken: exactly, or by ``count`` random probes that are fresh at every step."""

    count: int = 0
    noise: Literal["rademacher", "gaussian"] = "rademacher"

    def draw(self, x: Tensor, generator: torch.Generator) -> Tensor | None:
        """Probes at states x (B, *event), shape (count, B, *event); None for the exact divergence."""
        return draw_probes(x, self.count, self.noise, generator) if self.count else None


def _walk(
    chain: Chain, x: Tensor, form: PathForm, backward: bool, probing: Probing, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Where paths from x end, R (B,) and the variance of R by the probes (B,), both float64."""
    proposal, model = (chain.backward, chain.forward) if backward else (chain.forward, chain.backward)
    ratio = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    variance = ratio.clone()
    for r, t, deviation in chain.steps(backward):
        h = t - r
        w = torch.empty_like(x, memory_format=torch.contiguous_format).normal_(generator=generator)
        if form == "transition":
            drift = proposal.drift(r, x)
            x = x + h * drift + deviation * w
            gap: Tensor | None = drift - model.drift(t, x)
        else:
            probes = probing.draw(x, generator)
            drift, divergence = drift_and_divergence(model, r, x, probes, torch.is_grad_enabled())
            divergence = divergence.double()
            ratio = ratio + h * divergence.mean(1)
            if probing.count > 1:
                variance = variance + (h**2 / probing.count) * divergence.detach().var(1)
            gap = None
            if form == "ito":
                proposed = proposal.drift(r, x)
                drift, gap = proposed, proposed - drift
            x = x + h * drift + deviation * w
        if gap is not None:
            q = gap * (h / deviation)
            ratio = ratio - flat(q * (w + 0.5 * q)).double().sum(1)
    return x, ratio, variance


def path_log_weights(
    model: Model,
    x: Tensor,
    generator: torch.Generator,
    *,
    form: PathForm = "transition",
    direction: Literal["target", "source"] = "target",
    epsilon: float | None = None,
    steps: int = 100,
    paths: int = 16,
    probing: Probing | None = None,
    batch: int = 16384,
    where: str = "sde-log-likelihood",
    off: OffSupport | None = None,
) -> tuple[Tensor, Tensor]:
    """``log w`` of independent paths from each point, in model space and nats.

    They can be differentiated in x and in the fields' parameters where gradient mode is on.

    Args:
        model: the model; fields conditioned on labels have one for each point, or one for all.
        x: points in model space at the end named by ``direction``, shape (B, *event).
        generator: the source of noise and probes.
        form: of the weights.
        direction: ``target`` for the density of the forward model at t = 1, ``source`` for that of the backward model
            at t = 0.
        epsilon: the noise level; None for the model's own.
        steps: of the chain.
        paths: for each point.
        probing: how divergences are taken; None for exactly.
        batch: how many paths are carried at once.
        where: the place that an error names.
        off: notes the paths that end off the support of the other end.

    Returns:
        The logarithms, float64, shape (B, paths); minus infinity where a path ends off the support of the other end.
        And the variance of each by its probes, same shape: 0 with less than two probes.

    Raises:
        UsageError: no noise, or the other end has no density.
        NumericsError: a path that leaves the finite numbers.
    """
    start = start_law(model, direction, where)
    x = points(x, model.process.shape, where)
    model.fields.check_conditions(len(x))
    x = x.clone() if x.is_inference() else x
    probing, chain = probing or Probing(), None
    weights, variances = [], []
    for chosen in torch.arange(len(x) * paths, device=x.device).split(batch):
        # Paths of one point stand together, so that a batch holds few points with their conditions.
        rows = chosen.div(paths, rounding_mode="floor")
        fields = model.fields.of_rows(rows)
        if chain is None or fields is not model.fields:
            chain = chain_of(model, fields, x, epsilon, steps, where)
        final, ratio, variance = _walk(chain, x[rows], form, direction == "target", probing, generator)
        finite = torch.isfinite(flat(final)).all(1) & torch.isfinite(ratio)
        refuse_non_finite(finite, "a path left the finite numbers", f"{where}, paths from row {int(rows[0])} on")
        density = start.log_prob(final)
        if off is not None:
            off.look(density.detach(), final.detach(), rows)
        weights.append(density.double() + ratio)
        variances.append(variance)
    return torch.cat(weights).reshape(len(x), paths), torch.cat(variances).reshape(len(x), paths)


def log_mean_exp(values: Tensor) -> Tensor:
    """``log mean exp`` over the last dimension without overflow."""
    return torch.logsumexp(values, -1) - math.log(values.shape[-1])


def effective_size(log_weights: Tensor) -> Tensor:
    """``(sum w)^2 / sum w^2`` over the last dimension: between 1 and its length."""
    return (2 * torch.logsumexp(log_weights, -1) - torch.logsumexp(2 * log_weights, -1)).exp()
