"""Style and types of the whole tree, by the tools that hold contributors to them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "command",
    [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",)],
    ids=" ".join,
)
def test_tool_is_content(command: tuple[str, ...]) -> None:
    pytest.importorskip(command[0])
    if not (ROOT / "pyproject.toml").exists():
        pytest.skip("not in the source tree")
    result = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
