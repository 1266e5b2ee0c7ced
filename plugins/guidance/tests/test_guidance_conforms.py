"""Guidance and rewards are what their interfaces say, whatever their options."""

from __future__ import annotations

from typing import Any

import pytest
from torch import Tensor

import si_core as si
from si_authoring.testing import EstimatorConformance, GuidanceConformance
from si_authoring.testing.setting import Setting
from si_authoring.testing.toy_model import toy_model
from si_guidance.autoguidance import Autoguidance
from si_guidance.checks import RewardChecks
from si_guidance.measurement import Measurement
from si_guidance.rewards import Reward


class TestClassifierFree(GuidanceConformance):
    CASES = (
        {"weight": 2.0},
        {"weight": 1.0},
        {"weight": 0.5, "conditions": ["kind"]},
        {"weight": 3.0, "interval": (0.2, 0.6)},
        {"weight": 2.0, "weights": True},
    )

    @pytest.fixture(params=CASES, ids=str)
    def component(self, request: pytest.FixtureRequest) -> si.Guidance:
        return si.build("guidance", "classifier-free", **request.param)


class TestAutoguidance(GuidanceConformance):
    @pytest.fixture
    def component(self) -> si.Guidance:
        return Autoguidance.of(toy_model(Setting(), conditional=True), 1.5)


class TestReward(GuidanceConformance):
    CASES: tuple[dict[str, Any], ...] = (
        {"reward": {"use": "linear-reward", "slope": 0.5}, "of": "state", "power": 2.0, "steer": 0.5},
        {
            "reward": {"use": "linear-reward", "slope": 0.7},
            "weights": True,
            "of": "state",
            "steer": 0.0,
            "resample_below": 0.0,
        },
    )

    @pytest.fixture(params=CASES, ids=str)
    def component(self, request: pytest.FixtureRequest) -> si.Guidance:
        return si.build("guidance", "reward", **request.param)


def _half(x: Tensor) -> Tensor:
    return 0.5 * x


class TestMeasurement(GuidanceConformance):
    CASES: tuple[dict[str, Any], ...] = ({}, {"weights": True})

    @pytest.fixture(params=CASES, ids=str)
    def component(self, request: pytest.FixtureRequest) -> si.Guidance:
        return Measurement(_half, 0.4, 0.5, **request.param)


class TestRewards(RewardChecks):
    CASES = (
        ("linear-reward", {}),
        ("linear-reward", {"slope": -0.3}),
        ("quadratic-reward", {"point": 0.3, "width": 2.0}),
    )

    @pytest.fixture(params=CASES, ids=str)
    def component(self, request: pytest.FixtureRequest) -> Reward:
        name, options = request.param
        return si.build("reward", name, **options)


class TestLogEvidence(EstimatorConformance):
    @pytest.fixture
    def component(self) -> si.Estimator:
        return si.build("estimator", "log-evidence", samples=20, replicates=2)


def test_a_random_operator_measures_nothing():
    with pytest.raises(si.UsageError, match="made by one operator"):
        si.build("guidance", "measurement", operator={"use": "mask", "hidden": "pixels"}, observation=[0.0])
