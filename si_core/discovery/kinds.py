"""The table of kinds: the core's own and those that ready plugins add by the hook ``si_kinds``.

Everything that depends on kinds follows from it: which components can be looked up, the sections of recipes and their
schema, what ``si list`` shows, and what the builder supplies. A kind that two plugins offer differently is in neither's
hands: it is left out, and whoever asks for it is told why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from si_core.discovery.core_kinds import CORE_KINDS
from si_core.discovery.kind import Kind
from si_core.discovery.plugin import Plugin
from si_core.discovery.plugins import installed_plugins

__all__ = ["KINDS", "section_kinds"]


class _Table(Mapping[str, Kind]):
    """The kinds by name, as the installed plugins make them now: first the core's, then by distribution."""

    def __init__(self) -> None:
        self._plugins: tuple[Plugin, ...] | None = None
        self._kinds: dict[str, Kind] = {}
        self._sections: tuple[Kind, ...] = ()

    def _now(self) -> dict[str, Kind]:
        plugins = installed_plugins()
        if plugins is not self._plugins:
            offered = [kind for plugin in plugins if plugin.ready for kind in plugin.usable_kinds]
            self._kinds = {kind.name: kind for kind in (*CORE_KINDS, *offered)}
            self._sections = tuple(kind for kind in self._kinds.values() if kind.section is not None)
            self._plugins = plugins
        return self._kinds

    def sections(self) -> tuple[Kind, ...]:
        """Those that own a section, in the order of the table."""
        self._now()
        return self._sections

    def __getitem__(self, name: str) -> Kind:
        return self._now()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())


_TABLE = _Table()
KINDS: Mapping[str, Kind] = _TABLE


def section_kinds() -> tuple[Kind, ...]:
    """The kinds that own a section of recipes, in the order of the table."""
    return _TABLE.sections()
