"""A user's own module is the network: tried in words before training, trained in place, copied where need be."""

from __future__ import annotations

import copy
import functools
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import si_core as si


class Of(nn.Module):
    """A module whose forward is a function of itself, t and x."""

    def __init__(self, function: Any, out: int = 2) -> None:
        super().__init__()
        self.layer, self.function = nn.Linear(3, out), function

    def forward(self, t: Tensor, x: Tensor) -> Any:
        return self.function(self.layer, t, x)


def plain(layer: nn.Module, t: Tensor, x: Tensor) -> Tensor:
    assert t.shape == (len(x),), "one time for each state"
    return layer(torch.cat([x, t[:, None]], 1))


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda layer, t, x: plain(layer, t, x)[:, :1], r"another shape than x.*\n.*\(2, 1\)"),
        (lambda layer, t, x: plain(layer, t, x).sum(1), r"another shape than x.*\n.*\(2,\)"),
        (lambda layer, t, x: plain(layer, t, x)[:1], r"another shape than x.*\n.*\(1, 2\)"),
        (lambda layer, t, x: plain(layer, t, x).double(), r"another precision than x.*\n.*float64"),
        (lambda layer, t, x: plain(layer, t, x).detach(), "does not depend on its parameters"),
        (lambda layer, t, x: plain(layer, t, x).detach().numpy(), r"gives no tensor.*\n.*ndarray"),
        (lambda layer, t, x: 0.0, r"gives no tensor.*\n.*float"),
        (lambda layer, t, x: layer(x), "fails on draws of the process"),
        (lambda layer, t, x: plain(layer, t, x.mul_(2)), "changes its arguments in place"),
        (lambda layer, t, x: plain(layer, t.mul_(1000), x), "changes its arguments in place"),
    ],
    ids=[
        "one column",
        "a number a row",
        "one row",
        "precision",
        "detached",
        "numpy",
        "float",
        "failing",
        "x in place",
        "t in place",
    ],
)
def test_a_wrong_module_is_refused_in_words(quick, table, function: Any, words: str) -> None:
    with pytest.raises(si.RecipeError, match=words) as caught:
        quick(table, network=Of(function))
    assert "network" in str(caught.value.where)


def test_other_wrong_networks_are_refused_in_words(quick, table, net) -> None:
    class Turned(nn.Module):
        def forward(self, x: Tensor, t: Tensor) -> Tensor:
            return x

    class Empty(nn.Module):
        def forward(self, t: Tensor, x: Tensor) -> Tensor:
            return x

    kept = Of(plain)
    kept.cache = kept.layer.weight * 2  # no leaf: it can't be copied
    for network, words in (
        (Turned(), "the time comes first"),
        (Empty(), "no parameters to train"),
        (net, "is a class"),
        (plain, "is no network"),
        (kept, "can't be copied"),
        (net().requires_grad_(False), "no parameters to train"),
    ):
        with pytest.raises(si.RecipeError, match=words):
            quick(table, network=network)
    with pytest.raises(si.RecipeError, match="takes no conditions"):
        quick(table, network=net(), condition=np.arange(200) % 2)


def test_a_module_is_trained_in_place_and_the_model_has_weights_of_its_own(quick, table) -> None:
    for average in (0.9, None):
        module = Of(plain)
        before = copy.deepcopy(module.state_dict())
        fitted = quick(table, network=module, train={"ema": average})
        drawn = fitted.sample(20)
        assert not torch.equal(before["layer.weight"], module.layer.weight)
        assert all(parameter.requires_grad for parameter in module.parameters())
        with torch.no_grad():
            module.layer.weight.zero_()
        np.testing.assert_array_equal(fitted.sample(20), drawn)
    warm = quick(table, network=module)
    assert torch.count_nonzero(module.layer.weight), "training goes on from the weights it has"
    assert warm.step == 5


def test_the_digits_are_those_of_a_module_from_a_recipe(quick, table) -> None:
    """A module in memory begins where it is, and learns by the same steps as one that a recipe builds."""
    named = quick(table, seed=4)
    untrained = quick(table, seed=4, steps=0)
    module = copy.deepcopy(untrained.model.fields.predictor.networks[0]).requires_grad_(True)
    own = quick(table, seed=4, network=module)
    learned = own.model.fields.predictor.networks[0].module.state_dict()
    for name, value in named.model.fields.predictor.networks[0].state_dict().items():
        assert torch.equal(learned[name], value)
    # In sampling it is given one time for each state, the other one for all: equal up to rounding.
    np.testing.assert_allclose(own.sample(40), named.sample(40), atol=1e-4 * table.std(0).max())


def test_several_objectives_are_learned_by_heads_or_copies(quick, table) -> None:
    both = {"objectives": ["velocity", "denoiser"], "latent": "brownian", "sample": {"epsilon": 0.5}}

    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 4)

        def forward(self, t: Tensor, x: Tensor, condition: Any = None) -> Tensor:
            return plain(self.layer, t, x).unflatten(1, (2, 2))

    shared, copied = quick(table, network=Heads(), **both), quick(table, network=Of(plain), **both)
    assert len(shared.model.fields.predictor.networks) == 1
    assert len(copied.model.fields.predictor.networks) == 2
    assert shared.sample(5).shape == copied.sample(5).shape == (5, 2)
    with pytest.raises(si.RecipeError, match="another shape"):
        quick(table, network={"use": Heads(), "shared": False}, **both)
    with pytest.raises(si.RecipeError, match="takes no options"):
        quick(table, network={"use": Of(plain), "width": 3})


def test_a_module_is_given_conditions_by_name(quick, table) -> None:
    seen: list[Any] = []

    class Told(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.kinds = nn.Linear(3, 2), nn.Embedding(3, 2)

        def forward(self, t: Tensor, x: Tensor, condition: Any = None) -> Tensor:
            seen.append({name: (tuple(v.shape), v.dtype) for name, v in condition.items()})
            return plain(self.layer, t, x) + self.kinds(condition["kind"]) * condition["dose"][:, None]

    given = {"kind": np.array(["a", "b", "c"])[np.arange(200) % 3], "dose": np.linspace(0, 1, 200)}
    fitted = quick(table, network=Told(), condition=given)
    assert fitted.sample(4, {"kind": "b", "dose": 0.3}).shape == (4, 2)
    assert all(found["kind"] == ((len_,), torch.int64) for found in seen for len_ in found["kind"][0])
    assert fitted.log_prob(table[:3], {"kind": "c", "dose": 0.1}).shape == (3,)


def test_double_precision_stays(quick, table) -> None:
    module = Of(plain).double()
    assert quick(table, network=module).model.dtype == torch.float64
    assert module.layer.weight.dtype == torch.float64


@pytest.mark.parametrize(
    "optimizer",
    [torch.optim.SGD, functools.partial(torch.optim.Adam, lr=1e-2), lambda parameters: torch.optim.AdamW(parameters)],
    ids=["class", "partial", "function"],
)
def test_optimizers_of_torch(quick, table, optimizer: Any) -> None:
    assert quick(table, train={"optimizer": optimizer}).step == 5


def test_likelihoods_of_a_module_of_ones_own(quick, table) -> None:
    fitted = quick(table, network=Of(plain), steps=200)
    # A Gaussian's density at its mean, and no more than it elsewhere.
    best = -np.log(2 * np.pi * table.std(0).prod())
    assert fitted.log_prob(table.mean(0, keepdims=True))[0] == pytest.approx(best, abs=1.0)


class Noisy(nn.Module):
    """A module with layers that draw in training, from torch's global generator."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 16), nn.Dropout(0.5), nn.Tanh(), nn.Linear(16, 2))

    def forward(self, t: Tensor, x: Tensor) -> Tensor:
        return self.layers(torch.cat([x, t[:, None]], 1))


@pytest.mark.parametrize("steps", [1, 4])
def test_layers_that_draw_do_so_from_the_seed_of_the_fit(quick, table, steps: int) -> None:
    module, found = Noisy(), []
    for seed, state in ((1, 5), (1, 6), (2, 5)):
        torch.manual_seed(state)
        before = torch.get_rng_state()
        fitted = quick(table, network=copy.deepcopy(module), seed=seed, steps=steps)
        assert torch.equal(torch.get_rng_state(), before), "the global generator moved"
        found.append(fitted.sample(5, seed=0))
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


def test_each_step_draws_anew(quick, table) -> None:
    masks: list[Tensor] = []

    class Watched(Noisy):
        def forward(self, t: Tensor, x: Tensor) -> Tensor:
            if self.training and len(x) == 16:
                masks.append(self.layers[1](torch.ones(64)))
            return super().forward(t, x)

    quick(table, network=Watched(), steps=4, train={"batch": 16})
    assert len({tuple(mask.tolist()) for mask in masks}) == len(masks) == 4


class Convolving(nn.Module):
    """A network of images, channels first."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, t: Tensor, x: Tensor) -> Tensor:
        return self.layer(x)


class Asking(nn.Module):
    """A network that asks for a condition by name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.layer, self.name = nn.Embedding(2, 2), name

    def forward(self, t: Tensor, x: Tensor, condition: Any = None) -> Tensor:
        assert condition[self.name].dtype == torch.int64
        return x + self.layer(condition[self.name])


def test_a_failing_network_is_told_what_probably_helps(quick, table) -> None:
    images = np.random.default_rng(0).normal(size=(20, 8, 8, 3))
    with pytest.raises(si.RecipeError, match=r"X\.transpose\(0, 3, 1, 2\)"):
        quick(images, network=Convolving())
    assert quick(images.transpose(0, 3, 1, 2), network=Convolving()).step == 5
    kinds = {"species": ["a", "b"] * 100}
    with pytest.raises(si.RecipeError, match="the conditions are called 'species'"):
        quick(table, network=Asking("kind"), condition=kinds)
    assert quick(table, network=Asking("species"), condition=kinds).sample(2, "b").shape == (2, 2)
