"""The runtime: where the work of a process is done, and how its networks are called.

It is made once, at an entry point (a command, :func:`si_core.train`, :func:`si_core.load_model`, ...), and handed down
whole: nothing behind it asks what device it is on. What works on tensors takes their device from them. Where torchrun
started several processes, that is where they meet.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal, get_args

import torch

from si_core.contract.processes import Processes
from si_core.contract.together import is_alone, join
from si_core.errors import UsageError

__all__ = ["Precision", "Runtime"]

Precision = Literal["full", "bfloat16"]


@dataclass(frozen=True)
class Runtime:
    """Where and how a process works.

    Args:
        device: where its tensors are.
        precision: of the networks in sampling; None for what the recipe says (``sample.precision``).
        compile: whether networks are compiled, in training and in sampling; None for what the recipe says
            (``train.compile``, ``sample.compile``).
        processes: those that work together, this one among them; None where it works alone.

    Raises:
        UsageError: no such precision.
    """

    device: torch.device = torch.device("cpu")  # noqa: RUF009 - a device can't change
    precision: Precision | None = None
    compile: bool | None = None
    processes: Processes | None = None

    def __post_init__(self) -> None:
        if self.precision is not None and self.precision not in get_args(Precision):
            raise UsageError(
                "unknown precision", where="runtime", got=repr(self.precision), allowed=", ".join(get_args(Precision))
            )

    @property
    def rank(self) -> int:
        """The number of this process among those that work together, from 0."""
        return 0 if self.processes is None else self.processes.rank

    @property
    def world(self) -> int:
        """How many processes work together."""
        return 1 if self.processes is None else self.processes.world

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return self.rank == 0

    @classmethod
    def at(
        cls,
        device: str | torch.device | Runtime = "cpu",
        *,
        precision: Precision | None = None,
        compile: bool | None = None,  # noqa: A002
        where: str = "device",
        together: bool = False,
    ) -> Runtime:
        """The runtime of this process, checked before any work is done; a runtime is returned as it is.

        Args:
            device: such as ``cpu`` or ``cuda:1``; ``auto`` for a CUDA device where there is one. Of several processes
                on a machine each gets one of its own by ``auto`` and ``cuda``.
            precision, compile: as for the class.
            where: the entry point at which the device was named, for errors.
            together: whether the work can be shared by several processes (``WORLD_SIZE``, as torchrun sets it), which
                then meet here.

        Raises:
            UsageError: an unknown device, one that this machine lacks, a process that is one of several where the work
                can't be shared, or processes that don't come together.
        """
        if isinstance(device, Runtime):
            return device
        world = 1 if is_alone() else _number("WORLD_SIZE", 1)
        rank = 0 if world == 1 else _number("RANK", 0)
        if world > 1 and not together:
            # Each would do all of the work, and write over the others.
            raise UsageError(
                "this process is one of several, and what it was asked for is done by one",
                where="WORLD_SIZE",
                got=f"process {rank} of {world}",
                allowed="one process",
                fix="start it without torchrun; or WORLD_SIZE=1 where it shall work by itself",
            )
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if world > 1 and str(device) == "cuda":
            device = f"cuda:{_number('LOCAL_RANK', rank)}"
        usable = _usable(device, where)
        return cls(usable, precision, compile, join(rank, world, usable) if world > 1 else None)

    def meet(self) -> None:
        """Wait until all processes are here; nothing where there is one.

        Raises:
            LostProcess: one of them has ended.
        """
        if self.processes is not None:
            self.processes.meet()

    def generator(self) -> torch.Generator:
        """A new source of randomness on the device; to be put at the start of a stream."""
        return torch.Generator(self.device)

    def described(self) -> dict[str, str]:
        """What results depend on, for ``environment.json``: the device, and what was not left to the recipe."""
        asked: dict[str, object] = {"precision": self.precision, "compile": self.compile}
        asked |= {"processes": self.world} if self.world > 1 else {}
        return {"device": str(self.device)} | {name: str(value) for name, value in asked.items() if value is not None}


def _usable(device: str | torch.device, where: str) -> torch.device:
    there = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    refusal = UsageError(
        "no such device here",
        where=where,
        got=str(device),
        allowed=", ".join(there),
        fix="--device cpu" if where.startswith("--") else "device='cpu'",
    )
    try:
        made = torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise refusal from error
    if made.device.type == "meta":
        raise refusal  # a device of torch that holds no numbers
    return torch.device(device)


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if not text.isdecimal():
        raise UsageError("processes are counted by whole numbers", where=name, got=text, fix=f"unset {name}")
    return int(text)
