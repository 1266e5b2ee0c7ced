"""Randomness of the networks themselves in training, such as dropout: layers draw it from torch's global generators.

Each step has a stream of its own, ``(seed, "network", rank, extrapolation, step)``, and so has each further part of a
batch that is taken in parts, ``(seed, "network", rank, extrapolation, part, step)``, and the loss of a process that is
trained, ``(seed, "network", 0, 2 + extrapolation, step)``, so that training is the same with every state of the global
generators, goes on after an interruption with the same bits, and leaves these generators alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor

from si_core.contract.runtime import Runtime
from si_core.models.parts import own_stream
from si_core.models.streams import stream_seed

__all__ = ["NetworkNoise"]

_NOTHING = nullcontext()


class NetworkNoise:
    """The global generators within the steps of a training.

    Whether networks draw is seen at the first step; where none does, later ones cost nothing.

    Args:
        seed: of the recipe.
        runtime: the device and the rank.
    """

    def __init__(self, seed: int, runtime: Runtime) -> None:
        self._seed, self._rank, self._device = seed, runtime.rank, runtime.device
        self._drawn: bool | None = None

    def at(self, step: int, extrapolation: bool = False, part: int = 0) -> AbstractContextManager[None]:
        """Put the global generators at the start of the stream of a step, and back afterwards.

        For calls of the networks alone: threads that make pairs ahead may want these generators too.

        Args:
            step: the step.
            extrapolation: whether for its extrapolation.
            part: of its batch.
        """
        return self._at(self._rank, int(extrapolation), *([part] if part else ()), step)

    def of_process(self, step: int, extrapolation: bool = False) -> AbstractContextManager[None]:
        """The same where the loss is that of the process, which each of several processes finds of the whole batch.

        Args:
            step, extrapolation: as for :meth:`at`.
        """
        return self._at(0, 2 + extrapolation, step)

    def _at(self, *indices: int) -> AbstractContextManager[None]:
        return _NOTHING if self._drawn is False else self._stream(indices)

    @contextmanager
    def _stream(self, indices: tuple[int, ...]) -> Iterator[None]:
        with own_stream(stream_seed(self._seed, "network", *indices), self._device):
            before = self._states()
            yield
            if self._drawn is None:
                pairs = zip(before, self._states(), strict=True)
                self._drawn = not all(torch.equal(one, other) for one, other in pairs)

    def _states(self) -> list[Tensor]:
        states = [torch.default_generator.get_state()]
        return states if self._device.type != "cuda" else [*states, torch.cuda.get_rng_state(self._device)]
