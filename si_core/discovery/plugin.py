"""A plugin as it was found: ready, or in what state and why, and what it offers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pluggy

from si_core.discovery.command import Command
from si_core.discovery.component import Component
from si_core.discovery.kind import Kind

__all__ = ["Clash", "Plugin"]


@dataclass(frozen=True)
class Clash:
    """A component, a command or a kind of component that others offer as well.

    Args:
        kind: kind of the component; ``"command"``, or ``"kind"`` or ``"section"`` where the clash is about a kind's.
        name: name of the component, the command, the kind or the section.
        others: the distributions of the others, sorted.
    """

    kind: str
    name: str
    others: tuple[str, ...]


@dataclass(frozen=True)
class Plugin:
    """One installed plugin.

    Args:
        name: name of its entry point.
        distribution: canonical name of its distribution.
        version: version of its distribution.
        state: whether it can be used.
        cause: why it can't.
        fix: what to do about it.
        remark: what its authors should mend, of one that can be used.
        components: what it offers; may be known of a broken plugin, too.
        kinds: the kinds of component that it adds to the table.
        commands: the commands it offers; may be known of a broken plugin, too.
        clashes: those of its components, commands and kinds that others offer as well.
        recipes: its folder of recipes.
        seconds: time its import and hooks took.
        printed: what it wrote to standard output meanwhile.
        listens: whether it receives the events of runs.
        hooks: its hooks, for :mod:`si_core.discovery.events`.
        error: what it raised, as the cause of errors about it.
    """

    name: str
    distribution: str
    version: str
    state: Literal["ready", "broken", "incompatible", "disabled"]
    cause: str = ""
    fix: str = ""
    remark: str = ""
    components: tuple[Component, ...] = ()
    kinds: tuple[Kind, ...] = ()
    commands: tuple[Command, ...] = ()
    clashes: tuple[Clash, ...] = ()
    recipes: Path | None = None
    seconds: float = 0.0
    printed: str = ""
    listens: bool = False
    hooks: pluggy.PluginManager | None = field(default=None, repr=False, compare=False)
    error: BaseException | None = field(default=None, repr=False, compare=False)

    @property
    def ready(self) -> bool:
        """Whether its components can be used."""
        return self.state == "ready"

    @property
    def targets(self) -> tuple[str, ...]:
        """Where all that it offers lives."""
        return tuple(offered.target for offered in self.components) + tuple(each.target for each in self.commands)

    @property
    def status(self) -> str:
        """The state as users see it, one of five: ``"clash"`` is a ready plugin with clashes."""
        return "clash" if self.ready and self.clashes else self.state

    @property
    def usable_kinds(self) -> tuple[Kind, ...]:
        """Those of its kinds that no other plugin claims."""
        taken = {(clash.kind, clash.name) for clash in self.clashes}
        return tuple(kind for kind in self.kinds if not {("kind", kind.name), ("section", kind.section)} & taken)

    @property
    def detail(self) -> str:
        """Cause and fix in one text; empty for a plugin without trouble."""
        return f"{self.cause}; fix: {self.fix}" if self.fix else self.cause

    @property
    def label(self) -> str:
        """The plugin in an error: ``si-cubic 1.0``."""
        return f"{self.distribution} {self.version}"
