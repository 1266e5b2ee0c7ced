"""New packages, and their installation without pip: ``src`` on the path with the metadata that a wheel would have."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from si_core.cli.main import main
from si_core.discovery import plugins


@dataclass(frozen=True)
class Package:
    """A package written by the command.

    Args:
        folder: where it is.
    """

    folder: Path

    @property
    def project(self) -> dict:
        return tomllib.loads((self.folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    @property
    def package(self) -> Path:
        """The folder that Python imports."""
        (found,) = (self.folder / "src").glob("*/plugin.py")
        return found.parent

    @property
    def component(self) -> Path:
        """The module of the component."""
        (found,) = set(self.package.glob("*.py")) - {self.package / "plugin.py", self.package / "__init__.py"}
        return found

    def metadata(self) -> None:
        """Write beside the package what an installation would: its dist-info."""
        project = self.project
        info = self.folder / "src" / f"{self.package.name}-{project['version']}.dist-info"
        info.mkdir()
        required = "".join(f"Requires-Dist: {line}\n" for line in project["dependencies"])
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n{required}"
        )
        points = project["entry-points"]["si_core.plugins"]
        lines = "".join(f"{name} = {target}\n" for name, target in points.items())
        (info / "entry_points.txt").write_text(f"[si_core.plugins]\n{lines}")

    def python(self, *words: str, beside: Sequence[Package] = ()) -> subprocess.CompletedProcess[str]:
        """Run Python with this package and others beside it installed, in its folder."""
        sources = [str(package.folder / "src") for package in (self, *beside)]
        paths = filter(None, [*sources, os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        return subprocess.run(
            [sys.executable, *words], cwd=self.folder, env=environment, capture_output=True, text=True
        )


New = Callable[..., Package]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SI_PLUGINS", raising=False)
    return tmp_path


@pytest.fixture
def new(workplace: Path) -> New:
    """``new(kind, *options)``: the package that ``si new plugin si-mine --kind KIND ...`` writes, installed."""

    def write(kind: str, *options: str, name: str = "si-mine") -> Package:
        assert main(["new", "plugin", name, "--kind", kind, *options]) == 0
        package = Package(workplace / name)
        package.metadata()
        return package

    return write


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Package], None]]:
    """``here(package)``: the package is installed in this process as well."""
    imported: list[str] = []

    def install(package: Package) -> None:
        monkeypatch.syspath_prepend(str(package.folder / "src"))
        imported.append(package.package.name)
        plugins.reset()

    yield install
    plugins.reset()
    for name in [name for name in sys.modules if name.split(".")[0] in imported]:
        del sys.modules[name]
