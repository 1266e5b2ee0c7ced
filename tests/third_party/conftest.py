"""The third party's wheel, built and unpacked as pip would, and what is measured on its models."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import Tensor

from si_core.discovery.plugins import reset

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """``unpacked(name)``: a folder in which a distribution of this one is installed: its wheel, built and unpacked."""

    @functools.cache
    def unpack(name: str) -> Path:
        pytest.importorskip("hatchling")
        wheels, site = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("site")
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
        subprocess.run(build, cwd=HERE / name, check=True, capture_output=True)
        (wheel,) = wheels.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
        return site

    return unpack


@contextmanager
def installed(unpacked: Callable[[str], Path]) -> Iterator[Callable[[str], Path]]:
    """Within, ``install(name)`` installs a distribution of this folder in this process; the folder it is in."""
    packages: dict[str, Path] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SI_PLUGINS", raising=False)

        def install(name: str) -> Path:
            package = name.replace("-", "_")
            if package not in packages:
                packages[package] = unpacked(name)
                patch.syspath_prepend(str(packages[package]))
                reset()
            return packages[package]

        yield install
    reset()
    for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def wheel(unpacked: Callable[[str], Path]) -> Iterator[Callable[[str], Path]]:
    """``wheel(name)``: install a distribution of this folder for the tests of a module; the folder it is in."""
    with installed(unpacked) as install:
        yield install


@pytest.fixture(scope="session")
def site(unpacked: Callable[[str], Path]) -> Path:
    """A folder in which si-detour is installed."""
    return unpacked("si-detour")


@pytest.fixture(scope="module")
def detour(unpacked: Callable[[str], Path]) -> Iterator[None]:
    """si-detour is installed, beside the rest, for the tests of a module."""
    with installed(unpacked) as install:
        install("si-detour")
        yield


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """``command("run", "r.yaml", site=folder, NAME="value")``: an ``si`` command as a process of its own."""

    def run(*words: object, site: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        settings = {key: value for key, value in os.environ.items() if not key.startswith("SI_")}
        settings |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(site or "")} | environment
        line = [sys.executable, "-m", "si_core", *map(str, words)]
        return subprocess.run(line, cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=300)

    return run


@pytest.fixture
def energy() -> Callable[[Tensor, Tensor], float]:
    """``energy(a, b)``: the squared energy distance ``2 E|a-b| - E|a-a'| - E|b-b'|``, unbiased."""

    def within(a: Tensor) -> Tensor:
        return torch.cdist(a, a).sum() / (len(a) * (len(a) - 1))

    return lambda a, b: float(2 * torch.cdist(a, b).mean() - within(a) - within(b))


LISTENER = """\
from si_core import hookimpl

heard = []


@hookimpl
def si_event(event):
    heard.append(event)
"""
METADATA = "Metadata-Version: 2.1\nName: si-{name}\nVersion: 1.0\nRequires-Dist: si-core>=0.2,<0.3\n"


@pytest.fixture
def logger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], Path]]:
    """``logger(name, body)``: install a distribution whose hook ``si_event(event)`` has this body; its folder."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delenv("SI_PLUGINS", raising=False)

    def install(name: str, body: str) -> Path:
        info = folder / f"si_{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(METADATA.format(name=name), encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[si_core.plugins]\n{name} = fake_{name}\n", encoding="utf-8")
        source = LISTENER + textwrap.indent(textwrap.dedent(body), "    ")
        (folder / f"fake_{name}.py").write_text(source, encoding="utf-8")
        reset()
        return folder

    reset()
    yield install
    for name in [name for name in sys.modules if name.startswith("fake_")]:
        del sys.modules[name]
    monkeypatch.undo()
    reset()
