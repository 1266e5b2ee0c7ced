"""Release notes: the section of a version, whole, with nothing of its neighbours."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from release.errors import ReleaseError
from release.notes import new_section, notes, section
from release.projects import projects

from .conftest import ROOT

CHANGELOG = """\
# Changelog

What users notice.

## 0.3.0 (unreleased)

- Third, as [docs/page.md](docs/page.md) tells; see [the paper](https://arxiv.org/abs/2303.08797).

### Fixed

- A fault.

## 0.2.0 (2026-01-31)

- Second.

## 0.1.0 (2025-12-24)
"""


def test_sections_end_where_the_next_begins() -> None:
    date, text = section(CHANGELOG, "0.3.0")
    assert date == "unreleased"
    assert text.startswith("- Third")
    assert text.endswith("- A fault.")
    assert section(CHANGELOG, "0.2.0") == ("2026-01-31", "- Second.")


@pytest.mark.parametrize(
    ("version", "said"),
    [("0.4.0", r"no section of 0\.4\.0, it has 0\.3\.0, 0\.2\.0, 0\.1\.0"), ("0.1.0", r"says nothing of 0\.1\.0")],
)
def test_what_is_not_there_is_told(version: str, said: str) -> None:
    with pytest.raises(ReleaseError, match=said):
        section(CHANGELOG, version)


def test_notes_stand_alone(tmp_path: Path) -> None:
    """Each package with its digest; no link that leads into the tree, those to elsewhere kept."""
    package = tmp_path / "si_core-0.3.0-py3-none-any.whl"
    package.write_bytes(b"wheel")
    text = notes(CHANGELOG, "0.3.0", [package])
    assert text.startswith("# si 0.3.0 (unreleased)\n\n- Third, as docs/page.md tells")
    assert "[the paper](https://arxiv.org/abs/2303.08797)" in text
    assert f"| {package.name} | `{hashlib.sha256(b'wheel').hexdigest()}` |" in text
    assert "Second" not in text


def test_a_version_that_begins() -> None:
    """The unreleased section takes its name; after a release a new one stands before all others; twice is once."""
    renamed = new_section(CHANGELOG, "0.4.0")
    assert renamed == CHANGELOG.replace("## 0.3.0", "## 0.4.0")
    released = CHANGELOG.replace("0.3.0 (unreleased)", "0.3.0 (2026-05-01)")
    begun = new_section(released, "0.4.0")
    assert begun == released.replace("## 0.3.0", "## 0.4.0 (unreleased)\n\n## 0.3.0")
    assert new_section(begun, "0.4.0") == begun


def test_this_tree_has_notes() -> None:
    version = projects(ROOT)[0].table["version"]
    assert section((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)[1]
