"""The callback is what its interface says."""

from __future__ import annotations

import pytest

import si_core as si
from si_authoring.testing import CallbackConformance

pytest.importorskip("mlflow")


class TestMLflow(CallbackConformance):
    @pytest.fixture
    def component(self) -> si.Callback:
        return si.build("callback", "mlflow")
