"""What the plugin offers is what its interfaces say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import si_core as si
from si_authoring.testing import CouplingConformance, DistributionConformance, EstimatorConformance
from si_forecast import series

LAWS: dict[str, dict[str, Any]] = {
    "ornstein-uhlenbeck-series": {"rows": 60, "count": 3, "dimensions": 2, "past": 2},
    "lorenz-series": {"rows": 30, "count": 2, "substeps": 4, "ahead": 2},
    "sample-series": {"past": 3},
}


class TestSeriesOfKnownLaws(DistributionConformance):
    @pytest.fixture(params=LAWS)
    def component(self, request: pytest.FixtureRequest) -> si.Distribution:
        return si.build("distribution", request.param, **LAWS[request.param])


class TestSeries(DistributionConformance):
    @pytest.fixture
    def component(self, tmp_path: Path) -> si.Distribution:
        lines = ["time,station,height,a,b"]
        for station, height in (("north", 3.0), ("south", 40.0)):
            noise = np.random.default_rng(len(lines)).normal(size=(40, 2))
            lines += [
                f"2024-01-{1 + k // 24:02d}T{k % 24:02d}:00,{station},{height},{a},{b}"
                for k, (a, b) in enumerate(noise)
            ]
        path = tmp_path / "weather.csv"
        path.write_text("\n".join(lines) + "\n")
        return si.build(
            "distribution",
            "series",
            path=path,
            time="time",
            group="station",
            given_group=True,
            static=["height"],
            calendar=["hour-of-day", "day-of-week"],
            past=2,
            order="shuffled",
        )


class TestSeriesInMemory(DistributionConformance):
    @pytest.fixture
    def component(self) -> si.Distribution:
        return series(np.random.default_rng(0).normal(size=(50, 2, 3)), past=0)


class TestConsecutive(CouplingConformance):
    @pytest.fixture(params=[0.0, 0.5])
    def component(self, request: pytest.FixtureRequest) -> si.Coupling:
        return si.build("coupling", "consecutive", noise=request.param)


class TestEstimators(EstimatorConformance):
    @pytest.fixture(params=["crps", "spread-skill", "coverage", "rank-histogram"])
    def component(self, request: pytest.FixtureRequest) -> si.Estimator:
        return si.build("estimator", request.param)
