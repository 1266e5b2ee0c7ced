"""Networks made as the builder makes them: plain, with heads, and for conditions.

What a network is made of is told apart by the names of its parameters, as in :mod:`si_core.discovery.kinds`: one that
takes no ``conditions`` is never given any.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from si_authoring.testing.check import Violation
from si_authoring.testing.gaussian_cases import gaussian_processes
from si_authoring.testing.setting import Setting
from si_core import Condition, ConditionSpec, Parametrisation, UsageError, build
from si_core.public.discovery import KINDS, constructor_names, host_state_restored, load

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
        labels: whether it is given a label.
        values: whether it is given values of another shape than x, and the given x0.
        two_times: whether it is given a second time, as ``s=...``.
    """

    name: str = ""
    heads: int | None = None
    labels: bool = False
    values: bool = False
    two_times: bool = False

    def shape(self, setting: Setting) -> tuple[int, ...]:
        """The shape of its output."""
        return (setting.count, *(() if self.heads is None else (self.heads,)), *setting.event)

    def specs(self, event: tuple[int, ...]) -> dict[str, ConditionSpec]:
        """The conditions that it is made for."""
        labels = {"species": ConditionSpec(classes=("one", "two", "three"))} if self.labels else {}
        values = {"observation": ConditionSpec((3,), mean=0.5, scale=2.0), "x0": ConditionSpec(event)}
        return labels | (values if self.values else {})

    def condition(self, setting: Setting) -> Condition | None:
        """What it is given beside (t, x)."""
        conditions: dict[str, Tensor] = {}
        if self.labels:
            conditions["species"] = setting.given("the condition", torch.arange(setting.rows) % 3)
        if self.values:
            numbers = torch.linspace(-1, 1, 3 * setting.rows, dtype=torch.float64).reshape(-1, 3)
            conditions["observation"] = setting.given("the condition", numbers, setting.dtype)
            conditions["x0"] = setting.states("the condition x0")
        return conditions or None


_VARIANTS = {
    "heads": Variant(" with 2 heads", heads=2),
}
_TOLD = (
    Variant(" with a label", labels=True),
    Variant(" with values", values=True),
    Variant(" with a label and values", labels=True, values=True),
)


def _names(factory: Factory) -> set[str]:
    """The parameters of a network's context that it takes."""
    of_build = isinstance(factory, functools.partial) and factory.func is build
    names = constructor_names(load(*factory.args)) if of_build else inspect.signature(factory).parameters  # type: ignore[attr-defined]
    return {name for name in KINDS["network"].context if name in names}


def variants_of(factory: Factory) -> list[Variant]:
    """The variants that a network's parameters allow, the plain one first."""
    names = _names(factory)
    variants = [Variant(), *(variant for name, variant in _VARIANTS.items() if name in names)]
    return variants + list(_TOLD if "conditions" in names else ())


def made(factory: Factory, variant: Variant, setting: Setting, seed: int = 0) -> nn.Module:
    """A network as training makes it: its weights drawn from torch's global generator, which is put back.

    Raises:
        Violation: what is made is no module, or its weights are drawn from another generator.
    """
    process = gaussian_processes(setting.event)["two-sided"]
    context = {
        "shape": setting.event,
        "heads": variant.heads,
        "conditions": variant.specs(setting.event),
        "two_times": variant.two_times,
        "process": process,
        "fields": list(_FIELDS[: variant.heads or 1]),
        "parametrisation": Parametrisation(process.clock, precondition=False),
    }
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        with host_state_restored(generators=True) as changed:
            network = factory(**{name: context[name] for name in _names(factory)})
    foreign = [name for name in changed if name.startswith("the global generator") and "torch" not in name]
    if foreign:
        raise Violation(f"its constructor draws from {' and '.join(foreign)}; draw first weights from that of torch")
    if not isinstance(network, nn.Module):
        raise Violation(f"it makes no torch.nn.Module but {type(network).__name__}")
    return network.to(device=setting.device, dtype=setting.dtype)


def call(factory: Factory, network: nn.Module, t: Tensor, x: Tensor, condition: Condition | None) -> Tensor:
    """The network's output.

    Raises:
        UsageError: it was given no event shape, and fails at this one.
    """
    arguments = (t, x) if condition is None else (t, x, condition)
    if _names(factory) & {"shape", "process"}:
        return network(*arguments)  # type: ignore[no-any-return]
    try:
        return network(*arguments)  # type: ignore[no-any-return]
    except Exception as error:
        raise UsageError(f"it fails at events of shape {tuple(x.shape[1:])}: {error}") from error
