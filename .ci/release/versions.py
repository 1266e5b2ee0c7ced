"""Versions in step: every place that states the version, or the range that follows from it, and one way to move them.

A release has one version, that of ``pyproject.toml`` in the root. Every package states it; the range that follows from
it, ``>=0.2,<0.3`` for 0.2.x, is stated by whatever asks for one of the packages: dependencies, the catalogue, pages
that show a plugin, tests that make one. Check and change go through one list of these places, so neither forgets one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from release.errors import ReleaseError
from release.projects import Project, projects

__all__ = ["Statement", "bump", "check", "differing", "range_of", "statements"]

_FORM = re.compile(r"\d+\.\d+\.\d+")
_SPECIFIER = r"((?:[<>=!~]=?[\w.*]+)(?:\s*,\s*[<>=!~]=?[\w.*]+)*)"
_SKIPPED = {"_build", "__pycache__", "node_modules"}


@dataclass(frozen=True)
class Statement:
    """A place that states a version or a range.

    Attributes:
        path: the file.
        line: its line, from 1.
        start, end: what of the line is the statement.
        text: what it says, ``""`` for a requirement without a range.
        is_range: whether it is a range.
    """

    path: Path
    line: int
    start: int
    end: int
    text: str
    is_range: bool


def range_of(version: str) -> str:
    """Return the versions that fit one, ``>=0.2,<0.3`` for 0.2.x: a minor version may break what is built on it."""
    major, minor, _ = version.split(".")
    return f">={major}.{minor},<{major}.{int(minor) + 1}"


def _checked(version: str) -> str:
    if not _FORM.fullmatch(version):
        raise ReleaseError(f"{version!r} is no version of a release: write three numbers, such as 0.3.0")
    return version


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    if path.is_file():
        yield from enumerate(path.read_text(encoding="utf-8").splitlines(), 1)


def _matches(path: Path, pattern: str, is_range: bool = False) -> Iterator[Statement]:
    """Every match of a pattern; its last group is the statement."""
    compiled = re.compile(pattern)
    for number, line in _lines(path):
        for match in compiled.finditer(line):
            group = compiled.groups
            yield Statement(path, number, match.start(group), match.end(group), match[group] or "", is_range)


def _of_project(project: Project, names: str) -> Iterator[Statement]:
    """The version of a package, and the ranges of its dependencies; uv's groups have none, as they are of one tree."""
    path = project.folder / "pyproject.toml"
    sections = {}
    section = ""
    for number, line in _lines(path):
        if heading := re.match(r"\[([\w.\"-]+)\]", line):
            section = heading[1]
        sections[number] = section
    for found in _matches(path, r'^version = "([^"]*)"'):
        if sections[found.line] == "project":
            yield found
    for found in _matches(path, rf'(?<!name = )"{names}(?:\[[^\]]*\])?\s*((?:[<>=!~][^";]*)?)\s*[";]', is_range=True):
        if sections[found.line] in ("project", "project.optional-dependencies"):
            yield found
    yield from _matches(project.source / "__init__.py", r'^__version__ = "([^"]*)"')


def _of_catalogue(path: Path, names: str) -> Iterator[Statement]:
    ours = False
    for number, line in _lines(path):
        if entry := re.match(r"\s*- name: (\S+)", line):
            ours = bool(re.fullmatch(names, entry[1]))
        if ours and (match := re.match(r'\s+requires: "([^"]*)"', line)):
            yield Statement(path, number, match.start(1), match.end(1), match[1], True)


def _files(root: Path, folders: Sequence[str], suffixes: Sequence[str]) -> Iterator[Path]:
    for folder in folders:
        start = root / folder
        for path in [start] if start.is_file() else sorted(start.rglob("*")):
            if path.suffix in suffixes and path.is_file() and not _SKIPPED & set(path.relative_to(root).parts):
                yield path


def statements(root: Path) -> list[Statement]:
    """Return every place that must agree with the root's version."""
    found: list[Statement] = []
    all_of = projects(root)
    names = "(?:" + "|".join(re.escape(project.name) for project in all_of) + ")"
    for project in all_of:
        found += _of_project(project, names)
    found += _of_catalogue(root / "registry.yaml", names)
    found += _matches(root / "CITATION.cff", r"^version: [\"']?([\w.]+)")
    requirement = rf"\b{names}(?:\[[^\]]*\])?{_SPECIFIER}"
    own = {project.folder / "pyproject.toml" for project in all_of}
    pages = _files(
        root, ("README.md", "CONTRIBUTING.md", "docs", "plugins", "tests"), (".md", ".ipynb", ".toml", ".template")
    )
    for path in pages:
        if path not in own:
            found += _matches(path, requirement, is_range=True)
    return found


def _following(root: Path, current: str) -> Iterator[Statement]:
    """Sources that write the current range: tests write others too, on purpose, so no check holds these to it."""
    pattern = f"({re.escape(current)})"
    for path in _files(root, ("si_core", "plugins", "tests"), (".py",)):
        if path.parent != root / "tests" / "release":
            yield from _matches(path, pattern, is_range=True)


def differing(root: Path) -> list[str]:
    """Return a line for each place that does not agree with the root's version."""
    version = _checked(str(projects(root)[0].table["version"]))
    problems = []
    for each in statements(root):
        wanted = range_of(version) if each.is_range else version
        if each.text != wanted:
            place = f"{each.path.relative_to(root)}:{each.line}"
            problems.append(f"{place}: {each.text or 'no range'}, where pyproject.toml wants {wanted}")
    return problems


def check(root: Path) -> str:
    """Return the version of the tree.

    Raises:
        ReleaseError: a place disagrees; each with its file and line.
    """
    version = str(projects(root)[0].table["version"])
    if problems := differing(root):
        advice = f"`python .ci/release version {version}` puts them in step"
        raise ReleaseError(f"versions are not in step with pyproject.toml ({version}):", [*problems, advice])
    return version


def bump(root: Path, version: str) -> list[Path]:
    """Write a version, and the range that follows from it, wherever one is stated.

    Returns:
        The files that changed.
    """
    _checked(version)
    before = range_of(_checked(str(projects(root)[0].table["version"])))
    by_file: dict[Path, set[Statement]] = {}
    for each in [*statements(root), *_following(root, before)]:
        by_file.setdefault(each.path, set()).add(each)
    changed = []
    for path, found in by_file.items():
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines(keepends=True)
        for each in sorted(found, key=lambda each: (each.line, each.start), reverse=True):
            line = lines[each.line - 1]
            wanted = range_of(version) if each.is_range else version
            lines[each.line - 1] = line[: each.start] + wanted + line[each.end :]
        if (new := "".join(lines)) != text:
            path.write_text(new, encoding="utf-8")
            changed.append(path)
    return changed
