"""Couplings by an operator are what their interface says."""

from __future__ import annotations

from typing import Any

import pytest

import si_core as si
from si_authoring.testing import CouplingConformance

_MASK: dict[str, Any] = {"use": "mask", "hidden": "pixels", "fraction": 0.5}


class TestCorrupted(CouplingConformance):
    CASES = (
        {"operator": _MASK, "sigma": 0.5},
        {"operator": {"use": "downsample", "factor": 2}, "noise": "unseen"},
        {"operator": "blur", "sigma": 0.3},
    )

    @pytest.fixture(params=CASES, ids=str)
    def component(self, request: pytest.FixtureRequest) -> si.Coupling:
        return si.build("coupling", "corrupted", **request.param)


class TestObserved(CouplingConformance):
    @pytest.fixture(params=(_MASK, "blur"), ids=str)
    def component(self, request: pytest.FixtureRequest) -> si.Coupling:
        return si.build("coupling", "observed", operator=request.param)
