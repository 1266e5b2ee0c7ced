"""Verdicts against the truth in 160 digits: no completion is refused that is bounded, none accepted that is not.

Over the paths of the tree and those of strangers, whose coefficients vanish by up to the eighth power of the distance
to an end of the clock, all latents, and all pairs of objectives. Each process is seen with one level of noise, with
preconditioned networks or plain ones, taken in turn.
"""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

import si_core as si
from si_core.fields.drift_coefficients import drift_coefficients
from si_core.fields.parametrisation import Parametrisation
from si_core.process.candidates import candidates
from si_core.process.coefficients import stack
from si_core.process.combination import CoefficientFunction

pytest.importorskip("si_interpolants")
pytest.importorskip("si_distributions")
pytest.importorskip("mpmath")

from .high_precision import LATENTS, PATHS, HighPrecision, Path

STRANGERS: tuple[Path, ...] = ((3, 1), (2, 1), (1, 2), (0.5, 0.5), (4, 3), (0.5, 4))
MODES = tuple(itertools.product(("ODE", "constant", "gamma"), (False, True)))
REPORTED = ((3, 1), "brownian", False, "constant", True), ((2, 1), "brownian", False, "constant", False)
"""Refused once, as weights jumped between solutions near t = 1."""


class Power(si.SpatiallyLinear):
    """``alpha = (1-t)^p``, ``beta = t^q``."""

    def __init__(self, p: float, q: float) -> None:
        self.p, self.q = p, q

    def alpha(self, t: Tensor) -> Tensor:
        return (1 - t) ** self.p

    def beta(self, t: Tensor) -> Tensor:
        return t**self.q


def process_of(path: Path, latent: str, one_sided: bool) -> si.StochasticInterpolant:
    gamma = si.build("latent", latent, **({"scale": 0.5} if latent == "sine-squared" else {}))
    named = isinstance(path, str)
    interpolant = si.build("interpolant", path, context={"latent": gamma}) if named else Power(*path)
    mean, variance = ([0.0, 0.0], 1.0) if one_sided else ([1.0, 0.0], 2.0)
    source = si.build("distribution", "gaussian", mean=mean, covariance=variance)
    target = si.build("distribution", "gaussian", mean=[-1.0, 0.5], covariance=0.5)
    return si.StochasticInterpolant(interpolant, gamma, si.build("coupling", "independent"), source, target)


def zeros(process: si.StochasticInterpolant, known: list[CoefficientFunction]) -> list[float]:
    """Where the determinant of known fields with the free ones changes its sign."""

    def determinant(u: Tensor) -> Tensor:
        s = process.schedule(process.clock, u)
        free = [
            stack(each, s)
            for each in (*process.structure.zero_combinations(s), process.structure.position_coefficients(s))
        ]
        matrix = torch.stack([each(s) for each in known] + free, -2)
        return torch.linalg.det(matrix / matrix.norm(dim=-1, keepdim=True))

    u = torch.linspace(0.003, 0.997, 1001, dtype=torch.float64)
    if len(known) + len(process.structure.zero_combinations(process.schedule(process.clock, u))) != 2:
        return []
    values = determinant(u)
    if float(values.abs().max()) < 1e-9:
        return []
    found = []
    for left in ((values[1:] * values[:-1] < 0) & (values[1:].abs() > 1e-12)).nonzero().flatten().tolist():
        low, high = u[left], u[left + 1]
        for _ in range(3):
            points = torch.lerp(low, high, torch.linspace(0, 1, 257, dtype=torch.float64))
            signs = determinant(points).sign()
            first = int((signs != signs[0]).int().argmax())
            low, high = points[first - 1], points[first]
        found.append(float(low))
    return found


def check(path: Path, latent: str, one_sided: bool, level: str, precondition: bool) -> None:
    process = process_of(path, latent, one_sided)
    fields = [name for name in si.FIELDS if process.structure.has(name)]
    truth = HighPrecision(path, latent, process.clock.orders, one_sided, precondition, level)
    of = Parametrisation(process.clock, precondition)
    by_name: dict[str, CoefficientFunction] = {
        name: lambda s, name=name: of.remainder(process.structure, name, s).coefficients for name in fields
    }
    noise = {"ODE": None, "constant": lambda s: torch.full_like(s.u, 0.5), "gamma": process.noise_size}[level]
    wanted = drift_coefficients(process, noise, 1.0)
    seen = set[tuple[str, ...]]()
    for pair in itertools.combinations(fields, 2):
        known = [by_name[name] for name in pair]
        found = candidates(process.schedule, process.clock, process.structure, known, wanted)
        reached = {tuple(pair[i] for i in candidate.indices): candidate for candidate in found}
        for names in ((), *((name,) for name in pair), pair):
            if names in seen:
                continue
            seen.add(names)
            candidate = reached.get(names)
            assert (candidate is not None) == truth.reaches(names), names
            if candidate is None:
                continue
            assert candidate.unbounded == truth.unbounded(names), names
            poles = candidate.verdict.poles
            for pole in poles:
                assert truth.growth(names, pole) > 30, (names, pole)
            for zero in zeros(process, [by_name[name] for name in names]):
                is_pole = truth.growth(names, zero) > 30
                assert is_pole == any(abs(zero - pole) < 1e-6 for pole in poles), (names, zero, poles)


@pytest.mark.parametrize("case", REPORTED, ids=str)
def test_what_was_refused_falsely(case) -> None:
    check(*case)


@pytest.mark.parametrize("latent", list(LATENTS))
@pytest.mark.parametrize("path", [*PATHS, *STRANGERS], ids=str)
def test_verdicts_are_true(path: Path, latent: str) -> None:
    turn = [*PATHS, *STRANGERS].index(path) + list(LATENTS).index(latent)
    level, precondition = MODES[turn % len(MODES)]
    # Without a latent a process has noise where its source is a standard normal.
    one_sided = turn % 3 == 0 or (latent == "none" and level != "ODE")
    check(path, latent, one_sided, level, precondition)
