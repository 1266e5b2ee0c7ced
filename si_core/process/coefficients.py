"""The coefficients of fields: every field of a process is numbers of time times conditional expectations.

For a spatially linear process ``x_t = alpha x0 + beta x1 + gamma z`` a field is
``coefficients . E[(x0, x1, z) | x_t = x]``, and its regression target is the same coefficients times the draw (x0, x1,
z). Per unit of clock u (``' = d/du``):

====================  ==============================================
field                 coefficients of x0, x1, z
====================  ==============================================
velocity              ``(alpha', beta', gamma')``
interpolant velocity  ``(alpha', beta', 0)``
score                 ``(0, 0, -1/gamma)``
denoiser              ``(0, 0, 1)``
source denoiser       ``(1, 0, 0)``
target denoiser       ``(0, 1, 0)``
position x            ``(alpha, beta, gamma)``
====================  ==============================================

For any other interpolant the basis is ``(dI/du, z, x0, x1)``, in which x itself has no coefficients.

Structure adds combinations of the basis that are known to be zero:

* *one-sided* (a standard normal source, independent of the target): ``gamma E[x0|x] - alpha E[z|x] = 0``; the score is
  ``-E[alpha x0 + gamma z|x]/(alpha^2 + gamma^2)``, which exists without a latent too: the source is then the noise, and
  is what the denoiser finds;
* *mirror* (x0 = x1): ``E[x0|x] - E[x1|x] = 0``;
* *given start* (x0 is known): ``E[x0|x] = x0`` is no zero but known, as x is, and its coefficients are as free as
  those of x;
* without a latent z = 0.

Where pairs live on intervals of their own, only the pairs have such coefficients; the fields themselves are the basis.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from si_core.contract.objective import FIELDS
from si_core.contract.schedule import Coefficients, Scalar, Schedule
from si_core.errors import UsageError

__all__ = ["Coefficients", "Structure", "per_time", "stack"]


def stack(coefficients: Coefficients, s: Schedule) -> Tensor:
    """Coefficients as a tensor, shape (N, basis), float64."""
    # Each element lies in memory for all times, one after another; see si_core.process.systems.
    return torch.stack([per_time(e, s) for e in coefficients]).mT


def per_time(scalar: Scalar, s: Schedule) -> Tensor:
    """A scalar as a number for every time of a schedule, shape (N,), float64."""
    if not isinstance(scalar, Tensor):
        return torch.full_like(s.u, scalar)
    same = (scalar.shape, scalar.dtype, scalar.device) == (s.u.shape, s.u.dtype, s.u.device)
    return scalar if same else scalar.to(s.u).expand_as(s.u)


def _alone(field: str, size: Scalar) -> Coefficients:
    """The coefficients of a field where the fields are the basis."""
    return tuple(size if name == field else 0.0 for name in FIELDS)


@dataclass(frozen=True)
class Structure:
    """What is known of a process beside its schedule.

    Args:
        spatially_linear: whether the basis is (x0, x1, z).
        latent: whether there is one (gamma is not 0).
        one_sided: whether the source is N(0, I), independent of the target.
        mirror: whether x0 = x1.
        anchored: whether the start x0 is given: one point for all, or the condition of each state.
        intervals: whether pairs live on intervals of their own. At one time several may meet, so fields are no
            combinations of E[x0 | x], E[x1 | x] and E[z | x] by numbers: each is an element of the basis itself.
    """

    spatially_linear: bool
    latent: bool
    one_sided: bool
    mirror: bool
    anchored: bool = False
    intervals: bool = False

    @property
    def noise(self) -> str:
        """What the denoiser finds: ``"z"``, or ``"x0"`` where the source is the only noise."""
        return "x0" if self._source_is_noise else "z"

    @property
    def _source_is_noise(self) -> bool:
        return self.one_sided and not self.latent

    def has(self, field: str) -> bool:
        """Whether the process has a field of this name: without noise there is neither score nor denoiser."""
        if field not in FIELDS:
            raise UsageError("unknown field", got=repr(field), allowed=", ".join(FIELDS))
        if field == "score" and not self.spatially_linear:
            return self.latent
        return field not in ("score", "denoiser") or self.latent or self.one_sided

    def coefficients(self, field: str, s: Schedule) -> Coefficients:
        """The coefficients of a field per unit of clock.

        Raises:
            UsageError: the process has no such field.
        """
        if not self.has(field):
            raise UsageError(
                f"this process has no {field}: it has neither a latent nor a standard normal source",
                fix="add a latent, such as `latent: brownian`",
            )
        if self._of_all_pairs(s):
            return _alone(field, s.rate if field in ("velocity", "interpolant-velocity") else 1.0)
        if not self.spatially_linear:
            return self._general_coefficients(field, s)
        # has(...) and Structure agree with the schedule on linearity.
        alpha, beta, alpha_rate, beta_rate = s.alpha, s.beta, s.alpha_rate, s.beta_rate
        if alpha is None or beta is None or alpha_rate is None or beta_rate is None:
            raise UsageError("the schedule of a spatially linear process lacks alpha and beta")
        match field:
            case "velocity":
                return (alpha_rate, beta_rate, s.gamma_rate)
            case "interpolant-velocity":
                return (alpha_rate, beta_rate, 0.0)
            case "score":
                if not self.one_sided:
                    return (0.0, 0.0, -1.0 / s.gamma)
                variance = self.noise_variance(s)
                of_source, nothing, of_latent = self.noise_coefficients(s)
                return (-of_source / variance, nothing, -of_latent / variance)
            case "denoiser":
                return (1.0, 0.0, 0.0) if self._source_is_noise else (0.0, 0.0, 1.0)
            case "source-denoiser":
                return (1.0, 0.0, 0.0)
            case _:
                return (0.0, 1.0, 0.0)

    def _of_all_pairs(self, s: Schedule) -> bool:
        return self.intervals and not s.of_pairs

    def _general_coefficients(self, field: str, s: Schedule) -> Coefficients:
        match field:
            case "velocity":
                return (1.0, s.gamma_rate, 0.0, 0.0)
            case "interpolant-velocity":
                return (1.0, 0.0, 0.0, 0.0)
            case "score":
                return (0.0, -1.0 / s.gamma, 0.0, 0.0)
            case "denoiser":
                return (0.0, 0.0, 1.0, 0.0) if self._source_is_noise else (0.0, 1.0, 0.0, 0.0)
            case "source-denoiser":
                return (0.0, 0.0, 1.0, 0.0)
            case _:
                return (0.0, 0.0, 0.0, 1.0)

    def score_drift_coefficients(self, s: Schedule) -> Coefficients:
        """``(dt/du)`` times the coefficients of the score, finite where their product is."""
        if self._of_all_pairs(s):
            return _alone("score", s.rate)
        if self.spatially_linear and self.one_sided and s.alpha is not None:
            scale = s.rate / self.noise_variance(s)
            return (-s.alpha * scale, 0.0, -s.gamma * scale)
        if self.spatially_linear:
            return (0.0, 0.0, -s.rate_over_gamma)
        return (0.0, -s.rate_over_gamma, 0.0, 0.0)

    def noise_variance(self, s: Schedule) -> Scalar:
        """The variance of the Gaussian noise in x_t: ``gamma^2``, plus ``alpha^2`` with a standard normal source."""
        gamma_squared = s.gamma * s.gamma
        return gamma_squared + s.alpha * s.alpha if self.one_sided and s.alpha is not None else gamma_squared

    def noise_coefficients(self, s: Schedule) -> Coefficients:
        """The coefficients of the Gaussian noise in x_t: ``gamma z``, plus ``alpha x0`` where it is one-sided."""
        if not self.spatially_linear:
            return (0.0, s.gamma, 0.0, 0.0)
        return (s.alpha if self.one_sided and s.alpha is not None else 0.0, 0.0, s.gamma)

    def position_coefficients(self, s: Schedule) -> Coefficients | None:
        """The coefficients of x itself; None where x has none."""
        if self._of_all_pairs(s) or not self.spatially_linear or s.alpha is None or s.beta is None:
            return None
        return (s.alpha, s.beta, s.gamma)

    def given_start_coefficients(self) -> Coefficients | None:
        """The coefficients of x0 where that is given; else None."""
        if not self.anchored:
            return None
        return (1.0, 0.0, 0.0) if self.spatially_linear else (0.0, 0.0, 1.0, 0.0)

    def zero_combinations(self, s: Schedule) -> list[Coefficients]:
        """The coefficients of what is known to be zero, of unit length and at right angles."""
        zeros: list[Coefficients] = []
        if self._of_all_pairs(s):
            return zeros
        if not self.spatially_linear:
            if not self.latent:
                zeros.append((0.0, 1.0, 0.0, 0.0))
            if self.mirror:
                zeros.append((0.0, 0.0, 0.5**0.5, -(0.5**0.5)))
            return zeros
        if not self.latent:
            zeros.append((0.0, 0.0, 1.0))
        elif self.one_sided and s.alpha is not None:
            size = torch.sqrt(torch.as_tensor(self.noise_variance(s)))
            zeros.append((s.gamma / size, 0.0, -s.alpha / size))
        if self.mirror:
            zeros.append((0.5**0.5, -(0.5**0.5), 0.0))
        return zeros
