"""What the packages of this tree say of themselves, and what is made of it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from release.conda import OTHER_NAMES, recipe
from release.metadata import faults, strangers
from release.projects import closure, projects
from release.wheels import build, wheel_of

from .conftest import ROOT

ALL = projects(ROOT)
CORE = ALL[0]


@pytest.mark.parametrize("project", ALL, ids=lambda project: project.name)
def test_one_licence_and_one_claim(project: Any) -> None:
    assert (project.folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    for key in ("license", "license-files", "classifiers", "requires-python", "authors", "readme"):
        assert project.table[key] == CORE.table[key], key


def test_uv_knows_every_package() -> None:
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    names = [project.name for project in ALL]
    assert sorted(tables["tool"]["uv"]["sources"]) == sorted(names)
    assert tables["dependency-groups"]["dev"][1:] == names[1:]


def test_claimed_pythons_are_run_by_a_workflow() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8"))
    run = set(workflow["jobs"]["versions"]["strategy"]["matrix"]["python"])
    claimed = {each.rpartition(" ")[2] for each in CORE.table["classifiers"] if re.search(r":: 3\.\d+$", each)}
    assert claimed
    assert claimed <= run


def test_closure_is_what_pip_would_install() -> None:
    assert closure(ALL, "si-core") == ["si-core"]
    assert closure(ALL, "si-guidance") == ["si-core", "si-guidance", "si-operators"]
    # Extras are followed: those of si-estimators that si-recipes asks for, and of nothing else.
    assert {"si-core", "si-estimators", "si-integrators"} <= set(closure(ALL, "si-recipes"))


def test_conda_has_every_dependency(tmp_path: Path) -> None:
    """An output a package, with all that it needs under conda's names; extras of ours become what they add."""
    sdists = {project.name: tmp_path / f"{project.package}.tar.gz" for project in ALL}
    for path in sdists.values():
        path.write_bytes(path.name.encode())
    made = recipe(ALL, sdists)
    outputs = {output["package"]["name"]: output for output in made["outputs"]}
    assert list(outputs) == [project.name for project in ALL]
    for project in ALL:
        run = {line.split()[0] for line in outputs[project.name]["requirements"]["run"]}
        for needed in project.requirements():
            assert OTHER_NAMES.get(needed.name, needed.name) in run
            for extra in needed.extras:
                other = next(each for each in ALL if each.name == needed.name)
                added = other.table["optional-dependencies"][extra]
                assert {re.split(r"[<>=~! ]", line)[0] for line in added} <= run
        assert not any(letter in line for line in run for letter in "[]")
    assert "pillow" in {line.split()[0] for line in outputs["si-recipes"]["requirements"]["run"]}
    assert yaml.safe_load(yaml.safe_dump(made)) == made


def test_a_wheel_has_its_licence_types_and_description(tmp_path: Path) -> None:
    """One small package through the build; all of them are built by the test of a release, which is slow."""
    pytest.importorskip("hatchling")
    project = next(each for each in ALL if each.name == "si-objectives")
    packages = build([project], tmp_path, lambda line: None)
    assert [path.suffix for path in packages] == [".gz", ".whl"]
    wheel = wheel_of(project, packages)
    assert not faults(wheel, project, CORE)
    assert not strangers(packages[0])
    # What is held to another package's name, or another claim, is told.
    other = type(CORE)(CORE.folder, {**CORE.table, "classifiers": ["Typing :: Typed"], "license": "BSD-3-Clause"})
    told = " ".join(faults(wheel, project, other))
    assert "other classifiers" in told
    assert "no SPDX expression" in told


@pytest.mark.slow
def test_a_whole_release(tmp_path: Path) -> None:
    """Built, installed in an environment of its own, tried there, described: needs an index for what we depend on."""
    pytest.importorskip("hatchling")
    pytest.importorskip("twine")
    command = [sys.executable, ROOT / ".ci" / "release", "--out", tmp_path]
    done = subprocess.run(list(map(str, command)), cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("tried: ") >= 7
    assert (tmp_path / "NOTES.md").stat().st_size
    assert (tmp_path / "conda" / "recipe.yaml").stat().st_size
