"""The fingerprint of a process: the same for the same law, another where anything that was learned from is another."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import si_core as si
from si_core.process.fingerprint import TOLERANCE, fingerprint, largest_deviation
from si_core.process.fixed_draws import NOISE, PAIRED, TORCH_NOISE
from si_core.process.process import StochasticInterpolant

pytest.importorskip("si_recipes")


class Scaled(si.Latent):
    """``gamma = scale t (1 - t)``."""

    def __init__(self, scale: float = 1.0):
        self.scale = scale

    def __repr__(self) -> str:
        return f"Scaled({self.scale})"

    def gamma(self, t):
        return self.scale * t * (1 - t)


class Loud(Scaled):
    """Noise of twice the size, which gamma says nothing of."""

    def sample(self, like, generator=None):
        return 2 * super().sample(like, generator)


class Blurred(Scaled):
    """Noise of the same variance, in which the entries of an event go together."""

    def sample(self, like, generator=None):
        z = super().sample(like, generator)
        return (z + z.roll(1, -1)) / 2**0.5


class Bent(si.Interpolant):
    """``I = (1 - t) x0 + t x1 + bend t (1 - t) tanh(x0 + x1)``."""

    def __init__(self, bend: float = 1.0):
        self.bend = bend

    def __repr__(self) -> str:
        return f"Bent({self.bend})"

    def value(self, t, x0, x1):
        return (1 - t) * x0 + t * x1 + self.bend * t * (1 - t) * torch.tanh(x0 + x1)


class Learned(nn.Module, si.Interpolant):
    """A path with a network, in single precision as torch makes it."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(2, 2)

    def value(self, t, x0, x1):
        return (1 - t) * x0 + t * x1 + t * (1 - t) * self.net(x0 * x1)


class Pairing(si.Coupling):
    """x0 in an order that a function of both ends, and the generator, gives."""

    def __init__(self, order):
        self.order = order

    def pair(self, x0, x1, generator=None):
        return x0[self.order(x0, x1, generator)], x1


def process(interpolant="linear", latent="none", coupling="independent", **options):
    law = si.build("distribution", "gaussian", dim=2)
    path = (
        si.build("interpolant", interpolant, shape=(2,), latent=None) if isinstance(interpolant, str) else interpolant
    )
    noise = si.build("latent", latent, **options) if isinstance(latent, str) else latent
    pairs = si.build("coupling", coupling) if isinstance(coupling, str) else coupling
    return StochasticInterpolant(path, noise, pairs, law, law)


@pytest.mark.parametrize("interpolant", ["linear", "trigonometric", Bent()], ids=str)
@pytest.mark.parametrize("latent", ["none", "brownian", "sine-squared", Scaled()], ids=str)
def test_the_same_process_has_the_same(interpolant, latent):
    one, other = fingerprint(process(interpolant, latent)), fingerprint(process(interpolant, latent))
    assert largest_deviation(one, other) is None
    assert all(value.dtype == torch.float64 and bool(value.isfinite().all()) for value in one.values())


@pytest.mark.parametrize("factor", [3.0, 1.01, 1 + 2 * TOLERANCE])
def test_another_gamma_is_told_where_and_by_how_much(factor):
    found = largest_deviation(fingerprint(process(latent=Scaled())), fingerprint(process(latent=Scaled(factor))))
    assert found is not None
    assert "gamma" in found.quantity
    assert found.now == pytest.approx(factor * found.before)
    if found.quantity == "gamma":
        assert found.before == pytest.approx(found.time * (1 - found.time))


@pytest.mark.parametrize("factor", [1 + 1e-7, 1 - 1e-12])
def test_rounding_is_no_deviation(factor):
    one, other = fingerprint(process(latent=Scaled())), fingerprint(process(latent=Scaled(factor)))
    assert largest_deviation(one, other) is None


def test_a_latent_that_comes_or_goes_is_a_deviation():
    with_noise, without = fingerprint(process(latent=Scaled())), fingerprint(process())
    for pair in ((with_noise, without), (without, with_noise)):
        found = largest_deviation(*pair)
        assert found is not None
        assert "absent" in str(found)


@pytest.mark.parametrize("pair", [("linear", "trigonometric"), (Bent(), Bent(1.01)), ("linear", Bent(0.0))], ids=str)
def test_another_path_is_told(pair):
    assert largest_deviation(*(fingerprint(process(path)) for path in pair)) is not None


def test_another_clock_of_the_same_path_is_told():
    class Slow(si.SpatiallyLinear):
        clock = si.SineClock(True, True)

        def alpha(self, t):
            return 1 - t

        def beta(self, t):
            return t

    # dt/du of the sine clock ends at 0, that of time is 1 everywhere.
    found = largest_deviation(fingerprint(process()), fingerprint(process(Slow())))
    assert found is not None
    assert found.before is not None


def test_a_learned_path_is_fingerprinted_with_its_parameters():
    torch.manual_seed(0)
    path = Learned()
    before = fingerprint(process(path))
    assert largest_deviation(before, fingerprint(process(path))) is None
    with torch.no_grad():
        path.net.bias += 0.01
    found = largest_deviation(before, fingerprint(process(path)))
    assert found is not None
    assert not any(math.isnan(value) for value in (found.time, found.before, found.now))


@pytest.mark.parametrize("latent", [Loud(), Blurred()], ids=lambda latent: type(latent).__name__)
def test_noise_of_another_law_is_told_though_gamma_is_the_same(latent):
    plain, other = fingerprint(process(latent=Scaled())), fingerprint(process(latent=latent))
    assert largest_deviation(other, fingerprint(process(latent=type(latent)()))) is None
    for pair in ((plain, other), (other, plain)):
        found = largest_deviation(*pair)
        assert found is not None
        assert found.quantity == NOISE
        assert "t =" not in str(found)


def test_other_numbers_of_torch_say_nothing_of_a_latent():
    before, now = (fingerprint(process(latent=Loud())) for _ in range(2))
    before[TORCH_NOISE], before[NOISE] = before[TORCH_NOISE].roll(1, 0), before[NOISE].roll(1, 0)
    assert largest_deviation(before, now) is None
    assert "gamma" in largest_deviation(before, fingerprint(process(latent=Scaled(3.0)))).quantity


def rank(x):
    return x.flatten(1)[:, 0].argsort()


SORTED = Pairing(lambda x0, x1, _: rank(x0)[rank(x1).argsort()])
REVERSED = Pairing(lambda x0, x1, _: rank(x0).flip(0)[rank(x1).argsort()])
RANDOM = Pairing(lambda x0, _, generator: torch.randperm(len(x0), generator=generator))
REFUSES = Pairing(lambda *_: 1 / 0)


@pytest.mark.parametrize("pair", [(SORTED, REVERSED), (SORTED, "independent"), (REVERSED, "independent")])
def test_another_pairing_is_told(pair):
    one, other = (fingerprint(process(coupling=coupling)) for coupling in pair)
    assert largest_deviation(one, fingerprint(process(coupling=pair[0]))) is None
    assert largest_deviation(one, other) is not None


@pytest.mark.parametrize("coupling", [RANDOM, REFUSES])
def test_a_pairing_that_is_not_well_defined_is_not_compared(coupling):
    one = fingerprint(process(coupling=coupling))
    assert PAIRED not in one
    assert largest_deviation(one, fingerprint(process(coupling=coupling))) is None
    found = largest_deviation(one, fingerprint(process()))
    assert found is not None, "one that says it is independent, and one that does not"


@pytest.mark.parametrize("name", ["independent", "mirror", "paired", "optimal-transport", "entropic"])
def test_fingerprints_leave_no_trace_and_are_the_same_with_every_coupling(name):
    try:
        made = process(coupling=name)
    except si.SIError:
        pytest.skip("it needs options, or is not installed")
    state = torch.random.get_rng_state()
    assert largest_deviation(fingerprint(made), fingerprint(made)) is None
    assert torch.equal(state, torch.random.get_rng_state())
