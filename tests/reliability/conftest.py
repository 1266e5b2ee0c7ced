"""The matrix of faults as tests: commands as processes of their own, and one finished run that all may copy."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

# Runs need real components; where the plugins are not installed, none of this is collected.
collect_ignore_glob = ["test_*.py"] if importlib.util.find_spec("si_recipes") is None else []

from ..cli.conftest import finished, results, server, si, stranger  # noqa: E402, F401


@pytest.fixture
def run(tmp_path: Path, finished: Path) -> Path:  # noqa: F811
    """A copy of the finished run, as ``run`` in the test's folder."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def flip(path: Path, byte: int = -1) -> None:
    """Flip a bit of a file."""
    data = bytearray(path.read_bytes())
    data[byte] ^= 1
    path.write_bytes(data)
