"""Exporters are what their interface says."""

from __future__ import annotations

import pytest

import si_core as si
from si_authoring.testing import ExporterConformance

for plugin in ("si_distributions", "si_interpolants", "si_integrators", "si_networks", "si_objectives"):
    pytest.importorskip(plugin)


class TestFolder(ExporterConformance):
    @pytest.fixture
    def component(self) -> si.Exporter:
        return si.build("exporter", "folder")


@pytest.mark.slow
class TestTorchExport(ExporterConformance):
    @pytest.fixture
    def component(self) -> si.Exporter:
        return si.build("exporter", "torch-export", steps=2)
