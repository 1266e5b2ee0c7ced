"""``si validate``, ``si schema`` and the built-in recipes."""

import json

import pytest

from si_core.cli.main import main
from si_core.errors import RecipeError
from si_core.recipes.builtin import builtin_recipes, find_builtin
from si_core.recipes.editor_schema import recipe_json_schema
from si_core.recipes.fragments import own_schema
from si_core.recipes.sections import default_use

GOOD = "source: {use: gaussian, dim: 2}\ntarget: checkerboard\n"


def test_validate_tells_what_a_recipe_needs(fakes, write, capsys):
    assert main(["validate", write(GOOD), "latent=brownian"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("r.yaml: ok")
    assert "brownian" in out
    assert "si-fakes 1.2.0" in out


def test_validate_as_json(fakes, write, capsys):
    assert main(["validate", write(GOOD), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is True
    assert {"kind": "network", "name": "mlp", "distribution": "si-fakes", "version": "1.2.0"} in answer["needs"]
    assert main(["validate", "r.yaml", "seed=-1", "train.steps=-1", "--json"]) == 2
    answer = json.loads(capsys.readouterr().out)
    assert [error["where"] for error in answer["errors"]] == ["argument 1 'seed=-1'", "argument 2 'train.steps=-1'"]
    assert set(answer["errors"][0]) == {"where", "problem", "got", "allowed", "fix"}


def test_validate_reports_errors_without_a_traceback(fakes, write, capsys):
    assert main(["validate", write(GOOD + "seed: x\nreport: 3\n")]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert "r.yaml:3:7" in streams.err
    assert "r.yaml:4:9" in streams.err
    assert "Traceback" not in streams.err
    assert main(["validate", write(GOOD), "latent=lost"]) == 5


def test_schema_lists_installed_components_with_their_options(fakes):
    schema = recipe_json_schema()
    latents = schema["$defs"]["select-latent"]["anyOf"]
    assert {"brownian", "si-fakes/brownian", "none"} <= set(latents[0]["enum"])
    assert "lost" not in latents[0]["enum"]
    brownian = next(choice for choice in latents[1:] if choice["title"] == "brownian")
    assert brownian["properties"]["scale"]["default"] == 1.0
    assert brownian["required"] == ["use"]
    assert brownian["additionalProperties"] is False
    gaussian = next(
        choice for choice in schema["$defs"]["select-distribution"]["anyOf"][1:] if choice["title"] == "gaussian"
    )
    assert gaussian["required"] == ["use", "dim"]
    network = schema["$defs"]["select-network"]["anyOf"][1]["properties"]
    assert {"use", "shared", "width"} <= set(network)
    assert not {"shape", "heads", "conditions"} & set(network)
    assert set(schema["properties"]) == {"extends", "base", *own_schema()["properties"]}


def test_schema_references_all_lead_somewhere(fakes):
    schema = recipe_json_schema()

    def references(node):
        if isinstance(node, dict):
            yield from ([node["$ref"]] if "$ref" in node else [])
            for value in node.values():
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    found = set(references(schema))
    assert found
    assert all(reference.rsplit("/", 1)[1] in schema["$defs"] for reference in found)
    assert "x-select" not in json.dumps(schema)


def test_every_own_key_has_a_description():
    def described(schema):
        for name, entry in schema.get("properties", {}).items():
            if name != "use":
                assert entry.get("description"), name

    described(own_schema())
    for definition in own_schema()["$defs"].values():
        described(definition)


def test_schema_goes_to_a_file(fakes, write, capsys):
    write("")
    assert main(["schema", "--out", "schema.json"]) == 0
    with open("schema.json") as file:
        assert json.load(file) == recipe_json_schema()
    assert main(["schema", "--out", "no/such/place.json"]) == 4
    capsys.readouterr()
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "si recipe"


def test_places_of_selections():
    assert default_use(("latent",)) == "none"
    assert default_use(("source",)) == ""
    assert default_use(("objectives", 3)) == ""
    assert default_use(("train", "optimizer")) == "adam"
    assert default_use(("sample", "epsilon")) == ""
    assert default_use(("sample", "clock")) == ""
    assert default_use(("objectives",)) is None
    assert default_use(("seed",)) is None


def test_built_in_recipes_are_listed(fakes):
    (fakes / "odd.yaml").write_text("title: [")
    (fakes / "notes.txt").write_text("no recipe")
    assert [(recipe.name, recipe.title) for recipe in builtin_recipes()] == [("board", "A board"), ("odd", "")]
    assert find_builtin("nothing") is None


def test_two_plugins_with_one_recipe_name(fakes, add_plugin, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "board.yaml").write_text("title: Another\n")
    add_plugin("more", f"from si_core import hookimpl\n@hookimpl\ndef si_recipes():\n    return {str(other)!r}\n")
    with pytest.raises(RecipeError, match="si-fakes/board or si-more/board"):
        find_builtin("board")
    assert find_builtin("si-more/board").title == "Another"
