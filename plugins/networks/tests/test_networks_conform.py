"""Every network of this plugin is what its interface says."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest
from torch import nn

from si_authoring.testing import NetworkConformance
from si_core.discovery.available import available
from si_core.discovery.lookup import load

NAMES = [found.component.name for found in available("network") if found.plugin.distribution == "si-networks"]
OPTIONS: dict[str, tuple[dict[str, object], ...]] = {
    "mlp": (
        {"width": 16, "depth": 1},
        {"width": 16, "depth": 3, "activation": "gelu"},
        {"width": 16, "activation": "tanh", "time_features": 4},
        {"width": 16, "activation": "relu"},
    ),
    "resmlp": ({"width": 8, "depth": 2, "expansion": 3},),
    "unet": ({"width": 8, "multipliers": [1, 2], "blocks": 1, "attention": [1], "attention_heads": 2},),
    "exact": ({"bias": 0.3, "slope": -0.1},),
    "transformer": ({"width": 16, "depth": 1, "attention_heads": 2, "patch": 1, "positions": "rotary"},),
}

DEEP = {"resmlp", "unet", "transformer"}
"""Tried small only: their defaults cost minutes, and have no other parts."""


class TestNetworks(NetworkConformance):
    @pytest.fixture(
        params=[
            (name, options) for name in NAMES for options in (*([] if name in DEEP else [{}]), *OPTIONS.get(name, ()))
        ],
        ids=lambda case: "-".join(map(str, (case[0], *case[1].values()))),
    )
    def component(self, request: pytest.FixtureRequest) -> Callable[..., nn.Module]:
        name, options = request.param
        return functools.partial(load("network", name), **options)


def test_the_plugin_offers_the_networks_it_promises() -> None:
    assert {"mlp", "resmlp", "unet", "transformer", "exact"} <= set(NAMES)
