"""Every callback of this plugin is what its interface says."""

from __future__ import annotations

import pytest

import si_core as si
from si_authoring.testing import CallbackConformance


class TestEarlyStopping(CallbackConformance):
    @pytest.fixture(params=[{"patience": 1}, {"patience": 2, "min_delta": 0.15}, {"every": 6}], ids=str)
    def component(self, request: pytest.FixtureRequest) -> si.Callback:
        return si.build("callback", "early-stopping", **request.param)


class TestSamplePictures(CallbackConformance):
    @pytest.fixture
    def component(self) -> si.Callback:
        pytest.importorskip("matplotlib")
        return si.build("callback", "sample-pictures", every=12, number=8)
