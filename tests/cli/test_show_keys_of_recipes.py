"""``si show recipe``, ``train`` and ``sample``: every key that a recipe may have, and where components are selected."""

import json

import pytest

from si_core.cli.main import main
from si_core.recipes.schema import Sample, Sections
from si_core.recipes.training import Train


@pytest.mark.parametrize(("section", "model"), [("recipe", Sections), ("train", Train), ("sample", Sample)])
def test_every_key_is_shown_with_a_meaning(section, model, capsys):
    assert main(["show", section, "--json"]) == 0
    keys = json.loads(capsys.readouterr().out)["keys"]
    assert {field.alias or name for name, field in model.model_fields.items()} <= set(keys)
    assert all(key["description"] and key["allowed"] for key in keys.values())
    assert main(["show", section]) == 0
    shown = capsys.readouterr().out
    assert all(any(line.split()[:1] == [key] for line in shown.splitlines()) for key in keys)


@pytest.mark.parametrize(
    ("kind", "name", "place"),
    [
        ("learning-rate", "cosine", "train.schedule"),
        ("guidance", "classifier-free", "sample.guidance"),
        ("network", "mlp", "network"),
        ("distribution", "gaussian", "source or target"),
    ],
)
def test_a_component_says_where_recipes_select_it(kind, name, place, capsys):
    assert main(["show", kind, name]) == 0
    assert f"In recipes: {place}\n" in capsys.readouterr().out
