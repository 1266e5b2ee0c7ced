"""Processes from a given point: x0 is known, so one field of any kind gives all, and only SDEs can leave the point."""

from __future__ import annotations

import pytest
import torch

import si_core as si

pytest.importorskip("si_interpolants")
pytest.importorskip("si_distributions")
pytest.importorskip("si_integrators")

FIELDS = ("velocity", "interpolant-velocity", "score", "denoiser", "target-denoiser")
POINT = [0.5, -0.3]


def process(interpolant: str = "linear", latent: str = "brownian", **options: float) -> si.StochasticInterpolant:
    gamma = si.build("latent", latent, **options)
    return si.StochasticInterpolant(
        si.build("interpolant", interpolant, context={"latent": gamma}),
        gamma,
        si.build("coupling", "independent"),
        si.build("distribution", "point-mass", point=POINT, dtype="float64"),
        si.build(
            "distribution",
            "gaussian-mixture",
            weights=[0.3, 0.7],
            means=[[2.0, 0.0], [-1.0, 1.0]],
            covariances=[[[0.3, 0.1], [0.1, 0.2]], [[0.1, 0.0], [0.0, 0.4]]],
            dtype="float64",
        ),
    )


def states(n: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    t = 0.05 + 0.9 * torch.rand(n, generator=generator, dtype=torch.float64)
    return t, torch.randn(n, 2, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("interpolant", ["linear", "trigonometric"])
@pytest.mark.parametrize(("latent", "options"), [("brownian", {"scale": 2.0}), ("wiener", {}), ("quadratic", {})])
@pytest.mark.parametrize("known", FIELDS)
def test_any_one_field_gives_the_others(interpolant, latent, options, known) -> None:
    exact = si.exact_fields(process(interpolant, latent, **options))
    name = known.replace("-", "_")
    fields = si.FunctionFields(**{name: getattr(exact, name)}, process=exact.process)
    t, x = states()
    for wanted in (*FIELDS, "source-denoiser"):
        wanted = wanted.replace("-", "_")
        truth, found = getattr(exact, wanted)(t, x), getattr(fields, wanted)(t, x)
        # The weight of a known field in a wanted one is at most 1/gamma^2 ~ 500 here, and so is the loss of digits.
        assert float((found - truth).abs().max()) < 1e-10 * float(1 + truth.abs().max()), wanted
    torch.testing.assert_close(exact.source_denoiser(t, x), torch.tensor(POINT, dtype=torch.float64).expand(60, 2))


def test_networks_learn_what_is_left_beside_x_and_the_point() -> None:
    """``field = c_skip x + c_out net + c_0 x0`` with one and the same remainder for every field."""
    p = process(scale=2.0)
    exact = si.exact_fields(p)
    s = p.schedule(p.clock, torch.linspace(0.05, 0.95, 40, dtype=torch.float64))
    parametrisation, x = si.Parametrisation(p.clock, True), states(40)[1]
    learned = []
    for name in FIELDS:
        split = parametrisation.remainder(p.structure, name, s)
        assert split.given_start is not None
        field = exact.field(name, s, x)
        rest = field - split.skip[:, None] * x - split.given_start[:, None] * torch.tensor(POINT, dtype=torch.float64)
        learned.append((rest, split.out[:, None]))
    # One may be divided by its weight, the others may not: a velocity's weight passes through 0.
    remainder = learned[FIELDS.index("denoiser")][0] / learned[FIELDS.index("denoiser")][1]
    for rest, out in learned:
        torch.testing.assert_close(rest, out * remainder, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 2.0, "follmer"])
def test_from_one_point_an_sde_reaches_the_target(epsilon) -> None:
    """``epsilon = a`` is the diffusion of the latent itself, ``gamma^2 = 2 a t (1-t)``; others have the same law."""
    p = process(scale=2.0)
    level = epsilon
    if epsilon == "follmer":
        level = si.build("diffusion", "follmer", context={"interpolant": p.interpolant, "latent": p.latent})
    generator = torch.Generator().manual_seed(0)
    transport = si.Transport(si.exact_fields(p), level)
    assert transport.flow.unbounded == (False, False)
    n = 4000
    final = si.integrate(
        transport, p.source.sample(n, generator), si.build("integrator", "stochastic-heun", steps=80), generator
    ).final
    truth = p.target.sample(n, generator)
    # The energy distance of two samples of one law: mean 0, standard error about E|X-X'|/n, 6e-4. Weak order 2 in 80
    # steps leaves less than that.
    distance = (
        2 * torch.cdist(final, truth).mean()
        - torch.cdist(final, final).sum() / (n * (n - 1))
        - torch.cdist(truth, truth).sum() / (n * (n - 1))
    )
    assert abs(float(distance)) < 1.5e-3


def test_no_ode_leaves_a_point() -> None:
    exact = si.exact_fields(process())
    with pytest.raises(si.UsageError, match=r"no ODE can leave a single point[\s\S]*epsilon > 0"):
        si.Transport(exact)
    si.Transport(exact, start=1.0, stop=0.0)
    si.Transport(exact, start=0.1)
