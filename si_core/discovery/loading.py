"""One plugin: importing its module and asking its hooks what it offers, with every mistake in the plugin's name.

Each plugin gets a plugin manager of its own: pluggy checks its hooks against the specification there, and a plugin
that fails can't leave half of itself behind among the others.
"""

from __future__ import annotations

import inspect
import os
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pluggy

from si_core.discovery.command import Command
from si_core.discovery.component import Component
from si_core.discovery.hooks import Specification
from si_core.discovery.kind import Kind
from si_core.discovery.kind_clashes import kind_mistake
from si_core.discovery.suggest import nearest

__all__ = ["HookMistake", "Offer", "load_into"]

_FORMS = {
    "si_components": "@hookimpl def si_components() -> list[Component]",
    "si_kinds": "@hookimpl def si_kinds() -> list[Kind]",
    "si_commands": "@hookimpl def si_commands() -> list[Command]",
    "si_recipes": "@hookimpl def si_recipes() -> str | os.PathLike, the absolute path of a folder",
    "si_extensions": "@hookimpl def si_extensions() -> list[str], names of modules",
    "si_event": "@hookimpl def si_event(event) -> None",
}
_ARGUMENTS: dict[str, set[str]] = {
    "si_components": set(),
    "si_kinds": set(),
    "si_commands": set(),
    "si_recipes": set(),
    "si_extensions": set(),
    "si_event": {"event"},
}


class HookMistake(Exception):
    """A hook of another form than specified; the message says which, and the form expected."""


@dataclass
class Offer:
    """What a plugin offers, as far as it is known: a plugin may fail after its components were read."""

    components: tuple[Component, ...] = ()
    kinds: tuple[Kind, ...] = ()
    commands: tuple[Command, ...] = ()
    recipes: Path | None = None
    hooks: pluggy.PluginManager | None = None
    listens: bool = False


def load_into(offer: Offer, point: EntryPoint) -> None:
    """Import the module of an entry point, ask its hooks, and fill ``offer`` with the answers.

    Raises:
        HookMistake: a misspelt or unmarked hook, a wrong signature, a wrong return value.
        BaseException: whatever the import or a hook raises; the caller attributes it.
    """
    manager = _checked_manager(point.load(), point.name)
    offer.components = _components(_answers(manager, "si_components"))
    offer.kinds = _kinds(_answers(manager, "si_kinds"))
    offer.commands = _commands(_answers(manager, "si_commands"))
    offer.recipes = _recipes(_answers(manager, "si_recipes"))
    _check_extensions(_answers(manager, "si_extensions"))
    offer.listens = bool(manager.hook.si_event.get_hookimpls())
    offer.hooks = manager


def _checked_manager(module: Any, name: str) -> pluggy.PluginManager:
    manager = pluggy.PluginManager("si_core")
    manager.add_hookspecs(Specification)
    hooks = {attribute: manager.parse_hookimpl_opts(module, attribute) for attribute in dir(module)}
    marked = {attribute: options for attribute, options in hooks.items() if options is not None}
    for attribute, options in marked.items():
        _check_signature(getattr(module, attribute), attribute, options)
    for hook in _FORMS:
        if hook not in marked and inspect.isroutine(getattr(module, hook, None)):
            raise HookMistake(f"hook {hook!r} is not marked with @hookimpl; expected {_FORMS[hook]}")
    if not marked:
        raise HookMistake(f"no hook; expected at least {_FORMS['si_components']}")
    try:
        manager.register(module, name)
    except pluggy.PluginValidationError as error:
        raise HookMistake(" ".join(str(error).split())) from error
    return manager


def _check_signature(function: Any, attribute: str, options: Any) -> None:
    hook = options.get("specname") or attribute
    if hook not in _FORMS:
        near = nearest(hook, _FORMS, cutoff=0.5)
        advice = (
            f", did you mean {near[0]!r}? expected {_FORMS[near[0]]}" if near else f"; hooks are {', '.join(_FORMS)}"
        )
        raise HookMistake(f"unknown hook {hook!r}{advice}")
    if inspect.isgeneratorfunction(function) or inspect.iscoroutinefunction(function):
        raise HookMistake(f"hook {hook!r} is a generator or a coroutine; expected {_FORMS[hook]}")
    signature = inspect.signature(function)
    for parameter in signature.parameters.values():
        needed = parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        )
        if needed and (parameter.name not in _ARGUMENTS[hook] or parameter.kind is parameter.KEYWORD_ONLY):
            raise HookMistake(f"hook {hook!r} has the wrong signature {signature}; expected {_FORMS[hook]}")


def _answers(manager: pluggy.PluginManager, hook: str) -> list[Any]:
    caller = getattr(manager.hook, hook)
    answers: list[Any] = caller()
    if len(answers) < len(caller.get_hookimpls()):  # pluggy drops None, the answer of a forgotten return
        raise _wrong_return(hook, "None")
    return answers


def _components(answers: list[Any]) -> tuple[Component, ...]:
    components: dict[tuple[str, str], Component] = {}
    for answer in answers:
        if not isinstance(answer, list | tuple):
            raise _wrong_return("si_components", type(answer).__name__)
        for item in answer:
            if not isinstance(item, Component):
                raise _wrong_return("si_components", f"{type(answer).__name__} with {type(item).__name__} in it")
            if (item.kind, item.name) in components:
                raise HookMistake(f"hook 'si_components' offers {item.kind} {item.name!r} twice")
            components[item.kind, item.name] = item
    return tuple(components.values())


def _kinds(answers: list[Any]) -> tuple[Kind, ...]:
    kinds: list[Kind] = []
    for answer in answers:
        if not isinstance(answer, list | tuple):
            raise _wrong_return("si_kinds", type(answer).__name__)
        for item in answer:
            if not isinstance(item, Kind):
                raise _wrong_return("si_kinds", f"{type(answer).__name__} with {type(item).__name__} in it")
            kinds.append(item)
    mistake = kind_mistake(kinds)
    if mistake is not None:
        raise HookMistake(f"hook 'si_kinds' {mistake}")
    return tuple(kinds)


def _commands(answers: list[Any]) -> tuple[Command, ...]:
    commands: dict[str, Command] = {}
    for answer in answers:
        if not isinstance(answer, list | tuple):
            raise _wrong_return("si_commands", type(answer).__name__)
        for item in answer:
            if not isinstance(item, Command):
                raise _wrong_return("si_commands", f"{type(answer).__name__} with {type(item).__name__} in it")
            if item.name in commands:
                raise HookMistake(f"hook 'si_commands' offers {item.name!r} twice")
            commands[item.name] = item
    return tuple(commands.values())


def _recipes(answers: list[Any]) -> Path | None:
    for answer in answers:
        if not isinstance(answer, str | os.PathLike):
            raise _wrong_return("si_recipes", type(answer).__name__)
        folder = Path(answer)
        if not folder.is_absolute() or not folder.is_dir():
            raise HookMistake(
                f"hook 'si_recipes' returned {str(folder)!r}; expected {_FORMS['si_recipes']} that exists"
            )
        return folder
    return None


def _check_extensions(answers: list[Any]) -> None:
    for answer in answers:
        if not isinstance(answer, list | tuple) or not all(isinstance(module, str) for module in answer):
            raise _wrong_return("si_extensions", type(answer).__name__)


def _wrong_return(hook: str, found: str) -> HookMistake:
    return HookMistake(f"hook {hook!r} returned {found}; expected {_FORMS[hook]}")
