"""Every page and notebook of the documentation does what it says, as a reader would carry it out."""

from __future__ import annotations

from pathlib import Path

import pytest

from .page import blocks_of, carry_out

pytest.importorskip("si_recipes")

ROOT = Path(__file__).parents[2]
_OTHERS = {"_build", "reference", "studies", "README.md"}
PAGES = sorted(
    path
    for ending in ("*.md", "notebooks/*.ipynb")
    for path in (ROOT / "docs").rglob(ending)
    if not _OTHERS & set(path.parts)
)
RUN = [page for page in PAGES if any(block.of_size(False) is not None for block in blocks_of(page))]
named = pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT / "docs")))


@named
def test_a_page_in_small(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    carry_out(page, quick=True)


@pytest.mark.slow
@named
def test_a_page_as_it_stands(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    carry_out(page, quick=False)
