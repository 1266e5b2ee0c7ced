"""The integrator of this plugin is what its interface says, with every method of torchsde."""

from __future__ import annotations

from typing import get_args

import pytest

import si_core as si
from si_authoring.testing import IntegratorConformance
from si_torchsde.integrator import Method


class TestTorchSDE(IntegratorConformance):
    @pytest.fixture(params=get_args(Method))
    def component(self, request):
        return si.build("integrator", "torchsde", method=request.param, steps=20)
