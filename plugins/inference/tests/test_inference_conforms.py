"""Every component of the plugin is what its interface says."""

from __future__ import annotations

import pytest

import si_core as si
from si_authoring.testing import DistributionConformance, EstimatorConformance
from si_inference.checks import SimulatorChecks

SIMULATORS = ("gaussian-linear", "two-moons", "slcp")


class TestSimulators(SimulatorChecks):
    @pytest.fixture(params=SIMULATORS)
    def component(self, request: pytest.FixtureRequest) -> object:
        return si.build("simulator", request.param)


class TestSimulations(DistributionConformance):
    @pytest.fixture(params=["two-moons", "slcp"])
    def component(self, request: pytest.FixtureRequest) -> si.Distribution:
        return si.build("distribution", "simulations", simulator=request.param, number=600, held_out=0.1)


class TestCalibration(EstimatorConformance):
    @pytest.fixture
    def component(self) -> si.Estimator:
        return si.build("estimator", "calibration", draws=7, pairs=40)


@pytest.mark.slow
class TestC2st(EstimatorConformance):
    @pytest.fixture
    def component(self) -> si.Estimator:
        return si.build("estimator", "c2st", samples=40)


class TestPosteriorKl(EstimatorConformance):
    @pytest.fixture
    def component(self) -> si.Estimator:
        return si.build("estimator", "posterior-kl", simulator="gaussian-linear", steps=5)
