"""Averages of weights that are spread over processes: those of whole weights, in each of their calls."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import torch
import torch.distributed as distributed
from torch import nn

from si_core.fields.predictor import Predictor
from si_core.recipes.training import PowerAverages
from si_core.training.averages import Averages
from si_core.training.sharding import Spread
from si_core.training.spread_tensors import like, whole


class Plain(nn.Module):
    """A network of one layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, t, x, condition=None):
        return self.layer(x)


@pytest.fixture
def processes():
    """One process, as a group by itself."""
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    yield SimpleNamespace(device=torch.device("cpu"), world=1, rank=0)
    distributed.destroy_process_group()


@pytest.mark.parametrize("chosen", [0.9, PowerAverages(lengths=[0.05, 0.1])])
def test_they_are_those_of_whole_weights(processes, chosen):
    spread = Predictor([Plain()], 1)
    plain = copy.deepcopy(spread)
    averages, expected = Averages(spread, chosen), Averages(plain, chosen)
    Spread(spread, averages, processes)
    t, x = torch.rand(3), torch.randn(3, 2)
    for step in range(4):
        with torch.no_grad():
            for weights, other in zip(spread.parameters(), plain.parameters(), strict=True):
                other.add_(1.0 + step)
                weights.copy_(like(other, weights))
        averages.update()
        expected.update()
        for group, average in averages.groups.items():
            module = expected.groups[group].module
            with torch.no_grad():
                assert torch.equal(average.module(t, x, None)[0], module(t, x, None)[0])
            for found, value in zip(average.module.parameters(), module.parameters(), strict=True):
                assert torch.equal(whole(found), value)
