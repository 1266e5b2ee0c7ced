"""Objects in memory that stand in a recipe where the name of a component would: given by a program, never by a text.

What is written of one is its class, ``{in_memory: my_project.nets.MyNet}``: a text that is read back knows that there
was an object, and makes none; whoever loads it gives one anew.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from si_core.discovery.lookup import interface_of

__all__ = ["IN_MEMORY", "MISPLACED", "Live", "why_not"]

IN_MEMORY = "in_memory"
"""The key under which the class of an object is written, where ``use`` would have a name."""

MISPLACED = "is an object, and stands where no component does"


@dataclass(frozen=True, eq=False)
class Live:
    """An object in memory, as a value of a recipe."""

    value: Any

    @property
    def path(self) -> str:
        """Its class, or the function or class that it is: ``module.Name``."""
        found = self.value
        while isinstance(found, functools.partial):
            found = found.func
        named = found if hasattr(found, "__qualname__") else type(found)
        return f"{getattr(named, '__module__', None) or 'builtins'}.{named.__qualname__}"

    def __repr__(self) -> str:
        return f"{self.path} in memory"


def why_not(kind: str, value: Any) -> tuple[str, str | None] | None:
    """Why an object is no component of a kind, with what to give instead; None where it is one.

    An optimizer may also be made by a function of the parameters, such as ``torch.optim.Adam`` itself.
    """
    interface = interface_of(kind)
    if isinstance(value, interface):
        return None
    if kind == "optimizer":
        if hasattr(value, "param_groups"):
            return "holds parameters of its own", "give what makes it: functools.partial(torch.optim.Adam, lr=1e-3)"
        if callable(value):
            return None
    if isinstance(value, type) and issubclass(value, interface):
        return "is a class", f"give an object of it: {value.__name__}(...)"
    if kind == "distribution" and (hasattr(value, "__array__") or hasattr(value, "columns")):
        return "is an array", "si.fit(X) takes arrays and data frames"
    module, name = interface.__module__, interface.__qualname__
    return f"is no {kind}", f"inherit from {'si.' if module.startswith('si_core') else f'{module}.'}{name}"
