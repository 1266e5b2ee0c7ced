"""Every recipe that plugins ship, resolved: qualified names, and equal to what its own dump loads to."""

from __future__ import annotations

import pytest

from si_core.recipes.builtin import builtin_recipes
from si_core.recipes.components import selections
from si_core.recipes.loader import load_recipe

pytest.importorskip("si_recipes")


@pytest.mark.parametrize("name", [f"{each.distribution}/{each.name}" for each in builtin_recipes()])
def test_a_dump_is_the_recipe_and_names_owners(name, tmp_path):
    recipe = load_recipe(name)
    (tmp_path / "resolved.yaml").write_text(recipe.dump(), encoding="utf-8")
    again = load_recipe(tmp_path / "resolved.yaml")
    assert again.resolved() == recipe.resolved()
    assert again.hash() == recipe.hash()
    for path, selection in selections(recipe.sections):
        found = recipe.resolved()
        for part in path:
            found = found[part]
        assert found["use"] == f"{selection.distribution}/{selection.name}"
        assert selection.distribution.startswith("si-")


def test_bare_and_qualified_names_are_one_recipe_and_keep_its_options(tmp_path):
    bare = "source: {use: gaussian, dim: 2}\ntarget: checkerboard\nlatent: {use: brownian, scale: 2.0}\n"
    (tmp_path / "bare.yaml").write_text(bare, encoding="utf-8")
    owned = bare.replace("gaussian", "si-distributions/gaussian").replace("brownian", "si-interpolants/brownian")
    (tmp_path / "owned.yaml").write_text(owned, encoding="utf-8")
    one, other = (load_recipe(tmp_path / name) for name in ("bare.yaml", "owned.yaml"))
    assert one.hash() == other.hash()
    for file in ("bare.yaml", "owned.yaml"):
        for name in ("brownian", "si-interpolants/brownian"):
            assert load_recipe(tmp_path / file, [f"latent={name}"]).latent.options == {"scale": 2.0}
        assert load_recipe(tmp_path / file, ["latent=sine-squared"]).latent.options == {}
