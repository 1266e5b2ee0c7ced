"""Independent runs of an estimator on known models: fresh points and a fresh generator each, the same every time."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from si_authoring.testing.check import Violation
from si_authoring.testing.known_models import KnownModel, known_models
from si_core import Estimate, Estimator, NumericsError, UsageError

__all__ = [
    "FEW_POINTS",
    "FEW_RUNS",
    "POINTS",
    "RUNS",
    "estimate_of",
    "measures_on_points",
    "not_refused",
    "one_run",
    "points_for",
    "root_mean_square",
    "runs_of",
]

FEW_POINTS, POINTS = 32, 96
RUNS, FEW_RUNS = 16, 8
"""How many points a run has, and how many runs are looked at."""


def points_for(estimator: Estimator, known: KnownModel, n: int, seed: int) -> Tensor:
    """n points of the end that is measured on, shape (n, *event), float64."""
    process = known.model.process
    end = process.source if estimator.points_of == "source" else process.target
    return end.sample(n, torch.Generator().manual_seed(seed))


def not_refused(estimator: Estimator, event: tuple[int, ...]) -> Iterator[tuple[KnownModel, Estimate]]:
    """The models that the estimator does not refuse, those with errors first, with a small run on each.

    Raises:
        UsageError: it refuses all of them.
    """
    refusals, kept = [], 0
    for known in known_models(event):
        try:
            found = one_run(estimator, known, 0, FEW_POINTS)
        except UsageError as error:
            refusals.append(error)
            continue
        except NumericsError:
            # A quotient of errors, say, has no value for exact fields.
            if known.errors:
                raise
            continue
        kept += 1
        yield known, found
    if refusals and not kept:
        raise refusals[0]


def one_run(estimator: Estimator, known: KnownModel, run: int, n: int) -> Estimate:
    """What the estimator finds in a run, by number, with n points."""
    x = points_for(estimator, known, n, 2 * run)
    return estimate_of(estimator, known, x, torch.Generator().manual_seed(2 * run + 1))


def estimate_of(estimator: Estimator, known: KnownModel, x: Tensor, generator: torch.Generator) -> Estimate:
    """What the estimator finds.

    Raises:
        Violation: it is no Estimate.
    """
    found = estimator.estimate(known.model, x, generator)
    if not isinstance(found, Estimate):
        raise Violation(f"estimate returns {type(found).__name__} instead of an Estimate")
    return found


_Runs = tuple[Tensor, Tensor | None]

_kept: list[tuple[Estimator, KnownModel, tuple[int, int], _Runs]] = []
"""The last runs, of which several checks say something."""

_KEPT = 4


def runs_of(estimator: Estimator, known: KnownModel, runs: int, n: int) -> _Runs:
    """The values of independent runs, shape (runs,), and their standard errors; None where one is not known."""
    for whose, model, numbers, found in _kept:
        if whose is estimator and model is known and numbers == (runs, n):
            return found
    _kept.append((estimator, known, (runs, n), _runs_of(estimator, known, runs, n)))
    del _kept[:-_KEPT]
    return _kept[-1][-1]


def _runs_of(estimator: Estimator, known: KnownModel, runs: int, n: int) -> _Runs:
    found = [one_run(estimator, known, run, n) for run in range(runs)]
    errors = [each.standard_error for each in found if each.standard_error is not None]
    values = torch.tensor([each.value for each in found], dtype=torch.float64)
    return values, torch.tensor(errors, dtype=torch.float64) if len(errors) == len(found) else None


def root_mean_square(errors: Tensor) -> float:
    """The root of the mean square."""
    return float(errors.square().mean().sqrt())


def measures_on_points(estimator: Estimator, known: KnownModel, found: Estimate) -> bool:
    """Whether the points given make a difference to what :func:`one_run` found with as few."""
    other = points_for(estimator, known, FEW_POINTS, 2 * RUNS)
    return estimate_of(estimator, known, other, torch.Generator().manual_seed(1)).value != found.value
