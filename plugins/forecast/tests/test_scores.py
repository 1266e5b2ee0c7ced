"""Scores beside closed forms and independent computations."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

import si_core as si
from si_forecast import series
from si_forecast.estimators.block_errors import error_of_mean, jackknife
from si_forecast.estimators.crps import fair_crps
from si_forecast.estimators.linear import LinearModel
from si_forecast.estimators.rank_histogram import uniformity
from si_forecast.estimators.ranks import positions


def _seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("members", [2, 3, 10])
def test_crps_is_unbiased_and_that_of_a_gaussian(members: int) -> None:
    """``CRPS(N(m, s^2), y) = s (w (2 Phi(w) - 1) + 2 phi(w) - pi^(-1/2))``, w = (y - m)/s (Gneiting et al. 2005)."""
    runs = 40_000
    mean, deviation, truth = 0.7, 1.3, 1.9
    x = mean + deviation * torch.randn(members, runs, generator=_seeded(), dtype=torch.float64)
    found = fair_crps(x, torch.full((runs,), truth, dtype=torch.float64))
    w = (truth - mean) / deviation
    due = deviation * (w * (2 * stats.norm.cdf(w) - 1) + 2 * stats.norm.pdf(w) - 1 / math.sqrt(math.pi))
    assert abs(float(found.mean()) - due) < 5 * float(found.std()) / math.sqrt(runs)


def test_crps_is_the_double_sum() -> None:
    x = torch.randn(7, 5, generator=_seeded(1), dtype=torch.float64)
    truth = torch.randn(5, generator=_seeded(2), dtype=torch.float64)
    pairs = (x[:, None] - x[None]).abs().sum((0, 1)) / (2 * 7 * 6)
    torch.testing.assert_close(fair_crps(x, truth), (x - truth).abs().mean(0) - pairs)


def test_positions_of_calibrated_forecasts_are_uniform_and_of_ties_too() -> None:
    x = torch.randn(4, 20_000, generator=_seeded(3))
    u = positions(x[1:], x[0], _seeded(4)).numpy()
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    rounded = x.round()
    assert stats.kstest(positions(rounded[1:], rounded[0], _seeded(5)).numpy(), "uniform").pvalue > 1e-3
    biased = positions(x[1:] + 0.1, x[0], _seeded(4)).numpy()
    assert stats.kstest(biased, "uniform").pvalue < 1e-3


def test_uniformity_is_uniform_for_calibrated_blocks_and_small_for_others() -> None:
    random = np.random.default_rng(0)
    found = []
    for _ in range(300):
        # Starts of a block are equal in pairs: Pearson's test would take them for twice as many.
        places = np.repeat(random.integers(0, 5, (20, 20)), 2, axis=1)
        found.append(uniformity(np.stack([(places == k).mean(1) for k in range(5)], 1)))
    assert stats.kstest(found, "uniform").pvalue > 1e-3
    places = np.minimum(random.integers(0, 7, (20, 40)), 4)
    assert uniformity(np.stack([(places == k).mean(1) for k in range(5)], 1)) < 1e-4


def test_errors_of_correlated_starts_are_their_scatter() -> None:
    """Of an autoregression with a correlation of ten starts: as if independent, errors would be 4 times too small."""
    random, decay = np.random.default_rng(1), 0.9
    means, errors, naive = [], [], []
    for _ in range(200):
        noise = random.normal(size=1400)
        path = np.empty(1400)
        path[0] = noise[0]
        for k in range(1, 1400):
            path[k] = decay * path[k - 1] + math.sqrt(1 - decay**2) * noise[k]
        values = path[400:]
        means.append(values.mean())
        errors.append(error_of_mean(values))
        naive.append(values.std() / math.sqrt(1000))
    ratio = np.std(means) / math.sqrt(np.mean(np.square(errors)))
    assert 0.85 < ratio < 1.25  # 200 runs tell a deviation to 5 %; blocks of 50 starts miss another few per cent
    assert np.std(means) > 3 * np.mean(naive)


def test_the_jackknife_of_a_mean_is_the_error_of_block_means() -> None:
    values = np.random.default_rng(2).normal(size=80)
    blocks = values.reshape(20, 4).mean(1)
    assert error_of_mean(values) == pytest.approx(blocks.std(ddof=1) / math.sqrt(20))
    assert jackknife(7, lambda rows: 0.0) is None


def test_the_linear_model_is_least_squares() -> None:
    random = np.random.default_rng(3)
    a, root = np.array([[0.6, 0.2], [-0.3, 0.5]]), np.array([[0.5, 0.0], [0.2, 0.3]])
    x = np.zeros((20_000, 2))
    for k in range(1, len(x)):
        x[k] = a @ x[k - 1] + root @ random.normal(size=2) + 0.1
    law = series(x, standardise=False, dtype="float64", held_out=0.1)
    linear = LinearModel.fitted(law)
    np.testing.assert_allclose(linear.weights[:2].T, a, atol=0.03)
    np.testing.assert_allclose(linear.weights[2], 0.1, atol=0.03)
    np.testing.assert_allclose(linear.root @ linear.root.T, root @ root.T, atol=0.02)
    past = torch.tensor([[[1.0, -1.0]]], dtype=torch.float64)
    found = linear.forecasts(past, [2], 20_000, _seeded())
    assert found.shape == (20_000, 1, 1, 2)
    due = a @ (a @ [1, -1] + 0.1) + 0.1
    np.testing.assert_allclose(found.mean(0)[0, 0], due, atol=0.05)
    covariance = root @ root.T + a @ root @ root.T @ a.T
    np.testing.assert_allclose(np.cov(found[:, 0, 0].T.numpy()), covariance, atol=0.03)


ESTIMATORS = {
    "crps": {"members": 20},
    "coverage": {"levels": [0.8, 0.5], "members": 9},
    "spread-skill": {"members": 10},
    "rank-histogram": {"members": 9, "bins": 5, "starts": 300},
}


@pytest.fixture(scope="module")
def model(exact_model) -> si.Model:
    torch.set_default_dtype(torch.float64)
    try:
        yield exact_model("from noise", rows=400, count=4, held_out=0.4)
    finally:
        torch.set_default_dtype(torch.float32)


def test_an_exact_model_is_calibrated_and_scores_as_the_law_does(model: si.Model) -> None:
    found = {
        name: si.estimate(model, si.build("estimator", name, lead=[1, 3], **options), seed=1)
        for name, options in ESTIMATORS.items()
    }
    crps = found["crps"]
    assert crps.bound == "unbiased"
    for each in crps.details["by_lead"]:
        # Of N(., s^2) the mean score of its own law is s / sqrt(pi), in standard deviations of the training rows.
        scale = float(model.process.target.frame.scale)
        due = math.sqrt(0.5 * (1 - math.exp(-0.6 * each["lead"])) / math.pi) / scale
        assert abs(each["value"] - due) < 5 * each["standard_error"]
        assert abs(each["data_law_minus_value"]) < 5 * each["data_law_minus_value_standard_error"]
        assert abs(each["linear_minus_value"]) < 0.03 * due + 5 * each["linear_minus_value_standard_error"]
    assert abs(found["coverage"].value - 0.8) < 5 * found["coverage"].standard_error
    assert abs(found["spread-skill"].value - 1) < 5 * found["spread-skill"].standard_error
    assert found["rank-histogram"].value > 1e-3
    heights = found["rank-histogram"].details["by_lead"][0]["heights"]
    assert sum(heights) == pytest.approx(5)


@pytest.mark.parametrize("name", ["crps", "spread-skill"])
def test_scores_are_in_deviations_of_the_training_rows_whatever_the_units_of_the_model(exact_model, name) -> None:
    """The same members, for the flow from noise is affine: of a series of deviation 4, standardised or not."""
    estimator = si.build("estimator", name, members=8, starts=40)
    torch.set_default_dtype(torch.float64)
    try:
        found = [
            si.estimate(exact_model("from noise", rows=200, sigma=5.0, standardise=standardise), estimator, seed=1)
            for standardise in (True, False)
        ]
    finally:
        torch.set_default_dtype(torch.float32)
    values = [[each.details["by_lead"][0].get(key, 0.0) for key in ("value", "linear", "data_law")] for each in found]
    np.testing.assert_allclose(values[0], values[1], rtol=0.02)


def test_other_points_than_the_part_held_out_are_refused(model: si.Model) -> None:
    with pytest.raises(si.UsageError, match="part of the series that was held out"):
        si.estimate(model, si.build("estimator", "crps"), torch.zeros(3, 1), condition={"past": torch.zeros(3, 1, 1)})


def test_forecasts_are_not_measured_on_training_rows(exact_model) -> None:
    with pytest.raises(si.DataError, match="held out"):
        si.estimate(exact_model("from noise", rows=50, held_out=0.0), si.build("estimator", "crps"))
    with pytest.raises(si.DataError, match="no start is left"):
        si.estimate(exact_model("from noise", rows=50, held_out=0.2), si.build("estimator", "crps", lead=[30]))


@pytest.mark.parametrize("options", [{"lead": []}, {"lead": [0]}, {"members": 1}, {"starts": 0}], ids=str)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_numbers_that_are_none_are_refused(name: str, options: dict) -> None:
    with pytest.raises(si.UsageError):
        si.build("estimator", name, **options)
