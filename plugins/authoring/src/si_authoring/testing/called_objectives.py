"""Objectives that call the network themselves: between Gaussians the true field is where their loss comes to rest.

Such a loss may differentiate the field, so nothing can be told at single points: its mean over draws is looked at,
along smooth perturbations of the true field, beside the scatter of that mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from si_authoring.testing.check import Deviations, Measured, NotApplicable, Violation, check
from si_authoring.testing.doubles import Normal
from si_authoring.testing.exact import NormalFields
from si_authoring.testing.gaussian_cases import gaussian_processes
from si_core import FIELDS, Condition, Objective, StochasticInterpolant, UniformClock, UsageError
from si_core.public.process import spread

__all__ = ["comes_to_rest", "true_field"]

_BATCHES, _DRAWS = 24, 512
_ERRORS = 6.0
"""Standard errors of a mean over two dozen batches: Student's t with 23 degrees is larger once in 250,000 times."""
_SHIFT = 0.3

_Field = Callable[[Tensor, Tensor, Tensor], Tensor]


def true_field(objective: Objective, process: StochasticInterpolant) -> _Field:
    """The field of an objective between the kit's Gaussians as a function of (t, x, s), per unit of time.

    Of two times it is the mean velocity: with ``m_t`` and ``C_t`` the mean and variance of x_t on the straight path,
    ``v = m1 - m0 + ((C_s/C_t)^(1/2) - 1)/(s - t) (x - m_t)``, whose quotient is a fraction without the difference.
    """
    source, target = process.source, process.target
    if not isinstance(source, Normal) or not isinstance(target, Normal):
        raise TypeError("closed forms are of the kit's Gaussians")
    first, second = source.deviation**2, target.deviation**2

    def variance(t: Tensor) -> Tensor:
        return (1 - t) ** 2 * first + t**2 * second

    def mean_velocity(t: Tensor, x: Tensor, s: Tensor) -> Tensor:
        growth = (variance(s) / variance(t)).sqrt()
        quotient = ((first + second) * (s + t) - 2 * first) / (variance(t) * (growth + 1))
        mean = (1 - t) * source.mean + t * target.mean
        return target.mean - source.mean + spread(quotient, x) * (x - spread(mean, x))

    def single(t: Tensor, x: Tensor, s: Tensor) -> Tensor:
        schedule = process.schedule(UniformClock(), t)
        fields = NormalFields(process)
        if objective.field in FIELDS:
            return fields.field(objective.field, schedule, x)
        known = ("source-denoiser", "target-denoiser")
        terms = zip(objective.coefficients(process.structure, schedule), known, strict=False)
        parts = [spread(scalar, x) * fields.field(name, schedule, x) for scalar, name in terms]
        return torch.stack(parts).sum(0)

    return mean_velocity if objective.two_times else single


def _perturbations(t: Tensor, x: Tensor, s: Tensor) -> list[Tensor]:
    wave = spread((2 * t).cos(), x) * x.sin()
    return [torch.ones_like(x), x, wave, spread(s - t, x) * x]


def _gradients(objective: Objective, process: StochasticInterpolant, shift: float) -> Tensor:
    """The gradient of the mean loss along each perturbation, beside the true field by a constant; (batches, K)."""
    true = true_field(objective, process)
    generator = torch.Generator().manual_seed(11)
    found = []
    for _ in range(_BATCHES):
        u = 0.02 + 0.96 * torch.rand(_DRAWS, generator=generator, dtype=torch.float64)
        draw = process.draw(_DRAWS, generator, schedule=process.schedule(UniformClock(), u))
        s = torch.rand(_DRAWS, generator=generator, dtype=torch.float64) if objective.two_times else None
        sizes = torch.tensor([shift, 0.0, 0.0, 0.0], dtype=torch.float64, requires_grad=True)

        def field(
            t: Tensor,
            x: Tensor,
            condition: Condition | None = None,
            s: Tensor | None = None,
            sizes: Tensor = sizes,
        ) -> Tensor:
            t = t.expand(len(x))
            second = t if s is None else s.expand(len(x))
            value: Tensor = true(t, x, second)
            for size, perturbation in zip(sizes, _perturbations(t, x, second), strict=True):
                value = value + size * perturbation
            return value

        loss = objective.loss_of(replace(draw, s=s), field)
        if loss.shape != (_DRAWS,):
            raise Violation(f"loss_of gives shape {tuple(loss.shape)} instead of one number for each draw")
        if not loss.requires_grad:
            raise Violation("the loss has no gradient in the field: nothing is learned")
        found.append(torch.autograd.grad(loss.mean(), sizes)[0])
    return torch.stack(found)


def _processes(objective: Objective) -> dict[str, StochasticInterpolant]:
    """The kit's processes that have the field, without a latent, whose velocity in time is nowhere singular."""
    if not objective.calls_network:
        raise NotApplicable("it takes the network's prediction")
    usable = {}
    for name, process in gaussian_processes((2,)).items():
        try:
            objective.check(process)
            objective.coefficients(process.structure, process.schedule(UniformClock(), torch.tensor([0.5])))
        except UsageError:
            continue
        if not process.structure.latent:
            usable[name] = process
    if not usable:
        raise NotApplicable("no process without a latent has its field")
    return usable


@check
def comes_to_rest(objective: Objective) -> Measured | None:
    """Between Gaussians the mean loss that calls the network has gradient zero at the true field, and beside it has one
    that leads back."""
    deviations = Deviations("at the true field the mean loss has a gradient: something else is learned")
    for name, process in _processes(objective).items():
        at_rest, beside = _gradients(objective, process, 0.0), _gradients(objective, process, _SHIFT)
        error = at_rest.std(0) / len(at_rest) ** 0.5
        for k, words in enumerate(("a constant", "x", "cos(2t) sin(x)", "(s - t) x")):
            allowed = float(_ERRORS * error[k]) + 1e-9
            deviations.close(at_rest[:, k].mean() / allowed, 0.0, 1.0, f"along {words}, {name}")
        back = beside[:, 0]
        if not float(back.mean()) > float(_ERRORS * back.std() / len(back) ** 0.5):
            raise Violation(f"beside the true field by a constant no gradient leads back to it ({name})")
    return deviations.result()
