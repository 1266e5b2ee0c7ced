"""Kinds that don't go together: with the core's own, within one plugin, or between plugins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from si_core.discovery.core_kinds import CORE_KINDS, RECIPE_KEYS
from si_core.discovery.kind import Kind

__all__ = ["kind_mistake", "rivals"]

_CORE_NAMES = {kind.name for kind in CORE_KINDS}
_CORE_SECTIONS = RECIPE_KEYS | {kind.section for kind in CORE_KINDS}


def kind_mistake(kinds: Sequence[Kind]) -> str | None:
    """What is wrong with the kinds of one plugin, whatever else is installed; None for nothing."""
    names: set[str] = set()
    sections: set[str] = set()
    for kind in kinds:
        if kind.name in _CORE_NAMES:
            return f"offers the kind {kind.name!r}, which is the core's own; choose another name"
        if kind.name in names:
            return f"offers the kind {kind.name!r} twice"
        names.add(kind.name)
        if kind.section is None:
            continue
        if kind.section in _CORE_SECTIONS:
            return f"offers the kind {kind.name!r} with the section {kind.section!r}, a key that is the core's own"
        if kind.section in sections:
            return f"offers two kinds with the section {kind.section!r}"
        sections.add(kind.section)
    return None


def rivals(
    kind: Kind, distribution: str, offers: Iterable[tuple[str, Kind]]
) -> tuple[str, str, tuple[str, ...]] | None:
    """What a kind has in common with another that is not the same: ``("kind" or "section", word, distributions)``.

    The same kind offered twice by one distribution is one.

    Args:
        kind: the kind.
        distribution: who offers it.
        offers: distribution and kind, of every ready plugin.
    """
    others = [(owner, other) for owner, other in offers if (owner, other) != (distribution, kind)]
    for word, mine in (("kind", "name"), ("section", "section")):
        value = getattr(kind, mine)
        owners = tuple(sorted({owner for owner, other in others if value and getattr(other, mine) == value}))
        if owners:
            return word, value, owners
    return None
