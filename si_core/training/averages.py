"""Running averages of the weights: one by a decay, or some of power-function profiles.

The decay is ``min(d, (1 + k)/(10 + k))`` after k steps, so that the start is forgotten; the others forget it by
themselves (:mod:`si_core.models.power_profile`). Each average is first the weights after the first step.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from si_core.models.power_profile import exponent
from si_core.recipes.training import PowerAverages

__all__ = ["Averages"]


class Averages:
    """The averages that a recipe asks for; the first of them is the one that is sampled unless another is chosen.

    Args:
        predictor: the networks.
        chosen: ``train.ema``: a decay, power-function averages, or None for no average.
    """

    def __init__(self, predictor: nn.Module, chosen: float | PowerAverages | None) -> None:
        self._predictor = predictor
        self.groups: dict[str, AveragedModel] = {}
        """The averages, by the group of tensors that a checkpoint has for each."""
        self.lengths: dict[float, nn.Module] = {}
        """The averaged networks, by the relative length of their profiles; empty for a decay."""
        if isinstance(chosen, PowerAverages):
            for index, length in enumerate(chosen.lengths):
                average = AveragedModel(predictor, multi_avg_fn=_by_power(exponent(length)))
                self.groups[f"average-{index + 1}" if index else "average"] = average
                self.lengths[length] = average.module
        elif chosen is not None:
            self.groups["average"] = AveragedModel(predictor, multi_avg_fn=_by_decay(chosen))

    @property
    def first(self) -> nn.Module:
        """The networks of the first average; the networks themselves where there is none."""
        module: nn.Module = self.groups["average"].module if self.groups else self._predictor
        return module

    @property
    def count(self) -> int:
        """The steps that are averaged over."""
        return int(self.groups["average"].n_averaged) if self.groups else 0

    def update(self) -> None:
        """Take the weights in as they are after a step."""
        for average in self.groups.values():
            average.update_parameters(self._predictor)


def _by_decay(decay: float) -> Any:
    def update(averages: list[Tensor], values: list[Tensor], count: Tensor | int) -> None:
        done = int(count)
        torch._foreach_lerp_(averages, values, 1 - min(decay, (1 + done) / (10 + done)))

    return torch.no_grad()(update)


def _by_power(exponent: float) -> Any:
    def update(averages: list[Tensor], values: list[Tensor], count: Tensor | int) -> None:
        done = int(count)
        torch._foreach_lerp_(averages, values, 1 - (done / (done + 1)) ** (exponent + 1))

    return torch.no_grad()(update)
