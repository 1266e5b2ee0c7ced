"""What a plugin offers: components, each a kind, a name and where its class lives."""

from __future__ import annotations

from dataclasses import dataclass

from si_core.discovery.spelling import check_name, check_target

__all__ = ["Component"]


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
        check_name(self.kind, where, "kind", "interpolant")
        check_name(self.name, where)
        check_target(self.target, where)
