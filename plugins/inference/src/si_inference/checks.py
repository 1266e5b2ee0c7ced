"""What every simulator must be: the checks that ``si check`` runs for components of the kind."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from si_authoring.testing import (
    Conformance,
    Deviations,
    Measured,
    NotApplicable,
    Output,
    Setting,
    Suite,
    Violation,
    check,
)
from si_inference.simulator import Simulator, check_told

__all__ = ["SimulatorChecks"]

_PAIRS, _DRAWS, _ERRORS = 200, 20, 5.0


def _seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _exercise(simulator: Simulator, setting: Setting) -> Sequence[Output]:
    check_told(simulator)
    theta = simulator.prior(_PAIRS, _seeded(setting.seed)).to(setting.device)
    x = simulator.simulate(theta.cpu(), _seeded(setting.seed + 1)).to(setting.device)
    shapes = (_PAIRS, len(simulator.names)), (_PAIRS, *simulator.observation_shape)
    return [
        Output(name, value, shape, rows=False, like=False)
        for name, value, shape in zip(("prior", "simulate"), (theta, x), shapes, strict=True)
    ]


@check
def draws(simulator: Simulator) -> None:
    """Parameters lie within the bounds, observations have their shape; equal seeds give equal draws."""
    check_told(simulator)
    theta = simulator.prior(_PAIRS, _seeded())
    x = simulator.simulate(theta, _seeded(1))
    if tuple(theta.shape) != (_PAIRS, len(simulator.names)):
        raise Violation(f"prior gives {tuple(theta.shape)} for {_PAIRS} draws of {len(simulator.names)} names")
    if tuple(x.shape) != (_PAIRS, *simulator.observation_shape):
        raise Violation(f"simulate gives {tuple(x.shape)} for {_PAIRS} observations of {simulator.observation_shape}")
    for name, value in (("prior", theta), ("simulate", x)):
        if value.dtype != torch.float64 or not bool(torch.isfinite(value).all()):
            raise Violation(f"{name} gives {value.dtype} numbers, or some that are not finite; they are finite float64")
    if simulator.bounds is not None and not bool(simulator.bounds.inside(theta).all()):
        raise Violation("the prior has parameters outside the bounds")
    if not torch.equal(theta, simulator.prior(_PAIRS, _seeded())):
        raise Violation("two draws of the prior by one seed differ")
    if not torch.equal(x, simulator.simulate(theta, _seeded(1))):
        raise Violation("two simulations by one seed differ")


@check
def exchangeable(simulator: Simulator) -> Measured | None:
    """Points that are exchangeable have one law, by the means of their numbers, to five standard errors."""
    count = simulator.exchangeable
    if not count:
        raise NotApplicable("it names no exchangeable points")
    x = simulator.simulate(simulator.prior(_PAIRS, _seeded()), _seeded(1)).flatten(1)
    if x.shape[1] % count:
        raise Violation(f"observations of {x.shape[1]} numbers do not fall into {count} equal points")
    points = x.reshape(_PAIRS, count, -1)
    away = points - points.mean(1, keepdim=True)
    deviations = Deviations("points differ in their law")
    errors = away.mean(0) / (away.std(0) / _PAIRS**0.5 + torch.finfo(x.dtype).tiny)
    deviations.close(errors, 0.0, _ERRORS, "the mean of a point, in standard errors")
    return deviations.result()


@check
def posterior(simulator: Simulator) -> Measured | None:
    """Where there is a posterior: true parameters are as its samples are, in ranks and in its density.

    The mean rank of each parameter, and ``E log p(theta | x)`` of true parameters and of samples, to five standard
    errors.
    """
    if not simulator.has_posterior:
        raise NotApplicable("its posterior has no closed form")
    theta = simulator.prior(_PAIRS, _seeded())
    x = simulator.simulate(theta, _seeded(1))
    generator = _seeded(2)
    samples = torch.stack([simulator.posterior(row, _DRAWS, generator) for row in x])
    deviations = Deviations("the posterior is not that of the simulator")
    ranks = (samples < theta[:, None]).double().mean(1)
    # A rank among L draws has the variance (L + 2)/(12 L).
    error = ((_DRAWS + 2) / (12 * _DRAWS * _PAIRS)) ** 0.5
    deviations.close((ranks.mean(0) - 0.5) / error, 0.0, _ERRORS, "the mean rank, in standard errors")
    of_truth = simulator.posterior_log_prob(theta, x)
    of_sample = simulator.posterior_log_prob(samples[:, 0], x)
    if not bool(torch.isfinite(of_truth).all() & torch.isfinite(of_sample).all()):
        raise Violation("a true parameter, or a sample of the posterior, has no density")
    away = of_truth - of_sample
    deviations.close(
        away.mean() / (away.std() / _PAIRS**0.5),
        0.0,
        _ERRORS,
        "log-densities of truths and samples, in standard errors",
    )
    return deviations.result()


@check
def references(simulator: Simulator) -> None:
    """References have the shapes of observations and parameters, and lie within the bounds."""
    for reference in simulator.references():
        d = len(simulator.names)
        if tuple(reference.observation.shape) != simulator.observation_shape or reference.samples.shape[1:] != (d,):
            raise Violation(f"the reference {reference.name} has other shapes than the simulator")
        if simulator.bounds is not None and not bool(simulator.bounds.inside(reference.samples).all()):
            raise Violation(f"the reference {reference.name} has parameters outside the bounds")


class SimulatorChecks(Conformance):
    """The checks of a simulator."""

    kind = "simulator"
    SUITE = Suite("simulator", _exercise, (draws, exchangeable, posterior, references), events=((),))
