"""What holds for comparisons of samples: they are those of differences alone, and say how many they compared."""

import math

import pytest
import torch

import si_core as si
from si_distributions.gaussian import Gaussian
from si_distributions.independent import Independent
from si_estimators.comparison import ComparisonSizes
from si_estimators.plugin import si_components
from si_estimators.samples import ModelSamples
from si_interpolants.latents import NoLatent
from si_interpolants.spatially_linear import Linear

QUICK = {"sliced-wasserstein": {"projections": 16}}
NAMES = [
    each.name
    for each in si_components()
    if each.kind == "estimator" and "samples" in si.build("estimator", each.name).needs
]
# A polynomial kernel is none of differences; a classifier compares with no points; the last asks what samples are told.
OTHERS = ("kernel-distance", "classifier-accuracy", "reconstruction-error")
OF_DIFFERENCES = [name for name in NAMES if name not in OTHERS]
LIMITED = ["energy-distance", "mmd", "marginal-kl"]


def on_a_grid(x):
    """Multiples of 2^-20: their sums with a power of 2 up to 2^32 are exact in double precision."""
    return (x * 2**20).round() / 2**20


class Table(si.Distribution):
    """Given points in their order: samples of it are known, whatever the generator."""

    def __init__(self, points):
        self.points, self.shape, self.taken = points, tuple(points.shape[1:]), 0

    def sample(self, n, generator=None):
        self.taken += n
        return self.points[torch.arange(self.taken - n, self.taken) % len(self.points)]


def standing_still(points):
    """A model whose samples are these points."""
    shape = list(points.shape[1:])
    process = si.StochasticInterpolant(
        Linear(), NoLatent(), Independent(), Table(points), Gaussian(shape=shape, dtype="float64")
    )
    fields = si.FunctionFields(velocity=lambda t, x: torch.zeros_like(x))
    return si.Model(process, fields, si.build("integrator", "euler", steps=1))


def measured(name, y, x, **options):
    estimator = si.build("estimator", name, **{**QUICK.get(name, {}), **options})
    return estimator.estimate(standing_still(y), x, torch.Generator().manual_seed(3))


def normal(n, *shape, seed=0):
    return torch.randn(n, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("offset", [2.0**10, -(2.0**20), 2.0**27])
@pytest.mark.parametrize("shape", [(1,), (2,), (2, 3)])
@pytest.mark.parametrize("name", OF_DIFFERENCES)
def test_a_shift_of_both_changes_nothing(name, shape, offset):
    """2^27 is 1.3e8. What shifts exactly has the same differences, to the rounding of their sums."""
    x, y = on_a_grid(0.7 * normal(300, *shape, seed=1) + 0.4), on_a_grid(normal(300, *shape, seed=2))
    here, there = measured(name, x, y), measured(name, x + offset, y + offset)
    assert there.value == pytest.approx(here.value, rel=1e-9, abs=1e-12)
    assert there.standard_error == pytest.approx(here.standard_error, rel=1e-6)


@pytest.mark.parametrize("name", ["energy-distance", "wasserstein", "sliced-wasserstein"])
def test_narrow_laws_far_apart_keep_their_distance(name):
    """At 2^27 of each other: twice that for the energy, less what is within; the error of the rest is of order 1."""
    far, x = 2.0**27, on_a_grid(normal(200, 1, seed=1))
    found = measured(name, x + far, x)
    within = float(torch.pdist(x).mean())
    truth = 2 * far - 2 * within if name == "energy-distance" else far
    assert found.value == pytest.approx(truth, abs=1e-6)
    if name == "energy-distance":
        # 2 E|X - Y| is the difference of the means: its error that of independent samples, and nothing of the offset.
        assert found.standard_error == pytest.approx(2 * math.sqrt(2 * float(x.var()) / 200), rel=0.2)


@pytest.mark.parametrize("name", LIMITED)
def test_more_data_than_the_limit_are_a_part_at_random_and_told(name):
    x, y = normal(500, 2, seed=1), normal(900, 2, seed=2)
    whole = measured(name, x, y[:200])
    assert "references_given" not in whole.details
    few = measured(name, x, y, limit=150)
    assert few.details["samples"] == few.details["references"] == 150
    assert few.details["references_given"] == 900
    # A part says the same, to its own error.
    all_of_them = measured(name, x, y[:500])
    assert abs(few.value - all_of_them.value) < 5 * math.hypot(few.standard_error, all_of_them.standard_error) + 0.1
    assert few.standard_error > all_of_them.standard_error
    with pytest.raises(si.UsageError, match="limit"):
        si.build("estimator", name, limit=1)


@pytest.mark.parametrize(("name", "references"), [("energy-distance", 60), ("mmd", 60), ("marginal-kl", 900)])
def test_two_samples_are_of_one_size(name, references):
    """Pairs among surplus data would cost most of the time and gain next to nothing."""
    found = measured(name, normal(500, 2, seed=1), normal(900, 2, seed=2), samples=60)
    assert (found.details["samples"], found.details["references"]) == (60, references)


def test_the_part_is_one_at_random():
    """Every row is as likely as another: counts of 400 choices of 10 out of 40, five deviations of a binomial."""
    sizes, x = ComparisonSizes("here", 10, 100, 10, 1), torch.arange(40.0, dtype=torch.float64)[:, None]
    generator, counts = torch.Generator().manual_seed(0), torch.zeros(40)
    model = standing_still(normal(10, 1))
    for _ in range(400):
        chosen = sizes.draw(model, x, generator).references[:, 0].long()
        assert len(chosen.unique()) == 10
        counts[chosen] += 1
    assert float((counts - 100).abs().max()) < 5 * math.sqrt(400 * 0.25 * 0.75)


@pytest.mark.parametrize(("claim", "left"), [("unbiased", "consistent"), ("upper", "consistent"), ("approximate",) * 2])
def test_resampled_comparisons_say_why_they_have_no_error(claim, left):
    found = ModelSamples(torch.zeros(3, 1), 2.5).qualified(si.Estimate("n", 1.0, 0.1, claim, "1"))
    assert (found.bound, found.standard_error) == (left, None)
    assert "repeat each other" in found.details["no_standard_error"]
    assert found.details["effective_samples"] == 2.5
