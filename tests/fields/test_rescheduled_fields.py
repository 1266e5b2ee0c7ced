"""A change of schedule: fields of one one-sided process are those of every other, at the matched time and length."""

from __future__ import annotations

import itertools

import pytest
import torch

import si_core as si

pytest.importorskip("si_interpolants")
pytest.importorskip("si_distributions")
pytest.importorskip("si_integrators")

SCHEDULES = [
    ("linear", "none"),
    ("trigonometric", "none"),
    ("variance-preserving", "none"),
    ("linear", "brownian"),
    ("trigonometric", "quadratic"),
]
FIELDS = ("velocity", "score", "denoiser", "target-denoiser", "source-denoiser", "interpolant-velocity")
SOURCE = si.build("distribution", "gaussian", dim=2, dtype="float64")
TARGET = si.build(
    "distribution",
    "gaussian-mixture",
    weights=[0.3, 0.7],
    means=[[2.0, 0.0], [-1.0, 1.0]],
    covariances=[[[0.3, 0.1], [0.1, 0.2]], [[0.1, 0.0], [0.0, 0.4]]],
    dtype="float64",
)


def process(interpolant: str, latent: str, target: si.Distribution = TARGET) -> si.StochasticInterpolant:
    gamma = si.build("latent", latent)
    path = si.build("interpolant", interpolant, context={"latent": gamma})
    return si.StochasticInterpolant(path, gamma, si.build("coupling", "independent"), SOURCE, target)


def known(p: si.StochasticInterpolant, name: str) -> si.FunctionFields:
    name = name.replace("-", "_")
    return si.FunctionFields(**{name: getattr(si.exact_fields(p), name)}, process=p)


KNOWN = itertools.cycle(["velocity", "denoiser", "target-denoiser"])


# From one known field follow all the others, whichever it is: they are known in turn.
@pytest.mark.parametrize(
    ("old", "new", "name"), [(*pair, next(KNOWN)) for pair in itertools.permutations(SCHEDULES, 2)]
)
def test_fields_are_those_of_the_new_process(old, new, name) -> None:
    p = process(*new)
    fields, exact = si.RescheduledFields(known(process(*old), name), p), si.exact_fields(p)
    generator = torch.Generator().manual_seed(0)
    t = 0.1 + 0.8 * torch.rand(40, generator=generator, dtype=torch.float64)
    x = torch.randn(40, 2, generator=generator, dtype=torch.float64)
    for wanted in FIELDS:
        if not p.structure.has(wanted):
            continue
        wanted = wanted.replace("-", "_")
        truth = getattr(exact, wanted)(t, x)
        # Matched times are exact to rounding; coefficients at the other time have a condition number below 1e4 here.
        torch.testing.assert_close(getattr(fields, wanted)(t, x), truth, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("new", SCHEDULES)
def test_the_map_of_the_ode_stays_the_same(new) -> None:
    """The end of a solution depends on its start alone, whichever schedule leads there."""
    x = SOURCE.sample(50, torch.Generator().manual_seed(0))
    method = si.build("integrator", "rk4", steps=100)
    truth = si.integrate(si.Transport(si.exact_fields(process("linear", "none"))), x, method).final
    fields = si.RescheduledFields(known(process("linear", "none"), "target-denoiser"), process(*new))
    transport = si.Transport(fields, freeze=True)
    found = si.integrate(transport, x, method).final
    # Latents add noise to the process, not to its map between the ends; what is left are 100 steps of order 4, or of
    # the frozen end where a denoiser alone has an unbounded weight.
    bound = 1e-5 if not any(transport.flow.unbounded) else 2e-2
    assert float((found - truth).abs().max()) < bound


def test_other_processes_are_refused() -> None:
    two_sided = si.StochasticInterpolant(
        si.build("interpolant", "linear"),
        si.build("latent", "brownian"),
        si.build("coupling", "independent"),
        TARGET,
        TARGET,
    )
    with pytest.raises(si.UsageError, match="one-sided"):
        si.RescheduledFields(known(process("linear", "none"), "velocity"), two_sided)
    with pytest.raises(si.UsageError, match="target"):
        other = si.build("distribution", "gaussian", dim=2)
        si.RescheduledFields(known(process("linear", "none"), "velocity"), process("linear", "none", other))
