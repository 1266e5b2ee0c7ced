"""Settings: the inputs of an exercise, the same each time they are asked for.

An *exercise* of a kind makes the calls that its interface has on the inputs of a setting. Checks that hold for every
kind (shapes, randomness, inputs left alone, rows independent) are made of exercises in several settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from si_authoring.testing.check import NotApplicable

__all__ = ["Output", "Setting"]

_MARGIN = 0.05


@dataclass(frozen=True)
class Output:
    """What a call of an exercise gave.

    Args:
        name: the call, such as ``"value(t, x0, x1)"``.
        value: what it returned.
        shape: the shape it should have.
        rows: whether row i depends on row i of the inputs alone.
        like: whether it has dtype and device of the setting; labels have not.
    """

    name: str
    value: Tensor
    shape: tuple[int, ...]
    rows: bool = True
    like: bool = True


@dataclass(frozen=True)
class Setting:
    """The inputs of an exercise.

    Args:
        rows: the number of rows.
        event: the event shape.
        dtype: the precision of states.
        device: where tensors are.
        seed: of the inputs.
        randomness: of the generator, which is fresh in each setting.
        chosen: the rows kept of the inputs, for a batch of other rows; None for all.
    """

    rows: int = 6
    event: tuple[int, ...] = (2,)
    dtype: torch.dtype = torch.float64
    device: str = "cpu"
    seed: int = 0
    randomness: int = 1
    chosen: tuple[int, ...] | None = None
    _given: list[tuple[str, Tensor, Tensor]] = field(default_factory=list, repr=False, compare=False)

    @property
    def count(self) -> int:
        """The number of rows of this setting's inputs."""
        return self.rows if self.chosen is None else len(self.chosen)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a batch of states, (count, *event)."""
        return (self.count, *self.event)

    def states(self, name: str, dtype: torch.dtype | None = None) -> Tensor:
        """A batch of states, drawn from a standard normal law, another for each name."""
        generator = torch.Generator().manual_seed(hash_of(name) + self.seed)
        values = torch.randn(self.rows, *self.event, generator=generator, dtype=torch.float64)
        return self.given(name, values, dtype)

    def times(self, dtype: torch.dtype | None = None, start: float = _MARGIN, stop: float = 1 - _MARGIN) -> Tensor:
        """A time for each row, from ``start`` to ``stop``."""
        return self.given("t", torch.linspace(start, stop, self.rows, dtype=torch.float64), dtype)

    def given(self, name: str, values: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """An input with one entry a row, in the setting's precision and place; it is remembered."""
        values = values if self.chosen is None else values[list(self.chosen)]
        if values.is_floating_point():
            values = values.to(dtype or self.dtype)
        values = values.to(self.device)
        self._given.append((name, values, values.clone()))
        return values

    @property
    def generator(self) -> torch.Generator:
        """A fresh generator.

        Raises:
            NotApplicable: there is none on the setting's device.
        """
        if self.device == "meta":
            raise NotApplicable("randomness needs a real device, and only the processor is at hand")
        return torch.Generator(self.device).manual_seed(self.randomness)

    def changed(self) -> list[str]:
        """The names of the inputs that are not what they were."""
        return [name for name, now, before in self._given if self.device != "meta" and not torch.equal(now, before)]

    def anew(
        self,
        *,
        event: tuple[int, ...] | None = None,
        dtype: torch.dtype | None = None,
        device: str | None = None,
        randomness: int | None = None,
        chosen: Sequence[int] | None = None,
    ) -> Setting:
        """This setting with other properties and untouched inputs."""
        return replace(
            self,
            event=self.event if event is None else event,
            dtype=dtype or self.dtype,
            device=device or self.device,
            randomness=self.randomness if randomness is None else randomness,
            chosen=self.chosen if chosen is None else tuple(chosen),
            _given=[],
        )


def hash_of(name: str) -> int:
    """A number for a name, the same in every process."""
    return int.from_bytes(name.encode()[:6], "little")
