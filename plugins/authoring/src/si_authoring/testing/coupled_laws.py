"""Laws for a coupling to pair: two Gaussians, rows of two tables, or what installed plugins have.

Most couplings pair any two laws. Some want particular ones, such as data sets of equally many rows, or a class of their
own plugin; they are found by trying.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from si_authoring.testing.check import NotApplicable
from si_authoring.testing.doubles import Normal
from si_core import Condition, ConditionSpec, Coupling, Distribution, SIError, build
from si_core.public.discovery import available

__all__ = ["CONDITIONS", "Ends", "Labelled", "Table", "conditions_of", "ends_of"]

Ends = tuple[Distribution, Distribution]
"""A source and a target."""


CONDITIONS = {"half": ConditionSpec(classes=("negative", "positive")), "echo": ConditionSpec((3,))}


def conditions_of(x: Tensor) -> dict[str, Tensor]:
    """Conditions of each row, (B,) and (B, 3): whether its first entry is positive, and multiples of that entry."""
    first = x.flatten(1)[:, 0]
    return {"half": (first > 0).long(), "echo": torch.stack([first, -2 * first, 4 * first], 1)}


class Labelled(Normal):
    """``N(0, I)`` with a label and values that tell the first entry."""

    conditions = CONDITIONS

    def draw(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, Condition | None]:
        x = self.sample(n, generator)
        return x, conditions_of(x)


class Table(Distribution):
    """Rows of a table of Gaussian numbers, in float64, with a label and values that tell the first entry.

    Args:
        seed: of the numbers.
        conditional: whether there are conditions.
    """

    shape, size = (2,), 60

    def __init__(self, seed: int, conditional: bool) -> None:
        self._x = torch.randn(60, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        self.conditions = CONDITIONS if conditional else {}

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        return self.draw(n, generator)[0]

    def draw(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, Condition | None]:
        device = None if generator is None else generator.device
        return self.rows(torch.randint(60, (n,), generator=generator, device=device))

    def rows(self, index: Tensor) -> tuple[Tensor, Condition | None]:
        x = self._x.to(index.device)[index]
        return x, conditions_of(x) if self.conditions else None


def _candidates(coupling: Coupling) -> Iterator[Ends]:
    if coupling.source_from_target:
        for target in (Labelled(), Table(1, conditional=True)):
            yield coupling.source_of(target), target
        return
    if coupling.source_is_target:
        yield Labelled(), Labelled()
        return
    yield Normal(mean=1.0, deviation=2.0), Labelled()
    yield Table(0, conditional=False), Table(1, conditional=True)
    for found in available("distribution"):
        name = f"{found.plugin.distribution}/{found.component.name}"
        try:
            law: Distribution = build("distribution", name)
        except SIError:
            continue
        yield law, law


def ends_of(coupling: Coupling) -> Ends:
    """A source and a target that the coupling draws pairs of.

    Raises:
        NotApplicable: it refuses all that are at hand.
    """
    refusal: SIError | None = None
    for source, target in _candidates(coupling):
        try:
            coupling.draw(source, target, 4, torch.Generator().manual_seed(0))
        except SIError as error:
            refusal = refusal or error
            continue
        return source, target
    raise NotApplicable(f"it pairs none of the laws at hand: {refusal}")
