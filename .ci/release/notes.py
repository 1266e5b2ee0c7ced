"""Release notes: the section of a version in CHANGELOG.md, and the packages with their digests."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from release.errors import ReleaseError

__all__ = ["new_section", "notes", "section"]

_HEADING = re.compile(r"^## (\d+\.\d+\.\d+) \((unreleased|\d{4}-\d{2}-\d{2})\)$", re.MULTILINE)
_RELATIVE_LINK = re.compile(r"\[([^\]]+)\]\((?!https?://|#)[^)]+\)")


def section(changelog: str, version: str) -> tuple[str, str]:
    """Return when a version was released, a date or ``unreleased``, and what its section says.

    Raises:
        ReleaseError: there is no such section, or nothing in it.
    """
    headings = list(_HEADING.finditer(changelog))
    for heading, after in zip(headings, [*headings[1:], None], strict=True):
        if heading[1] == version:
            text = changelog[heading.end() : after.start() if after else len(changelog)].strip()
            if not text:
                raise ReleaseError(f"CHANGELOG.md says nothing of {version}: write what users notice under its heading")
            return heading[2], text
    known = ", ".join(heading[1] for heading in headings) or "none"
    advice = f"write `## {version} (unreleased)`, or its date as 2026-01-31"
    raise ReleaseError(f"CHANGELOG.md has no section of {version}, it has {known}: {advice}")


def new_section(changelog: str, version: str) -> str:
    """Return the changelog with a section for a version that begins: the unreleased one takes its name."""
    headings = list(_HEADING.finditer(changelog))
    heading = f"## {version} (unreleased)"
    if any(each[1] == version for each in headings):
        return changelog
    if headings and headings[0][2] == "unreleased":
        return changelog[: headings[0].start()] + heading + changelog[headings[0].end() :]
    place = headings[0].start() if headings else len(changelog)
    return changelog[:place] + f"{heading}\n\n" + changelog[place:]


def notes(changelog: str, version: str, packages: Iterable[Path]) -> str:
    """Return the notes as Markdown. Links into the tree become their words: where notes are read there is no tree."""
    date, text = section(changelog, version)
    rows = [
        f"| {path.name} | `{hashlib.sha256(path.read_bytes()).hexdigest()}` |"
        for path in sorted(packages, key=lambda path: path.name)
    ]
    table = ["", "## Packages", "", "| file | SHA-256 |", "| --- | --- |", *rows] if rows else []
    head = [f"# si {version} ({date})", "", _RELATIVE_LINK.sub(r"\1", text)]
    return "\n".join([*head, *table]) + "\n"
