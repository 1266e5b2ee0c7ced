"""The trial of wheels: nothing of the tree may pass for them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from release import probe, trial
from release.errors import ReleaseError


def test_what_comes_from_the_tree_is_no_wheel() -> None:
    """Here packages are installed from their folders, editable or not, which their metadata tell."""
    with pytest.raises(SystemExit, match="si-core was not installed from a wheel"):
        probe.imports(["si-core"])


def test_no_variable_leads_into_the_tree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("PYTHONPATH", "SI_PLUGINS", "VIRTUAL_ENV"):
        monkeypatch.setenv(name, "somewhere")
    monkeypatch.setenv("PIP_INDEX_URL", "kept")
    said = trial._run([sys.executable, "-c", "import os; print(*os.environ)"], tmp_path, "a look").split()
    assert "PIP_INDEX_URL" in said
    assert not {"PYTHONPATH", "SI_PLUGINS", "VIRTUAL_ENV"} & set(said)


def test_what_fails_is_told_with_its_last_lines(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"a step failed with exit code 3:\n  first\n  last"):
        trial._run([sys.executable, "-c", "print('first\\nlast'); raise SystemExit(3)"], tmp_path, "a step")


def test_a_command_that_fails_ends_the_trial() -> None:
    with pytest.raises(SystemExit, match="si validate no-such-recipe: exit code 2"):
        probe.si("validate", "no-such-recipe")
