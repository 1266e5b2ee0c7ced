"""The commands of ``si``: the core's own, then those of plugins, none of them imported before it is chosen.

A plugin can't take the place of a command of the core. Of several plugins with a command of one name none goes first:
``si DISTRIBUTION/NAME`` names one. A name that is not found has an outcome of its own, as a component's has: offered
by a plugin that is not ready; known but not installed; unknown.
"""

from __future__ import annotations

import importlib
import inspect
import logging
from collections import defaultdict
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, cast

from packaging.utils import canonicalize_name

from si_core.discovery.catalogue import catalogue
from si_core.discovery.command import Command, CommandObject
from si_core.discovery.core_commands import CORE_COMMANDS
from si_core.discovery.guard import cause_of, contained, remedy
from si_core.discovery.plugin import Plugin
from si_core.discovery.plugins import installed_plugins
from si_core.discovery.suggest import did_you_mean
from si_core.errors import PluginError, SIError, UsageError

__all__ = ["FoundCommand", "all_commands", "find_command", "load_command"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoundCommand:
    """A command and the plugin that offers it; None for one of the core."""

    command: Command
    plugin: Plugin | None = None

    @property
    def owner(self) -> str:
        """The distribution that offers it."""
        return "si-core" if self.plugin is None else self.plugin.distribution

    @property
    def label(self) -> str:
        """The command in an error: ``command 'calm' of si-calm 1.0``."""
        return f"command {self.command.name!r} of {self.owner if self.plugin is None else self.plugin.label}"


def all_commands() -> dict[str, FoundCommand]:
    """Every command that can be chosen, by what is typed: the core's in their order, then the plugins' by name.

    A name that several have is typed with its distribution before it: ``si-calm/calm``.
    """
    offered: defaultdict[str, list[FoundCommand]] = defaultdict(list)
    for plugin in installed_plugins():
        for command in plugin.commands if plugin.ready else ():
            one = FoundCommand(command, plugin)
            if (one.owner, command) not in {(other.owner, other.command) for other in offered[command.name]}:
                offered[command.name].append(one)
    found = {command.name: FoundCommand(command) for command in CORE_COMMANDS.values()}
    for name, group in sorted(offered.items()):
        if len(group) == 1 and name not in CORE_COMMANDS:
            found[name] = group[0]
        else:
            found |= {f"{each.owner}/{name}": each for each in group}
    return found


def find_command(name: str) -> FoundCommand:
    """Return the command of that name; plugins are asked only where the core has none.

    Args:
        name: its name, or ``"dist/name"``.

    Raises:
        UsageError: unknown, or known but not installed.
        PluginError: offered only by a plugin that is not ready, or by several.
    """
    if name in CORE_COMMANDS:
        return FoundCommand(CORE_COMMANDS[name])
    known = all_commands()
    distribution, _, plain = name.rpartition("/")
    owner = str(canonicalize_name(distribution)) if distribution else ""
    found = known.get(f"{owner}/{plain}") or known.get(plain)
    if found is not None and owner in ("", found.owner):
        return found
    rivals = [typed for typed in known if typed.endswith(f"/{plain}")]
    if rivals and not owner:
        raise _clash(plain, rivals)
    raise _unready(plain, owner) or _not_installed(plain, owner) or _unknown(name, known)


def load_command(found: FoundCommand) -> CommandObject:
    """Import a command and return its object.

    Raises:
        PluginError: the import or the constructor fails, or the object lacks one of the two functions.
    """
    target = found.command.target
    if found.plugin is None:
        return cast(CommandObject, _object(target))
    outcome = contained(lambda: _object(target), f"{found.label} was being imported")
    if outcome.printed:
        _log.warning("%s printed while it was imported: %s", found.label, outcome.printed)
    if outcome.error is not None:
        raise PluginError(
            f"can't be imported: {cause_of(outcome.error)}",
            where=found.label,
            fix=remedy(outcome.error, found.plugin.distribution),
        ) from outcome.error
    missing = [name for name in ("add_arguments", "run") if not callable(getattr(outcome.value, name, None))]
    if missing:
        raise PluginError(
            f"its target lacks {' and '.join(missing)}",
            where=found.label,
            got=target,
            allowed="an object, a class or a module with add_arguments(parser) and run(arguments)",
            fix=f"report it to the authors of {found.plugin.distribution}",
        )
    return cast(CommandObject, outcome.value)


def _object(target: str) -> Any:
    """What ``from module import object`` gives; of a class, an object."""
    module, _, attribute = target.partition(":")
    home = importlib.import_module(module)
    if not hasattr(home, attribute) and hasattr(home, "__path__") and find_spec(f"{module}.{attribute}") is not None:
        importlib.import_module(f"{module}.{attribute}")
    value = getattr(home, attribute)
    return value() if inspect.isclass(value) else value


def _clash(name: str, rivals: list[str]) -> PluginError:
    return PluginError(
        f"the command {name!r} is offered by {' and '.join(typed.rpartition('/')[0] for typed in rivals)}",
        fix=f"choose one: {' or '.join(f'si {typed}' for typed in rivals)}",
    )


def _unready(name: str, distribution: str) -> SIError | None:
    """The command of a plugin that is broken, incompatible or disabled; None if there is no such plugin."""
    listed = {str(canonicalize_name(entry.name)) for entry in catalogue() if name in entry.commands}
    for plugin in installed_plugins():
        offers = plugin.distribution in listed or any(command.name == name for command in plugin.commands)
        if not plugin.ready and offers and distribution in ("", plugin.distribution):
            error = PluginError(
                f"the command {name!r} is offered by {plugin.label}, which is {plugin.state}: {plugin.cause}",
                fix=plugin.fix,
            )
            error.__cause__ = plugin.error
            return error
    return None


def _not_installed(name: str, distribution: str) -> SIError | None:
    """The command of a plugin that the catalogue knows and that is not installed; None if there is no such plugin."""
    installed = {plugin.distribution for plugin in installed_plugins()}
    for entry in catalogue():
        own = str(canonicalize_name(entry.name))
        if name in entry.commands and own not in installed and distribution in ("", own):
            return UsageError(
                f"the command {name!r} is provided by {entry.name}, which is not installed",
                fix=f"run {entry.install!r}, then try again",
            )
    return None


def _unknown(name: str, known: dict[str, FoundCommand]) -> SIError:
    words = {*known, *(command for entry in catalogue() for command in entry.commands)}
    return UsageError(
        f"there is no command {name!r}", allowed=", ".join(known), fix=did_you_mean(name, words) or "si --help"
    )
