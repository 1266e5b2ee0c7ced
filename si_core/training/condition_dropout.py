"""Conditions left out of some draws, so that networks learn the fields of the mixture over them as well.

With probability p a condition of a draw is left out; the minimiser where it is left out is ``E[. | x_t]``, and
where it is given ``E[. | x_t, y]`` as before (Ho and Salimans, arXiv 2207.12598, for guidance).

Draws whose data lack the condition get the weight p: among all draws without it, those with it and
those without then have the frequencies of the data, so what is learned is the mixture over all of them, whatever makes
a condition go missing. With several conditions the weights multiply.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch

from si_core.contract.condition import ConditionSpec
from si_core.contract.data import Draw
from si_core.contract.runtime import Runtime
from si_core.models.streams import reseed

__all__ = ["ConditionDropout"]


class ConditionDropout:
    """Leaves conditions out, each by itself.

    Args:
        specs: the conditions of the process.
        probabilities: of leaving a condition out, by name.
        seed: of the recipe.
        runtime: where draws are.
    """

    def __init__(
        self,
        specs: Mapping[str, ConditionSpec],
        probabilities: Mapping[str, float],
        seed: int,
        runtime: Runtime,
    ) -> None:
        # In the order of the process, whatever that of the recipe: it decides which random numbers are whose.
        self._probabilities = {name: probabilities[name] for name in specs if name in probabilities}
        self._specs, self._seed = specs, seed
        self._stream = runtime.generator()

    def applied(self, draw: Draw, step: int) -> Draw:
        """The draws of a step, with a condition left out in some of them.

        Args:
            draw: draws of the process; the second half of antithetic ones repeats the pairs of the first.
            step: the step, which names the random numbers.
        """
        if not draw.condition:
            return draw
        reseed(self._stream, self._seed, "conditions", 0, step)
        conditions, weight = dict(draw.condition), draw.weight
        for name, probability in self._probabilities.items():
            spec, values = self._specs[name], conditions[name]
            left_out = torch.rand(len(values) // (1 + draw.antithetic), generator=self._stream, device=values.device)
            left_out = left_out < probability
            if draw.antithetic:
                left_out = torch.cat([left_out, left_out])
            factor = torch.where(spec.is_absent(values), probability, 1.0).to(draw.xt.dtype)
            weight = factor if weight is None else weight * factor
            conditions[name] = torch.where(
                left_out.reshape(-1, *(1 for _ in values.shape[1:])), spec.absent(values), values
            )
        return replace(draw, condition=conditions, weight=weight)
