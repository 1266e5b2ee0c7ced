"""Which reports a recipe asks for: every installed one, none, or those it selects with their options."""

from __future__ import annotations

import pytest

from si_core.errors import RecipeError
from si_core.recipes.loader import load_recipe

pytest.importorskip("si_recipes")
pytest.importorskip("si_report")


def chosen(text: str) -> tuple[bool, list[tuple[str, dict[str, object]]]]:
    recipe = load_recipe("checkerboard", [f"report={text}"])
    again = load_recipe("checkerboard", {"report": recipe.resolved()["report"]})
    assert again.resolved()["report"] == recipe.resolved()["report"]
    return recipe.report, [(each.name, each.options) for each in recipe.section("report")]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("true", (True, [])),
        ("false", (False, [])),
        ("[]", (False, [])),
        ("html", (True, [("html", {})])),
        ("{use: html, dpi: 80}", (True, [("html", {"dpi": 80})])),
        ("[html, {use: si-report/html, dpi: 80}]", (True, [("html", {}), ("html", {"dpi": 80})])),
    ],
)
def test_reports_are_all_none_or_selected_with_their_options(text, wanted):
    assert chosen(text) == wanted


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("5", "'report' has the wrong type"),
        ("nope", "unknown report 'nope'"),
        ("{use: html, dip: 3}", "unknown option 'dip'"),
        ("[{use: html, dpi: 1}]", "dpi"),
    ],
)
def test_what_is_no_report_is_refused_at_its_place(text, words):
    with pytest.raises(RecipeError, match="report") as caught:
        load_recipe("checkerboard", [f"report={text}"])
    assert words in str(caught.value)
