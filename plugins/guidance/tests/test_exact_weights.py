"""Weighted guidance of exact fields of mixtures has the tilted law itself, by the ODE and at any noise level."""

from __future__ import annotations

import math

import pytest
import torch

import si_core as si

for plugin in ("si_interpolants", "si_distributions", "si_integrators"):
    pytest.importorskip(plugin)

from mixtures import GIVEN, Law, MixtureFields, found, mixture, sampled_by  # noqa: E402

from si_guidance.measurement import Measurement  # noqa: E402
from si_guidance.reward import RewardGuidance  # noqa: E402
from si_guidance.rewards import Quadratic  # noqa: E402

LEVELS = (0.0, 0.3, 1.0)
REPLICATES, PARTICLES = 10, 1000
OBSERVED, NOISE = 0.4, 0.6
_MATRIX = torch.tensor([[0.8, -0.6]], dtype=torch.float64)


def project(x):
    return x @ _MATRIX.to(x).T


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


def runs(case: str, epsilon: float, weights: bool, replicates: int = REPLICATES, particles: int = PARTICLES):
    """The moments of replicates (R, 7), and what they should be (7,)."""
    fields, guidance, law, condition = CASES[case](weights)
    model = sampled_by(fields, epsilon).with_guidance([guidance])
    generators = [torch.Generator().manual_seed(k) for k in range(replicates)]
    rows = [found(model.sample(particles, generator, condition=condition)) for generator in generators]
    return torch.stack(rows), law.moments()


@pytest.mark.parametrize("epsilon", LEVELS)
@pytest.mark.parametrize("case", CASES)
def test_weighted_moments_and_evidence_are_those_of_the_tilted_law(case, epsilon):
    moments, exact = runs(case, epsilon, True)
    error = moments.std(0)
    # Of one run by its own spread, and of all of them; steps of 1/60 and the few weights leave a little bias.
    assert bool(((moments[0] - exact).abs() < 3.5 * error).all())
    assert bool(((moments.mean(0) - exact).abs() < 3 * error / math.sqrt(len(moments)) + 0.01).all())
