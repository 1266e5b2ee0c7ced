"""SECURITY.md is true in its numbers and names, and is found from the README."""

from __future__ import annotations

from pathlib import Path

import pytest

import si_core
from si_core.cli import validate
from si_core.discovery import guard, plugins
from si_core.recipes import limits
from si_core.storage.tensors import MAX_HEADER, MAX_TENSORS

ROOT = Path(si_core.__file__).parents[1]
PAGE = ROOT / "SECURITY.md"

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="not in the source tree")


def test_bounds_are_those_of_the_code() -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert f"at most {limits.BYTES // 1024} KiB, {limits.NODES:,} nodes and a depth of {limits.DEPTH}" in text
    assert f"and {limits.CHAIN} files extend each other at most" in text
    assert f"ends after {plugins._IMPORT_LIMIT:g} s (`{guard.LIMIT_VARIABLE}`)" in text
    assert f"safetensors {MAX_HEADER >> 20} MiB and {MAX_TENSORS:,} tensors" in text
    assert f"ends after {validate._SECONDS:g} s" in text
    assert f"`{plugins.FILTER_VARIABLE}=" in text


def test_images_are_bounded_as_it_says() -> None:
    picture = pytest.importorskip("si_distributions.files.picture")
    assert picture._MOST_PIXELS == 2**24
    assert "2^24 pixels" in PAGE.read_text(encoding="utf-8")


def test_the_readme_leads_to_it_and_the_source_distribution_has_it() -> None:
    assert "(SECURITY.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert '"/SECURITY.md"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
