"""Recipe texts that are wrong, as properties: of every option of every component, and of texts as large as allowed."""

from __future__ import annotations

import json
import math
import time
import tracemalloc
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import si_core as si
from si_core.discovery.available import Found, available
from si_core.discovery.kinds import KINDS
from si_core.discovery.lookup import load_class
from si_core.discovery.options import option_problems, options_schema
from si_core.recipes.limits import BYTES, DEPTH
from si_core.recipes.sections import sections_model

pytest.importorskip("si_recipes")

PLACES = {
    "distribution": "target",
    "coupling": "coupling",
    "interpolant": "interpolant",
    "latent": "latent",
    "objective": "objectives.0",
    "network": "network",
    "diffusion": "sample.epsilon",
    "clock": "sample.clock",
    "integrator": "sample.integrator",
    "optimizer": "train.optimizer",
    "learning-rate": "train.schedule",
}
"""Where the bundled recipe ``checkerboard`` has a component of a kind; others are lists that it does not have."""

COMPONENTS = [found for kind in PLACES for found in available(kind)]
OF_TYPE: dict[str, Any] = {
    "boolean": True,
    "number": 1.5,
    "string": "some words",
    "array": ["some", {"words": 1}],
    "object": {"some": ["words"]},
    "not finite": math.nan,
    "beyond all numbers": -math.inf,
}
"""A value of each type of JSON; of the last two, numbers that no option takes."""
TOLD = 9
"""Problems that one message surely tells."""

Schema = Mapping[str, Any]


def branches(schema: Schema, definitions: Schema) -> Iterator[Schema]:
    """The simple schemas of which a value has to fulfil one."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices is None:
        yield schema
    for choice in choices or ():
        yield from branches(choice, definitions)


def types_of(schema: Schema) -> set[str]:
    """The types of JSON that a simple schema admits; what selects a component is a name, or says which it uses."""
    if "x-select" in schema:
        return {"string"}
    if "type" in schema:
        return {"number" if schema["type"] == "integer" else schema["type"]}
    names = {bool: "boolean", int: "number", float: "number", str: "string", type(None): "null"}
    values = schema["enum"] if "enum" in schema else [schema["const"]] if "const" in schema else []
    return {names[type(value)] for value in values} or {*OF_TYPE}


def wrong_values(schema: Schema, definitions: Schema) -> list[Any]:
    """Values that an option of this schema must refuse: of another type, not finite, or beyond a bound."""
    simple = list(branches(schema, definitions))
    admitted = set().union(*map(types_of, simple))
    wrong = [value for name, value in OF_TYPE.items() if name not in admitted]
    numeric = [one for one in simple if one.get("type") in ("integer", "number")]
    if len(numeric) == 1 and not any({"enum", "const"} & set(one) for one in simple):
        (one,) = numeric
        whole = one["type"] == "integer"
        wrong += [2.5] if whole else []
        for bound, sign in (("minimum", -1), ("exclusiveMinimum", 0), ("maximum", 1), ("exclusiveMaximum", 0)):
            if bound in one:
                wrong.append(one[bound] + sign * (1 if whole else 1e-3 * max(1.0, abs(one[bound]))))
    return wrong


def text_of(value: Any) -> str:
    """A value as one writes it on a command line."""
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else "-.inf"
    return json.dumps(value)


def refused(overrides: list[str]) -> str:
    with pytest.raises(si.SIError) as caught:
        si.load_recipe("checkerboard", overrides)
    assert caught.value.code == 2
    return str(caught.value)


@pytest.mark.fault(7, 8)
@pytest.mark.parametrize("found", COMPONENTS, ids=lambda found: f"{found.component.kind}-{found.component.name}")
def test_every_option_refuses_what_is_none_of_its_values(found: Found) -> None:
    """Each wrong value is a problem of its own key; a recipe tells those of all options, with the arguments."""
    cls, context, place = load_class(found), KINDS[found.component.kind].context, PLACES[found.component.kind]
    schema = options_schema(cls, context)
    options = {name: wrong_values(each, schema.get("$defs", {})) for name, each in schema.get("properties", {}).items()}
    required = dict.fromkeys(schema.get("required", []))
    for name, wrong in options.items():
        assert len(wrong) >= 3, "hardly a value is refused"
        for value in wrong:
            problems = option_problems(cls, {**required, name: value}, context)
            assert any(problem.path[0] == name for problem in problems), (name, value)
    wrong = [f"{place}.{name}={text_of(values[0])}" for name, values in options.items()][:TOLD]
    if wrong:
        message = refused([f"{place}={{use: {found.component.name}}}", *wrong])
        for number, argument in enumerate(wrong, 2):
            assert f"argument {number} '{argument}'" in message, message


def own_keys() -> dict[str, list[Any]]:
    """The keys of the core that hold a number, a word or a truth value, with values that they must refuse."""
    schema = sections_model().model_json_schema()
    definitions, found = schema["$defs"], {}
    for section in ("", "train", "sample"):
        properties = definitions[section.capitalize()]["properties"] if section else schema["properties"]
        for name, each in properties.items():
            if name in ("schema", "extends", "base"):
                continue  # of the file alone: no override changes them
            simple = list(branches(each, definitions))
            selects = any("x-select" in one for one in simple)
            if not selects and all(types_of(one) <= {"number", "boolean", "string", "null"} for one in simple):
                found[f"{section}.{name}".strip(".")] = wrong_values(each, definitions)
    return found


@pytest.mark.fault(7, 8)
def test_every_key_of_the_core_refuses_what_is_none_of_its_values() -> None:
    arguments = [f"{key}={text_of(value)}" for key, values in own_keys().items() for value in values]
    assert len(arguments) > 100
    while arguments:
        keys, chosen = set(), []
        for argument in arguments:
            key = argument.partition("=")[0]
            if key not in keys and len(chosen) < TOLD:
                keys.add(key)
                chosen.append(argument)
        message = refused(chosen)
        for number, argument in enumerate(chosen, 1):
            assert f"argument {number} '{argument}'" in message, message
            arguments.remove(argument)


@pytest.mark.fault(13)
@pytest.mark.parametrize("digits", ["9" * 5000, "0x" + "f" * 200_000, "1." + "0" * 5000, "0o" + "7" * 5000])
@pytest.mark.parametrize("key", ["seed", "train.steps", "title", "network.width"])
def test_numbers_of_many_digits_are_refused_at_once_wherever_they_stand(key: str, digits: str) -> None:
    before = time.process_time()
    message = refused([f"{key}={digits}"])
    assert time.process_time() - before < 1.0
    assert message.startswith(f"argument 1 '{key}={digits[:20]}")
    assert "digits, where at most 100 are read" in message
    assert len(message) < 1000


QUICK = ["[", "{a: ", "- ", "? ", "[],", "&a *a ", "<<: ", '"\\u0041', "\n ", "é"]
TOKENS = [*QUICK, *"]}{,@`!*'\"#%:|>~x1-?\t\r\\", "''", '""', "'\n", '"\n', "a\n", "a: b\n", "[a, ", "{a,", "{a: {b: "]
TOKENS += ["---\n", "...\n", "? a\n", "- a\n", "# a\n", "- - a\n", "1.", "0x", "~,", "!<a>", "!!a ", "|+9\n", "a:\n - "]
TOKENS += ["%a b\n", "*a, ", "[*a]", "{<<: ", "&a[", "\u2028", "\U0001f600"]


def check_large(tmp_path: Path, start: str, token: str, allocated: bool) -> None:
    """A text as large as allowed, of one token again and again, is refused in a second (and in 100 MB)."""
    text = start.encode() + token.encode() * (BYTES // len(token.encode()))
    (tmp_path / "r.yaml").write_bytes(text[: BYTES - 1])
    if allocated:
        tracemalloc.start()
    before = time.process_time()
    with pytest.raises(si.SIError) as caught:
        si.load_recipe(str(tmp_path / "r.yaml"))
    seconds = time.process_time() - before
    assert caught.value.code == 2
    assert len(str(caught.value)) < 4000
    if allocated:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 100e6
    else:
        assert seconds < 1.0, token


@pytest.mark.fault(11, 12)
@pytest.mark.parametrize("start", ["", "meta: [", "meta: {a: "])
@pytest.mark.parametrize("token", QUICK)
def test_no_token_makes_the_reader_slow_or_recursive(start: str, token: str, tmp_path) -> None:
    check_large(tmp_path, start, token, allocated=False)


@pytest.mark.slow
@pytest.mark.parametrize("allocated", [False, True])
@pytest.mark.parametrize("start", ["", "meta: ", "meta: [", "meta: {a: ", "meta: '", "meta: |\n  "])
def test_no_token_of_yaml_makes_the_reader_slow_or_large(start: str, allocated: bool, tmp_path) -> None:
    # Counting allocations takes ten times as long.
    for token in QUICK if allocated else TOKENS:
        check_large(tmp_path, start, token, allocated)


@pytest.mark.fault(4)
@pytest.mark.parametrize("form", ["block", "flow"])
@pytest.mark.parametrize("depth", [0, 1, 2, 17, DEPTH - 2])
def test_a_key_that_stands_twice_is_found_at_any_depth(form: str, depth: int, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    if form == "block":
        text = "".join("  " * level + "meta:\n" for level in range(depth)) + "".join(
            "  " * depth + f"{key}: 1\n" for key in ("seed", "other", "seed")
        )
        first = depth + 1
    else:
        text = "{meta: " * depth + "{seed: 1,\n other: 1,\n seed: 1}" + "}" * depth + "\n"
        first = 1
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(si.RecipeError, match=rf"^r\.yaml:{first + 2}:\d+: the key 'seed' stands twice") as caught:
        si.load_recipe("r.yaml")
    assert f"first on line {first}, again on line {first + 2}" in str(caught.value)
