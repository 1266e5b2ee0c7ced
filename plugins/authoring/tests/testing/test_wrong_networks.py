"""Networks with one mistake each, rejected by the check meant for it and in words that name it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Annotated

import numpy
import pytest
import torch
from pydantic import Field
from torch import Tensor, nn

from si_core import Condition, ConditionSpec, Largest, UsageError

Specs = Mapping[str, ConditionSpec]
Width = Annotated[int, Field(ge=1, le=Largest.WIDTH)]


class Small(nn.Module):
    """Two layers on (t, x) and what is given beside, for events of any shape."""

    def __init__(
        self,
        shape: tuple[int, ...],
        heads: int | None = None,
        conditions: Specs | None = None,
        width: Width = 8,
    ) -> None:
        super().__init__()
        self.shape, self.heads = shape, heads
        size = math.prod(shape)
        self.first = nn.Linear(size + 1, width)
        self.last = nn.Linear(width, (heads or 1) * size)
        self.conditions = dict(conditions or {})
        self.of_conditions = nn.ModuleDict(
            {
                name: nn.Linear(math.prod(spec.shape), width)
                if spec.classes is None
                else nn.Embedding(len(spec.classes), width)
                for name, spec in self.conditions.items()
            }
        )

    def told(self, condition: Condition | None, x: Tensor) -> Tensor | float:
        total: Tensor | float = 0.0
        for name, spec in self.conditions.items():
            values = (condition or {})[name]
            total = total + self.of_conditions[name](values if spec.classes else values.to(x).flatten(1))
        return total

    def middle(self, hidden: Tensor) -> Tensor:
        return torch.tanh(hidden)

    def forward(self, t: Tensor, x: Tensor, condition: Condition | None = None) -> Tensor:
        time = t.to(x).expand(len(x)).unsqueeze(1)
        hidden = self.first(torch.cat([time, x.flatten(1)], 1)) + self.told(condition, x)
        heads = () if self.heads is None else (self.heads,)
        return self.last(self.middle(hidden)).reshape(len(x), *heads, *self.shape)


class Plain(Small):
    """One that knows neither heads nor conditions, to make mistakes in."""

    def __init__(self, shape: tuple[int, ...], width: Width = 8) -> None:
        super().__init__(shape, width=width)


class MixesRows(Plain):
    def __init__(self, shape: tuple[int, ...], width: Width = 8) -> None:
        super().__init__(shape, width)
        self.norm = nn.BatchNorm1d(width)

    def middle(self, hidden: Tensor) -> Tensor:
        return torch.tanh(self.norm(hidden))


class DropsOut(Plain):
    def middle(self, hidden: Tensor) -> Tensor:
        return nn.functional.dropout(torch.tanh(hidden), 0.1, self.training)


class IdleParameter(Plain):
    def __init__(self, shape: tuple[int, ...], width: Width = 8) -> None:
        super().__init__(shape, width)
        self.gain = nn.Parameter(torch.ones(width))


class CutOff(Plain):
    def middle(self, hidden: Tensor) -> Tensor:
        return torch.tanh(hidden).detach()


class ForgetsHeads(Small):
    def __init__(self, shape: tuple[int, ...], heads: int | None = None) -> None:
        super().__init__(shape)


class FlattensTheEvent(Plain):
    def forward(self, t: Tensor, x: Tensor, condition: Condition | None = None) -> Tensor:
        return super().forward(t, x).flatten(1)


class IgnoresTime(Plain):
    def forward(self, t: Tensor, x: Tensor, condition: Condition | None = None) -> Tensor:
        return super().forward(torch.zeros_like(t), x)


class IgnoresConditions(Small):
    def __init__(self, shape: tuple[int, ...], conditions: Specs | None = None) -> None:
        super().__init__(shape)

    def told(self, condition: Condition | None, x: Tensor) -> Tensor | float:
        return 0.0


class IgnoresLabels(Small):
    """Hears values, and takes no label."""

    def __init__(self, shape: tuple[int, ...], conditions: Specs | None = None) -> None:
        super().__init__(shape, conditions={name: s for name, s in (conditions or {}).items() if s.classes is None})


class IgnoresTheObservation(Small):
    """Hears labels, and the given x0: whatever has the shape of x."""

    def __init__(self, shape: tuple[int, ...], conditions: Specs | None = None) -> None:
        heard = {name: s for name, s in (conditions or {}).items() if s.classes is not None or s.shape == shape}
        super().__init__(shape, conditions=heard)


class ValuesOfTheShapeOfX(Small):
    """Adds values to x: those of another shape fail, or spread over it."""

    def __init__(self, shape: tuple[int, ...], conditions: Specs | None = None) -> None:
        super().__init__(shape)

    def forward(self, t: Tensor, x: Tensor, condition: Condition | None = None) -> Tensor:
        values = [value for value in (condition or {}).values() if value.is_floating_point()]
        return super().forward(t, sum(values, x))


class LabelsByPosition(Small):
    """Looks up the label of the first row for all."""

    def __init__(self, shape: tuple[int, ...], conditions: Specs | None = None) -> None:
        super().__init__(shape, conditions=conditions)

    def told(self, condition: Condition | None, x: Tensor) -> Tensor | float:
        first = condition and {name: values[:1].expand_as(values) for name, values in condition.items()}
        return super().told(first, x)


class Telling(Small):
    """One that knows conditions, to make mistakes with their values in."""

    def __init__(self, shape: tuple[int, ...], conditions: Specs | None = None) -> None:
        super().__init__(shape, conditions=conditions)

    def heard(self, values: Tensor, x: Tensor) -> Tensor:
        return values

    def told(self, condition: Condition | None, x: Tensor) -> Tensor | float:
        told = {n: v if self.conditions[n].classes else self.heard(v, x) for n, v in (condition or {}).items()}
        return super().told(told, x)


class ValuesInSinglePrecision(Telling):
    def heard(self, values: Tensor, x: Tensor) -> Tensor:
        return values.float()


class ValuesLeftInTheirDtype(Small):
    """Multiplies float64 weights with what was made float32: torch refuses."""

    def __init__(self, shape: tuple[int, ...], conditions: Specs | None = None) -> None:
        super().__init__(shape, conditions=conditions)

    def told(self, condition: Condition | None, x: Tensor) -> Tensor | float:
        float32 = {n: v.float() if v.is_floating_point() else v for n, v in (condition or {}).items()}
        return sum((self.of_conditions[n](v if v.ndim == 1 else v.flatten(1)) for n, v in float32.items()), 0.0)


class FirstNumberOfValues(Telling):
    """Hears the first number of an observation, as if it were of shape ()."""

    def heard(self, values: Tensor, x: Tensor) -> Tensor:
        return values.flatten(1)[:, :1].expand(-1, values[0].numel())


class ValuesOfTheBatch(Telling):
    """Reads an observation (B, 3) as (3, B): numbers of other rows."""

    def heard(self, values: Tensor, x: Tensor) -> Tensor:
        return values.flatten(1).T.reshape(len(values), -1)


class NeedsAValueForEach(Telling):
    def heard(self, values: Tensor, x: Tensor) -> Tensor:
        return torch.cat([values.flatten(1), x.flatten(1)], 1)[:, : values[0].numel()]


class OneValueIsHalf(Telling):
    def heard(self, values: Tensor, x: Tensor) -> Tensor:
        return values / 2 if len(values) < len(x) else values


class NeedsATimeForEach(Plain):
    def forward(self, t: Tensor, x: Tensor, condition: Condition | None = None) -> Tensor:
        return super().forward(t[:, None].squeeze(1), x)


class OneTimeIsHalf(Plain):
    def forward(self, t: Tensor, x: Tensor, condition: Condition | None = None) -> Tensor:
        return super().forward(t / 2 if t.ndim == 0 else t, x)


class DetachesTheState(Plain):
    def forward(self, t: Tensor, x: Tensor, condition: Condition | None = None) -> Tensor:
        return super().forward(t, x.detach())


class HalfDetached(Plain):
    def forward(self, t: Tensor, x: Tensor, condition: Condition | None = None) -> Tensor:
        return super().forward(t, x) + x.detach()


class OffersDivergence(Plain):
    """Its divergence by autograd, as the contract asks for it."""

    def with_divergence(
        self, t: Tensor, x: Tensor, condition: Condition | None = None, probes: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        kept = torch.is_grad_enabled()
        with torch.enable_grad():
            x = x if x.requires_grad else x.detach().requires_grad_()
            value = self(t, x, condition)
            units = torch.eye(x[0].numel(), dtype=x.dtype).reshape(-1, 1, *self.shape).expand(-1, *x.shape)
            products = [
                (torch.autograd.grad((value * v).sum(), x, create_graph=True)[0] * v).flatten(1).sum(1)
                for v in (units if probes is None else probes)
            ]
        divergence = torch.stack(products, -1)
        divergence = divergence.sum(-1) if probes is None else divergence
        return (value, divergence) if kept else (value.detach(), divergence.detach())


class HalfTheDivergence(OffersDivergence):
    def with_divergence(self, *arguments: Tensor | None) -> tuple[Tensor, Tensor]:
        value, divergence = super().with_divergence(*arguments)
        return value, divergence / 2


class DivergenceOfAnother(OffersDivergence):
    def with_divergence(self, *arguments: Tensor | None) -> tuple[Tensor, Tensor]:
        value, divergence = super().with_divergence(*arguments)
        return 2 * value, divergence


class DivergenceCutOff(OffersDivergence):
    def with_divergence(self, *arguments: Tensor | None) -> tuple[Tensor, Tensor]:
        value, divergence = super().with_divergence(*arguments)
        return value, divergence.detach()


class DivergenceForEachProbeFirst(OffersDivergence):
    def with_divergence(self, *arguments: Tensor | None) -> tuple[Tensor, Tensor]:
        value, divergence = super().with_divergence(*arguments)
        return value, divergence.movedim(-1, 0)


class InheritsADivergence(HalfTheDivergence):
    """Changes what forward gives, so that the divergence it inherits is not its own, and not asked for."""

    def forward(self, t: Tensor, x: Tensor, condition: Condition | None = None) -> Tensor:
        return super().forward(t, x) + x


class ChangesTheState(Plain):
    def forward(self, t: Tensor, x: Tensor, condition: Condition | None = None) -> Tensor:
        with torch.no_grad():
            x.mul_(0.5)
        return super().forward(t, x)


class ChangesTheTime(Plain):
    def forward(self, t: Tensor, x: Tensor, condition: Condition | None = None) -> Tensor:
        return super().forward(t.mul_(1000.0), x)


class WeightsOfNumpy(Plain):
    def __init__(self, shape: tuple[int, ...], width: Width = 8) -> None:
        super().__init__(shape, width)
        self.gain = nn.Parameter(torch.from_numpy(numpy.random.rand(width)).float())

    def middle(self, hidden: Tensor) -> Tensor:
        return torch.tanh(self.gain * hidden)


class WeightsOfTheMoment(Plain):
    def __init__(self, shape: tuple[int, ...], width: Width = 8) -> None:
        super().__init__(shape, width)
        generator = torch.Generator()
        generator.seed()
        nn.init.normal_(self.first.weight, generator=generator)


class KeepsFrequenciesToItself(Plain):
    """Random features that no state dict knows: a loaded model has others."""

    def __init__(self, shape: tuple[int, ...], width: Width = 8) -> None:
        super().__init__(shape, width)
        self.register_buffer("frequencies", torch.randn(width), persistent=False)

    def middle(self, hidden: Tensor) -> Tensor:
        return torch.sin(self.frequencies * hidden)


class OddState(Plain):
    def get_extra_state(self) -> str:
        return "notes"

    def set_extra_state(self, state: object) -> None:
        pass


class HoldsAConstantHere(Plain):
    def middle(self, hidden: Tensor) -> Tensor:
        return torch.tanh(hidden + torch.arange(hidden.shape[1], dtype=hidden.dtype))


class SinglePrecision(Plain):
    def forward(self, t: Tensor, x: Tensor, condition: Condition | None = None) -> Tensor:
        return super().forward(t, x).float()


def no_module(shape: tuple[int, ...]) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda t, x: x


class RefusesAll(Plain):
    def __init__(self, shape: tuple[int, ...]) -> None:
        raise UsageError("no event shape suits this network")


@pytest.mark.parametrize(
    ("component", "check", "words"),
    [
        (MixesRows, "rows-independent", "depends on other rows"),
        (DropsOut, "own-randomness", "global generator of torch"),
        (IdleParameter, "gradients", "no gradient reaches its parameter 'gain'"),
        (CutOff, "gradients", "'first.weight', 'first.bias'"),
        (ForgetsHeads, "shape-and-dtype", "with 2 heads at states of shape (6, 2), torch.float64 has shape (6, 2)"),
        (FlattensTheEvent, "shape-and-dtype", "has shape (6, 12) instead of (6, 3, 4)"),
        (IgnoresTime, "inputs-heard", "does not depend on t"),
        (IgnoresConditions, "inputs-heard", "does not depend on the condition"),
        (IgnoresLabels, "inputs-heard", "does not depend on the condition 'species'"),
        (IgnoresTheObservation, "inputs-heard", "does not depend on the condition 'observation'"),
        (ValuesOfTheShapeOfX, "shape-and-dtype", "must match"),
        (ValuesInSinglePrecision, "inputs-heard", "digits beyond single precision of the condition 'observation'"),
        (ValuesLeftInTheirDtype, "shape-and-dtype", "same dtype"),
        (FirstNumberOfValues, "inputs-heard", "does not depend on number 1 of the condition 'observation'"),
        (ValuesOfTheBatch, "rows-independent", "depends on other rows"),
        (NeedsAValueForEach, "one-value", "Sizes of tensors must match"),
        (OneValueIsHalf, "one-value", "one value of a condition gives something else"),
        (LabelsByPosition, "rows-independent", "depends on other rows"),
        (NeedsATimeForEach, "shape-and-dtype", "too many indices"),
        (OneTimeIsHalf, "one-time", "one time of shape ()"),
        (DetachesTheState, "derivative", "it was detached"),
        (HalfDetached, "derivative", "not that of the output"),
        (HalfTheDivergence, "own-divergence", "not that of its output"),
        (DivergenceOfAnother, "own-divergence", "not that of its output"),
        (DivergenceCutOff, "own-divergence", "can't be differentiated"),
        (DivergenceForEachProbeFirst, "own-divergence", "has shape (2, 6) instead of (6, 2)"),
        (ChangesTheState, "inputs-unchanged", "changes its inputs in place: x"),
        (ChangesTheTime, "inputs-unchanged", "changes its inputs in place: t"),
        (WeightsOfNumpy, "initial-weights", "draws from the global generator of numpy"),
        (WeightsOfTheMoment, "initial-weights", "differ in 'first.weight'"),
        (KeepsFrequenciesToItself, "state", "gives something else"),
        (OddState, "state", "which is no tensor"),
        (HoldsAConstantHere, "device", "elsewhere"),
        (SinglePrecision, "shape-and-dtype", "loses the states' dtype"),
        (no_module, "shape-and-dtype", "no torch.nn.Module but function"),
        (RefusesAll, "shape-and-dtype", "refuses every event shape"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_wrong_network(rejected, component: Callable[..., nn.Module], check: str, words: str) -> None:
    rejected("network", component, check, words)


class OfPairs(Plain):
    """Refuses every event but (2,)."""

    def __init__(self, shape: tuple[int, ...], width: Width = 8) -> None:
        if shape != (2,):
            raise UsageError("for points of the plane", got=str(shape))
        super().__init__(shape, width)


class StartsAtZero(Plain):
    """A last layer of zeros, as residual networks start: no gradient passes it before the first step."""

    def __init__(self, shape: tuple[int, ...], width: Width = 8) -> None:
        super().__init__(shape, width)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)


def of_the_plane() -> nn.Module:
    """Made for one shape, and given none."""
    return Plain((2,))


@pytest.mark.parametrize(
    "component",
    [
        Small,
        Plain,
        OfPairs,
        StartsAtZero,
        OffersDivergence,
        InheritsADivergence,
        of_the_plane,
        functools.partial(Small, width=5),
        lambda shape: Small(shape),
    ],
    ids=[
        "with all",
        "plain",
        "of pairs",
        "starts at zero",
        "offers its divergence",
        "inherits another's divergence",
        "given no shape",
        "with options",
        "of its shape",
    ],
)
def test_a_right_one_is_accepted(accepted, component: Callable[..., nn.Module]) -> None:
    accepted("network", component)
