"""What will be needed, compared with what there is: refused before it begins, with the numbers and what to do.

Needs are what is certainly held at once, not all that is; and what there is may be exceeded by a tenth, for memory
that is only lent. So what can work is never refused, and what gets by may still fail, which
:mod:`si_core.runs.memory` explains.

    samples     2 n |x| bytes in memory, once as blocks or as a file's content and once whole; n |x| on disk
                written as they are drawn: 2 |block| in memory; n |x| on disk, or twice as much while a file is made
    parameters  those of networks while they are made, see :func:`growing`
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as hooks
from torch.nn.parameter import is_lazy

from si_core.contract.largest import Largest
from si_core.errors import NumericsError
from si_core.storage.machine import free_disk, free_memory, in_units

__all__ = ["growing", "refuse_beyond_disk", "refuse_beyond_memory", "refuse_samples", "refuse_stream"]

_MARGIN = 1.1
_CPU = torch.device("cpu")


def refuse_beyond_memory(needed: int, what: str, *, device: torch.device = _CPU, where: str, fix: str) -> None:
    """Refuse what certainly needs so many bytes of a device at once, where it has not as many.

    Without it a system that lends more than it has kills the process when the memory is used, which tells nobody why.

    Args:
        needed: bytes that are held at once whatever else happens.
        what: what they are for.
        device: of which.
        where: the key, option or call that asks for so much.
        fix: how to need less.

    Raises:
        NumericsError: with what is needed and what there is.
    """
    free = free_memory(device)
    if free is not None and needed > _MARGIN * free:
        place = "memory" if device.type == "cpu" else f"memory of {device}"
        raise _refusal(place, needed, free, what, where, f"{fix}, or a machine with more memory")


def refuse_beyond_disk(needed: int, what: str, folder: Path, *, where: str, fix: str) -> None:
    """The same of a disk.

    Raises:
        NumericsError: as for :func:`refuse_beyond_memory`.
    """
    free = free_disk(folder)
    if free is not None and needed > free:
        raise _refusal("disk", needed, free, what, where, f"{fix}, or a folder on a larger disk")


def refuse_samples(
    n: int, shape: tuple[int, ...], size: int, *, where: str = "the number of samples", folder: Path | None = None
) -> None:
    """Refuse more samples than there is room for.

    Args:
        n: how many.
        shape: of one.
        size: bytes of one of its numbers.
        where: the key or option that asks for so many.
        folder: where they are written; None for nowhere.

    Raises:
        NumericsError: as for :func:`refuse_beyond_memory`.
    """
    whole = n * math.prod(shape) * size
    what, fix = f"{n} samples of shape {shape}", "fewer samples at a time, with another seed for each part"
    refuse_beyond_memory(2 * whole, what, where=where, fix=fix)
    if folder is not None:
        refuse_beyond_disk(whole, what, folder, where=where, fix=fix)


def refuse_stream(
    n: int, block: int, shape: tuple[int, ...], size: int, *, copies: int, where: str, folder: Path, there: int = 0
) -> None:
    """Refuse more samples than there is room for, where they are written as they are drawn.

    Args:
        n: how many.
        block: how many at a time.
        shape: of one.
        size: bytes of one of its numbers.
        copies: of all of them that are on the disk at once.
        where: the key or option that asks for so many.
        folder: where they are written.
        there: bytes of them that are on the disk already.

    Raises:
        NumericsError: as for :func:`refuse_beyond_memory`.
    """
    one, held = math.prod(shape) * size, min(n, block)
    fix = "a smaller sample.batch in the recipe"
    refuse_beyond_memory(2 * held * one, f"{held} samples of shape {shape} at a time", where=where, fix=fix)
    fix = "fewer samples at a time, with another seed for each part"
    refuse_beyond_disk(copies * n * one - there, f"{n} samples of shape {shape}", folder, where=where, fix=fix)


@contextmanager
def growing(copies: int = 1, most: int | None = None) -> Iterator[None]:
    """Refuse modules that grow beyond the memory of the host, or beyond all measure, while they are being made.

    Parameters are counted when a module gets them: torch has then asked for their memory, but nothing has been written
    to it, so the machine does not yet feel it.

    Args:
        copies: how many tensors of their size the host will certainly hold for each.
        most: the numbers that all parameters may have; None where nobody knows.

    Raises:
        NumericsError: as for :func:`refuse_beyond_memory`; whoever knows the key that asks for it names it.
    """
    free, total, numbers, parts = free_memory(_CPU), 0, 0, 0
    fix = "a smaller network (width, depth)"

    def counted(owner: nn.Module, name: str, tensor: Any = None) -> None:
        nonlocal total, numbers, parts
        parts += 1
        if parts > Largest.PARTS:
            allowed = f"{Largest.PARTS} layers and parameters"
            raise NumericsError("a module of too many parts", allowed=allowed, fix=fix)
        if isinstance(tensor, nn.Parameter) and tensor.device == _CPU and not is_lazy(tensor):
            numbers += tensor.numel()
            total += copies * tensor.numel() * tensor.element_size()
            what = f"{type(owner).__name__}.{name} of shape {tuple(tensor.shape)} and what was made before it"
            if most is not None and numbers > most:
                allowed = f"{most} numbers, by the weights that are stored"
                raise NumericsError("a network larger than its stored weights", got=what, allowed=allowed)
            if free is not None and total > _MARGIN * free:
                what += f", {copies} of each (running averages)" if copies > 1 else ""
                raise _refusal("memory", total, free, what, None, f"{fix}, or a machine with more memory")

    with ExitStack() as stack:
        for register in (
            hooks.register_module_parameter_registration_hook,
            hooks.register_module_module_registration_hook,
        ):
            stack.callback(register(counted).remove)
        yield


def _refusal(place: str, needed: int, free: int, what: str, where: str | None, fix: str) -> NumericsError:
    got = f"at least {in_units(needed)} for {what}"
    return NumericsError(f"not enough {place}", where=where, got=got, allowed=f"{in_units(free)} are free", fix=fix)
