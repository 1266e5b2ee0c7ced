"""What can't work is refused before the first step, with the line of the recipe and with what would do."""

from __future__ import annotations

import re

import pytest
import torch

import si_core as si
from si_core.models.assembly import assemble

for plugin in (
    "si_interpolants",
    "si_distributions",
    "si_integrators",
    "si_objectives",
    "si_networks",
    "si_recipes",
):
    pytest.importorskip(plugin)

TWO_SIDED = """\
    title: refused
    source: two-moons
    target: eight-gaussians
    latent: brownian
    objectives: [velocity, denoiser]
    network: {use: mlp, width: 8, depth: 1}
    sample:
      integrator: {use: stochastic-heun, steps: 5}
      epsilon: 0.5
    """
OBJECTIVES, INTEGRATOR, EPSILON = "[velocity, denoiser]", "{use: stochastic-heun, steps: 5}", "epsilon: 0.5"


def changed(*pairs: tuple[str, str]) -> str:
    text = TWO_SIDED
    for old, new in pairs:
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text


def refused(recipe, text: str, place: str, *words: str) -> None:
    loaded = recipe(text)
    with pytest.raises(si.RecipeError) as caught:
        assemble(loaded)
    message = str(caught.value)
    assert re.match(rf".*r\.yaml:{place}: ", message), message
    for word in words:
        assert re.search(word, message), f"{word!r} is not in: {message}"


def test_the_recipe_as_it_stands_is_fine(recipe):
    assembly = assemble(recipe(TWO_SIDED))
    assert assembly.fields.names == ("velocity", "denoiser")
    assert assembly.sampler.integrator.stochastic


@pytest.mark.parametrize("objectives", ["[velocity]", "[interpolant-velocity]"])
def test_an_sde_from_a_velocity_alone(recipe, objectives):
    text = changed((OBJECTIVES, objectives))
    refused(
        recipe, text, "5:13", "an SDE can't be had", "got objectives", r"any of these.*denoiser.*score", "`denoiser`"
    )


def test_what_the_refusal_allows_suffices(recipe):
    """Each objective named by the refusal does bring the SDE within reach."""
    with pytest.raises(si.RecipeError) as caught:
        assemble(recipe(changed((OBJECTIVES, "[velocity]"))))
    allowed = str(caught.value.allowed).split(": ")[1].split(", ")
    assert set(allowed) == {"denoiser", "score", "source-denoiser", "target-denoiser"}
    for name in allowed:
        assemble(recipe(changed((OBJECTIVES, f"[velocity, {name}]"))))


def test_an_ode_from_a_denoiser_alone(recipe):
    text = changed((OBJECTIVES, "[denoiser]"), (INTEGRATOR, "rk4"), (EPSILON, "epsilon: 0"))
    refused(recipe, text, "5:13", "the ODE can't be had", "velocity", "interpolant-velocity")


@pytest.mark.parametrize("latent", ["none", "brownian"])
@pytest.mark.parametrize("objective", si.FIELDS)
def test_one_field_suffices_with_a_gaussian_source(recipe, objective, latent):
    source = ("source: two-moons", "source: gaussian")
    # Without a latent the noise is gone at t = 1: a constant level has no bounded drift there, one that vanishes has.
    level = [] if latent == "brownian" else [(EPSILON, "epsilon: gamma")]
    assembly = assemble(recipe(changed((OBJECTIVES, f"[{objective}]"), source, ("brownian", latent), *level)))
    assert assembly.fields.names == (objective,)


def test_an_sde_where_there_is_no_noise_at_all(recipe):
    refused(recipe, changed(("brownian", "none"), (OBJECTIVES, "[velocity]")), "5:13", "score", "latent: brownian")


def test_a_score_without_noise(recipe):
    for objective in ("score", "denoiser"):
        text = changed(
            ("brownian", "none"),
            (OBJECTIVES, f"[velocity, {objective}]"),
            (INTEGRATOR, "rk4"),
            (EPSILON, "epsilon: 0"),
        )
        refused(recipe, text, "5:13", f"no {objective}", "neither a latent nor a standard normal source")


def test_a_method_of_sdes_without_noise_solves_the_ode(recipe):
    assert assemble(recipe(changed((EPSILON, "epsilon: 0")))).sampler.integrator.stochastic


@pytest.mark.parametrize("level", ["0.5", "gamma", "{use: constant, level: 2.0}"])
def test_an_ode_integrator_with_noise(recipe, level):
    text = changed((INTEGRATOR, "rk4"), (EPSILON, f"epsilon: {level}"))
    refused(recipe, text, "8:15", "'rk4' solves ODEs", r"r\.yaml:9:12", "stochastic-heun")


@pytest.mark.parametrize("level", ["0.5", "gamma"])
def test_the_integrator_left_out_fits_the_noise(recipe, level):
    for epsilon, stochastic in ((level, True), ("0", False)):
        text = changed((f"  integrator: {INTEGRATOR}\n", ""), (EPSILON, f"epsilon: {epsilon}"))
        assert assemble(recipe(text)).sampler.integrator.stochastic is stochastic


@pytest.mark.fault(21)
def test_source_and_target_of_different_shapes(recipe):
    text = changed(("source: two-moons", "source: {use: gaussian, dim: 3}"))
    refused(recipe, text, "2:9", "different event shapes", r"\(3,\).*\(2,\)", r"the shape \[2\]")


def test_a_field_learned_twice(recipe):
    refused(recipe, changed((OBJECTIVES, "[velocity, denoiser, velocity]")), "5:13", "learned twice", "one objective")


def test_antithetic_pairs_without_a_latent(recipe):
    text = changed(
        ("brownian", "none"), (OBJECTIVES, "[velocity]"), ("sample:", "train: {antithetic: true}\n    sample:")
    )
    refused(recipe, text, "7:21", "antithetic", "auto")


def test_the_ode_of_a_mirror(recipe):
    text = changed(
        ("source: two-moons", "coupling: mirror"),
        (OBJECTIVES, "[denoiser]"),
        (INTEGRATOR, "rk4"),
        (EPSILON, "epsilon: 0"),
    )
    refused(recipe, text, "9:12", "mirror", "data themselves", "epsilon > 0")


def test_a_condition_that_the_target_does_not_have(recipe):
    refused(recipe, changed((EPSILON, "condition: 3\n      epsilon: 0.5")), "9:14", "takes no condition")
    digits = si.load_recipe("digits", ["network.width=8", "network.depth=1", "sample.condition=10"])
    with pytest.raises(si.RecipeError, match=r"sample\.condition=10[\s\S]*no class 10[\s\S]*one of 0, 1"):
        assemble(digits)


NETWORKS = {
    "an image network": (
        """
        import torch
        class Net(torch.nn.Module):
            def __init__(self, shape: tuple[int, ...], heads: int | None = None) -> None:
                super().__init__()
                self.layer = torch.nn.Conv2d(1, (heads or 1), 3, padding=1)
            def forward(self, t, x, condition=None):
                return self.layer(x).reshape(len(x), -1, *x.shape[1:])
        """,
        ("fails on draws of the process", r"r\.yaml:3:9"),
    ),
    "an image network that looks at the shape": (
        """
        import torch
        from si_core import UsageError
        class Net(torch.nn.Module):
            def __init__(self, shape: tuple[int, ...], heads: int | None = None) -> None:
                super().__init__()
                if len(shape) != 3:
                    raise UsageError("events are no images", got=f"shape {shape}")
            def forward(self, t, x, condition=None):
                return x
        """,
        ("events are no images", r"shape \(2,\)"),
    ),
    "outputs that would be broadcast": (
        """
        import torch
        class Net(torch.nn.Module):
            def __init__(self, shape: tuple[int, ...], heads: int | None = None) -> None:
                super().__init__()
                self.layer = torch.nn.Linear(2, 2)
            def forward(self, t, x, condition=None):
                return self.layer(x).unsqueeze(-1)
        """,
        (r"another shape than the events", r"\(1,\), \(1,\)", r"r\.yaml:3:9"),
    ),
    "one output too many": (
        """
        import torch
        class Net(torch.nn.Module):
            def __init__(self, shape: tuple[int, ...], heads: int | None = None) -> None:
                super().__init__()
                self.layer = torch.nn.Linear(2, 6)
            def forward(self, t, x, condition=None):
                return self.layer(x).reshape(-1, 3, 2)
        """,
        (r"another shape than the events", "each of 2 objectives"),
    ),
}


@pytest.mark.fault(21)
@pytest.mark.parametrize("case", NETWORKS)
def test_a_network_that_does_not_fit_the_events(recipe, stranger, case):
    source, words = NETWORKS[case]
    stranger("network", "net", "Net", source)
    refused(recipe, changed(("{use: mlp, width: 8, depth: 1}", "net")), "6:10", *words)


def test_the_trial_of_a_network_leaves_no_trace(recipe):
    """Neither the global generator nor buffers nor the mode of training are changed by it."""
    state = torch.get_rng_state()
    first, second = (assemble(recipe(TWO_SIDED)).fields.predictor for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert first.training
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
        assert a.grad is None
        assert a.requires_grad


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_networks_have_the_precision_of_the_data(recipe, dtype):
    law = f"{{use: gaussian-mixture, means: [[0.0, 1.0]], dtype: {dtype}}}"
    text = changed(
        ("source: two-moons", f"source: {law}"),
        ("target: eight-gaussians", f"target: {law}"),
        ("sample:", "train: {steps: 2, batch: 8}\n    sample:"),
    )
    model = si.train(recipe(text))
    assert model.dtype == getattr(torch, dtype)
    assert si.sample(model, 3).dtype == getattr(torch, dtype)
