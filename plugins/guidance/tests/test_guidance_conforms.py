"""Guidance is what its interface says."""

from __future__ import annotations

import pytest

import si_core as si
from si_authoring.testing import GuidanceConformance

CASES = ({"weight": 2.0}, {"weight": 1.0}, {"weight": 0.5, "conditions": ["kind"]})


class TestClassifierFree(GuidanceConformance):
    @pytest.fixture(params=CASES, ids=str)
    def component(self, request: pytest.FixtureRequest) -> si.Guidance:
        return si.build("guidance", "classifier-free", **request.param)
