"""On a GPU: networks for images train in every precision and compiled, and what was trained samples there."""

from __future__ import annotations

import math

import pytest
import torch

import si_core as si

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]

NETWORKS = {
    "unet": {"use": "unet", "preset": "tiny"},
    "transformer": {"use": "transformer", "preset": "tiny", "patch": 2},
    "resmlp": {"use": "resmlp"},
}


def recipe(network, **train):
    target = {"use": "digits"} if network != "resmlp" else "two-moons"
    return si.load_recipe(
        {
            "source": "gaussian",
            "target": target,
            "network": NETWORKS[network],
            "train": {"steps": 60, "batch": 128, "log_every": 20, **train},
            "sample": {"number": 64, "batch": 64},
        }
    )


def trained(network, **train):
    model = si.train(recipe(network, **train), "cuda")
    x = si.sample(model, 64)
    assert bool(torch.isfinite(x).all())
    return model, x


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("precision", ["full", "bfloat16", "float16"])
def test_every_precision_learns(network, precision):
    model, x = trained(network, precision=precision)
    estimate = si.estimate(model, "energy-distance")
    untrained = si.estimate(si.train(recipe(network, steps=0), "cuda"), "energy-distance")
    assert math.isfinite(estimate.value)
    assert estimate.value < untrained.value
    assert x.dtype == torch.float32


@pytest.mark.parametrize("network", NETWORKS)
def test_compiled_training(network):
    trained(network, steps=20, compile=True)
