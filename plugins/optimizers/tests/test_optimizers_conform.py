"""Every optimizer and learning rate of this plugin is what its interface says."""

from __future__ import annotations

import pytest

import si_core as si
from si_authoring.testing import LearningRateConformance, OptimizerConformance

OPTIMIZERS = [("adam", {}), ("adam", {"weight_decay": 0.1}), ("adamw", {}), ("sgd", {})]
OPTIMIZERS += [("sgd", {"momentum": 0.9, "nesterov": True})]
RATES = [("constant", {}), ("constant", {"warmup": 20}), ("cosine", {"warmup": 20}), ("cosine", {"final": 0.1})]
RATES += [("step", {"every": 3}), ("step", {"warmup": 5})]


class TestOptimizer(OptimizerConformance):
    @pytest.fixture(params=OPTIMIZERS, ids=str)
    def component(self, request: pytest.FixtureRequest) -> si.Optimizer:
        name, options = request.param
        return si.build("optimizer", name, **options)


class TestLearningRate(LearningRateConformance):
    @pytest.fixture(params=RATES, ids=str)
    def component(self, request: pytest.FixtureRequest) -> si.LearningRate:
        name, options = request.param
        return si.build("learning-rate", name, **options)
