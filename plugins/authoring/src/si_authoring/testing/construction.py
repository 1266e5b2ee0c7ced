"""Making a component once more, as another process does that loads a run: with the options that it was given.

A component is a value of its options. What a constructor draws by itself, another process has not. Modules may draw
their first weights from torch's global generator, which training seeds, and which is seeded here alike.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping
from typing import Any

import torch

from si_authoring.testing.check import NotApplicable, Violation
from si_core.public.discovery import constructor_names, host_state_restored

__all__ = ["made_twice", "seed_globals"]


def made_twice(component: Any, context: Mapping[str, Any]) -> tuple[Any, Any]:
    """Two more components of the class and the options of one, made under other seeds of the global generators.

    Options are read from its own attributes of their names, and are else their defaults.

    Args:
        component: the component.
        context: what the builder supplies.

    Raises:
        Violation: the constructor draws from a global generator that is not for it to use.
        NotApplicable: an option is not kept under its name, so there is no telling how the component was made.
    """
    cls, options = type(component), dict[str, Any]()
    for name, required in constructor_names(cls).items():
        if name in context:
            options[name] = context[name]
        elif name in vars(component):
            options[name] = getattr(component, name)
        elif required:
            raise NotApplicable(f"its option {name!r} is not kept under that name, so it can't be made again")
    first, second = (_made(cls, options, seed) for seed in (1, 2))
    return first, second


def _made(cls: type[Any], options: Mapping[str, Any], seed: int) -> Any:
    with host_state_restored(generators=True):
        module = issubclass(cls, torch.nn.Module)
        seed_globals(seed, 0 if module else seed)
        with host_state_restored(generators=True) as changed:
            try:
                made = cls(**options)
            except Exception as error:
                raise NotApplicable(f"it can't be made again from its attributes: {error}") from error
    used = [name for name in changed if name.startswith("the global generator") and not (module and "torch" in name)]
    if used:
        allowed = "; a module may draw its weights from torch's" if module else ""
        raise Violation(
            f"its constructor draws from {' and '.join(used)}{allowed}: make a `torch.Generator` from an option `seed`"
        )
    return made


def seed_globals(seed: int, of_torch: int) -> None:
    """Seed the global generators of Python, of numpy where it is imported, and of torch."""
    random.seed(seed)
    torch.default_generator.manual_seed(of_torch)
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        numpy.seed(seed)
