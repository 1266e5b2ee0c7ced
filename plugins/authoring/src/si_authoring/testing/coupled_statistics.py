"""Checks of couplings by the statistics of many pairs: laws of the ends, weights, independence, starts."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from si_authoring.testing.check import Deviations, Measured, NotApplicable, Violation, check
from si_authoring.testing.coupled_laws import Ends, ends_of
from si_authoring.testing.noise import seeded
from si_core import Coupling, check_condition

__all__ = ["independence", "marginals", "starts_of_conditions", "weights"]

_ERRORS = 5.0
_BATCHES, _BATCH = 250, 16
_ENDS = {"x0": "source", "x1": "target"}


def _features(x: Tensor) -> Tensor:
    """The first two entries of each row and their squares, (..., 2) or (..., 4), in double precision."""
    rows = x.double().flatten(1)[:, :2]
    return torch.cat([rows, rows.square()], 1)


def _batches(coupling: Coupling, ends: Ends) -> tuple[Tensor, Tensor]:
    """Features of drawn pairs times their weights, each (batches, batch, features).

    Batches are independent, pairs of one need not be.
    """
    generator, found = seeded(3), []
    for _ in range(_BATCHES):
        pairs = coupling.draw(*ends, _BATCH, generator)
        weight = 1.0 if pairs.weight is None else pairs.weight.double().unsqueeze(1)
        found.append((weight * _features(pairs.x0), weight * _features(pairs.x1)))
    return torch.stack([a for a, _ in found]), torch.stack([b for _, b in found])


def _standard_error(of_batches: Tensor) -> Tensor:
    return of_batches.std(0) / math.sqrt(len(of_batches))


@check
def marginals(coupling: Coupling) -> Measured | None:
    """Over many batches x0 has the law of the source and x1 that of the target, in mean and variance."""
    if coupling.intervals:
        raise NotApplicable("its pairs need not reach from end to end")
    ends = ends_of(coupling)
    deviations = {name: Deviations(f"{name} has not the law of the {end}") for name, end in _ENDS.items()}
    for name, law, features in zip(_ENDS, ends, _batches(coupling, ends), strict=True):
        reference = _features(law.sample(20_000, seeded(4)))
        off, of_batches = features.mean((0, 1)) - reference.mean(0), features.mean(1)
        error = torch.hypot(_standard_error(of_batches), reference.std(0) / math.sqrt(len(reference)))
        for k, (value, allowed) in enumerate(zip(off.tolist(), (_ERRORS * error).tolist(), strict=True)):
            half = len(off) // 2
            what = f"E {name}_{k % half}{'^2' if k >= half else ''}"
            deviations[name].close(value, 0.0, allowed + 1e-12, f"{what} over {_BATCHES} batches of {_BATCH}")
    results = [each.result() for each in deviations.values()]
    return max((each for each in results if each is not None), key=lambda one: one.deviation / one.allowed)


@check
def weights(coupling: Coupling) -> Measured | None:
    """Weights of drawn pairs, where there are some, are one number a pair, not negative, with mean 1."""
    ends, generator, means = ends_of(coupling), seeded(6), list[Tensor]()
    for _ in range(_BATCHES):
        weight = coupling.draw(*ends, _BATCH, generator).weight
        if weight is None:
            raise NotApplicable("its pairs have no weights")
        if tuple(weight.shape) != (_BATCH,):
            raise Violation(f"weights have shape {tuple(weight.shape)} in place of {(_BATCH,)}: one for each pair")
        if not bool((torch.isfinite(weight) & (weight >= 0)).all()):
            raise Violation("weights are negative or not finite")
        means.append(weight.double().mean())
    of_batches, deviations = torch.stack(means), Deviations("the mean weight is not 1: the loss has another scale")
    deviations.close(of_batches.mean(), 1.0, float(_ERRORS * _standard_error(of_batches)) + 1e-6, "the mean weight")
    return deviations.result()


@check
def independence(coupling: Coupling) -> Measured | None:
    """Where the coupling says ``independent``, functions of x0 and of x1 are uncorrelated."""
    if not coupling.independent:
        raise NotApplicable("it does not say that x0 and x1 are independent")
    first, second = _batches(coupling, ends_of(coupling))
    first, second = first - first.mean((0, 1)), second - second.mean((0, 1))
    products = torch.einsum("kbi,kbj->kij", first, second) / first.shape[1]
    deviations = Deviations("it says that x0 and x1 are independent, and they are correlated")
    error = _ERRORS * _standard_error(products)
    covariance = products.mean(0)
    for i in range(covariance.shape[0]):
        for j in range(covariance.shape[1]):
            deviations.close(covariance[i, j], 0.0, float(error[i, j]) + 1e-12, f"features {i} of x0 and {j} of x1")
    return deviations.result()


@check
def starts_of_conditions(coupling: Coupling) -> Measured | None:
    """Where x0 is made of x1, ``start_from`` draws x0 given the conditions of a pair as pairs have it."""
    if not coupling.source_from_target:
        raise NotApplicable("x0 is drawn from a source")
    source, target = ends_of(coupling)
    pairs = coupling.draw(source, target, 4000, seeded(9))
    found = coupling.start_from(target, pairs.condition or {}, seeded(10))
    if found is None:
        raise NotApplicable("it makes no x0 of conditions alone")
    specs = {**target.conditions, **coupling.conditions_of(target)}
    check_condition(specs, found[1], len(pairs.x0))
    deviations = Deviations(
        "x0 that start_from makes of the conditions of pairs has another law than that of the pairs"
    )
    # Products with the conditions' own x1 tell whether each has the x0 of its conditions.
    one, other = (_features(x0) for x0 in (found[0], pairs.x0))
    for name, weight in (("x0", torch.ones(len(one), 1)), ("x0 x1", pairs.x1.double().flatten(1)[:, :1])):
        off = (one - other) * weight
        allowed = (_ERRORS * off.std(0) / math.sqrt(len(off))).tolist()
        for k, value in enumerate(off.mean(0).tolist()):
            deviations.close(value, 0.0, allowed[k] + 1e-6, f"feature {k} of {name}")
    return deviations.result()
