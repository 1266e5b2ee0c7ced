"""Packages in folders, written for a test."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = """\
[project]
name = "si-mine"
version = "0.3.0"
description = "A path of mine"
license = "MIT"
authors = [{{ name = "Me" }}]
dependencies = ["si-core{range}"]
urls = {{ Source = "https://example.org/si-mine" }}

[project.entry-points."si_core.plugins"]
mine = "si_mine.plugin"
"""
PLUGIN = """\
from si_core import Component, hookimpl

@hookimpl
def si_components():
    return [{components}]
"""
CUBIC = """\
from si_core import SpatiallyLinear

class Mine(SpatiallyLinear):
    def alpha(self, t):
        return (1 - t) ** 3

    def beta(self, t):
        return t ** 3
"""

Write = Callable[..., Path]


@pytest.fixture
def package(tmp_path: Path) -> Write:
    """``package(source, components, plugin)``: the folder of a package ``si-mine 0.3.0``, not installed."""

    def write(
        source: str = CUBIC,
        components: str = "interpolant mine Mine",
        plugin: str = "",
        range_of_core: str = ">=0.2,<0.3",
    ) -> Path:
        folder = tmp_path / "si-mine"
        code = folder / "src" / "si_mine"
        code.mkdir(parents=True)
        (folder / "pyproject.toml").write_text(PROJECT.format(range=range_of_core), encoding="utf-8")
        (code / "__init__.py").touch()
        triples = [words.split() for words in components.split(",")]
        offers = ", ".join(f"Component({kind!r}, {name!r}, 'si_mine.parts:{cls}', 's')" for kind, name, cls in triples)
        (code / "plugin.py").write_text(plugin + PLUGIN.format(components=offers), encoding="utf-8")
        (code / "parts.py").write_text(textwrap.dedent(source), encoding="utf-8")
        return folder

    return write
