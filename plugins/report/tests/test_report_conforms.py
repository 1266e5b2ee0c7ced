"""Every report of the plugin is what its interface says."""

from __future__ import annotations

import pytest

import si_core as si
from si_authoring.testing import ReportConformance
from si_core.discovery.available import available

NAMES = [found.component.name for found in available("report") if found.component.target.startswith("si_report.")]


class TestReports(ReportConformance):
    # The page is drawn anew by every check, and has tests of its own: by default the others alone.
    @pytest.fixture(params=[pytest.param(name, marks=pytest.mark.slow) if name == "html" else name for name in NAMES])
    def component(self, request: pytest.FixtureRequest) -> si.Report:
        built: si.Report = si.build("report", request.param, dpi=50, resolution=8)
        return built
