"""Problems and their wrappers: what a class says of its drift holds for the drift that it has."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import si_core as si

for plugin in ("si_interpolants", "si_distributions", "si_integrators"):
    pytest.importorskip(plugin)

FACTOR = 3.0


class Sine(nn.Module):
    """A network that knows its divergence."""

    def forward(self, t, x, condition=None):
        return torch.sin(x) * (1 + t)

    def with_divergence(self, t, x, condition=None, probes=None):
        derivative = torch.cos(x) * (1 + t)
        found = derivative.sum(-1) if probes is None else (probes.square() * derivative).sum(-1).T
        return self(t, x), found


def transport(epsilon=0.0, start=0.0, stop=1.0):
    gaussian = si.build("distribution", "gaussian", dim=3)
    linear, latent = si.build("interpolant", "linear"), si.build("latent", "brownian")
    process = si.StochasticInterpolant(linear, latent, si.build("coupling", "independent"), gaussian, gaussian)
    fields = si.LearnedFields(
        process, ("velocity",), si.Predictor([Sine()], 1), si.Parametrisation(process.clock, True)
    )
    return si.Transport(fields, epsilon, start, stop)


class Plain(si.Problem):
    """Only the drift is said."""

    def drift(self, time, x):
        return torch.sin(x) - time * x


class InParts(si.Problem):
    """Only the drift in parts is said."""

    def drift_parts(self):
        return lambda time, x: si.DriftParts(torch.sin(x), x, 2.0, -0.5)


class Scaled(si.ProblemWrapper):
    """Another drift."""

    def drift(self, time, x):
        return FACTOR * self.inner.drift(time, x)


class ScaledInParts(si.ProblemWrapper):
    """The same, in parts."""

    def drift_parts(self):
        drift_of = self.inner.drift_parts()

        def scaled(time, x):
            output, x, weight, rate = drift_of(time, x)
            return si.DriftParts(output, x, FACTOR * weight, FACTOR * rate)

        return scaled


class Twice(Scaled):
    """A wrapper that goes on from the drift of the one it inherits from."""

    def drift(self, time, x):
        return 2.0 * super().drift(time, x)


class TwiceInParts(Scaled):
    """Parts that go on from those of a drift."""

    def drift_parts(self):
        drift_of = super().drift_parts()

        def scaled(time, x):
            output, x, weight, rate = drift_of(time, x)
            return si.DriftParts(output, x, 2.0 * weight, 2.0 * rate)

        return scaled


class Thrice:
    """A drift from beside: no problem itself."""

    def drift(self, time, x):
        return FACTOR * super().drift(time, x)


class Mixed(Thrice, si.Transport):
    """A transport with the drift from beside."""


class Louder(si.ProblemWrapper):
    """Another noise."""

    def noise(self, time):
        return FACTOR * self.inner.noise(time)


class Watching(si.ProblemWrapper):
    """A wrapper that changes nothing."""


def problems():
    whole = transport()
    return {
        "plain": Plain(),
        "in parts": InParts(),
        "transport": whole,
        "watching": Watching(whole),
        "scaled": Scaled(whole),
        "scaled in parts": ScaledInParts(whole),
        "scaled twice": ScaledInParts(Scaled(whole)),
        "inherited": Twice(whole),
        "inherited in parts": TwiceInParts(whole),
        "mixed": Mixed(whole.fields),
        "SDE": transport(0.5),
        "backward SDE": transport(0.5, 1.0, 0.0),
        "louder": Louder(transport(0.5)),
    }


NAMES = list(problems())


@pytest.fixture
def x():
    return torch.randn(5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("name", NAMES)
def test_the_parts_are_those_of_the_drift(name, x):
    problem = problems()[name]
    drift_of = problem.drift_parts()
    for time in (0.0, 0.3, 1.0):
        torch.testing.assert_close(drift_of(time, x).value(), problem.drift(time, x), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("probed", [False, True])
def test_a_divergence_is_that_of_the_drift(name, probed, x):
    problem, probes = problems()[name], torch.ones(1, *x.shape, dtype=x.dtype) if probed else None
    found = problem.divergence(0.3, x, probes)
    if found is None:
        return
    torch.testing.assert_close(found[0], problem.drift(0.3, x))
    for i, row in enumerate(x):
        jacobian = torch.autograd.functional.jacobian(lambda y: problem.drift(0.3, y.unsqueeze(0))[0], row)
        torch.testing.assert_close(found[1][i], jacobian.sum().reshape(1) if probed else jacobian.trace())


def test_the_divergence_is_kept_where_the_drift_is():
    x, found = torch.ones(2, 3), problems()
    asked = {name: found[name].divergence(0.3, x) is not None for name in NAMES}
    assert {name for name in NAMES if asked[name]} == {"transport", "watching", "SDE", "backward SDE", "louder"}


@pytest.mark.parametrize("name", NAMES)
def test_the_linear_part_has_the_noise_of_the_problem(name):
    problem, times = problems()[name], [0.1, 0.4, 0.7]
    for spread in (None, 0.5):
        linear = problem.linear(times, spread)
        noise = torch.tensor([problem.noise(time) for time in times], dtype=torch.float64)
        torch.testing.assert_close(linear.noise_squared, noise.square())
        assert {part.shape for part in (linear.rate, linear.drive)} == {(3,)}
    if name not in ("transport", "watching", "SDE", "backward SDE"):
        assert not linear.rate.any()
        assert (linear.drive == 1).all()
        assert linear.variance is None


@pytest.mark.parametrize("name", NAMES)
def test_what_is_remembered_is_of_the_same_problem(name):
    inner = transport(0.5)
    assert inner.memo("key", lambda: "of the transport") == "of the transport"
    wrappers = {
        "watching": Watching,
        "scaled": Scaled,
        "scaled in parts": ScaledInParts,
        "inherited": Twice,
        "louder": Louder,
    }
    problem = wrappers[name](inner) if name in wrappers else problems()[name]
    wanted = "of the transport" if name == "watching" else "its own"
    assert problem.memo("key", lambda: "its own") == wanted


def test_a_wrapper_of_the_first_rows_is_a_wrapper():
    whole, x = transport(), torch.ones(4, 3)
    few = Scaled(whole).head(2)
    assert isinstance(few, Scaled)
    torch.testing.assert_close(few.drift(0.3, x[:2]), FACTOR * whole.drift(0.3, x)[:2])
    assert Scaled(Plain()).head(2) is None, "a problem that does not know its first rows"


@pytest.mark.parametrize("method", ["rk4", "exponential", "dopri5"])
@pytest.mark.parametrize("wrapper", [Scaled, ScaledInParts])
def test_methods_solve_the_problem_of_the_wrapper(method, wrapper, x):
    """``dX = 3 f(t, X) dt`` with f independent of t is ``dX = f dt`` three times as long."""

    class Still(si.Problem):
        def __init__(self, stop):
            self.stop = stop

        def drift(self, time, x):
            return torch.cos(x)

    options = {} if method == "dopri5" else {"steps": 120}
    solver = si.build("integrator", method, **options)
    short, long = solver.solve(wrapper(Still(1.0)), x).final, solver.solve(Still(FACTOR), x).final
    torch.testing.assert_close(short, long, rtol=0, atol=1e-4)


def test_a_problem_without_a_drift_is_none():
    class Nothing(si.Problem):
        def noise(self, time):
            return 1.0

    with pytest.raises(TypeError, match="drift"):
        Nothing()


def test_noise_that_is_not_said_is_refused():
    class Silent(Plain):
        stochastic = True

    with pytest.raises(si.UsageError, match=r"Silent[\s\S]*how large its noise is[\s\S]*write noise"):
        Silent().noise(0.5)
    assert Plain().noise(0.5) == 0.0
