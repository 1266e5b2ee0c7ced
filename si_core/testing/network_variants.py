"""Networks made as the builder makes them: plain, with heads, for classes, and for a given state.

What a network is made of is told apart by the names of its parameters, as in :mod:`si_core.discovery.kinds`: one that
takes no ``classes`` is never asked for a class.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from si_core.discovery.build import build
from si_core.discovery.host_state import host_state_kept
from si_core.discovery.kinds import KINDS
from si_core.discovery.lookup import load
from si_core.discovery.parameters import constructor_names
from si_core.errors import UsageError
from si_core.fields.parametrisation import Parametrisation
from si_core.testing.check import Violation
from si_core.testing.gaussian_cases import gaussian_processes
from si_core.testing.setting import Setting

__all__ = ["Factory", "Variant", "call", "made", "variants_of"]

Factory = Callable[..., Any]
"""A network's class, or a function that makes one of ``shape`` and what else it names of a network's context."""

_FIELDS = ("velocity", "denoiser")


@dataclass(frozen=True)
class Variant:
    """What a network is asked for beside its shape.

    Args:
        name: for messages; empty for a plain network.
        heads: the number of fields, or None for no axis of heads.
        classes: the number of classes, or None.
        given: whether it is told a state as condition.
    """

    name: str = ""
    heads: int | None = None
    classes: int | None = None
    given: bool = False

    def shape(self, setting: Setting) -> tuple[int, ...]:
        """The shape of its output."""
        return (setting.count, *(() if self.heads is None else (self.heads,)), *setting.event)

    def condition(self, setting: Setting) -> Tensor | None:
        """What it is told beside (t, x)."""
        if self.classes is not None:
            return setting.given("condition", torch.arange(setting.rows) % self.classes)
        return setting.states("condition") if self.given else None


_VARIANTS = {
    "heads": Variant(" with 2 heads", heads=2),
    "classes": Variant(" with labels of 3 classes", classes=3),
    "given": Variant(" with a given state", given=True),
}


def _names(factory: Factory) -> set[str]:
    """The parameters of a network's context that it takes."""
    of_build = isinstance(factory, functools.partial) and factory.func is build
    names = constructor_names(load(*factory.args)) if of_build else inspect.signature(factory).parameters  # type: ignore[attr-defined]
    return {name for name in KINDS["network"].context if name in names}


def variants_of(factory: Factory) -> list[Variant]:
    """The variants that a network's parameters allow, the plain one first."""
    names = _names(factory)
    return [Variant(), *(variant for name, variant in _VARIANTS.items() if name in names)]


def made(factory: Factory, variant: Variant, setting: Setting, seed: int = 0) -> nn.Module:
    """A network as training makes it: its weights drawn from torch's global generator, which is put back.

    Raises:
        Violation: what is made is no module, or its weights are drawn from another generator.
    """
    process = gaussian_processes(setting.event)["two-sided"]
    context = {
        "shape": setting.event,
        "heads": variant.heads,
        "classes": variant.classes,
        "given": setting.event if variant.given else None,
        "process": process,
        "fields": list(_FIELDS[: variant.heads or 1]),
        "parametrisation": Parametrisation(process.clock, precondition=False),
    }
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        with host_state_kept(generators=True) as changed:
            network = factory(**{name: context[name] for name in _names(factory)})
    foreign = [name for name in changed if name.startswith("the global generator") and "torch" not in name]
    if foreign:
        raise Violation(f"its constructor draws from {' and '.join(foreign)}; draw first weights from that of torch")
    if not isinstance(network, nn.Module):
        raise Violation(f"it makes no torch.nn.Module but {type(network).__name__}")
    return network.to(device=setting.device, dtype=setting.dtype)


def call(factory: Factory, network: nn.Module, t: Tensor, x: Tensor, condition: Tensor | None) -> Tensor:
    """The network's output.

    Raises:
        UsageError: it was told no event shape, and fails at this one.
    """
    arguments = (t, x) if condition is None else (t, x, condition)
    if _names(factory) & {"shape", "process"}:
        return network(*arguments)  # type: ignore[no-any-return]
    try:
        return network(*arguments)  # type: ignore[no-any-return]
    except Exception as error:
        raise UsageError(f"it fails at events of shape {tuple(x.shape[1:])}: {error}") from error
