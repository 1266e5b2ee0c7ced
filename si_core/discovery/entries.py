"""The entry points of the group ``si_core.plugins``: which plugins are installed, before any of them is imported.

``importlib.metadata.entry_points`` stops at the first damaged distribution; here each distribution is read on its
own. A distribution that lies on ``sys.path`` twice (an editable install beside a build copy) counts once, the first
one, as for an import.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, distributions

from packaging.utils import canonicalize_name

from si_core.discovery.guard import cause_of
from si_core.discovery.hooks import ENTRY_POINT_GROUP

__all__ = ["Entry", "plugin_entries"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """One entry point, with what its distribution says of itself.

    Args:
        name: the entry's name; the distribution's if its entry points can't be read.
        distribution: canonical name, such as ``"si-cubic"``.
        version: version of the distribution.
        requires: its ``Requires-Dist`` lines.
        point: the entry point, or None if it can't be read.
        cause: why it can't be read.
    """

    name: str
    distribution: str
    version: str
    requires: tuple[str, ...]
    point: EntryPoint | None
    cause: str = ""


def plugin_entries() -> tuple[Entry, ...]:
    """Return the entries of all installed distributions, sorted by distribution and name."""
    found: dict[str, list[Entry]] = {}
    for distribution in distributions():
        try:
            offers = ENTRY_POINT_GROUP in (distribution.read_text("entry_points.txt") or "")
        except (OSError, ValueError) as error:  # undecodable: it can't be told whether this is a plugin at all
            _log.info("a distribution with unreadable entry points is left out: %s", cause_of(error))
            continue
        if offers:
            name = _name_of(distribution)
            if name not in found:
                found[name] = _entries_of(distribution, name)
    entries = [entry for group in found.values() for entry in group]
    return tuple(sorted(entries, key=lambda entry: (entry.distribution, entry.name)))


def _name_of(distribution: Distribution) -> str:
    try:
        name = distribution.metadata["Name"]
    except Exception as error:  # metadata of strangers fails in many ways; an empty name is reported below
        _log.info("a plugin's metadata can't be read: %s", cause_of(error))
        name = None
    return str(canonicalize_name(name)) if name else f"unnamed distribution at {distribution.locate_file('')}"


def _entries_of(distribution: Distribution, name: str) -> list[Entry]:
    try:
        version = distribution.version or "unknown"
        requires = tuple(distribution.requires or ())
        points = {
            (point.name, point.value): point for point in distribution.entry_points.select(group=ENTRY_POINT_GROUP)
        }
    except Exception as error:  # as above
        return [Entry(name, name, "unknown", (), None, f"its metadata can't be read: {cause_of(error)}")]
    return [Entry(point.name, name, version, requires, point) for point in points.values()]
