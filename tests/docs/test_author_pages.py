"""Every kind has a page for authors, which names every method, attribute and default of its interface."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest

from si_core.discovery.catalogue import catalogue
from si_core.discovery.core_kinds import CORE_KINDS
from si_core.discovery.kinds import KINDS

PAGES = Path(__file__).parents[2] / "docs" / "authors"
OURS = sorted({kind.name for kind in CORE_KINDS} | {kind for entry in catalogue() for kind in entry.components})
"""The kinds of the core and of the plugins that are listed; others may be installed where the tests run."""


@pytest.mark.parametrize("kind", OURS)
def test_every_kind_has_a_page_in_the_index(kind: str) -> None:
    listed = re.findall(r"^([\w-]+)$", (PAGES / "index.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert listed.count(kind) == 1
    assert (PAGES / f"{kind}.md").is_file()
    page = (PAGES / f"{kind}.md").read_text(encoding="utf-8")
    assert f"(../reference/components/{kind}.md)" in page, "it links the reference"


# A network is a module of torch's, without an interface of ours.
@pytest.mark.parametrize("kind", [kind for kind in OURS if kind != "network"])
def test_every_member_is_named(kind: str) -> None:
    if kind not in KINDS:
        pytest.skip("its plugin is not installed")
    page = (PAGES / f"{kind}.md").read_text(encoding="utf-8")
    module, _, name = KINDS[kind].interface.partition(":")
    interface = getattr(importlib.import_module(module), name)
    final = {key for key, value in vars(interface).items() if getattr(value, "__final__", False)}
    own = {key for key in (*vars(interface), *interface.__annotations__) if not key.startswith("_")} - final
    missing = sorted(key for key in own if key not in page)
    assert not missing, f"docs/authors/{kind}.md says nothing of {', '.join(missing)}"
    assert inspect.getdoc(interface)
