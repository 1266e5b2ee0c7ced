"""Recipes from text, and plugins made of files."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import si_core as si
from si_core.discovery import plugins

METADATA = "Metadata-Version: 2.1\nName: si-{name}\nVersion: 1.0\nRequires-Dist: si-core>=0.2,<0.3\n"


PLAIN = """\
    source: {use: gaussian, dim: 2}
    target: {use: gaussian, dim: 2}
    latent: none
    objectives: [velocity]
    network: {use: mlp, width: 8, depth: 1}
    train: {steps: 2, batch: 16}
"""
"""The smallest recipe that trains, indented as texts of tests are."""


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[..., si.load_recipe]:
    """``recipe(text, *overrides)``: the recipe of a file ``r.yaml`` with this text."""

    def load(text: str, *overrides: str):
        path = tmp_path / "r.yaml"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return si.load_recipe(path, overrides)

    return load


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str, str, str], None]]:
    """``stranger(kind, name, class, source)``: install a distribution ``si-stranger`` with one component more."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    components: list[str] = []

    def install(kind: str, name: str, cls: str, source: str) -> None:
        info = site / "si_stranger-1.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(METADATA.format(name="stranger"), encoding="utf-8")
        (info / "entry_points.txt").write_text("[si_core.plugins]\nstranger = si_stranger_plugin\n", encoding="utf-8")
        components.append(f"Component({kind!r}, {name!r}, 'si_stranger_{len(components)}:{cls}', 'a test')")
        (site / "si_stranger_plugin.py").write_text(
            "from si_core import Component, hookimpl\n\n@hookimpl\ndef si_components():\n"
            f"    return [{', '.join(components)}]\n",
            encoding="utf-8",
        )
        (site / f"si_stranger_{len(components) - 1}.py").write_text(textwrap.dedent(source), encoding="utf-8")
        sys.modules.pop("si_stranger_plugin", None)
        importlib.invalidate_caches()
        plugins.reset()

    yield install
    plugins.reset()
    for module in ("si_stranger_plugin", *(f"si_stranger_{k}" for k in range(len(components)))):
        sys.modules.pop(module, None)
