"""Every estimator of the plugin is what its interface says, with its main options and few steps."""

from __future__ import annotations

from typing import Any

import pytest

import si_core as si
from si_authoring.testing import EstimatorConformance
from si_core.discovery.available import available

QUICK: dict[str, dict[str, Any]] = {
    "cross-entropy": {"steps": 10},
    "feynman-kac": {"steps": 20, "paths": 4},
    "fisher-divergence": {"n": 500, "times": 12},
    "gaussian-kl": {"steps": 20},
    "kl-bound": {"n": 500, "times": 12},
    "log-likelihood": {"steps": 10},
    "optimal-epsilon": {"n": 500, "times": 12},
    "sde-log-likelihood": {"steps": 50, "paths": 4},
    "sliced-wasserstein": {"projections": 64},
    "wasserstein": {"samples": 500},
}
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("cross-entropy", {"form": "sde", "steps": 50, "paths": 4}),
    ("log-likelihood", {"divergence": "hutchinson", "probes": 2, "noise": "gaussian", "unit": "bits/dim"}),
    ("kl-bound", {"form": "velocity"}),
    ("kl-bound", {"reference": "none"}),
    ("fisher-divergence", {"of": "density", "n": 200, "steps": 10}),
]
# These take the same paths of the code, and have tests of their values.
ALIKE: list[tuple[str, dict[str, Any]]] = [
    ("cross-entropy", {"form": "sde", "direction": "source", "steps": 50, "paths": 4}),
    ("log-likelihood", {"direction": "source"}),
    ("sde-log-likelihood", {"direction": "source", "unit": "bits/dim"}),
    ("sde-log-likelihood", {"form": "ito"}),
    ("feynman-kac", {"direction": "source"}),
    ("optimal-epsilon", {"reference": "none"}),
    ("sliced-wasserstein", {"order": 1.0}),
    ("wasserstein", {"order": 1.0}),
]
NAMES = [
    found.component.name for found in available("estimator") if found.component.target.startswith("si_estimators.")
]
CASES = [*((name, {}) for name in NAMES), *VARIANTS, *(pytest.param(case, marks=pytest.mark.slow) for case in ALIKE)]


class TestEstimators(EstimatorConformance):
    @pytest.fixture(params=CASES, ids=lambda case: "-".join([case[0], *(str(value) for value in case[1].values())]))
    def component(self, request: pytest.FixtureRequest) -> si.Estimator:
        name, options = request.param
        built: si.Estimator = si.build("estimator", name, **{**QUICK.get(name, {}), **options})
        return built


def test_every_quantity_is_measured_by_some_estimator() -> None:
    """So that the claim on bounds is made of each: only metrics of their own have no closed form."""
    assert {name for name in NAMES if not si.build("estimator", name).quantity} == {
        "marginal-kl",
        "classifier-accuracy",
        "precision-recall",
        "reconstruction-error",
    }
