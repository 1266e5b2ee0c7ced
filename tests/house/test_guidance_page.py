"""The page about guidance: its class is a guidance in 30 lines that passes conformance, and its names are there."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pytest

pytest.importorskip("si_authoring")
pytest.importorskip("si_guidance")

PAGE = (Path(__file__).parents[2] / "docs" / "learn" / "guidance.md").read_text(encoding="utf-8")


def test_its_guidance_conforms(monkeypatch: pytest.MonkeyPatch) -> None:
    from si_authoring.testing import check_component

    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    lines = [line for line in code.splitlines() if line.strip()]
    assert len(lines) <= 30
    page = types.ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", page)
    exec(compile(code, "docs/learn/guidance.md", "exec"), page.__dict__)
    results = {result.check: result for result in check_component("guidance", page.Attraction(0.8, 0.5))}  # type: ignore[attr-defined]
    assert {name: each.message for name, each in results.items() if each.state == "violated"} == {}
    for name in ("weights-of-the-score", "weights-of-the-tilt", "weights-in-the-clock", "weighted-samples"):
        assert results[name].state == "holds"


def test_its_recipe_selects_what_there_is() -> None:
    from si_core.recipes.loader import load_recipe

    (recipe,) = re.findall(r"^```yaml\nsample:\n  guidance:\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    chosen = "[" + ", ".join(line.strip()[2:] for line in recipe.splitlines()) + "]"
    assert len(load_recipe("checkerboard", [f"sample.guidance={chosen}"]).sample.guidance) == 2
