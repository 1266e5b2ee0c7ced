"""Weighted guidance of exact fields of mixtures has the tilted law itself, by the ODE and at any noise level."""

from __future__ import annotations

import math

import pytest
import torch

import si_core as si

for plugin in ("si_interpolants", "si_distributions", "si_integrators"):
    pytest.importorskip(plugin)

from si_guidance.measurement import Measurement  # noqa: E402
from si_guidance.reward import RewardGuidance  # noqa: E402
from si_guidance.rewards import Quadratic  # noqa: E402

from .mixtures import GIVEN, Law, MixtureFields, found, mixture, process, sampled_by  # noqa: E402

LEVELS = (0.0, 0.3, 1.0)
REPLICATES, PARTICLES = 10, 1000
OBSERVED, NOISE = 0.4, 0.6
_MATRIX = torch.tensor([[0.8, -0.6]], dtype=torch.float64)


def project(x):
    return x @ _MATRIX.to(x).T


def first(x):
    return x[:, :1]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def classifier_free(weights: bool, weight: float = 2.0) -> tuple[si.Fields, si.Guidance, Law, dict]:
    given, none = mixture(GIVEN[1]), mixture()
    law = Law.of(lambda x: weight * given.log_prob(x) + (1 - weight) * none.log_prob(x))
    guidance = si.build("guidance", "classifier-free", weight=weight, weights=weights)
    return MixtureFields(), guidance, law, {"kind": "right"}


def measurement(weights: bool) -> tuple[si.Fields, si.Guidance, Law, None]:
    noise = torch.distributions.Normal(OBSERVED, NOISE)
    law = Law.of(lambda x: mixture().log_prob(x) + noise.log_prob(project(x)[:, 0]))
    guidance = Measurement(project, [OBSERVED], NOISE, weights=weights)
    return MixtureFields(labelled=False), guidance, law, None


def reward(weights: bool) -> tuple[si.Fields, si.Guidance, Law, None]:
    worth = Quadratic([0.5, -0.5], 0.8)
    law = Law.of(lambda x: mixture().log_prob(x) + worth(x))
    guidance = RewardGuidance(worth, power=2.0, of="state", weights=weights, steer=0.5)
    return MixtureFields(labelled=False), guidance, law, None


CASES = {"classifier-free": classifier_free, "measurement": measurement, "reward": reward}


def runs(case: str, epsilon: float, weights: bool, replicates: int = REPLICATES, steps: int = 40):
    """The moments of replicates (R, 7), and what they should be (7,)."""
    fields, guidance, law, condition = CASES[case](weights)
    model = sampled_by(fields, epsilon, steps).with_guidance([guidance])
    generators = [seeded(k) for k in range(replicates)]
    rows = [found(model.sample(PARTICLES, generator, condition=condition)) for generator in generators]
    return torch.stack(rows), law.moments()


def assert_exact(moments: torch.Tensor, exact: torch.Tensor) -> None:
    """One run of 1,000 is within 3 standard errors, by the spread of such runs; and so are all of them together."""
    error = moments.std(0)
    assert bool(((moments[0] - exact).abs() < 3 * error).all())
    # A ratio of means of few weights, and steps of 1/40, leave a bias.
    assert bool(((moments.mean(0) - exact).abs() < 3 * error / math.sqrt(len(moments)) + 0.03).all())


@pytest.mark.parametrize(("case", "epsilon"), [("classifier-free", 0.3), ("measurement", 0.0), ("reward", 1.0)])
def test_weighted_moments_and_evidence_are_those_of_the_tilted_law(case, epsilon):
    assert_exact(*runs(case, epsilon, True, replicates=5, steps=25))


@pytest.mark.slow
@pytest.mark.parametrize("epsilon", LEVELS)
@pytest.mark.parametrize("case", CASES)
def test_weighted_moments_at_every_noise_level(case, epsilon):
    assert_exact(*runs(case, epsilon, True))


@pytest.mark.parametrize("case", CASES)
def test_without_weights_the_moments_are_others(case):
    moments, exact = runs(case, 0.0, False, replicates=3, steps=15)
    off = (moments.mean(0) - exact)[:-1].abs()
    assert float(off.max()) > 0.15


@pytest.mark.parametrize("epsilon", [0.0, 0.5])
def test_a_measurement_of_gaussian_data_needs_no_weights(epsilon):
    """y = x_1 + noise of N((1, -1), I): the weights are all ``N(y; 1, 1 + noise^2)``, and samples are the posterior."""
    source, target = (
        si.build("distribution", "gaussian", mean=mean, covariance=1.0, dtype="float64")
        for mean in ([0.0, 0.0], [1.0, -1.0])
    )
    model = sampled_by(si.exact_fields(process(target, source)), epsilon, 20)
    path = model.with_guidance([Measurement(first, [2.0], 0.5, weights=True)]).sample(500, seeded())
    evidence = torch.distributions.Normal(1.0, math.sqrt(1.25)).log_prob(torch.tensor(2.0, dtype=torch.float64))
    torch.testing.assert_close(path.log_weights, evidence.expand(500), rtol=1e-3, atol=1e-3)
    moments = found(path)
    exact = torch.tensor([1 + 1 / 1.25, -1.0, 0.2, 0.0, 0.0, 1.0], dtype=torch.float64)
    assert bool(((moments[:-1] - exact).abs() < 4 * torch.tensor([0.45, 1, 0.3, 0.45, 0.45, 1.4]) / 500**0.5).all())


def test_the_evidence_is_an_estimate_with_its_error():
    fields, guidance, law, _ = measurement(True)
    model = sampled_by(fields, 0.3, 20).with_guidance([guidance])
    estimator = si.build("estimator", "log-evidence", samples=400, replicates=6)
    result = estimator.estimate(model, torch.zeros(1, 2, dtype=torch.float64), seeded())
    assert result.bound == "approximate"
    assert result.unit == "nats"
    assert result.standard_error is not None
    assert abs(result.value - law.log_z) < 3 * result.standard_error
    with pytest.raises(si.UsageError, match="samples of this model have none"):
        estimator.estimate(model.with_guidance([]), torch.zeros(1, 2), seeded())


def test_the_weights_of_classifier_free_guidance_are_by_one_call():
    class Counted(MixtureFields):
        calls = 0

        def several(self, names, s, x):
            type(self).calls += 1
            return super().several(names, s, x)

    guidance = si.build("guidance", "classifier-free", weight=2.0, weights=True)
    fields = guidance.guided(Counted()).conditioned({"kind": torch.tensor([1])})
    s = fields.schedule(si.UniformClock(), torch.tensor([0.5], dtype=torch.float64))
    x = torch.randn(7, 2, generator=seeded(), dtype=torch.float64)
    rate = fields.log_weight_rate(s, x)
    assert Counted.calls == 1
    given, none = (MixtureFields().conditioned(told) for told in ({"kind": torch.tensor([1])}, None))
    apart = [getattr(given, name)(0.5, x) - getattr(none, name)(0.5, x) for name in ("velocity", "score")]
    torch.testing.assert_close(rate, 2.0 * (apart[0] * apart[1]).sum(1))


def test_an_interval_guides_between_its_times_alone():
    guidance = si.build("guidance", "classifier-free", weight=3.0, interval=(0.2, 0.6))
    given = {"kind": torch.tensor([1])}
    fields, plain = guidance.guided(MixtureFields()).conditioned(given), MixtureFields().conditioned(given)
    always = si.build("guidance", "classifier-free", weight=3.0).guided(MixtureFields()).conditioned(given)
    x = torch.randn(7, 2, generator=seeded(), dtype=torch.float64)
    for t, expected in ((0.1, plain), (0.2, always), (0.5, always), (0.6, always), (0.7, plain)):
        torch.testing.assert_close(fields.velocity(t, x), expected.velocity(t, x))
        drift = si.Transport(fields, 0.4).drift(t, x)
        torch.testing.assert_close(drift, si.Transport(expected, 0.4).drift(t, x))
    times = torch.tensor([0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.9], dtype=torch.float64)
    inside = (times >= 0.2) & (times <= 0.6)
    both = torch.where(inside[:, None], always.velocity(times, x), plain.velocity(times, x))
    torch.testing.assert_close(fields.velocity(times, x), both)
    with pytest.raises(si.UsageError, match="a density that is not known"):
        si.build("guidance", "classifier-free", interval=(0.2, 0.6), weights=True)


def test_functions_are_given_where_components_are():
    """By name, too: what a reward or an operator does is a function's from Python."""

    def reward(x):
        return x[:, 0]

    assert si.build("guidance", "reward", reward=reward).reward is reward
    with pytest.raises(si.UsageError, match="the name of a reward"):
        si.build("guidance", "reward", reward=3)
