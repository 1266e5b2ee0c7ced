"""A function ``X(n, generator)`` as an endless distribution: a simulator, a sampler of one's own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from si_core.contract.distribution import Distribution
from si_core.contract.frame import Frame
from si_core.errors import DataError
from si_core.memory.numbers import numbers
from si_core.memory.units import units_of

__all__ = ["Called"]

_DRAWS = 4096
"""From which the units are taken."""


class Called(Distribution):
    """Draws of a function, standardised by the first draws of a fixed seed.

    Args:
        function: ``function(n, generator)`` gives n rows (n, *event) in any units, a tensor or an array; all its
            randomness is from the generator, which is on the CPU.
        where: for errors.
        standardise: whether each column gets mean 0 and variance 1 (one mean and scale for events of several axes).
        dtype: of the draws.

    Raises:
        DataError: it fails, or gives something else than n rows of finite numbers.
    """

    def __init__(
        self,
        function: Callable[[int, torch.Generator], Any],
        where: str = "X",
        standardise: bool = True,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self._function, self._where, self._dtype = function, where, dtype
        self._single = False
        first = self._rows(_DRAWS, torch.Generator().manual_seed(0))
        self._digest = hashlib.sha256(first.contiguous().numpy().tobytes()).hexdigest()
        self.shape = tuple(first.shape[1:])
        shift, scale = torch.tensor(0.0, dtype=torch.float64), torch.tensor(1.0, dtype=torch.float64)
        if standardise:
            shift, scale = map(torch.as_tensor, units_of(first.numpy(), where))
        self._frame = Frame(self.shape, shift, scale)

    @property
    def frame(self) -> Frame:
        """The units of its draws."""
        return self._frame

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of its first draws."""
        return self._digest

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n draws in model space, shape (n, *shape)."""
        return self._frame.encode(self._rows(n, generator or torch.Generator())).to(self._dtype)

    def _rows(self, n: int, generator: torch.Generator) -> Tensor:
        """n rows in data space, float64."""
        own = generator
        if generator.device.type != "cpu":
            # Functions draw where their author tried them.
            seed = torch.randint(2**62, (), generator=generator, device=generator.device)
            own = torch.Generator().manual_seed(int(seed))
        try:
            found = self._function(n, own)
        except (DataError, MemoryError):
            raise
        except Exception as error:
            raise DataError(
                "the function fails",
                where=self._where,
                got=f"{type(error).__name__}: {error}"[:200],
                allowed="X(n, generator), which gives n rows and draws from the torch.Generator",
            ) from error
        if not isinstance(found, Tensor):
            found = torch.from_numpy(numbers(np.asarray(found), self._where).astype(np.float64))
        rows = found.detach().to(generator.device, torch.float64)
        rows = rows[:, None] if rows.ndim == 1 else rows
        shape = getattr(self, "shape", tuple(rows.shape[1:]))
        if rows.ndim == 0 or len(rows) != n or tuple(rows.shape[1:]) != shape:
            allowed = f"({', '.join(map(str, (n, *shape)))})"
            raise DataError("the function gives other rows", where=self._where, got=tuple(found.shape), allowed=allowed)
        if not bool(torch.isfinite(rows).all()):
            raise DataError("the function gives numbers that are not finite", where=self._where)
        return rows
