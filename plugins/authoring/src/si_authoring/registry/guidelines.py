"""The guidelines for the catalogue, as values: their text for people and the check of it stand side by side.

``si registry --check`` applies them, and the section of CONTRIBUTING.md is printed from them
(``si registry --guidelines``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from si_authoring.checking.supervisor import check_by_name
from si_authoring.registry.candidates import Candidate
from si_core import SIError
from si_core.public.discovery import CORE_COMMANDS, core_version

__all__ = ["GUIDELINES", "Guideline", "guidelines_text"]

_NAME = re.compile(r"si-[a-z0-9]+(-[a-z0-9]+)*")
_NEAR = 2
_SLOW = 2.0
_FAR_FUTURE = "9999"


@dataclass(frozen=True)
class Guideline:
    """One rule for entries.

    Args:
        name: lower-case words joined by hyphens.
        text: the rule, for authors.
        check: what breaks the rule, a sentence each; None where it can't be told here, as the plugin is not at hand.
        slow: whether the check takes seconds for each component.
    """

    name: str
    text: str
    check: Callable[[Candidate], list[str] | None]
    slow: bool = False


def _name_form(candidate: Candidate) -> list[str]:
    name = candidate.entry.name
    return [] if _NAME.fullmatch(name) else [f"the name {name!r} is not of the form si-topic"]


def _name_distance(candidate: Candidate) -> list[str]:
    name = candidate.entry.name
    near = [other.name for other in candidate.others if edit_distance(name, other.name) <= _NEAR]
    return [f"the name is within {_NEAR} letters of {other}, and easily mistaken for it" for other in near]


def _no_clash(candidate: Candidate) -> list[str]:
    found = []
    for other in candidate.others:
        if candidate.entry.name in (other.replaced_by, other.name) or candidate.entry.replaced_by == other.name:
            continue
        for kind, names in candidate.entry.components.items():
            both = sorted(set(names) & set(other.components.get(kind, ())))
            found += [f"{kind} {name!r} is offered by {other.name} already" for name in both]
        both = sorted(set(candidate.entry.commands) & set(other.commands))
        found += [f"the command {name!r} is offered by {other.name} already" for name in both]
    own = sorted(set(candidate.entry.commands) & set(CORE_COMMANDS))
    return found + [f"the command {name!r} is si-core's own" for name in own]


def _upper_bound(candidate: Candidate) -> list[str]:
    text = candidate.entry.requires
    try:
        wanted = SpecifierSet(text)
    except InvalidSpecifier:
        return [f"its range of si-core can't be read: {text!r}"]
    if not text or wanted.contains(_FAR_FUTURE):
        return [f"its range of si-core has no upper bound: {text!r}"]
    if candidate.entry.status != "deprecated" and not wanted.contains(core_version(), prereleases=True):
        return [f"its range of si-core is {text}, and this is si-core {core_version()}"]
    return []


def _licence(candidate: Candidate) -> list[str]:
    try:
        canonicalize_license_expression(candidate.entry.licence)
    except InvalidLicenseExpression:
        return [f"its licence is no SPDX expression: {candidate.entry.licence!r}"]
    return []


def _facts(candidate: Candidate) -> list[str]:
    entry, problems = candidate.entry, []
    if entry.name not in entry.install.split() and not any(
        entry.name in word for word in re.split(r"[\s'\"<>=!~\[]+", entry.install)
    ):
        problems.append(f"its command to install does not name it: {entry.install!r}")
    if "://" in entry.source and not entry.source.startswith("https://"):
        problems.append(f"its source is no https address: {entry.source!r}")
    if not entry.source:
        problems.append("it does not say where its source is")
    if not entry.summary or not entry.maintainers:
        problems.append("it has no summary, or nobody who maintains it")
    if (entry.status == "deprecated") != (entry.replaced_by is not None):
        problems.append("a deprecated plugin, and no other, says what replaces it (replaced_by)")
    return problems


def _loads(candidate: Candidate) -> list[str] | None:
    known = candidate.plugin
    if known is None:
        return None
    if known["state"] not in ("ready", "clash"):
        return [f"it is {known['state']}: {known['cause']}"]
    offered = {(each["kind"], each["name"]) for each in known["components"]}
    offered |= {("the command", name) for name in known["commands"]}
    listed = {(kind, name) for kind, names in candidate.entry.components.items() for name in names}
    listed |= {("the command", name) for name in candidate.entry.commands}
    problems = [f"it offers {kind} {name!r}, which is not listed" for kind, name in sorted(offered - listed)]
    problems += [f"{kind} {name!r} is listed, and it does not offer it" for kind, name in sorted(listed - offered)]
    if known["seconds"] > _SLOW:
        problems.append(f"its import takes {known['seconds']:.1f} s: the entry module must import nothing heavy")
    return problems


def _conforms(candidate: Candidate) -> list[str] | None:
    if candidate.plugin is None:
        return None
    if candidate.plugin["state"] not in ("ready", "clash"):
        return []  # said already
    name = f"dist:{candidate.entry.name}"
    try:
        if candidate.tree is None:
            checked = list(check_by_name(name))
        else:
            with candidate.tree.environment() as environment:
                checked = list(check_by_name(name, environment=environment))
    except SIError as error:
        return [str(error)]
    problems = []
    for component in checked:
        label = f"{component.kind} {component.name}"
        if component.fault:
            problems.append(f"{label} can't be built: {component.unchecked}")
        broken = [result for result in component.results if result["state"] == "violated"]
        problems += [f"{label} violates {result['check']}: {result['message']}" for result in broken]
    return problems


GUIDELINES: tuple[Guideline, ...] = (
    Guideline(
        "name-form",
        "The distribution is named `si-<topic>`, lower-case words joined by hyphens; its package is `si_<topic>`.",
        _name_form,
    ),
    Guideline(
        "name-distance",
        f"Its name differs from every other listed name by more than {_NEAR} letters.",
        _name_distance,
    ),
    Guideline(
        "no-clash",
        "No component has the kind and name of another listed plugin's, and no command its name or that of a command "
        "of si-core, unless one replaces the other. "
        "Names are the field's standard terms, in lower-case words joined by hyphens.",
        _no_clash,
    ),
    Guideline(
        "upper-bound",
        "It requires `si-core` with a lower and an upper bound, such as `si-core>=0.2,<0.3`, that admit this release.",
        _upper_bound,
    ),
    Guideline("licence", "Its licence is an SPDX expression, such as `MIT` or `Apache-2.0`.", _licence),
    Guideline(
        "facts",
        "The entry has a one-line summary, maintainers, a source (a path in this tree or an `https` address) and the "
        "command that installs it; a deprecated plugin names its replacement.",
        _facts,
    ),
    Guideline(
        "loads",
        "Installed, it is ready, offers exactly what its entry lists, and its entry module (group `si_core.plugins`) "
        "is imported within two seconds: no torch, no data, no side effects.",
        _loads,
    ),
    Guideline(
        "conforms",
        "Each of its components passes `si check`.",
        _conforms,
        slow=True,
    ),
)
"""The rules, in the order in which they are checked."""


def guidelines_text() -> str:
    """The guidelines as a Markdown list, for CONTRIBUTING.md."""
    return "\n".join(f"- **{rule.name}**: {rule.text}" for rule in GUIDELINES)


def edit_distance(one: str, other: str) -> int:
    """The least number of letters to insert, delete or replace to turn one word into the other."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row = row, [i]
        for j, b in enumerate(other, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (a != b)))
    return row[-1]
