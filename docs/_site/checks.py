"""The reference of conformance: what every check of `si check` proves, from the kit's own claims."""

from __future__ import annotations

import re
from collections.abc import Iterable

from _site.markup import cell, code, table
from si_authoring.testing.check import Check
from si_authoring.testing.suite import suite
from si_core.discovery.kinds import KINDS
from si_core.errors import UsageError

__all__ = ["pages"]

_TICKS = re.compile(r"(?<!`)`([^`]+)`(?!`)")
"""Code in the ticks of Markdown, which some claims have in place of those of docstrings."""


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
    return table(("check", "claim"), [(code(each.name), cell(_TICKS.sub(r"``\1``", each.claim))) for each in checks])
