"""The integrator of this plugin is what its interface says, with every method of torchdiffeq."""

from __future__ import annotations

from typing import get_args

import pytest

import si_core as si
from si_authoring.testing import IntegratorConformance
from si_torchdiffeq.integrator import AdaptiveMethod, FixedMethod

QUICK = {"dopri5", "adaptive_heun", "rk4", "implicit_adams"}
"""Each way of taking steps once; the other methods are other tableaus of the same calls."""
METHODS = [
    pytest.param(method, marks=[pytest.mark.slow] * (method not in QUICK))
    for method in get_args(AdaptiveMethod) + get_args(FixedMethod)
]


class TestTorchDiffEq(IntegratorConformance):
    @pytest.fixture(params=METHODS)
    def component(self, request):
        # The iteration of implicit_adams stops at these tolerances, and would do so before its order shows.
        tolerances = {"rtol": 1e-10, "atol": 1e-10} if request.param == "implicit_adams" else {}
        return si.build("integrator", "torchdiffeq", method=request.param, steps=40, **tolerances)
