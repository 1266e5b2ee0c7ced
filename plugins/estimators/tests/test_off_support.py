"""Points that land where a compact source has no density are named, and left out only where that is asked for."""

import math

import pytest
import torch

import si_core as si
from si_distributions.checkerboard import Checkerboard
from si_distributions.gaussian import Gaussian
from si_distributions.independent import Independent
from si_interpolants.latents import NoLatent
from si_interpolants.spatially_linear import Linear

HALF = 1.5
LANDED = torch.tensor([[0.5, 0.0], [1.75, 0.0], [-1.0, 1.0], [0.0, -2.5], [1.0, 1.0], [1.4, -1.4]], dtype=torch.float64)
SHIFT = torch.tensor([3.0, -1.0], dtype=torch.float64)
X = LANDED + SHIFT
OFF, INSIDE = [1, 3], [0, 2, 4, 5]


def model_of(epsilon=0.0, source=None):
    """The board of one cell is the square [-HALF, HALF]^2; the ODE moves it by SHIFT."""
    source = source or Checkerboard(cells=1, extent=HALF, dtype="float64")
    process = si.StochasticInterpolant(Linear(), NoLatent(), Independent(), source, Gaussian(dim=2, dtype="float64"))
    fields = si.FunctionFields(velocity=lambda t, x: SHIFT.expand_as(x), score=lambda t, x: 0 * x, process=process)
    return si.Model(process, fields, si.build("integrator", "euler", steps=1), epsilon=epsilon)


def measured(name, seed=0, model=None, **options):
    estimator = si.build("estimator", name, **options)
    return estimator.estimate(model or model_of(), X, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", ["log-likelihood", "cross-entropy"])
@pytest.mark.parametrize("batch", [100, 2])
def test_points_off_the_support_are_refused_by_row_and_distance(name, batch):
    with pytest.raises(si.NumericsError, match=r"2 of 6 points, in rows 1, 3, at most (\d\S*) away") as caught:
        measured(name, steps=4, batch=batch)
    # 1 below the square, and at most the way to the nearest of the points inside it.
    words = str(caught.value)
    farthest = float(words.split("at most ")[1].split()[0])
    assert 1 <= farthest * (1 + 1e-2) < 3
    assert "off_support: drop" in words


@pytest.mark.parametrize(("unit", "nat"), [("nats", 1.0), ("bits/dim", 1 / (2 * math.log(2)))])
@pytest.mark.parametrize("batch", [100, 2])
def test_the_others_are_measured_where_that_is_asked_for(unit, nat, batch):
    found = measured("log-likelihood", steps=4, off_support="drop", unit=unit, batch=batch)
    assert found.value == pytest.approx(-math.log((2 * HALF) ** 2) * nat)
    # The mean over all is minus infinity: any number is above it.
    assert found.bound == "upper"
    assert torch.isneginf(found.per_sample[OFF]).all()
    assert torch.isfinite(found.per_sample[INSIDE]).all()
    told = found.details["off_support"]
    assert (told["points"], told["of"], told["first_rows"]) == (2, 6, OFF)
    assert 0.25 <= told["median_distance"] <= told["largest_distance"] < 3
    minus = measured("cross-entropy", steps=4, off_support="drop", unit=unit, batch=batch)
    assert (minus.bound, minus.value) == ("lower", pytest.approx(-found.value))


def test_distances_are_exact_towards_a_point_straight_inside():
    x = torch.tensor([[0.0, 0.0], [4.0, 0.0]], dtype=torch.float64) + SHIFT
    found = si.build("estimator", "log-likelihood", steps=2, off_support="drop").estimate(model_of(), x)
    assert found.details["off_support"]["largest_distance"] == pytest.approx(4 - HALF, abs=1e-9)


@pytest.mark.parametrize("name", ["sde-log-likelihood", "feynman-kac"])
def test_paths_of_an_sde_off_the_support_leave_no_bound(name):
    model = model_of(epsilon=1e-6)
    with pytest.raises(si.NumericsError, match="2 of 6 points, in rows 1, 3"):
        measured(name, steps=5, paths=3, model=model)
    found = measured(name, steps=5, paths=3, model=model, off_support="drop")
    assert found.bound == "approximate"
    assert found.value == pytest.approx(-math.log((2 * HALF) ** 2), abs=1e-3)
    assert found.details["off_support"]["first_rows"] == OFF
    assert torch.isneginf(found.per_sample).nonzero()[:, 0].tolist() == OFF


@pytest.mark.parametrize("name", ["log-likelihood", "sde-log-likelihood"])
def test_nothing_changes_where_all_points_are_on_the_support(name):
    model = model_of(epsilon=0.5, source=Gaussian(dim=2, dtype="float64"))
    refused, dropped = (measured(name, steps=5, model=model, off_support=word) for word in ("refuse", "drop"))
    assert (refused.value, refused.bound) == (dropped.value, dropped.bound)
    assert "off_support" not in dropped.details


def test_there_is_no_mean_over_no_points():
    far = si.build("estimator", "log-likelihood", steps=2, off_support="drop")
    with pytest.raises(si.NumericsError, match="1 of 1 points, in rows 0, at most"):
        far.estimate(model_of(), torch.full((1, 2), 50.0, dtype=torch.float64))


def test_no_such_choice():
    with pytest.raises(si.UsageError, match="off_support"):
        si.build("estimator", "log-likelihood", off_support="ignore")
