"""Consecutive states: x0 is the present state, x1 the one that is forecast.

    ``x0 = past_P + noise z``,    ``x1`` the target's draw,    z standard normal

Without noise the process goes from each present state to the law of what follows it (arXiv 2403.13724): it is anchored,
networks are given x0, and samples are drawn by an SDE, such as that of the diffusion ``follmer``. With noise the start
has a density, so that an ODE carries it as well; networks know the present state by the condition ``past``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import Condition, ConditionSpec, Coupling, DataError, Distribution, Pairs, UsageError

__all__ = ["Consecutive"]

_WHERE = "coupling consecutive"


class Consecutive(Coupling):
    """The newest of a window's past states as x0; a recipe needs no source.

    Args:
        noise: the size of the Gaussian noise added to x0, in model space, where a state has variance 1; 0 for none.

    Raises:
        UsageError: a size below 0.
        DataError: a target without the condition ``past``.
    """

    from_ends = True
    source_from_target = True

    def __init__(self, noise: Annotated[float, Field(ge=0)] = 0.0) -> None:
        if isinstance(noise, bool) or not 0 <= noise < float("inf"):
            raise UsageError("the size of noise", where=f"{_WHERE}: noise", got=repr(noise), allowed="a number >= 0")
        self.noise, self.anchored = float(noise), noise == 0

    def conditions_of(self, target: Distribution) -> Mapping[str, ConditionSpec]:
        """None of its own; refuses a target without past states."""
        _check(target)
        return {}

    def start(self, present: Tensor, generator: torch.Generator | None) -> Tensor:
        """x0 of present states (n, *event)."""
        if not self.noise:
            return present
        noise = torch.randn(present.shape, dtype=present.dtype, device=present.device, generator=generator)
        return present + self.noise * noise

    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """There are no batches to pair: a state is followed by its own."""
        raise UsageError(
            "consecutive states are drawn together", where=_WHERE, fix="draw(source, target, n, generator)"
        )

    def draw(
        self, source: Distribution, target: Distribution, n: int, generator: torch.Generator | None = None
    ) -> Pairs:
        """n windows: the present state, the one that follows, and what networks are given."""
        _check(target)
        return self._paired(*target.checked_draw(n, generator), generator)

    def pairs_of(
        self,
        source: Distribution,
        target: Distribution,
        x1: Tensor,
        condition: Condition | None,
        generator: torch.Generator | None = None,
    ) -> Pairs:
        """Given windows."""
        return self._paired(x1, condition, generator)

    def start_from(
        self, target: Distribution, condition: Condition, generator: torch.Generator
    ) -> tuple[Tensor, Condition] | None:
        """x0 of given past states."""
        return self.start(_present(condition), generator), condition

    def _paired(self, x1: Tensor, given: Condition | None, generator: torch.Generator | None) -> Pairs:
        return Pairs(self.start(_present(given), generator).to(x1), x1, given)


def _present(given: Condition | None) -> Tensor:
    if given is None or "past" not in given:
        raise _no_past("draws without it")
    return given["past"][:, -1]


def _check(target: Distribution) -> None:
    spec = target.conditions.get("past")
    if spec is None or spec.shape[1:] != tuple(target.shape):
        raise _no_past(f"{type(target).__name__}, conditions {', '.join(target.conditions) or 'none'}")


def _no_past(got: str) -> DataError:
    fix = "target: {use: series, past: 1, ...}"
    return DataError("the target has no past states", where=_WHERE, got=got, allowed="the condition `past`", fix=fix)
