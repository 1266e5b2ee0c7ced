"""``si new plugin --learnable``: a part with parameters, in conformance with no edit, that its own recipe trains."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from si_authoring.scaffold.examples import LEARNABLE
from si_authoring.scaffold.package import TEMPLATES
from si_core.cli.main import main
from si_core.discovery.core_kinds import CORE_KINDS

ROOT = Path(__file__).parents[4]
EVERY = pytest.mark.parametrize("kind", LEARNABLE)


def test_every_one_has_its_template() -> None:
    assert {path.name for path in (TEMPLATES / "learnable").iterdir()} == {f"{kind}.py.template" for kind in LEARNABLE}


@EVERY
def test_its_files_are_whole_and_clean(kind: str, new: Callable[..., Any]) -> None:
    pytest.importorskip("ruff")
    folder = new(kind, "--learnable").folder
    for path in (*folder.rglob("*.py"), *folder.rglob("*.yaml"), *folder.rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        assert "$" not in text, f"{path} has a placeholder left"
        assert len(text.splitlines()) <= 100
    for words in (("check",), ("format", "--check", "--diff")):
        command = [sys.executable, "-m", "ruff", *words, "--no-cache", "--config", str(ROOT / "pyproject.toml"), "."]
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
@EVERY
def test_its_written_tests_pass(kind: str, new: Callable[..., Any]) -> None:
    pytest.importorskip("si_recipes")
    result = new(kind, "--learnable").python("-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert result.returncode == 0, result.stdout + result.stderr


@EVERY
def test_check_holds(kind: str, new: Callable[..., Any]) -> None:
    result = new(kind, "--learnable").python("-m", "si_core", "check", "mine")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "violated" not in result.stdout.lower()


@pytest.mark.parametrize("kind", sorted({kind.name for kind in CORE_KINDS} - set(LEARNABLE)))
def test_kinds_without_one_are_refused(kind: str, workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "plugin", "si-mine", "--kind", kind, "--learnable"]) == 2
    assert f"there is no learnable {kind}" in capsys.readouterr().err
    assert list(workplace.iterdir()) == []
