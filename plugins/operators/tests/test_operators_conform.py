"""Operators are what their interface says, whatever their options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import si_core as si
from si_operators.checks import OperatorChecks
from si_operators.operator import Operator


def _file(folder: Path, array: Any) -> str:
    np.save(folder / "given.npy", np.asarray(array))
    return str(folder / "given.npy")


class TestMask(OperatorChecks):
    CASES = (
        {},
        {"hidden": "random-box", "fraction": 0.5},
        {"hidden": "pixels", "fraction": 0.7},
        {"hidden": "columns"},
    )

    @pytest.fixture(params=CASES, ids=str)
    def component(self, request: pytest.FixtureRequest) -> Operator:
        return si.build("operator", "mask", **request.param)


class TestGivenMask(OperatorChecks):
    @pytest.fixture
    def component(self, tmp_path: Path) -> Operator:
        return si.build("operator", "mask", hidden="given", path=_file(tmp_path, np.eye(8)))


class TestDownsample(OperatorChecks):
    @pytest.fixture(params=(2, 4))
    def component(self, request: pytest.FixtureRequest) -> Operator:
        return si.build("operator", "downsample", factor=request.param)


class TestBlur(OperatorChecks):
    @pytest.fixture(params=({}, {"width": 2.5}, {"width": 0.7, "boundary": "periodic"}), ids=str)
    def component(self, request: pytest.FixtureRequest) -> Operator:
        return si.build("operator", "blur", **request.param)


class TestMatrix(OperatorChecks):
    @pytest.fixture(params=((5, 12), (12, 12), (20, 8), (1, 1)), ids=str)
    def component(self, request: pytest.FixtureRequest, tmp_path: Path) -> Operator:
        matrix = np.random.default_rng(0).normal(size=request.param)
        if request.param[0] > 1:
            matrix[-1] = matrix[0]  # of less than full rank
        return si.build("operator", "matrix", path=_file(tmp_path, matrix))
