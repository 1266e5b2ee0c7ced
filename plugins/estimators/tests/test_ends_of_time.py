"""Errors that fields have near the ends of time alone are in the bound, or it claims to be none."""

import pytest
import torch

import si_core as si
from si_distributions.gaussian import Gaussian
from si_distributions.independent import Independent
from si_estimators.fisher_divergence import FisherDivergence
from si_estimators.kl_bound import KLBound
from si_estimators.optimal_epsilon import OptimalEpsilon
from si_estimators.quadrature import SpanIntegral, SpanNodes
from si_interpolants.latents import Brownian, NoLatent
from si_interpolants.spatially_linear import Trigonometric

WIDTH, SIZE = 0.01, 2.5
SHAPES = {
    "constant": lambda v: torch.ones_like(v),
    "ramp": lambda v: 1 - v,
    "cubic": lambda v: (1 - v) ** 3,
    "bump": lambda v: 4 * v * (1 - v),
    "rising": lambda v: v,
}
"""Errors over the distance v from the end, in units of the panel's width, with ``int_0^1 f^2 dv``."""
SQUARES = {"constant": 1.0, "ramp": 1 / 3, "cubic": 1 / 7, "bump": 8 / 15, "rising": 1 / 3}


def model_of(shape, end, latent=None, **options):
    """Fields whose velocity errs by a vector of length SIZE f(v) in the first or the last 1 % of the clock."""
    normal = Gaussian(dim=2, dtype="float64")
    process = si.StochasticInterpolant(Trigonometric(), latent or NoLatent(), Independent(), normal, normal)
    exact, clock = si.exact_fields(process), process.clock

    def velocity(t, x):
        u = clock.position(torch.as_tensor(t, dtype=torch.float64).reshape(-1))
        v = (1 - u if end else u) / WIDTH
        size = torch.where(v < 1, SIZE * SHAPES[shape](v), 0.0)
        return exact.velocity(t, x) + size[:, None] * torch.tensor([0.6, 0.8], dtype=torch.float64)

    fields = si.FunctionFields(velocity=velocity, score=exact.score, process=process)
    return si.Model(process, fields, si.build("integrator", "euler", steps=1), **{"epsilon": 1.0, **options})


def measured(estimator, model):
    return estimator.estimate(model, torch.zeros(1, 2, dtype=torch.float64), torch.Generator().manual_seed(0))


@pytest.mark.parametrize("end", [0, 1])
@pytest.mark.parametrize("shape", SHAPES)
def test_an_error_in_one_per_cent_of_the_clock_is_in_the_bound(shape, end):
    """``int |db|^2/(4 epsilon) dt = WIDTH SIZE^2/4 int f^2 dv``: a polynomial on the panel, so to rounding."""
    found = measured(KLBound(n=10), model_of(shape, end))
    assert found.value == pytest.approx(WIDTH * SIZE**2 / 4 * SQUARES[shape], rel=1e-9)
    assert found.bound == "upper"
    assert found.details["span"] == [0.0, 1.0]
    assert found.details["fraction_at_ends"][end] == pytest.approx(1)


@pytest.mark.parametrize("end", [0, 1])
@pytest.mark.parametrize("power", [0.3, 0.5, 0.7])
def test_a_rate_without_bound_and_with_an_integral_is_integrated(power, end):
    nodes = SpanNodes(si.UniformClock(), (0.0, 1.0), 128)
    distance = 1 - nodes.t if end else nodes.t
    rate = (distance**-power * (1 + distance))[:, None]
    integral = SpanIntegral(nodes, rate)
    assert integral.kept == [True, True]
    truth = 1 / (1 - power) + 1 / (2 - power)
    assert float(integral.of(rate)[0]) == pytest.approx(truth, rel=1e-4)
    assert integral.claim("upper") == "upper"


@pytest.mark.parametrize("end", [0, 1])
def test_what_leaves_an_end_out_claims_no_bound_of_the_whole(end):
    """A denoiser that errs makes ``epsilon |ds|^2`` grow like 1/u where gamma vanishes."""
    # Of a standard normal source the score would be known without the latent's noise.
    source, target = (Gaussian(dim=2, covariance=c, dtype="float64") for c in (0.5, 0.8))
    process = si.StochasticInterpolant(Trigonometric(), Brownian(1.0), Independent(), source, target)
    exact, near = si.exact_fields(process), (lambda t: t > 0.5) if end else (lambda t: t < 0.5)

    def denoiser(t, x):
        return exact.denoiser(t, x) + 0.1 * near(torch.as_tensor(t)).reshape(-1, 1)

    fields = si.FunctionFields(velocity=lambda t, x: exact.velocity(t, x) + 0.1, denoiser=denoiser, process=process)
    model = si.Model(process, fields, si.build("integrator", "euler", steps=1), epsilon=1.0)
    for estimator, claim in ((KLBound(n=20), "upper"), (FisherDivergence(n=20), "unbiased")):
        found = measured(estimator, model)
        assert found.bound == "approximate"
        assert f"diverges at the {'stop' if end else 'start'}" in found.details["statement"]
        inner = si.build("estimator", found.name, n=20, span=(0.05, 0.95))
        assert measured(inner, model).bound == claim
    assert measured(OptimalEpsilon(n=20), model).bound == "approximate"
    assert measured(OptimalEpsilon(n=20, span=(0.05, 0.95)), model).bound == "consistent"


@pytest.mark.parametrize(("direction", "span"), [("target", (0.0, 0.9)), ("source", (0.1, 1.0))])
def test_a_model_that_stops_early_has_no_bound_at_the_end(direction, span):
    early = model_of("constant", 1, start=span[0], stop=span[1])
    found = measured(KLBound(direction=direction, n=10), early)
    assert found.bound == "approximate"
    assert f"t = {0.9 if direction == 'target' else 0.1:g}" in found.details["approximate"]
    assert measured(KLBound(direction=direction, n=10, span=span), early).bound == "upper"
    other = "source" if direction == "target" else "target"
    assert measured(KLBound(direction=other, n=10), early).bound == "upper"


def test_residuals_at_rows_that_were_trained_on_claim_nothing():
    class Rows(Gaussian):
        size = 50

    class Together(Independent):
        def draw(self, source, target, n, generator=None):
            return super().draw(source, target, n, generator)

    normal = Gaussian(dim=2, dtype="float64")
    process = si.StochasticInterpolant(Trigonometric(), NoLatent(), Together(), normal, Rows(dim=2, dtype="float64"))
    fields = si.FunctionFields(velocity=lambda t, x: 0 * x, score=lambda t, x: -x, process=process)
    model = si.Model(process, fields, si.build("integrator", "euler", steps=1), epsilon=1.0)
    found = measured(KLBound(reference="none", n=10, span=(0.1, 0.9)), model)
    assert (found.bound, "trained on" in found.details["approximate"]) == ("approximate", True)
