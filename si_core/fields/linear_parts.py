"""The part of a drift that is linear in x, by what is known of the ends of the process.

``guessed_part``: the best linear guess of the drift for ends of unit variance, with what a network learns beside it as
m, which is smooth up to the ends whatever was learned (:mod:`si_core.fields.parametrisation`). ``gaussian_part``: that
of the Gaussian process with ends of given variances; with C the variance of the process and the noise g, ``' = d/du``,

    ``rate = C'/(2C) -+ g^2/(2C)``,    ``drive = beta' - beta rate``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from si_core.contract.limits import MarginLimits
from si_core.contract.problem import LinearPart
from si_core.fields.drift_coefficients import drift_coefficients
from si_core.fields.parametrisation import Parametrisation
from si_core.process.completion import MARGIN
from si_core.process.process import StochasticInterpolant
from si_core.process.spread import EndVariances, known_gaussian, mean_path

if TYPE_CHECKING:
    from si_core.fields.flow import Flow

__all__ = ["gaussian_part", "guessed_part"]


def guessed_part(flow: Flow[Any], process: StochasticInterpolant, u: Tensor) -> LinearPart:
    """The best linear guess at clock positions; between independent Gaussians ``N(m, C I)`` the whole linear part.

    Args:
        flow: whose drift it is.
        process: spatially linear.
        u: clock positions, shape (N,), float64.
    """
    coefficients = drift_coefficients(process, flow.level, flow.sign)
    parametrisation = Parametrisation(flow.clock, True)

    def inside(v: Tensor) -> Tensor:
        s = flow.schedule(v)
        split = parametrisation.remainder(process.structure, tuple(coefficients(s).unbind(-1)), s)
        return torch.stack([split.skip, split.out], -1)

    rate, drive = MarginLimits(inside, MARGIN)(u).unbind(-1)
    ends = known_gaussian(process)
    if ends is None:
        return LinearPart(rate, drive, flow.noise_squared(u))
    # Nothing is left for m to say but what learned fields get wrong, so any drive that is finite does.
    drive = torch.where(drive.isfinite(), drive, 1.0)
    return replace(gaussian_part(flow, u, ends), drive=drive, **mean_path(process, flow.schedule(u)))


def gaussian_part(flow: Flow[Any], u: Tensor, ends: EndVariances) -> LinearPart:
    """The linear part of the drift of the Gaussian process with ends of these variances, at clock positions.

    Args:
        flow: of a spatially linear process, whose clock, schedule and noise it has.
        u: clock positions, shape (N,), float64.
        ends: the variances.
    """
    s = flow.schedule(u)
    beta, variance = torch.as_tensor(s.beta), ends.variance(s)

    def inside(v: Tensor) -> Tensor:
        s = flow.schedule(v)
        growth = ends.half_growth(s) / ends.variance(s)
        return torch.stack([growth, torch.as_tensor(s.beta_rate) - torch.as_tensor(s.beta) * growth], -1)

    growth, drive = MarginLimits(inside, MARGIN)(u).unbind(-1)
    noise_squared = flow.noise_squared(u)
    pull = flow.sign * noise_squared / (2.0 * variance)
    return LinearPart(growth - pull, drive + beta * pull, noise_squared, variance)
