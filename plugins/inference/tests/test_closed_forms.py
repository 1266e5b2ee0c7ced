"""Estimators on models whose posteriors are known: exact ones pass, those that are too wide or moved do not."""

import math

import numpy as np
import pytest

import si_core as si
from si_inference.classifier_test import c2st
from si_inference.ranks import central_coverage, chosen_bins, histogram, uniformity


def test_the_log_likelihood_is_that_of_the_posterior_in_units_of_the_parameters(line, model_of):
    model = model_of()
    z, condition = model.process.target.held_out()
    theta = model.process.target.decode(z)
    truth = line.posterior_log_prob(theta, condition["observation"].double())
    found = si.estimate(model, "log-likelihood")
    assert found.value == pytest.approx(float(truth.mean()), abs=2e-4)


def test_the_divergence_of_posteriors_is_that_of_gaussians(line, model_of):
    estimator = si.build("estimator", "posterior-kl", simulator=line)
    exact = si.estimate(model_of(), estimator)
    assert abs(exact.value) < 2e-4
    wide = si.estimate(model_of(width=1.5), estimator)
    # KL(N(m, S) || N(m, w^2 S)) in two dimensions.
    truth = 2 * (math.log(1.5) + 0.5 / 1.5**2 - 0.5)
    assert abs(wide.value - truth) < 4 * wide.standard_error
    assert wide.standard_error < truth / 4


def test_calibration_holds_for_the_posterior_and_not_for_others(model_of):
    estimator = si.build("estimator", "calibration", draws=15)
    found = si.estimate(model_of(), estimator)
    assert found.value > 0.01
    names = ["a", "b", "distance to a reference point"]
    assert list(found.details["p_values"]) == list(found.details["rank_histograms"]) == names
    assert all(sum(counts) == found.details["pairs"] == 400 for counts in found.details["rank_histograms"].values())
    for levels in (found.details["coverage"]["a"], found.details["expected_coverage"]):
        for level, share in levels.items():
            assert abs(share - float(level)) < 5 * math.sqrt(float(level) * (1 - float(level)) / 400)
    wide = si.estimate(model_of(width=1.6), estimator)
    assert wide.value < 1e-4
    assert all(share > float(level) for level, share in wide.details["coverage"]["a"].items())
    assert si.estimate(model_of(shift=0.3), estimator).value < 1e-4


def test_samples_of_the_prior_are_told_by_the_distance_alone(model_of):
    """Ranks of parameters say nothing of what an observation tells."""
    found = si.estimate(model_of(blind=True), si.build("estimator", "calibration", draws=15))
    p_values = found.details["p_values"]
    assert min(p_values["a"], p_values["b"]) > 1e-3
    assert p_values["distance to a reference point"] < 1e-6


def test_c2st_compares_as_many_in_units_of_the_parameters(line, model_of, monkeypatch):
    seen = []

    def told(reference, samples, seed):
        seen.append((reference, samples, seed))
        return 0.25

    monkeypatch.setattr("si_inference.c2st.c2st", told)
    found = si.estimate(model_of(), si.build("estimator", "c2st", simulator=line, samples=300, repeats=2))
    assert (found.value, found.bound, set(found.details["observations"])) == (0.25, "approximate", {"x0", "x1"})
    assert [len(reference) for reference, *_ in seen] == [300, 300, 150] * 2
    assert len({seed for *_, seed in seen}) == 6
    for (_, samples, _), reference in zip((seen[0], seen[3]), line.references(), strict=True):
        mean, covariance = line.moments(reference.observation)
        error = np.sqrt(np.diag(covariance.numpy()) / len(samples))
        assert (np.abs(samples.mean(0) - mean.numpy()) < 5 * error).all()


@pytest.mark.slow
def test_c2st_of_posteriors(line, model_of):
    estimator = si.build("estimator", "c2st", simulator=line, samples=300)
    exact = si.estimate(model_of(), estimator)
    assert abs(exact.value - 0.5) < 5 * exact.standard_error
    assert abs(exact.details["halves_of_reference"] - 0.5) < 0.1
    assert si.estimate(model_of(shift=2.0), estimator).value > 0.95


def test_the_classifier_tells_what_differs():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 100, 2)) * [1.0, 1e3] + [5.0, 1e6]
    assert c2st(first, second + np.array([5.0, 0.0]), 1) > 0.95


@pytest.mark.slow
def test_the_classifier_does_not_tell_halves_of_references():
    for name in ("two-moons", "gaussian-linear"):
        reference = si.build("simulator", name).references()[0].samples.numpy()
        # 1000 answers by chance scatter by 0.016; folds are not independent.
        assert abs(c2st(reference[:500], reference[500:], 1) - 0.5) < 0.06


def test_ranks():
    uniform = np.tile(np.arange(64), 10)
    assert histogram(uniform, 63, 16).tolist() == [40] * 16
    assert uniformity(histogram(uniform, 63, 16)) == 1.0
    assert uniformity(np.array([400, 200, 200, 200])) < 1e-10
    assert central_coverage(uniform, 63, (0.5, 0.9)) == {"0.5": 0.5, "0.9062": pytest.approx(0.90625)}
    assert [chosen_bins(500, 63), chosen_bins(100, 63), chosen_bins(20, 6)] == [32, 8, 7]
