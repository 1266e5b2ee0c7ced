"""registry.yaml, the plugins' own words, and the tables of the documentation say the same."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from si_core.discovery.catalogue import catalogue
from si_core.discovery.kinds import KINDS
from si_core.discovery.plugins import installed_plugins

ROOT = Path(__file__).parents[2]
PROJECTS = sorted((ROOT / "plugins").glob("*/pyproject.toml"))
INSTALLED = {plugin.distribution: plugin for plugin in installed_plugins()}


@pytest.mark.parametrize("path", PROJECTS, ids=lambda path: path.parent.name)
def test_entry_matches_the_project(path: Path) -> None:
    project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    entry = {entry.name: entry for entry in catalogue()}[project["name"]]
    assert entry.source == f"plugins/{path.parent.name}"
    assert entry.summary == project["description"]
    assert entry.licence == project["license"]
    core = next(requirement for requirement in project["dependencies"] if requirement.startswith("si-core"))
    assert core == f"si-core{entry.requires}"
    assert project["entry-points"]["si_core.plugins"] == {path.parent.name: f"si_{path.parent.name}.plugin"}


@pytest.mark.parametrize("path", PROJECTS, ids=lambda path: path.parent.name)
def test_entry_matches_the_hook(path: Path) -> None:
    name = f"si-{path.parent.name}"
    if name not in INSTALLED:
        pytest.skip(f"{name} is not installed")
    plugin = INSTALLED[name]
    assert plugin.ready, plugin.detail
    entry = {entry.name: entry for entry in catalogue()}[name]
    offered = {(component.kind, component.name) for component in plugin.components}
    assert offered == {(kind, each) for kind, names in entry.components.items() for each in names}
    assert [command.name for command in plugin.commands] == list(entry.commands)
    assert all(offered.summary for offered in (*plugin.components, *plugin.commands))


def test_every_component_stands_in_the_documentation() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for entry in catalogue():
        own = (ROOT / entry.source / "README.md").read_text(encoding="utf-8")
        for kind, names in entry.components.items():
            assert kind in KINDS
            for name in names:
                assert f"`{name}`" in readme, f"README.md does not name the {kind} {name}"
                assert f"`{name}`" in own, f"{entry.source}/README.md does not name the {kind} {name}"
