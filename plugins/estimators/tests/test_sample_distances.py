"""Distances of samples against independent formulas, closed forms, and equal laws."""

import math
from collections.abc import Mapping

import pytest
import scipy.stats
import torch
from scipy.spatial.distance import cdist

import si_core as si
from si_distributions.gaussian import Gaussian
from si_distributions.independent import Independent
from si_estimators.energy_distance import EnergyDistance
from si_estimators.marginal_kl import MarginalKL
from si_estimators.mmd import MaximumMeanDiscrepancy, median_bandwidth
from si_estimators.sliced_wasserstein import SlicedWasserstein, directions, sliced_potentials, sliced_powers
from si_estimators.two_sample import two_sample
from si_estimators.wasserstein import Wasserstein
from si_interpolants.latents import Brownian, NoLatent
from si_interpolants.spatially_linear import Linear

ESTIMATORS = [SlicedWasserstein, EnergyDistance, MaximumMeanDiscrepancy]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(n, *shape, seed=0):
    return torch.randn(n, *shape, dtype=torch.float64, generator=generator(seed))


def standing_still(source, target):
    """A model whose samples are draws of its source."""
    process = si.StochasticInterpolant(Linear(), NoLatent(), Independent(), source, target)
    fields = si.FunctionFields(velocity=lambda t, x: torch.zeros_like(x))
    return si.Model(process, fields, si.build("integrator", "euler", steps=1))


def energy(a, b):
    return -torch.cdist(a, b)


def gaussian(a, b):
    return (-0.5 * torch.cdist(a, b) ** 2).exp()


def test_directions_are_uniform_unit_vectors():
    axes = directions(4000, 3, generator())
    assert torch.allclose(axes.norm(dim=0), torch.ones(4000, dtype=torch.float64))
    moments = axes @ axes.T / 4000
    assert torch.allclose(moments, torch.eye(3, dtype=torch.float64) / 3, atol=5 * 0.3 / math.sqrt(4000))


def test_pieces_of_projections_do_not_matter(monkeypatch):
    x, y, axes = normal(40, 2, 2, seed=1), normal(30, 2, 2, seed=2), directions(9, 4, generator())
    whole, potentials = sliced_powers(x, y, axes, 2.0), sliced_potentials(x, y, axes, 2.0)
    monkeypatch.setattr("si_estimators.sliced_wasserstein._NUMBERS_AT_ONCE", 140)
    # A product with fewer columns may be summed in another order.
    assert torch.allclose(whole, sliced_powers(x, y, axes, 2.0), rtol=1e-12)
    assert torch.allclose(potentials, sliced_potentials(x, y, axes, 2.0), atol=1e-12)


@pytest.mark.parametrize("order", [1.0, 2.0, 3])
def test_sliced_wasserstein_of_shifted_gaussians(order):
    n, shift = 4000, torch.tensor([3.0, 4.0])
    model = standing_still(Gaussian(mean=shift.tolist()), Gaussian(dim=2))
    found = SlicedWasserstein(order=order).estimate(model, model.process.target.sample(n, generator(1)), generator(2))
    # W_p of a shift is |theta.shift|, and |cos|^p has the mean below over the circle.
    mean_power = math.gamma((order + 1) / 2) / (math.sqrt(math.pi) * math.gamma(order / 2 + 1))
    tolerance = 5 * (found.standard_error + math.sqrt(2 / n))
    assert found.value == pytest.approx(5 * mean_power ** (1 / order), abs=tolerance)
    assert tolerance < 1.5
    # The root of order p > 1 may take more from it than samples of finite number add.
    assert found.bound == ("upper" if order == 1 else "consistent")
    assert 0 < found.details["floor"] < 0.1


def test_more_directions_leave_the_error_of_the_samples():
    model = standing_still(Gaussian(mean=[3.0, 4.0]), Gaussian(dim=2))
    x = model.process.target.sample(50, generator(1))
    few, many = (SlicedWasserstein(projections=count).estimate(model, x, generator(2)) for count in (16, 1024))
    assert few.details["directions_error"] > 4 * many.details["directions_error"] > 0
    # Two normal samples of 50, in every direction the distance of their means: sqrt(2/50) times |cos|, squared means.
    assert many.standard_error == pytest.approx(math.sqrt(1 / 50), rel=0.3)


def test_the_error_by_the_choice_of_directions():
    model = standing_still(Gaussian(mean=[3.0, 4.0]), Gaussian(dim=2))
    x = model.process.target.sample(50, generator(1))
    y = model.process.source.sample(50, generator(3))
    powers = [sliced_powers(y, x, directions(64, 2, generator(seed)), 2.0) for seed in range(200)]
    found = [SlicedWasserstein(projections=64)._root(part) for part in powers]
    values, errors = torch.tensor(found).unbind(1)
    assert float(values.std() / errors.mean()) == pytest.approx(1, abs=5 / math.sqrt(400))


@pytest.mark.parametrize("finite", [False, True])
def test_the_floor_is_what_equal_laws_show(finite):
    class Table(Gaussian):
        size = 500

    target = (Table if finite else Gaussian)(dim=3, dtype="float64")
    model = standing_still(Gaussian(dim=3, dtype="float64"), target)
    x = target.sample(501, generator(1))
    found = SlicedWasserstein(order=1, samples=400).estimate(model, x, generator(2))
    details = found.details
    assert (details["samples"], details["references"]) == (400, 501)
    sizes = (details["floor_samples"], details["floor_references"])
    assert sizes == ((251, 250) if finite else (400, 501))
    # W_1 of n and m points of one law goes like sqrt(1/n + 1/m).
    expected = found.value * math.sqrt(sum(1 / size for size in sizes) / (1 / 400 + 1 / 501))
    assert details["floor"] == pytest.approx(expected, rel=0.5)


@pytest.mark.parametrize("kernel", [energy, gaussian])
@pytest.mark.parametrize("block", [2048, 7])
def test_two_sample_statistic_by_its_definition(kernel, block, monkeypatch):
    monkeypatch.setattr("si_estimators.two_sample._BLOCK", block)
    x, y = normal(20, 2, 2, seed=1), 1.5 * normal(33, 2, 2, seed=2) + 0.3
    a, b = x.flatten(1).numpy(), y.flatten(1).numpy()

    def pairs(first, second):
        distance = torch.from_numpy(cdist(first, second))
        return -distance if kernel is energy else (-0.5 * distance**2).exp()

    def off_diagonal(matrix):
        return float((matrix.sum() - matrix.trace()) / (len(matrix) * (len(matrix) - 1)))

    expected = off_diagonal(pairs(a, a)) + off_diagonal(pairs(b, b)) - 2 * float(pairs(a, b).mean())
    assert two_sample(kernel, x, y)[0] == pytest.approx(expected, rel=1e-10)


def test_energy_distance_of_scipy():
    x, y = normal(60, 1, seed=1), 2 * normal(45, 1, seed=2) + 1
    within = [float(torch.cdist(part, part).sum()) / (len(part) * (len(part) - 1)) for part in (x, y)]
    # scipy counts pairs of equal points, at distance 0, among those within a sample.
    biased = two_sample(energy, x, y)[0] + within[0] / 60 + within[1] / 45
    assert biased == pytest.approx(scipy.stats.energy_distance(x[:, 0].numpy(), y[:, 0].numpy()) ** 2, rel=1e-10)


@pytest.mark.parametrize("shift", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("kernel", [energy, gaussian])
def test_two_sample_is_unbiased_and_knows_its_error(kernel, shift):
    repeats, n, m = 300, 30, 45
    found = [two_sample(kernel, normal(n, 1, seed=2 * k), normal(m, 1, seed=2 * k + 1) + shift) for k in range(repeats)]
    values, errors = torch.tensor(found, dtype=torch.float64).unbind(1)
    if kernel is energy:
        apart = 2 / math.sqrt(math.pi) * math.exp(-(shift**2) / 4) + shift * math.erf(shift / 2)
        truth = 2 * apart - 4 / math.sqrt(math.pi)
    else:
        truth = 2 * math.sqrt(1 / 3) * (1 - math.exp(-(shift**2) / 6))
    assert float(values.mean()) == pytest.approx(truth, abs=5 * float(values.std()) / math.sqrt(repeats))
    # For equal laws the error is cautious; see si_estimators.two_sample.
    least, most = (0.85, 1.5) if shift == 0 else (0.8, 1.2)
    assert least < float(errors.square().mean().sqrt() / values.std()) < most


@pytest.mark.parametrize(
    ("estimator", "truth"),
    [
        (EnergyDistance(), 2 * (2 / math.sqrt(math.pi) * math.exp(-1 / 4) + math.erf(1 / 2)) - 4 / math.sqrt(math.pi)),
        (MaximumMeanDiscrepancy(bandwidth=1.0), 2 * math.sqrt(1 / 3) * (1 - math.exp(-1 / 6))),
    ],
)
def test_estimators_of_shifted_gaussians(estimator, truth):
    model = standing_still(Gaussian(dim=1, mean=1.0), Gaussian(dim=1))
    found = estimator.estimate(model, model.process.target.sample(1000, generator(1)), generator(2))
    assert abs(found.value - truth) < 5 * found.standard_error < truth
    assert found.bound == "unbiased"
    assert found.details["distance"] == pytest.approx(math.sqrt(found.value))


def test_median_bandwidth():
    x = normal(800, 5)
    assert median_bandwidth(x) == pytest.approx(float(torch.pdist(x).median()))
    assert median_bandwidth(normal(5000, 5, seed=1)) == pytest.approx(median_bandwidth(x), rel=0.1)
    with pytest.raises(si.DataError, match="give a bandwidth"):
        median_bandwidth(torch.zeros(10, 2))
    model = standing_still(Gaussian(dim=5), Gaussian(dim=5))
    assert MaximumMeanDiscrepancy().estimate(model, x, generator()).details["bandwidth"] == median_bandwidth(x)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_samples_made_in_batches(estimator):
    target = Gaussian(dim=2, dtype="float64")
    model = standing_still(Gaussian(dim=2, dtype="float64"), target)
    found = estimator(samples=15, batch=4).estimate(model, target.sample(20, generator(1)), generator(2))
    assert math.isfinite(found.value)
    assert found.details["samples"] == 15


@pytest.mark.parametrize("estimator", [*ESTIMATORS, Wasserstein, MarginalKL])
def test_events_that_are_single_numbers(laboratory, estimator):
    models = laboratory.random(Linear(), Brownian(1.0), 1, 8, d=1)
    inner, model = models.model(), laboratory.scalars(models)
    x = model.process.target.sample(40, generator())
    scalars, vectors = (
        estimator(samples=30).estimate(*pair, generator(1)) for pair in ((model, x), (inner, x[:, None]))
    )
    assert scalars.value == pytest.approx(vectors.value, rel=1e-10)
    assert scalars.standard_error == pytest.approx(vectors.standard_error, rel=1e-6)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_errors(estimator):
    model = standing_still(Gaussian(dim=2), Gaussian(dim=2))
    x = torch.zeros(9, 2)
    with pytest.raises(si.UsageError, match="generator"):
        estimator(**({"bandwidth": 1.0} if estimator is MaximumMeanDiscrepancy else {})).estimate(model, x)
    with pytest.raises(si.DataError, match=r"\(9, 3\)"):
        estimator().estimate(model, torch.zeros(9, 3), generator())
    for options in ({"samples": 0}, {"batch": 0}, {"batch": True}):
        with pytest.raises(si.UsageError):
            estimator(**options)


@pytest.mark.parametrize(
    ("estimator", "options"),
    [
        (SlicedWasserstein, {"order": 0.5}),
        (SlicedWasserstein, {"projections": 1}),
        (MaximumMeanDiscrepancy, {"bandwidth": -1.0}),
    ],
)
def test_options_out_of_range(estimator, options):
    with pytest.raises(si.UsageError, match=next(iter(options))):
        estimator(**options)


def test_one_condition_for_all_samples_is_kept():
    class Labelled(Gaussian):
        conditions: Mapping[str, si.ConditionSpec] = {"species": si.ConditionSpec(classes=("a", "b", "c"))}

        def draw(self, n, generator=None):
            return self.sample(n, generator), {"species": torch.randint(3, (n,), generator=generator)}

    class Shift(torch.nn.Module):
        def forward(self, t, x, condition=None):
            return 10.0 * condition["species"][:, None] + 0 * x

    target = Labelled(dim=1)
    process = si.StochasticInterpolant(Linear(), NoLatent(), Independent(), Gaussian(dim=1), target)
    parametrisation = si.Parametrisation(process.clock, precondition=False)
    fields = si.LearnedFields(process, ["velocity"], si.Predictor([Shift()], 1), parametrisation)
    integrator = si.build("integrator", "euler", steps=1)
    x = target.sample(300, generator()) + 20
    mixed, single = (
        EnergyDistance(batch=70).estimate(si.Model(process, conditioned, integrator), x, generator(1)).value
        for conditioned in (fields, fields.conditioned({"species": torch.tensor([2])}))
    )
    assert abs(single) < 0.2 < 5 < mixed


class Energy(si.Distribution):
    """The standard normal in two dimensions, as a density alone."""

    shape = (2,)

    def log_prob(self, x):
        return -x.square().sum(1) / 2


@pytest.mark.parametrize("estimator", [Wasserstein, *ESTIMATORS])
def test_given_points_of_an_energy_are_compared_without_draws_of_it(estimator):
    """Distances, or their squares, of samples from points of their own law: below 0.5 for 400 of them."""
    model = standing_still(Gaussian(dim=2), Energy())
    estimate = si.estimate(model, estimator(), normal(400, 2).float())
    assert abs(estimate.value) < 0.5
