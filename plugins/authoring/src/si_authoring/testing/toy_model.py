"""A small model of a conditional process, with networks of its own: for what watches, guides or exports models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from si_authoring.testing.doubles import Heun, Normal, process_between
from si_authoring.testing.setting import Setting
from si_core import Condition, ConditionSpec, LearnedFields, Model, Parametrisation, Predictor

__all__ = ["OPTIONAL", "Labelled", "given_conditions", "toy_fields", "toy_model"]

OPTIONAL = frozenset({"kind", "observation"})
"""The conditions of the toy."""


class Labelled(Normal):
    """A normal law whose draws have a label and a number."""

    conditions: ClassVar[Mapping[str, ConditionSpec]] = {
        "kind": ConditionSpec(classes=("low", "high")),
        "observation": ConditionSpec(),
    }

    def draw(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, Condition]:
        x = self.sample(n, generator)
        first = x.flatten(1)[:, 0]
        return x, {"kind": (first > self.mean).long(), "observation": first}


class _Network(nn.Module):
    """``tanh(a x + t + shift(kind) + c observation)``, element by element; what is left out adds nothing."""

    def __init__(self, a: float) -> None:
        super().__init__()
        self.a, self.c = nn.Parameter(torch.tensor(a)), nn.Parameter(torch.tensor(0.4))
        self.shift = nn.Parameter(torch.tensor([-0.7, 0.5, 0.0]))

    def forward(self, t: Tensor, x: Tensor, condition: Condition | None = None) -> Tensor:
        values = t.to(x).expand(len(x)) if len(x) else t.new_zeros(0)
        if condition:
            values = values + self.shift[condition["kind"]]
            values = values + self.c * condition["observation"].to(x).nan_to_num(0.0)
        return torch.tanh(self.a * x + values.reshape(-1, *(1 for _ in x.shape[1:])))


def toy_fields(setting: Setting, optional: frozenset[str] = OPTIONAL, conditional: bool = True) -> LearnedFields:
    """Velocity and denoiser by networks, for states of a setting.

    Args:
        setting: the event shape, precision and device.
        optional: the conditions that may be left out.
        conditional: whether there are conditions at all.
    """
    process = process_between(Normal(setting.event), (Labelled if conditional else Normal)(setting.event, 0.5, 0.8))
    predictor = Predictor([_Network(0.3), _Network(-0.6)], 2).to(setting.device, setting.dtype).requires_grad_(False)
    chosen = optional if conditional else frozenset[str]()
    form = Parametrisation(process.clock, precondition=True)
    return LearnedFields(process, ["velocity", "denoiser"], predictor, form, optional=chosen)


def toy_model(setting: Setting, conditional: bool = False) -> Model:
    """The model of these fields, sampled by the ODE."""
    fields = toy_fields(setting, conditional=conditional)
    return Model(fields.process, fields, Heun(8))


def given_conditions(setting: Setting) -> dict[str, Tensor]:
    """What the states of a setting are given."""
    return {
        "kind": setting.given("kind", torch.arange(setting.rows) % 2),
        "observation": setting.given("observation", torch.linspace(-1, 1, setting.rows, dtype=torch.float64)),
    }
