"""What ``si new plugin`` writes, for every kind: whole, clean, installable, and in conformance with no edit."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from si_authoring.scaffold.examples import EXAMPLES
from si_authoring.scaffold.package import TEMPLATES
from si_core.cli.main import main
from si_core.discovery.catalogue import read_catalogue
from si_core.discovery.compatibility import core_version, unfit
from si_core.discovery.core_kinds import CORE_KINDS

ROOT = Path(__file__).parents[4]
KINDS = tuple(kind.name for kind in CORE_KINDS)
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


def some_kinds(*quick: str) -> pytest.MarkDecorator:
    """All kinds, most of them as slow tests: their templates have the same frame."""
    slow = [pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS if kind not in quick]
    return pytest.mark.parametrize("kind", [*quick, *slow])


ODD_NAMES = (
    "none", "class", "plugin", "recipes", "tensor", "latent", "eight-2d", "field", "print", "a", "x" * 32
)  # fmt: skip


def block(text: str, language: str, start: str) -> str:
    """The block of a README in a language that begins so."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (only,) = [each for each in found if each.strip().startswith(start)]
    return only


def ruff(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("ruff")
    command = [sys.executable, "-m", "ruff", *words, "--no-cache", "."]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_every_kind_has_its_template() -> None:
    assert set(EXAMPLES) == set(KINDS)
    assert {path.name for path in (TEMPLATES / "components").iterdir()} == {f"{kind}.py.template" for kind in KINDS}


@EVERY_KIND
def test_files_are_whole(kind: str, new: Callable[..., Any]) -> None:
    folder = new(kind).folder
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    assert {
        "pyproject.toml", "README.md", "LICENSE", ".gitignore", ".github/workflows/test.yml",
        "src/si_mine/__init__.py", "src/si_mine/plugin.py", "src/si_mine/mine.py", "src/si_mine/py.typed",
        "src/si_mine/recipes/mine.yaml", "tests/test_conformance.py",
    } == {name for name in files if "dist-info" not in name}  # fmt: skip
    for name, path in files.items():
        text = path.read_text(encoding="utf-8")
        assert "$" not in text, f"{name} has a placeholder left"
        assert name.endswith("py.typed") or text.endswith("\n")
        if name.endswith(".py"):
            compile(text, name, "exec")
            assert len(text.splitlines()) <= 100, f"{name} is too long to read at once"


@EVERY_KIND
def test_metadata(kind: str, new: Callable[..., Any]) -> None:
    project = new(kind).project
    assert (project["name"], project["version"], project["license"]) == ("si-mine", "0.1.0", "MIT")
    assert project["description"].startswith(("A ", "An "))
    assert unfit("si-mine", tuple(project["dependencies"]), core_version()) is None
    assert [Requirement(line).name for line in project["optional-dependencies"]["test"]] == ["pytest"]
    assert project["entry-points"]["si_core.plugins"] == {"mine": "si_mine.plugin"}


def test_style(new: Callable[..., Any], workplace: Path) -> None:
    """Of every kind by its own settings, and by those of this tree."""
    for kind in KINDS:
        new(kind, name=f"si-own-{kind}")
    # Where a file of settings is given, what is of the package is looked for from the current folder.
    for config in ((), ("--config", str(ROOT / "pyproject.toml"), "--config", 'src = ["*/src"]')):
        if config and not Path(config[1]).is_file():
            continue
        for words in (("check",), ("format", "--check", "--diff")):
            result = ruff(*words, *config, folder=workplace)
            assert result.returncode == 0, result.stdout + result.stderr


@EVERY_KIND
def test_entry_for_the_catalogue(kind: str, new: Callable[..., Any], tmp_path: Path) -> None:
    package = new(kind)
    entry = block((package.folder / "README.md").read_text(encoding="utf-8"), "yaml", "- name")
    path = tmp_path / "registry.yaml"
    path.write_text(f"schema: 1\nplugins:\n{entry}", encoding="utf-8")
    (read,) = read_catalogue(path)
    assert read.name == package.project["name"]
    assert read.summary == package.project["description"]
    assert read.licence == package.project["license"]
    assert [f"si-core{read.requires}"] == package.project["dependencies"]
    assert read.components == {kind: ("mine",)}


@pytest.mark.fault(70)
def test_listed_as_ready(new: Callable[..., Any]) -> None:
    packages = {kind: new(kind, name=f"si-own-{kind}") for kind in KINDS}
    first, *others = packages.values()
    listing = first.python("-m", "si_core", "plugins", "--json", beside=others)
    assert listing.returncode == 0, listing.stderr
    listed = {plugin["distribution"]: plugin for plugin in json.loads(listing.stdout)}
    for kind in KINDS:
        plugin = listed[f"si-own-{kind}"]
        assert (plugin["state"], plugin["version"]) == ("ready", "0.1.0"), plugin
        assert plugin["components"] == [{"kind": kind, "name": f"own-{kind}"}]


@pytest.mark.fault(70)
@pytest.mark.parametrize(
    "kinds", [("latent", "exporter"), pytest.param(KINDS, marks=pytest.mark.slow, id="every-kind")]
)
def test_their_own_tests_pass_with_no_edit(new: Callable[..., Any], kinds: tuple[str, ...]) -> None:
    """One process for all of them: most of the time goes into importing torch."""
    packages = {kind: new(kind, name=f"si-own-{kind}") for kind in kinds}
    first, *others = packages.values()
    folders = [str(package.folder) for package in packages.values()]
    result = first.python("-m", "pytest", "-v", "-p", "no:cacheprovider", *folders, beside=others)
    assert result.returncode == 0, result.stdout + result.stderr
    passed = re.findall(r"test_conformance\.py::(\S+) PASSED", result.stdout)
    assert passed.count("test_plugin_is_ready") == passed.count("test_recipe_is_right") == len(kinds)
    for kind in kinds:
        # Most of the checks say something of the component; some are for other ones of its kind.
        words = "".join(word.capitalize() for word in kind.split("-"))
        of_kind = [name for name in passed if name.startswith(f"TestOwn{words}::")]
        assert len(of_kind) >= 8, result.stdout


@some_kinds("interpolant", "distribution", "network", "estimator")
def test_recipe_runs(kind: str, new: Callable[..., Any], here: Callable[[Any], None], tmp_path: Path) -> None:
    pytest.importorskip("si_recipes")
    package = new(kind)
    recipe = (package.package / "recipes" / "mine.yaml").read_text(encoding="utf-8")
    assert block((package.folder / "README.md").read_text(encoding="utf-8"), "yaml", "title") == recipe
    assert ("mine" in recipe.replace("si-mine", "")) == (kind not in ("report", "exporter"))
    here(package)
    out = tmp_path / "run"
    report = "report=" + str(kind == "report").lower()
    assert main(["run", "mine", "train.steps=3", "sample.number=64", report, "--out", str(out)]) == 0
    assert (out / "estimates.json").exists()
    assert (out / "report.txt").exists() == (kind == "report")


@some_kinds("interpolant", "network")
def test_names_that_python_or_the_package_uses(
    kind: str, new: Callable[..., Any], here: Callable[[Any], None], workplace: Path
) -> None:
    from si_core.discovery.lookup import load

    for number, name in enumerate(ODD_NAMES):
        here(new(kind, "--name", name, name=f"si-odd{number}"))
    # All are installed before the first is looked for: discovery is most of the time.
    for number, name in enumerate(ODD_NAMES):
        assert load(kind, f"si-odd{number}/{name}").__module__.startswith(f"si_odd{number}.")
    for words in (("check",), ("format", "--check", "--diff")):
        result = ruff(*words, folder=workplace)
        assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("name", ["si-abc", "si-core2", "si-" + "x" * 32])
def test_style_for_any_name(name: str, new: Callable[..., Any]) -> None:
    folder = new("interpolant", name=name).folder
    for words in (("check",), ("format", "--check", "--diff")):
        result = ruff(*words, "--config", str(ROOT / "pyproject.toml"), folder=folder)
        assert result.returncode == 0, result.stdout + result.stderr
