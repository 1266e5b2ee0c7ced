"""A new package through pip: a wheel in an environment of its own; its types; the templates in the wheel of si-core."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from si_authoring.scaffold.package import TEMPLATES
from si_core.discovery.kinds import KINDS

ROOT = Path(__file__).parents[4]
pytestmark = pytest.mark.slow


def run(*command: str | Path, **settings: Any) -> str:
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, **settings)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def wheel(project: Path, folder: Path) -> Path:
    pytest.importorskip("hatchling")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "-q", "--no-build-isolation")
    run(*pip, "--no-deps", "-w", folder, project)
    (made,) = folder.glob("*.whl")
    return made


@pytest.mark.fault(70)
def test_wheel_installs_and_conforms(new: Callable[..., Any], tmp_path: Path) -> None:
    project = new("interpolant").folder
    made = wheel(project, tmp_path / "wheels")
    names = zipfile.ZipFile(made).namelist()
    assert {"si_mine/py.typed", "si_mine/plugin.py", "si_mine/recipes/mine.yaml"} <= set(names)
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    own = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    # Everything else comes from where these tests run, editable installs included.
    (own / "beside.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    run(python, "-m", "pip", "--disable-pip-version-check", "install", "-q", "--no-deps", "--no-index", made)
    assert (own / "si_mine").is_dir()
    listing = json.loads(run(python, "-m", "si_core", "plugins", "--json", cwd=tmp_path))
    assert {plugin["distribution"]: plugin["state"] for plugin in listing}["si-mine"] == "ready"
    run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", project, cwd=tmp_path)


def test_core_ships_the_templates(tmp_path: Path) -> None:
    if not (ROOT / "pyproject.toml").is_file():
        pytest.skip("not in the source tree")
    shipped = set(zipfile.ZipFile(wheel(ROOT, tmp_path)).namelist())
    package = TEMPLATES.parents[1]
    wanted = {path.relative_to(package.parent).as_posix() for path in TEMPLATES.rglob("*.template")}
    assert len(wanted) > len(KINDS)
    assert wanted <= shipped


@pytest.mark.fault(70)
def test_types(new: Callable[..., Any], tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    sources = [str(new(kind, name=f"si-typed-{kind}").folder / "src") for kind in KINDS]
    (tmp_path / "mypy.ini").write_text(f"[mypy]\nstrict = True\nmypy_path = {':'.join(sources)}\n")
    cache = tmp_path / "cache"
    run(sys.executable, "-m", "mypy", "--config-file", tmp_path / "mypy.ini", "--cache-dir", cache, *sources)
