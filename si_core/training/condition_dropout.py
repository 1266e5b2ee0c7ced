"""Conditions left out of some draws, so that networks learn the fields of the mixture over them as well.

With probability p a draw is told nothing of a condition; the minimiser where it is left out is ``E[. | x_t]``, and
where it is told ``E[. | x_t, y]`` as before (Ho and Salimans, arXiv 2207.12598, for guidance).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from si_core.contract.condition import Condition, ConditionSpec
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

    def applied(self, condition: Condition | None, step: int, antithetic: bool) -> Condition | None:
        """The condition of a step's draws, left out of some of them.

        Args:
            condition: of the draws, each (B, *shape).
            step: the step, which names the random numbers.
            antithetic: whether the second half of the draws repeats the pairs of the first.
        """
        if not condition:
            return condition
        reseed(self._stream, self._seed, "conditions", 0, step)
        told = dict(condition)
        for name, probability in self._probabilities.items():
            values = told[name]
            count = len(values) // (1 + antithetic)
            left_out = torch.rand(count, generator=self._stream, device=values.device) < probability
            if antithetic:
                left_out = torch.cat([left_out, left_out])
            absent = self._specs[name].absent(values)
            told[name] = torch.where(left_out.reshape(-1, *(1 for _ in values.shape[1:])), absent, values)
        return told
