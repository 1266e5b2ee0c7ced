"""The Fisher divergence of Gaussians, in closed form, and what it tells apart.

``tr((A - B) C (A - B)^T) + |B (m - m_hat)|^2`` with ``A = C^-1``, ``B = C_hat^-1``.
"""

import math

import pytest
import torch

import si_core as si
from si_distributions.checkerboard import Checkerboard
from si_distributions.gaussian import Gaussian
from si_distributions.gaussian_mixture import GaussianMixture
from si_distributions.independent import Independent
from si_estimators.fisher_divergence import FisherDivergence
from si_interpolants.latents import Brownian
from si_interpolants.spatially_linear import Linear

NOTHING = torch.zeros(1, 2, dtype=torch.float64)
SOURCE = Gaussian(mean=[0.3, -0.2], covariance=[[1.0, 0.2], [0.2, 0.8]], dtype="float64")
TARGET = Gaussian(mean=[1.0, -1.0], covariance=[[0.5, 0.3], [0.3, 0.9]], dtype="float64")
OTHER = Gaussian(mean=[0.5, -0.4], covariance=[[0.8, -0.1], [-0.1, 0.6]], dtype="float64")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def process_of(target):
    return si.StochasticInterpolant(Linear(), Brownian(1.0), Independent(), SOURCE, target)


def wrong_model(**options):
    """Fields of a process with another target: its ODE reaches N(m_hat, C_hat) exactly."""
    process = process_of(TARGET)
    return si.Model(process, si.exact_fields(process_of(OTHER)), si.build("integrator", "euler", steps=1), **options)


def closed_form(t):
    (m, c), (m_hat, c_hat) = (si.exact_fields(process_of(law)).moments(t) for law in (TARGET, OTHER))
    difference = torch.linalg.inv(c) - torch.linalg.inv(c_hat)
    shift = torch.linalg.inv(c_hat) @ (m - m_hat)
    return float(torch.trace(difference @ c @ difference.T) + shift @ shift)


@pytest.mark.parametrize("of", ["score", "density"])
@pytest.mark.parametrize("time", [1.0, 0.5])
def test_gaussians_in_closed_form(of, time):
    found = FisherDivergence(of=of, time=time, n=2000, steps=25).estimate(wrong_model(), NOTHING, generator(1))
    truth = closed_form(time)
    assert abs(found.value - truth) < 4.5 * found.standard_error < 0.3 * truth
    assert (found.bound, len(found.per_sample)) == ("unbiased", 2000)
    assert found.details == {"of": of, "time": time}


def test_the_integral_over_time():
    found = FisherDivergence(n=2000, times=16).estimate(wrong_model(), NOTHING, generator(1))
    t = torch.linspace(0, 1, 101, dtype=torch.float64)
    truth = float(torch.trapezoid(torch.tensor([closed_form(float(time)) for time in t], dtype=torch.float64), t))
    assert abs(found.value - truth) < 4.5 * found.standard_error < 0.3 * truth
    assert found.details["bounded"] == [True, True]


def test_the_density_of_a_network_and_the_score_of_the_model_differ_as_they_should():
    """A velocity off by a constant moves the density, and leaves the score given beside it as it is."""
    process = process_of(TARGET)
    exact = si.exact_fields(process)
    fields = si.FunctionFields(velocity=lambda t, x: exact.velocity(t, x) + 0.5, score=exact.score, process=process)
    model = si.Model(process, fields, si.build("integrator", "euler", steps=1))
    assert FisherDivergence(n=20, time=0.5).estimate(model, NOTHING, generator()).value == pytest.approx(0, abs=1e-12)
    assert FisherDivergence(n=20, of="density").estimate(model, NOTHING, generator()).value > 0.1


def test_exact_fields_have_none_and_the_density_has_that_of_the_solver():
    target = GaussianMixture(means=[[2.0, 0.0], [-1.0, 1.0]], covariances=[0.3, 0.5], dtype="float64")
    process = process_of(target)
    model = si.Model(process, si.exact_fields(process), si.build("integrator", "euler", steps=1))
    assert FisherDivergence(n=20).estimate(model, NOTHING, generator()).value == pytest.approx(0, abs=1e-12)
    found = [
        FisherDivergence(n=20, of="density", steps=steps).estimate(model, NOTHING, generator()).value
        for steps in (20, 40)
    ]
    # RK4: the error of the gradient falls by 2^4, its square by 2^8.
    assert found[1] < 1e-3
    assert found[1] < found[0] / 2**5


def test_any_grad_mode_and_batches():
    for mode in (torch.no_grad, torch.inference_mode, torch.enable_grad):
        with mode():
            found = FisherDivergence(n=7, of="density", steps=5, batch=3).estimate(wrong_model(), NOTHING, generator(1))
        assert not found.per_sample.requires_grad
        assert len(found.per_sample) == 7
        assert math.isfinite(found.value)


def test_images():
    laws = [Gaussian(shape=[2, 3], mean=m, covariance=c, dtype="float64") for m, c in ((0.4, 0.5), (0.0, 0.8))]
    source = Gaussian(shape=[2, 3], dtype="float64")
    truth, other = (si.StochasticInterpolant(Linear(), Brownian(1.0), Independent(), source, law) for law in laws)
    model = si.Model(truth, si.exact_fields(other), si.build("integrator", "euler", steps=1))
    expected = 6 * ((1 / 0.5 - 1 / 0.8) ** 2 * 0.5 + (0.4 / 0.8) ** 2)
    for of in ("score", "density"):
        found = FisherDivergence(of=of, time=1.0, n=500, steps=20).estimate(model, torch.zeros(1, 2, 3), generator(1))
        assert abs(found.value - expected) < 4.5 * found.standard_error < 0.3 * expected


def test_errors_say_what_to_do():
    process = si.StochasticInterpolant(Linear(), Brownian(1.0), Independent(), SOURCE, Checkerboard())
    fields = si.FunctionFields(velocity=lambda t, x: x, score=lambda t, x: -x, process=process)
    unknown = si.Model(process, fields, si.build("integrator", "euler", steps=1))
    with pytest.raises(si.UsageError, match="no closed form"):
        FisherDivergence().estimate(unknown, NOTHING, generator())
    with pytest.raises(si.UsageError, match="exact fields"):
        si.estimate(unknown, FisherDivergence())
    with pytest.raises(si.UsageError, match="no density of the ODE"):
        FisherDivergence(of="density", time=0.1).estimate(wrong_model(start=0.2), NOTHING, generator())
    with pytest.raises(si.UsageError, match="generator"):
        FisherDivergence().estimate(wrong_model(), NOTHING)
    for options in ({"of": "law"}, {"time": 1.5}, {"span": (0.5, 0.2)}, {"n": 1}, {"steps": 0}, {"batch": 0}):
        with pytest.raises(si.UsageError, match=next(iter(options))):
            FisherDivergence(**options)
