"""Every objective of this plugin is what its interface says."""

from __future__ import annotations

import pytest

import si_core as si
from si_authoring.testing import ObjectiveConformance
from si_core.discovery.available import available

NAMES = [found.component.name for found in available("objective") if found.plugin.distribution == "si-objectives"]


class TestObjectives(ObjectiveConformance):
    @pytest.fixture(params=NAMES)
    def component(self, request: pytest.FixtureRequest) -> si.Objective:
        return si.build("objective", request.param)


def test_there_is_one_objective_for_every_field() -> None:
    assert {si.build("objective", name).field: name for name in NAMES} == {field: field for field in si.FIELDS}
