"""Every relative link, picture and anchor of the texts leads somewhere, found by their text alone, without a site."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from si_core.discovery.catalogue import catalogue
from si_core.discovery.core_kinds import CORE_KINDS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
MADE = DOCS / "reference"
"""Its pages are made with the site; the index, which is not, names them."""

_BLOCK = re.compile(r"^(`{3,}|~{3,})[^\n]*\n.*?^\1", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
_LINK = re.compile(r"\]\(<?([^()\s<>]+(?:\([^()\s]*\))?)>?(?:\s+\"[^\"]*\")?\)")
_TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    """The texts of the tree: at its root, of each plugin, and of the site."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("plugins/*/README.md"), *ROOT.glob(".github/**/*.md"), *DOCS.rglob("*.md")]
    return sorted(page for page in found if "_build" not in page.parts and not _is_made(page))


def _is_made(page: Path) -> bool:
    return page.is_relative_to(MADE) and page != MADE / "index.md"


def entries(page: Path) -> list[str]:
    """What the toctrees of a page list."""
    lines = [line.strip() for block in _TOCTREE.findall(page.read_text("utf-8")) for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith(":")]


@cache
def made() -> frozenset[Path]:
    """The pages that will be made."""
    kinds = {kind.name for kind in CORE_KINDS} | {kind for entry in catalogue() for kind in entry.components}
    return frozenset(MADE / f"{name}.md" for name in (*entries(MADE / "index.md"), *(f"components/{k}" for k in kinds)))


@cache
def anchors(page: Path) -> frozenset[str]:
    """Where a page may be entered: at headings, named as GitHub and the site name them, and at targets of its own."""
    text = _BLOCK.sub("", page.read_text("utf-8"))
    found: set[str] = set(re.findall(r"^\(([\w-]+)\)=$", text, re.MULTILINE))
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", text, re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.add(slug if slug not in found else next(s for n in range(1, 99) if (s := f"{slug}-{n}") not in found))
    return frozenset(found)


def broken(page: Path, text: str) -> list[str]:
    """What leads nowhere of a text that stands at the place of a page."""
    wrong = []
    for link in _LINK.findall(_CODE.sub("", _BLOCK.sub("", text))):
        if re.match(r"[a-z][a-z0-9+.-]*:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        known = target.exists() if not _is_made(target) else target in made()
        if not known or not target.is_relative_to(ROOT):
            wrong.append(link)
        elif anchor and target.suffix == ".md" and not _is_made(target) and anchor not in anchors(target):
            wrong.append(f"{link} (there are {', '.join(sorted(anchors(target)))})")
    return wrong


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    wrong = broken(page, page.read_text("utf-8"))
    assert not wrong, "\n".join(wrong)


def test_what_leads_nowhere_is_found() -> None:
    """The test can fail: at a page, an anchor, a picture, a page that is not made; and not at code."""
    right = "[a](start/index.md#install) ![b](_static/bend.png) [c](reference/components/latent.md#x) `[d](none.md)`"
    wrong = ["nowhere.md", "start/index.md#nowhere", "_static/none.png", "reference/components/none.md", "#nowhere"]
    assert not broken(DOCS / "index.md", f"{right}\n```\n[e](none.md)\n```\n")
    found = broken(DOCS / "index.md", " ".join(f"[x]({link})" for link in wrong))
    assert [each.split(" ")[0] for each in found] == wrong


def test_every_page_of_the_site_is_in_a_table_of_contents() -> None:
    named = [(page.parent / name).resolve() for page in pages() for name in entries(page)]
    notebooks = {path.with_suffix("") for path in (DOCS / "notebooks").glob("*.ipynb")}
    assert notebooks <= set(named)
    listed = [path.with_name(f"{path.name}.md") for path in named if path not in notebooks]
    outside = {DOCS / "README.md", DOCS / "index.md", *(DOCS / "studies").rglob("*.md")}
    own = {page for page in pages() if page.is_relative_to(DOCS)} - outside
    assert own <= set(listed), sorted(str(page) for page in own - set(listed))
    assert {page for page in listed if not _is_made(page)} <= own
