"""Verdicts on completions: what is accepted is bounded on a finer grid, and weights blow up at named poles."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

import si_core as si
from si_core.fields.drift_coefficients import drift_coefficients
from si_core.fields.required import field_coefficients
from si_core.process.coefficients import stack
from si_core.process.completion import complete

pytest.importorskip("si_interpolants")
pytest.importorskip("si_distributions")

PATHS = ("linear", "trigonometric", "variance-matched-trigonometric", "encoder-decoder", "variance-preserving")
LATENTS = ("brownian", "quadratic", "sine-squared", "sigmoid-bump")
EPSILONS = {"ODE": None, "constant": lambda s: torch.full_like(s.u, 0.5), "gamma": None}


def process_of(path: str, latent: str) -> si.StochasticInterpolant:
    options = {"scale": 0.5} if latent == "sine-squared" and path == "variance-matched-trigonometric" else {}
    gamma = si.build("latent", latent, **options)
    source = si.build("distribution", "gaussian", mean=[1.0, 0.0], covariance=2.0)
    target = si.build("distribution", "gaussian", mean=[-1.0, 0.5], covariance=0.5)
    interpolant = si.build("interpolant", path, context={"latent": gamma})
    return si.StochasticInterpolant(interpolant, gamma, si.build("coupling", "independent"), source, target)


def independent(process, names, wanted, u: float) -> float:
    """The largest weight at a time by numpy's least squares, of vectors of unit length."""
    s = process.schedule(process.clock, torch.tensor([u], dtype=torch.float64))
    vectors = [
        *(field_coefficients(process, name)(s) for name in names),
        stack(process.structure.position_coefficients(s), s),
    ]
    a = torch.cat(vectors).numpy().T
    sizes = np.linalg.norm(a, axis=0)
    return float(np.abs(np.linalg.lstsq(a / sizes, wanted(s)[0].numpy(), rcond=1e-14)[0] / sizes).max())


def positions() -> Tensor:
    tail = torch.logspace(-6, -3, 60, dtype=torch.float64)
    return torch.cat([tail, torch.linspace(0.001, 0.999, 4001, dtype=torch.float64), 1 - tail])


def cases():
    """Every path with every latent, at one level of noise, taken in turn; those at the two others are slow."""
    for i, path in enumerate(PATHS):
        for j, latent in enumerate(LATENTS):
            for k, level in enumerate(EPSILONS):
                marks = [] if (i + j + k) % len(EPSILONS) == 0 else [pytest.mark.slow]
                yield pytest.param(path, latent, level, marks=marks)


@pytest.mark.parametrize(("path", "latent", "level"), list(cases()))
def test_bounded_is_bounded_and_poles_are_poles(path: str, latent: str, level: str) -> None:
    process = process_of(path, latent)
    epsilon = process.noise_size if level == "gamma" else EPSILONS[level]
    wanted = drift_coefficients(process, epsilon, 1.0)
    for names in itertools.combinations(si.FIELDS, 2):
        known = [field_coefficients(process, name) for name in names]
        found = complete(process.schedule, process.clock, process.structure, known, wanted)
        verdict = found.verdict
        if verdict.bounded:
            size = found(positions()).abs().amax(-1)
            assert bool(torch.isfinite(size).all()), names
            coarse = float(found(torch.linspace(0, 1, 301, dtype=torch.float64)).abs().max())
            assert float(size.max()) < 10 * coarse + 10, (names, float(size.max()), coarse)
        if path == "encoder-decoder":
            continue  # x0 and x1 take turns there, so that weights are not unique
        for pole in verdict.poles:
            chosen = [names[i] for i in found.indices]
            room = min(pole, 1 - pole)
            near = [independent(process, chosen, wanted, pole + d * room) for d in (1e-2, 1e-4)]
            assert near[1] > 5 * near[0], (names, pole, near)


def test_a_pole_is_found_behind_a_higher_peak_at_an_end() -> None:
    """[velocity, target denoiser], trigonometric with sin^2(pi t): 1/gamma at both ends, a pole at 0.60817."""
    process = process_of("trigonometric", "sine-squared")
    known = [field_coefficients(process, name) for name in ("velocity", "target-denoiser")]
    wanted = drift_coefficients(process, EPSILONS["constant"], 1.0)
    verdict = complete(process.schedule, process.clock, process.structure, known, wanted).verdict
    assert verdict.rank == 2
    assert any(abs(pole - 0.60817) < 1e-5 for pole in verdict.poles)
    assert verdict.within((0.0, 0.5)).poles == ()


def test_a_constant_level_is_refused_where_one_that_vanishes_will_do() -> None:
    process = process_of("linear", "sine-squared")
    exact = si.exact_fields(process)
    fields = si.FunctionFields(velocity=exact.velocity, denoiser=exact.denoiser, process=process)
    with pytest.raises(si.UsageError, match=r"without bound at t = 0 and t = 1") as refusal:
        si.Transport(fields, 0.5)
    assert "`epsilon: gamma`" in refusal.value.allowed
    assert "freeze" in refusal.value.fix
    si.Transport(fields, si.build("diffusion", "gamma"))
    si.Transport(fields, 0.5, 0.01, 0.99)
    assert si.Transport(fields, 0.5, freeze=True).flow.unbounded == (True, True)
    with pytest.raises(si.UsageError):
        si.Transport(fields, 0.5, 0.01, 1.0)


@pytest.mark.parametrize("name", ["velocity", "score"])
def test_a_function_of_another_shape_is_refused(name: str) -> None:
    x = torch.zeros(8, 2, dtype=torch.float64)
    functions = {"velocity": lambda t, y: y, "score": lambda t, y: y} | {name: lambda t, y: y[:, :1]}
    with pytest.raises(si.UsageError, match=name):
        si.Transport(si.FunctionFields(**functions), 0.5).drift(0.5, x)
