"""Coefficients and targets: linear processes against the same path written as a general one, what is out of span."""

from __future__ import annotations

import itertools

import pytest
import torch

import si_core as si
from si_core.fields.required import field_coefficients
from si_core.process.completion import complete

U = torch.linspace(0.1, 0.9, 9, dtype=torch.float64)


def completed(process, known: tuple[str, ...], wanted: str):
    given = [field_coefficients(process, name) for name in known]
    found = complete(process.schedule, process.clock, process.structure, given, field_coefficients(process, wanted))
    return found if found.verdict.usable else None


def doubles(strangers, path, latent, coupling=None, one_sided=False):
    source, target = (strangers.Normal(mean=m, dtype=torch.float64) for m in ((0.0 if one_sided else -1.0), 2.0))
    return strangers.process(path, latent, coupling, source, target)


def test_targets_are_coefficients_times_the_draw(strangers) -> None:
    """The table of coefficients, from the formulas in t: rates per unit of the draw's clock."""
    for clock in (si.SineClock(), si.UniformClock()):
        process = doubles(strangers, strangers.LinearByWeights(), strangers.Root())
        draw = process.draw(40, torch.Generator().manual_seed(0), clock=clock)
        t, rate = draw.t[:, None], draw.schedule.rate[:, None]
        gamma, derivative = (t * (1 - t)).sqrt(), -2 * (1 - t) * draw.x0 + 3 * t**2 * draw.x1
        gamma_dot = (1 - 2 * t) / (2 * gamma)
        expected = {
            "velocity": (derivative + gamma_dot * draw.z) * rate,
            "interpolant-velocity": derivative * rate,
            "score": -draw.z / gamma,
            "denoiser": draw.z,
            "source-denoiser": draw.x0,
            "target-denoiser": draw.x1,
        }
        for field in si.FIELDS:
            torch.testing.assert_close(draw.target(field), expected[field], rtol=1e-8, atol=1e-9, msg=field)


@pytest.mark.parametrize("latent", ["Root", "Bump", "NoNoise"])
def test_a_linear_path_written_as_a_general_one_has_the_same_targets(strangers, latent) -> None:
    class Linear(si.SpatiallyLinear):
        def alpha(self, t):
            return 1 - t

        def beta(self, t):
            return t

    linear, general = (
        doubles(strangers, path, getattr(strangers, latent)()) for path in (Linear(), strangers.LinearByValue())
    )
    assert general.structure.spatially_linear is False
    first, second = (process.draw(30, torch.Generator().manual_seed(4)) for process in (linear, general))
    torch.testing.assert_close(first.xt, second.xt, rtol=1e-12, atol=1e-12)
    for field in si.FIELDS:
        assert linear.structure.has(field) == general.structure.has(field)
        if linear.structure.has(field):
            torch.testing.assert_close(first.target(field), second.target(field), rtol=1e-12, atol=1e-12, msg=field)


def test_one_sided_targets_keep_the_score_where_gamma_is_zero(strangers) -> None:
    process = doubles(strangers, strangers.LinearByWeights(), strangers.NoNoise(), one_sided=True)
    draw = process.draw(20, torch.Generator().manual_seed(0))
    alpha = ((1 - draw.t) ** 2)[:, None]
    torch.testing.assert_close(draw.target("score"), -draw.x0 / alpha, rtol=1e-12, atol=1e-12)
    assert torch.equal(draw.target("denoiser"), draw.x0)
    process = doubles(strangers, strangers.LinearByWeights(), strangers.Bump(), one_sided=True)
    draw = process.draw(20, torch.Generator().manual_seed(0))
    alpha, gamma = ((1 - draw.t) ** 2)[:, None], process.latent.gamma(draw.t)[:, None]
    noise = (alpha * draw.x0 + gamma * draw.z) / (alpha**2 + gamma**2)
    torch.testing.assert_close(draw.target("score"), -noise, rtol=1e-12, atol=1e-12)


def test_fields_a_process_does_not_have(strangers) -> None:
    without = doubles(strangers, strangers.LinearByWeights(), strangers.NoNoise())
    draw = without.draw(3, torch.Generator().manual_seed(0))
    for field in ("score", "denoiser"):
        with pytest.raises(si.UsageError, match="neither a latent nor a standard normal source"):
            draw.target(field)
    with pytest.raises(si.UsageError, match="unknown field"):
        draw.target("drift")


def test_zero_combinations_are_orthonormal_and_vanish_on_the_draw_they_describe(strangers) -> None:
    cases = itertools.product((strangers.LinearByWeights, strangers.Curved), (strangers.Bump, strangers.NoNoise))
    for (path, latent), coupling in itertools.product(cases, (None, strangers.Mirror())):
        process = doubles(strangers, path(), latent(), coupling, one_sided=coupling is None)
        s = process.schedule(process.clock, U)
        zeros = process.structure.zero_combinations(s)
        if not zeros:
            continue
        stacked = [[float(torch.as_tensor(e).expand(len(U))[4]) for e in zero] for zero in zeros]
        gram = torch.tensor(stacked).double().reshape(len(zeros), -1)
        torch.testing.assert_close(gram @ gram.mT, torch.eye(len(zeros)).double(), rtol=0, atol=1e-6)
        draw = process.draw(20_000, torch.Generator().manual_seed(0))
        fixed = process.schedule(process.clock, torch.tensor(0.4))
        at = process.draw_of(fixed, draw.x0, draw.x1, draw.z)
        for zero in process.structure.zero_combinations(fixed):
            values = at.combined(zero)
            # E[zero | x_t] = 0: uncorrelated with any function of x_t, within five standard errors.
            for test in (at.xt, at.xt.sin(), torch.ones_like(at.xt)):
                product = values * test
                assert bool((product.mean(0).abs() <= 5 * product.std(0) / len(product) ** 0.5).all())


def test_general_fields_that_follow(strangers) -> None:
    """In the basis (dI/du, z, x0, x1): ``b = v + gamma' eta_z`` and ``s = -eta_z/gamma``, and nothing of x."""
    process = doubles(strangers, strangers.Curved(), strangers.Bump())
    s = process.schedule(process.clock, U)
    cases = {
        (("interpolant-velocity", "denoiser"), "velocity"): (torch.ones_like(U), s.gamma_rate),
        (("velocity", "denoiser"), "interpolant-velocity"): (torch.ones_like(U), -s.gamma_rate),
        (("denoiser",), "score"): (-1 / s.gamma,),
        (("score",), "denoiser"): (-s.gamma,),
    }
    for (known, wanted), weights in cases.items():
        found = completed(process, known, wanted)
        assert found.indices == tuple(range(len(known)))
        torch.testing.assert_close(
            found(U), torch.stack([*weights, torch.zeros_like(U), torch.zeros_like(U)], -1), rtol=1e-9, atol=1e-10
        )


@pytest.mark.parametrize(
    ("known", "wanted"),
    [
        (("velocity",), "score"),
        (("source-denoiser", "target-denoiser"), "velocity"),
        (("denoiser", "source-denoiser"), "target-denoiser"),
        (("interpolant-velocity",), "velocity"),
        # b - v = gamma' eta_z says nothing where gamma' = 0.
        (("velocity", "interpolant-velocity"), "denoiser"),
    ],
)
def test_general_fields_out_of_the_span(strangers, known, wanted) -> None:
    assert completed(doubles(strangers, strangers.Curved(), strangers.Bump()), known, wanted) is None


def test_without_noise_both_general_velocities_are_one(strangers) -> None:
    process = doubles(strangers, strangers.Curved(), strangers.NoNoise())
    assert completed(process, ("interpolant-velocity",), "velocity") is not None


def test_a_general_mirror_knows_that_its_ends_are_equal(strangers) -> None:
    process = doubles(strangers, strangers.Curved(), strangers.Bump(), strangers.Mirror())
    found = completed(process, ("source-denoiser",), "target-denoiser")
    torch.testing.assert_close(found(U), torch.tensor([1.0, 0.0, 0.0]).double().expand(len(U), 3))
    assert (
        completed(doubles(strangers, strangers.Curved(), strangers.Bump()), ("source-denoiser",), "target-denoiser")
        is None
    )


def test_a_general_sde_is_refused_with_what_would_do(strangers) -> None:
    process = doubles(strangers, strangers.Curved(), strangers.Root())
    fields = si.FunctionFields(velocity=lambda t, x: x, process=process)
    si.Transport(fields, epsilon=0)
    with pytest.raises(si.UsageError, match="add the objective `denoiser`") as refusal:
        si.Transport(fields, epsilon=1.0)
    assert refusal.value.got == "objectives velocity"


class Lopsided(si.Latent):
    """``gamma = t (1-t)^2``: its derivative is 0 at t = 1/3, which no grid hits."""

    def gamma(self, t: torch.Tensor) -> torch.Tensor:
        return t * (1 - t) ** 2


def test_fields_that_are_parallel_at_one_time_are_not_used(strangers) -> None:
    """(b - v)/gamma' is the denoiser but for one time, where its weights have a pole."""
    for path in (strangers.Curved(), strangers.LinearByWeights()):
        process = doubles(strangers, path, Lopsided())
        assert completed(process, ("velocity", "interpolant-velocity"), "denoiser") is None
        found = completed(process, ("velocity", "interpolant-velocity", "denoiser"), "denoiser")
        assert found.indices == (2,)
    mirror = doubles(strangers, strangers.LinearByWeights(), Lopsided(), strangers.Mirror())
    assert completed(mirror, ("denoiser",), "velocity") is not None
