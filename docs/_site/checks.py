"""The reference of conformance: what every check of `si check` proves, from the kit's own claims."""

from __future__ import annotations

from collections.abc import Iterable

from _site.markup import cell, code, table
from si_authoring.testing.check import Check
from si_authoring.testing.suite import suite
from si_core.discovery.kinds import KINDS
from si_core.errors import UsageError

__all__ = ["pages"]


def pages() -> dict[str, str]:
    """The pages by their names."""
    suites: dict[str, tuple[Check, ...]] = {}
    for name in sorted(KINDS):
        try:
            suites[name] = suite(name).checks
        except UsageError:
            # A kind without checks.
            continue
    common = set.intersection(*({each.name for each in checks} for checks in suites.values()))
    first = next(iter(suites.values()))
    words = [
        "# What each check proves\n",
        "`si check NAME` measures these claims of a component, by its kind; the class to inherit in pytest runs the "
        "same. A claim that says nothing of a component is skipped, with the reason.\n",
        "## Every kind\n",
        _table(each for each in first if each.name in common),
    ]
    for name, checks in suites.items():
        words += [f"(checks-{name})=\n## {name}\n", _table(each for each in checks if each.name not in common)]
    return {"checks.md": "\n".join(words)}


def _table(checks: Iterable[Check]) -> str:
    return table(("check", "claim"), [(code(each.name), _claim(each.claim)) for each in checks])


def _claim(text: str) -> str:
    """A claim in a cell: what is code stays as it is, but for bars, which would end the cell."""
    parts = text.replace("``", "`").split("`")
    return "`".join(part.replace("|", "\\|") if i % 2 else _spaced(part) for i, part in enumerate(parts))


def _spaced(text: str) -> str:
    """Escaped text with the blanks at its ends, which :func:`cell` takes away."""
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return f"{before}{cell(text)}{after}" if text.strip() else text
