"""Draws: shapes, types, one clock for all, and randomness from the generators alone."""

from __future__ import annotations

import math

import pytest
import torch

import si_core as si

SHAPES = [(2,), (3, 4), (1, 2, 3)]


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def tensors(draw: si.Draw) -> list[torch.Tensor]:
    return [draw.t, draw.x0, draw.x1, draw.z, draw.xt]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("path", ["LinearByWeights", "LinearByValue", "Curved"])
@pytest.mark.parametrize("latent", ["Root", "NoNoise"])
def test_shapes_and_types(strangers, shape, dtype, path, latent) -> None:
    ends = (strangers.Normal(shape, mean, dtype) for mean in (-1.0, 2.0))
    process = strangers.process(getattr(strangers, path)(), getattr(strangers, latent)(), None, *ends)
    draw = process.draw(7, seed(0))
    assert draw.t.shape == (7,)
    assert all(part.shape == (7, *shape) for part in tensors(draw)[1:])
    assert all(part.dtype == dtype for part in tensors(draw))
    assert bool(((draw.t >= 0) & (draw.t <= 1)).all())
    for field in si.FIELDS:
        if process.structure.has(field):
            target = draw.target(field)
            assert target.shape == draw.xt.shape
            assert target.dtype == dtype
            assert bool(torch.isfinite(target).all())


@pytest.mark.parametrize("path", ["LinearByWeights", "Curved"])
def test_a_draw_is_the_process_at_its_time(strangers, path) -> None:
    normal = strangers.Normal(dtype=torch.float64)
    process = strangers.process(getattr(strangers, path)(), strangers.Root(), None, normal, normal)
    for clock in (None, si.UniformClock()):
        draw = process.draw(50, seed(1), clock=clock)
        assert draw.schedule.clock == (clock or process.clock)
        torch.testing.assert_close(draw.schedule.clock.time(draw.schedule.u), draw.t, rtol=0, atol=1e-15)
        noise = process.latent.gamma(draw.t)[:, None] * draw.z
        value = process.interpolant.at(draw.t, draw.x0, draw.x1)
        torch.testing.assert_close(draw.xt, value + noise, rtol=1e-9, atol=1e-9)


def test_times_are_uniform_in_the_clock(strangers) -> None:
    process, n = strangers.process(strangers.LinearByWeights(), strangers.Root()), 4000
    for clock in (process.clock, si.UniformClock()):
        u = process.draw(n, seed(2), clock=clock).schedule.u.sort().values
        # Kolmogorov-Smirnov at a level of 1e-4.
        steps = torch.arange(1, n + 1) / n
        assert float((u - steps).abs().max()) < 2.23 / math.sqrt(n)


def test_equal_generators_give_equal_draws_and_nothing_else_is_touched(strangers) -> None:
    process = strangers.process(strangers.LinearByWeights(), strangers.Root())
    state, default = torch.random.get_rng_state(), torch.get_default_dtype()
    first, second, other = process.draw(9, seed(3)), process.draw(9, seed(3)), process.draw(9, seed(4))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_default_dtype() == default
    assert all(map(torch.equal, tensors(first), tensors(second)))
    assert not any(map(torch.equal, tensors(first), tensors(other)))


def test_noise_has_its_own_stream_on_request(strangers) -> None:
    process = strangers.process(strangers.LinearByWeights(), strangers.Root())
    first, second = (process.draw(9, seed(3), noise=seed(number)) for number in (5, 6))
    assert torch.equal(first.x0, second.x0)
    assert torch.equal(first.x1, second.x1)
    assert not torch.equal(first.t, second.t)
    assert not torch.equal(first.z, second.z)


def test_antithetic_draws_repeat_all_but_the_sign_of_the_noise(strangers) -> None:
    process = strangers.process(
        strangers.LinearByWeights(), strangers.Root(), None, strangers.Normal(), strangers.Labelled(mean=2.0)
    )
    draw = process.draw(8, seed(1), antithetic=True)
    assert draw.antithetic
    for part in (draw.t, draw.x0, draw.x1, draw.condition["kind"], draw.schedule.u):
        assert len(part) == 16
        assert torch.equal(part[:8], part[8:])
    assert torch.equal(draw.z[:8], -draw.z[8:])
    middle = process.interpolant.at(draw.t, draw.x0, draw.x1)[:8]
    torch.testing.assert_close((draw.xt[:8] + draw.xt[8:]) / 2, middle)
    plain = process.draw(8, seed(1))
    assert torch.equal(plain.xt, draw.xt[:8])


def test_conditions_stay_with_their_targets(strangers) -> None:
    target = strangers.Labelled(mean=2.0)
    process = strangers.process(strangers.LinearByWeights(), strangers.Root(), None, strangers.Normal(), target)
    draw = process.draw(6, seed(8))
    generator = seed(8)
    strangers.Normal().sample(6, generator)
    x1, told = target.draw(6, generator)
    assert torch.equal(draw.x1, x1)
    assert torch.equal(draw.condition["kind"], told["kind"])


def test_a_mirror_starts_where_it_ends(strangers) -> None:
    process = strangers.process(strangers.LinearByWeights(), strangers.Root(), strangers.Mirror())
    draw = process.draw(6, seed(8))
    assert torch.equal(draw.x0, draw.x1)


def test_a_draw_made_by_hand_has_no_targets() -> None:
    x = torch.zeros(3, 2)
    with pytest.raises(si.UsageError, match="by hand"):
        si.Draw(torch.zeros(3), x, x, x, x).target("velocity")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_target_decides_the_precision(strangers, dtype) -> None:
    other = torch.float64 if dtype == torch.float32 else torch.float32
    ends = strangers.Normal(mean=-1.0, dtype=other), strangers.Normal(mean=2.0, dtype=dtype)
    for path in (strangers.LinearByWeights(), strangers.Curved()):
        draw = strangers.process(path, strangers.Root(), None, *ends).draw(5, seed(0))
        assert {part.dtype for part in tensors(draw)} == {dtype}
        assert draw.target("velocity").dtype == dtype
