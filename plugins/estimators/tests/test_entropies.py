"""Where the entropy H of the points' law is known, minus it stands beside every likelihood: E log rho_hat(x) <= -H."""

import math
from collections.abc import Mapping

import pytest
import torch

import si_core as si
from si_distributions.checkerboard import Checkerboard
from si_distributions.gaussian import Gaussian
from si_distributions.gaussian_mixture import GaussianMixture
from si_distributions.independent import Independent
from si_interpolants.latents import Brownian
from si_interpolants.spatially_linear import Linear

COVARIANCE = [[2.0, 0.3], [0.3, 0.5]]
VOLUME = 1.25


class Scaled(Gaussian):
    frame = si.Frame((2,), scale=math.exp(VOLUME / 2))


class Labelled(Gaussian):
    conditions: Mapping[str, si.ConditionSpec] = {"species": si.ConditionSpec(classes=("a", "b"))}

    def draw(self, n, generator=None):
        return self.sample(n, generator), {"species": torch.randint(2, (n,), generator=generator)}


GAUSSIAN = 0.5 * math.log((2 * math.pi * math.e) ** 2 * (2.0 * 0.5 - 0.3**2))
LIKELIHOODS = {
    "log-likelihood": {"steps": 5},
    "sde-log-likelihood": {"steps": 5, "paths": 2},
    "feynman-kac": {"steps": 5, "paths": 2},
    "cross-entropy": {"steps": 5},
}


def measured(name, target, direction="target", source=None, **options):
    source = source or Gaussian(dim=2, dtype="float64")
    process = si.StochasticInterpolant(Linear(), Brownian(1.0), Independent(), source, target)
    fields = si.FunctionFields(velocity=lambda t, x: 0.1 * x, score=lambda t, x: -x, process=process)
    model = si.Model(process, fields, si.build("integrator", "euler", steps=1), epsilon=0.5)
    x = getattr(process, direction).sample(400, torch.Generator().manual_seed(0)).double()
    estimator = si.build("estimator", name, direction=direction, **{**LIKELIHOODS[name], **options})
    return estimator.estimate(model, x, torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", LIKELIHOODS)
@pytest.mark.parametrize(
    ("target", "entropy"),
    [
        (Gaussian(dim=2, covariance=COVARIANCE, dtype="float64"), GAUSSIAN),
        (Gaussian(dim=2, covariance=3.0, dtype="float64"), math.log(2 * math.pi * math.e * 3)),
        (Scaled(dim=2, covariance=COVARIANCE, dtype="float64"), GAUSSIAN + VOLUME),
        (Checkerboard(cells=4, extent=2.0), math.log(8)),
    ],
)
def test_no_model_has_a_larger_mean(name, target, entropy):
    """The mean over points may be above by what their own mean of log p is: about 5 of their standard errors."""
    sign = -1 if name == "cross-entropy" else 1
    found = measured(name, target)
    limit = found.details["value_of_data_law"]
    assert limit == pytest.approx(-sign * entropy, rel=1e-6)
    assert sign * (found.value - limit) < 5 * found.standard_error
    assert f"the data's own law has {limit:.6g}" in si.estimate_line(found)
    if name != "feynman-kac":
        in_bits = measured(name, target, unit="bits/dim").details["value_of_data_law"]
        assert in_bits == pytest.approx(limit / (2 * math.log(2)))


def test_it_is_that_of_the_end_that_is_measured_on():
    source = Gaussian(dim=2, covariance=COVARIANCE, dtype="float64")
    found = measured("log-likelihood", Gaussian(dim=2, dtype="float64"), "source", source)
    assert found.details["value_of_data_law"] == pytest.approx(-GAUSSIAN)


def test_it_is_left_out_where_it_is_not_known():
    mixture = GaussianMixture(means=[[2.0, 1.0], [-1.5, 1.5]], covariances=0.3, dtype="float64")
    assert "value_of_data_law" not in measured("log-likelihood", mixture).details
    # Given labels the entropy would be that given them.
    assert "value_of_data_law" not in measured("log-likelihood", Labelled(dim=2, dtype="float64")).details
