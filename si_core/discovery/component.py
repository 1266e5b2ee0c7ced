"""What a plugin offers: components, each a kind, a name and where its class lives."""

from __future__ import annotations

import re
from dataclasses import dataclass

from si_core.errors import PluginError

__all__ = ["Component"]

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


@dataclass(frozen=True)
class Component:
    """One thing a recipe can select by name.

    Args:
        kind: a kind of the core or of any plugin, such as ``"interpolant"``. Whether there is such a kind is found when
            all plugins are known, so that no order of installation matters.
        name: lower-case words joined by hyphens, such as ``"variance-preserving"``.
        target: ``"module:Class"``; imported when the component is first used, never before.
        summary: one line for ``si list``; a formula says most.

    Raises:
        PluginError: a kind, name or target of another form.
    """

    kind: str
    name: str
    target: str
    summary: str = ""

    def __post_init__(self) -> None:
        where = f"Component({self.kind!r}, {self.name!r}, {self.target!r})"
        if not isinstance(self.kind, str) or not _NAME.fullmatch(self.kind):
            raise PluginError(
                "a kind is lower-case words joined by hyphens",
                where=where,
                got=repr(self.kind),
                allowed="like 'interpolant'",
            )
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise PluginError(
                "a name is lower-case words joined by hyphens",
                where=where,
                got=repr(self.name),
                allowed="like 'my-cubic'",
            )
        if not isinstance(self.target, str) or not _TARGET.fullmatch(self.target):
            raise PluginError(
                "a target is 'module:Class'", where=where, got=repr(self.target), allowed="like 'si_cubic.cubic:Cubic'"
            )
