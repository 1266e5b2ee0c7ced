"""Networks that draw by themselves, such as by dropout: from streams of the step, whoever calls them in training."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import si_core as si


class Dropping(nn.Module):
    """A network with dropout, whose first weights are the same each time."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 8), nn.SiLU(), nn.Dropout(0.5), nn.Linear(8, 2))
        stream = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for weights in self.parameters():
                weights.uniform_(-0.5, 0.5, generator=stream)

    def forward(self, t: Tensor, x: Tensor) -> Tensor:
        return self.layers(torch.cat([x, t[:, None]], 1))


@pytest.mark.parametrize("process", [None, {"warmup": 1}, {"warmup": 1, "method": "extragradient"}])
def test_training_neither_reads_nor_moves_the_global_generator(process):
    recipe = {"source": "gaussian", "target": "two-moons", "latent": "brownian", "objectives": ["velocity", "denoiser"]}
    recipe["train"] = {"steps": 4, "batch": 8}
    if process is not None:
        recipe |= {"interpolant": "learned-linear", "objectives": ["schrodinger-bridge"]}
        recipe["train"]["process"] = process
    weights = []
    for seed in (1, 2):
        loaded = si.load_recipe({**recipe, "network": Dropping()})
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        weights.append(si.train(loaded).fields.predictor.state_dict())
        assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
