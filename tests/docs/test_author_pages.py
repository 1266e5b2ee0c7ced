"""The pages for authors name every method, attribute and default that a kind's interface has for its authors."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest

from si_core.discovery.core_kinds import CORE_KINDS

PAGES = Path(__file__).parents[2] / "docs" / "authors"
_ELSEWHERE = {"guidance", "network"}
"""Guidance has a page of its own; a network is a module of torch's, without an interface of ours."""

KINDS = [kind for kind in CORE_KINDS if kind.name not in _ELSEWHERE]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_member_is_named(kind) -> None:
    page = (PAGES / f"{kind.name}.md").read_text(encoding="utf-8")
    module, _, name = kind.interface.partition(":")
    interface = getattr(importlib.import_module(module), name)
    final = {key for key, value in vars(interface).items() if getattr(value, "__final__", False)}
    own = {key for key in (*vars(interface), *interface.__annotations__) if not key.startswith("_")} - final
    missing = sorted(key for key in own if key not in page)
    assert not missing, f"docs/authors/{kind.name}.md says nothing of {', '.join(missing)}"
    assert inspect.getdoc(interface)
