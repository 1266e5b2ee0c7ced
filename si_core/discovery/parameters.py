"""The options of a component: the keyword parameters of its constructor.

Types and defaults come from the signature, descriptions from the docstring. Parameters that the builder supplies
(the *context* of the kind) are set apart: they are no options.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
import typing
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

from si_core.discovery.docstrings import argument_descriptions
from si_core.errors import PluginError

__all__ = ["REQUIRED", "Parameter", "constructor_names", "further_options", "parameters"]


class _Required:
    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: typing.Final = _Required()
"""The default of a parameter that has none."""


@dataclass(frozen=True)
class Parameter:
    """One option.

    Args:
        name: its key in a recipe.
        annotation: its type, resolved.
        default: its default, or :data:`REQUIRED`.
        factory: makes the default, for a dataclass field with a factory.
        description: its text in the docstring, empty if there is none.
    """

    name: str
    annotation: Any
    default: Any = REQUIRED
    factory: typing.Callable[[], Any] | None = None
    description: str = ""


def constructor_names(cls: type[Any]) -> dict[str, bool]:
    """Return the names of all constructor parameters, context included, and whether each must be given.

    Raises:
        PluginError: as :func:`parameters`.
    """
    return {name: entry.default is entry.empty for name, entry in _signature(cls).items()}


def parameters(cls: type[Any], context: Collection[str] = ()) -> tuple[Parameter, ...]:
    """Return the options of a component class in the order of its constructor.

    Args:
        cls: the class.
        context: names of parameters that the builder supplies.

    Raises:
        PluginError: the constructor takes ``*args``, ``**kwargs`` without a type or positional-only parameters, or a
            parameter's annotation is missing or can't be resolved.
    """
    component: Any = cls  # mypy doesn't take a class for hashable
    return _parameters(component, frozenset(context))


@cache
def _parameters(cls: Any, context: frozenset[str]) -> tuple[Parameter, ...]:
    """As :func:`parameters`; a recipe asks for those of its classes again and again, and types take long to resolve."""
    descriptions = argument_descriptions(cls)
    factories = _factories(cls)
    return tuple(
        Parameter(
            name,
            _resolved(cls, entry),
            REQUIRED if entry.default is entry.empty or name in factories else entry.default,
            factories.get(name),
            descriptions.get(name, ""),
        )
        for name, entry in _signature(cls).items()
        if name not in context
    )


def further_options(cls: type[Any]) -> Any | None:
    """The type of options of any other name, of a constructor with ``**name: type``; None where it takes none.

    Their names may be no identifiers, such as ``latent.scale``.
    """
    return next((_resolved(cls, entry) for entry in _entries(cls) if entry.kind is entry.VAR_KEYWORD), None)


def _signature(cls: type[Any]) -> dict[str, inspect.Parameter]:
    return {entry.name: entry for entry in _entries(cls) if entry.kind is not entry.VAR_KEYWORD}


def _entries(cls: type[Any]) -> list[inspect.Parameter]:
    initialiser = inspect.getattr_static(cls, "__init__")
    inherited = getattr(initialiser, "__module__", None) == "torch.nn.modules.module"  # its *args stand for no options
    if initialiser is object.__init__ or inherited:
        return []
    entries = list(inspect.signature(initialiser).parameters.values())[1:]
    for entry in entries:
        untyped = entry.kind is entry.VAR_KEYWORD and entry.annotation is entry.empty
        if untyped or entry.kind in (entry.VAR_POSITIONAL, entry.POSITIONAL_ONLY):
            raise _untyped(cls, f"takes {str(entry).partition(':')[0]!r}, so its options can't be known")
    return entries


def _resolved(cls: type[Any], entry: inspect.Parameter) -> Any:
    if entry.annotation is entry.empty:
        raise _untyped(cls, f"has no type for {entry.name!r}")

    def holder() -> None: ...

    names: dict[str, Any] = {}
    for ancestor in reversed(cls.__mro__):  # a dataclass inherits fields whose types are text of another module
        names.update(vars(sys.modules.get(ancestor.__module__, typing)))
    names.update(getattr(inspect.unwrap(cls.__init__), "__globals__", {}))
    holder.__annotations__ = {entry.name: entry.annotation}
    try:
        annotation = typing.get_type_hints(holder, globalns=names, include_extras=True)[entry.name]
    except Exception as error:  # an annotation is code of the plugin and may fail in any way
        problem = f"has a type for {entry.name!r} that can't be resolved: {error}"
        raise _untyped(cls, problem) from error
    return annotation.type if isinstance(annotation, dataclasses.InitVar) else annotation


def _factories(cls: type[Any]) -> dict[str, Any]:
    if not dataclasses.is_dataclass(cls):
        return {}
    return {
        field.name: field.default_factory
        for field in dataclasses.fields(cls)
        if field.default_factory is not dataclasses.MISSING
    }


def _untyped(cls: type[Any], problem: str) -> PluginError:
    return PluginError(
        f"the constructor of {cls.__module__}.{cls.__qualname__} {problem}",
        allowed="keyword parameters with types, such as 'scale: float = 1.0'",
        fix="report it to the plugin's authors",
    )
