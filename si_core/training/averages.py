"""Running averages of the weights: one by a decay, or some of power-function profiles.

The decay is ``min(d, (1 + k)/(10 + k))`` after k steps, so that the start is forgotten; the others forget it by
themselves (:mod:`si_core.models.power_profile`). Each average is first the weights after the first step.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from si_core.models.power_profile import exponent
from si_core.recipes.training import PowerAverages
from si_core.training.spread_tensors import is_sharded, local

__all__ = ["Average", "Averages"]


class Average(nn.Module):
    """A running average of weights, in networks of its own; what is no parameter is as in the last step.

    Args:
        networks: whose weights; they are looked at again at each step, and must stay the same objects.
        weight: of a step's weights beside the average so far, by the steps taken before it.
    """

    steps: Tensor

    def __init__(self, networks: nn.Module, weight: Callable[[int], float]) -> None:
        super().__init__()
        self.module = copy.deepcopy(networks)
        self._networks, self._weight = (networks,), weight
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self._count: int | None = None
        self._pairs: tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]] | None = None
        self.register_load_state_dict_post_hook(Average._forget)  # type: ignore[no-untyped-call]

    @property
    def count(self) -> int:
        """The steps that are averaged over."""
        if self._count is None:
            self._count = int(self.steps)
        return self._count

    @torch.no_grad()
    def update(self) -> None:
        """Take the weights in as they are after a step."""
        # Walking through the modules of deep networks takes ten times as long as the sums.
        own, weights, buffers, values = self._pairs = self._pairs or self._found()
        if any(map(is_sharded, own)):
            # Each process averages its part; torch has no rule for such sums over lists of tensors that are spread.
            own, weights = [local(value) for value in own], [local(value) for value in weights]
        if self.count == 0:
            torch._foreach_copy_(own, weights)
        else:
            torch._foreach_lerp_(own, weights, self._weight(self.count))
        if buffers:
            torch._foreach_copy_(buffers, values)
        self._count = self.count + 1
        self.steps.fill_(self._count)

    def _found(self) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]:
        own, other = self.module, self._networks[0]
        return list(own.parameters()), list(other.parameters()), list(own.buffers()), list(other.buffers())

    def _forget(self, keys: object) -> None:
        self._count = None


class Averages:
    """The averages that a recipe asks for; the first of them is the one that is sampled unless another is chosen.

    Args:
        predictor: the networks.
        chosen: ``train.ema``: a decay, power-function averages, or None for no average.
    """

    def __init__(self, predictor: nn.Module, chosen: float | PowerAverages | None) -> None:
        self._predictor = predictor
        self.groups: dict[str, Average] = {}
        """The averages, by the group of tensors that a checkpoint has for each."""
        self.lengths: dict[float, nn.Module] = {}
        """The averaged networks, by the relative length of their profiles; empty for a decay."""
        if isinstance(chosen, PowerAverages):
            for index, length in enumerate(chosen.lengths):
                average = Average(predictor, _by_power(exponent(length)))
                self.groups[f"average-{index + 1}" if index else "average"] = average
                self.lengths[length] = average.module
        elif chosen is not None:
            self.groups["average"] = Average(predictor, _by_decay(chosen))

    @property
    def first(self) -> nn.Module:
        """The networks of the first average; the networks themselves where there is none."""
        return self.groups["average"].module if self.groups else self._predictor

    @property
    def count(self) -> int:
        """The steps that are averaged over."""
        return self.groups["average"].count if self.groups else 0

    def update(self) -> None:
        """Take the weights in as they are after a step."""
        for average in self.groups.values():
            average.update()


def _by_decay(decay: float) -> Callable[[int], float]:
    return lambda done: 1 - min(decay, (1 + done) / (10 + done))


def _by_power(exponent: float) -> Callable[[int], float]:
    return lambda done: 1 - (done / (done + 1)) ** (exponent + 1)
