"""Fake distributions on ``sys.path``, beside whatever is really installed."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from si_core.discovery import catalogue as catalogue_module
from si_core.discovery.plugin import Plugin
from si_core.discovery.plugins import installed_plugins, reset

FITS = "si-core>=0.2,<0.3"
OFFER = """
    from si_core import Component, hookimpl

    @hookimpl
    def si_components():
        return [{components}]
"""

Install = Callable[..., Path]


def offering(*components: str) -> str:
    """Source of a plugin module that offers ``kind name target`` triples."""
    return OFFER.format(
        components=", ".join("Component({!r}, {!r}, {!r}, 'a test')".format(*c.split()) for c in components)
    )


def write_distribution(
    folder: Path,
    name: str,
    source: str,
    *,
    version: str = "1.0",
    requires: tuple[str, ...] = (FITS,),
    module: str | None = None,
    entry: str | None = None,
    **modules: str,
) -> Path:
    """Write ``name-version.dist-info`` and the modules of a distribution into ``folder``."""
    module = module or name.replace("-", "_") + "_plugin"
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *(f"Requires-Dist: {r}" for r in requires),
    ]
    (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(
        entry or f"[si_core.plugins]\n{name.removeprefix('si-')} = {module}\n", encoding="utf-8"
    )
    for file, text in {module: source, **modules}.items():
        (folder / f"{file}.py").write_text(textwrap.dedent(text), encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def clean_slate(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test discovers anew and leaves no fake module behind."""
    monkeypatch.delenv("SI_PLUGINS", raising=False)
    modules = set(sys.modules)
    reset()
    yield
    for name in set(sys.modules) - modules:
        if name.startswith("fake_"):
            del sys.modules[name]
    reset()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """A function that installs a fake distribution; its module is named ``fake_...``."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)

    def add(name: str, source: str, **settings: str | tuple[str, ...]) -> Path:
        settings.setdefault("module", f"fake_{name.replace('-', '_')}")
        write_distribution(folder, name, source, **settings)  # type: ignore[arg-type]
        reset()
        return folder

    return add


@pytest.fixture
def plugin_of() -> Callable[[str], Plugin]:
    """A function that returns the only plugin of a distribution."""

    def get(distribution: str) -> Plugin:
        (plugin,) = [plugin for plugin in installed_plugins() if plugin.distribution == distribution]
        return plugin

    return get


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """A function that replaces the catalogue by one entry."""

    def write(name: str, kind: str, component: str, status: str = "community", extra: str = "") -> None:
        path = tmp_path / "registry.yaml"
        path.write_text(
            f"schema: 1\nplugins:\n- name: {name}\n  summary: a test\n  source: https://example.org\n"
            f"  install: pip install '{name}>=1'\n  requires: '>=0.2,<0.3'\n  licence: MIT\n  status: {status}\n{extra}"
            f"  maintainers: [someone]\n  components: {{{kind}: [{component}]}}\n",
            encoding="utf-8",
        )
        monkeypatch.setattr(catalogue_module, "catalogue_path", lambda: path)
        catalogue_module.catalogue.cache_clear()

    yield write
    catalogue_module.catalogue.cache_clear()
