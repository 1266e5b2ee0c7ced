"""Every interpolant, latent, diffusion schedule and clock of this plugin is what its interface says."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest

import si_core as si
from si_authoring.testing import ClockConformance, DiffusionConformance, InterpolantConformance, LatentConformance
from si_authoring.testing.suite import suite
from si_core.discovery.available import available

LATENT_OPTIONS: dict[str, tuple[dict[str, object], ...]] = {
    "constant": ({"scale": 1.0},),
    "brownian": ({"scale": 0.3}, {"scale": 4.0}),
    "quadratic": ({"scale": 2.5},),
    "sine-squared": ({"scale": 0.5},),
    "sigmoid-bump": ({"steepness": 3.0}, {"steepness": 25.0}),
    "wiener": ({"scale": 2.0},),
    "encoder-decoder": ({"unit_variance": True},),
}
CLOCK_OPTIONS: dict[str, tuple[dict[str, object], ...]] = {
    "sine": ({"start": False}, {"stop": False}),
    "shift": ({"shift": 0.5},),
}
MEASURED = {"t": [0.2, 0.4], "epsilon": [1.0, 3.0], "limit": 2.5}
Case = tuple[str, Mapping[str, object], Mapping[str, Any]]


def of_plugin(kind: str) -> list[str]:
    return [f.component.name for f in available(kind) if f.plugin.distribution == "si-interpolants"]


def interpolant_cases() -> list[Case]:
    """Each with the kit's latent; the one that looks at its latent with others too."""
    cases: list[Case] = [(name, {}, suite("interpolant").context()) for name in of_plugin("interpolant")]
    matched = [("none", {}), ("quadratic", {}), ("brownian", {"scale": 3.9})]
    latents = [si.build("latent", name, **options) for name, options in matched]
    return cases + [("variance-matched-trigonometric", {}, {"latent": latent}) for latent in latents]


def latent_cases() -> list[Case]:
    return [(name, options, {}) for name in of_plugin("latent") for options in ({}, *LATENT_OPTIONS.get(name, ()))]


def diffusion_cases() -> list[Case]:
    """Each with the kit's process; those that look at the process with every other that they do not refuse."""
    cases: list[Case] = [(name, {}, suite("diffusion").context()) for name in of_plugin("diffusion")]
    cases.append(("measured", MEASURED, {}))
    latents = {name: si.build("latent", name) for name in ("none", "brownian", "quadratic", "encoder-decoder")}
    for path, latent in itertools.product(of_plugin("interpolant"), latents):
        if (path, latent) == ("variance-matched-trigonometric", "encoder-decoder"):
            continue
        context = {"interpolant": si.build("interpolant", path, latent=latents[latent]), "latent": latents[latent]}
        cases.append(("likelihood-optimal", {}, context))
        if path != "encoder-decoder" and latent != "none":
            cases.append(("follmer", {}, context))
    return cases


def clock_cases() -> list[Case]:
    return [(name, options, {}) for name in of_plugin("clock") for options in ({}, *CLOCK_OPTIONS.get(name, ()))]


def label(case: Case) -> str:
    name, options, context = case
    return "-".join(map(str, (name, *options.values(), *(type(part).__name__ for part in context.values()))))


def built(kind: str, case: Case) -> Any:
    name, options, context = case
    return si.build(kind, name, context=context, **options)


class TestInterpolants(InterpolantConformance):
    @pytest.fixture(params=interpolant_cases(), ids=label)
    def component(self, request: pytest.FixtureRequest) -> si.Interpolant:
        return built("interpolant", request.param)


class TestLatents(LatentConformance):
    @pytest.fixture(params=latent_cases(), ids=label)
    def component(self, request: pytest.FixtureRequest) -> si.Latent:
        return built("latent", request.param)


class TestDiffusions(DiffusionConformance):
    @pytest.fixture(params=diffusion_cases(), ids=label)
    def component(self, request: pytest.FixtureRequest) -> si.Diffusion:
        return built("diffusion", request.param)


class TestClocks(ClockConformance):
    @pytest.fixture(params=clock_cases(), ids=label)
    def component(self, request: pytest.FixtureRequest) -> si.Clock:
        return built("clock", request.param)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (
            "interpolant",
            {"linear", "trigonometric", "variance-matched-trigonometric", "encoder-decoder", "variance-preserving"}
            | {"vp-beta"},
        ),
        ("latent", {"none", *LATENT_OPTIONS}),
        (
            "diffusion",
            {"constant", "gamma", "likelihood-optimal", "follmer", "sine", "linear-decay", "measured"}
            | {"sine-squared", "cosine-decay"},
        ),
        ("clock", {"uniform", "sine", "shift"}),
    ],
)
def test_the_plugin_offers_what_it_promises(kind: str, names: set[str]) -> None:
    assert names <= set(of_plugin(kind))
