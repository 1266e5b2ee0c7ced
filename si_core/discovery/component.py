"""What a plugin offers: components, each a kind, a name and where its class lives."""

from __future__ import annotations

from dataclasses import dataclass

from si_core.discovery.kinds import KINDS
from si_core.discovery.spelling import check_name, check_target
from si_core.errors import PluginError

__all__ = ["Component"]


@dataclass(frozen=True)
class Component:
    """One thing a recipe can select by name.

    Args:
        kind: one of :data:`si_core.discovery.kinds.KINDS`, such as ``"interpolant"``.
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
        if self.kind not in KINDS:
            raise PluginError("unknown kind", where=where, got=repr(self.kind), allowed=", ".join(KINDS))
        check_name(self.name, where)
        check_target(self.target, where)
