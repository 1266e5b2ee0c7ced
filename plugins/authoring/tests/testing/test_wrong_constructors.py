"""Constructors that draw: components of each kind, rejected by the check meant for it and in words that name it."""

from __future__ import annotations

import random
from typing import Annotated

import numpy as np
import pytest
import torch
from pydantic import Field
from torch import Tensor, nn

import si_core as si
from si_authoring.testing.doubles import Bridge, Heun, Independent, Line, Normal


class DrawsAScale(Bridge):
    def __init__(self) -> None:
        self.power = 1 + float(torch.rand(()))

    def gamma(self, t: Tensor) -> Tensor:
        return self.power * super().gamma(t)

    def gamma_gamma_dot(self, t: Tensor) -> Tensor:
        return self.power**2 * super().gamma_gamma_dot(t)


class DrawsAPowerWithPython(Line):
    def __init__(self) -> None:
        self.power = random.uniform(1.0, 2.0)

    def beta(self, t: Tensor) -> Tensor:
        return t**self.power


class DrawsAMeanWithNumPy(Normal):
    def __init__(self) -> None:
        super().__init__(deviation=0.5)
        self.mean = float(np.random.normal())


class AsksTheSystem(Normal):
    """No global generator is used, and each process has another law."""

    def __init__(self) -> None:
        super().__init__(deviation=0.5)
        self.mean = float(np.random.default_rng().normal())


class ShufflesAtFirst(Independent):
    independent = False

    def __init__(self) -> None:
        self.order = torch.randperm(2)

    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        return x0.flip(0) if int(self.order[0]) else x0, x1


class ChoosesItsSteps(Heun):
    def __init__(self) -> None:
        super().__init__(steps=random.randint(20, 200))


class ChoosesALevel(si.Diffusion):
    def __init__(self) -> None:
        self.level = float(torch.rand(()))

    def epsilon(self, t: Tensor, gamma: Tensor) -> Tensor:
        return torch.full_like(t, self.level)


class LearnedWithNumPy(nn.Module, Line):
    """A module may draw from torch's global generator, and from no other."""

    def __init__(self) -> None:
        super().__init__()
        self.bend = nn.Parameter(torch.tensor(np.random.uniform(), dtype=torch.float64))


class WeightsWithNumPy(nn.Module):
    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(np.random.normal(size=shape)))

    def forward(self, t: Tensor, x: Tensor) -> Tensor:
        return self.weight * x + t.reshape(-1, *(1 for _ in x.shape[1:]))


@pytest.mark.parametrize(
    ("kind", "component", "words"),
    [
        ("latent", DrawsAScale(), "its constructor draws from the global generator of torch"),
        ("interpolant", DrawsAPowerWithPython(), "its constructor draws from the global generator of random"),
        ("distribution", DrawsAMeanWithNumPy(), "its constructor draws from the global generator of numpy"),
        ("distribution", AsksTheSystem(), "two made with equal options differ"),
        ("coupling", ShufflesAtFirst(), "its constructor draws from the global generator of torch"),
        ("integrator", ChoosesItsSteps(), "its constructor draws from the global generator of random"),
        ("diffusion", ChoosesALevel(), "its constructor draws from the global generator of torch"),
        (
            "interpolant",
            LearnedWithNumPy(),
            "the global generator of numpy; a module may draw its weights from torch's",
        ),
    ],
    ids=lambda value: "" if isinstance(value, str) else type(value).__name__,
)
def test_a_constructor_that_draws(rejected, kind: str, component: object, words: str) -> None:
    rejected(kind, component, "made-alike", words)


def test_a_network_that_draws_its_weights_elsewhere(rejected) -> None:
    rejected("network", WeightsWithNumPy, "initial-weights", "the global generator of numpy; draw first weights from")


class Seeded(Normal):
    """A law drawn once, from a seed that is an option: right."""

    def __init__(self, seed: Annotated[int, Field(ge=0, le=si.Largest.SEED)] = 3) -> None:
        self.seed = seed
        mean = torch.randn((), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        super().__init__(mean=float(mean), deviation=0.5)


def test_an_option_may_seed(accepted) -> None:
    accepted("distribution", Seeded())
