"""Completion knows what is installed, costs no torch, and agrees with the models of recipes and the constructors."""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from si_core.cli.completing.answer import FILES, answer
from si_core.cli.completing.scripts import SCRIPTS
from si_core.cli.main import main
from si_core.cli.parser import Parser, add_global_options
from si_core.discovery.available import available
from si_core.discovery.commands import all_commands, load_command
from si_core.discovery.kinds import KINDS
from si_core.discovery.lookup import load_class
from si_core.discovery.parameters import constructor_names
from si_core.discovery.source import source_options
from si_core.recipes.fragments import own_schema
from si_core.recipes.key_names import key_names

HEAVY = ("torch", "numpy", "pydantic", "rich", "matplotlib", "pandas")


def words_after(*words: str) -> set[str]:
    return {candidate.word for candidate in answer(words)}


def keys_of_schema() -> dict[str, set[str]]:
    """Every key of the schema of recipes, with the kinds that are selected there."""
    root = own_schema()

    def walk(node: dict[str, Any], before: str) -> Iterator[tuple[str, set[str]]]:
        if "$ref" in node:
            node = root["$defs"][node["$ref"].rsplit("/", 1)[1]]
        for name, key in node.get("properties", {}).items():
            if not (before and name == "use"):
                yield before + name, set(kinds(key))
            yield from walk(key, f"{before}{name}.")
        for part in [*node.get("anyOf", ()), *node.get("oneOf", ()), *node.get("allOf", ())]:
            yield from walk(part, before)

    def kinds(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if "x-select" in node:
                yield node["x-select"]
            for part in node.values():
                yield from kinds(part)
        elif isinstance(node, list):
            for part in node:
                yield from kinds(part)

    found: dict[str, set[str]] = {}
    for path, selected in walk(root, ""):
        found[path] = found.get(path, set()) | selected
    return found


def test_keys_are_those_of_the_models():
    expected = keys_of_schema()
    assert {key.path for key in key_names()} == expected.keys()
    assert {key.path: {key.kind} - {None} for key in key_names()} == expected


@pytest.mark.parametrize("kind", KINDS)
def test_options_are_those_of_the_constructors(kind):
    for found in available(kind):
        assert source_options(found.component.target) == tuple(constructor_names(load_class(found))), found.label


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("",), {"run", "sample", "list", "sweep"}),
        (("--",), {"--help", "--version", "--quiet", "--no-plugins"}),
        (("run", "check"), {"checkerboard"}),
        (("run", "checkerboard", ""), {"train.", "sample.", "latent=", "seed=", "callbacks="}),
        (("run", "checkerboard", "train.ste"), {"train.steps="}),
        (("run", "checkerboard", "latent=br"), {"latent=brownian"}),
        (("run", "checkerboard", "latent."), {"latent.scale="}),
        (("run", "checkerboard", "latent=sigmoid-bump", "latent."), {"latent.steepness="}),
        (("run", "checkerboard", "train.optimizer."), {"train.optimizer.lr="}),
        (("run", "checkerboard", "train.compile="), {"train.compile=true", "train.compile=false"}),
        (("run", "checkerboard", "network."), {"network.width=", "network.shared="}),
        (("--quiet", "run", "checkerboard", "--o"), {"--out"}),
        (("show", "lat"), {"latent"}),
        (("show", "latent", "br"), {"brownian"}),
        (("sample", "my-run", "--integrator", "eu"), {"euler"}),
        (("sample", "my-run", "--epsilon", "ga"), {"gamma"}),
        (("estimate", "my-run", "log"), {"log-likelihood"}),
        (("recipes", "sh"), {"show"}),
        (("recipes", "show", "check"), {"checkerboard"}),
        (("completion", ""), set(SCRIPTS)),
        (("sample", ""), {FILES}),
        (("run", "checkerboard", "--out", ""), {FILES}),
    ],
)
def test_what_may_follow(words, expected):
    offered = words_after(*words)
    assert expected <= offered
    assert all(word.startswith(words[-1]) or word == FILES for word in offered)


def test_a_recipe_of_the_folder_tells_its_components(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.yaml").write_text("network: {use: unet}\n")
    (tmp_path / "mine.yaml").write_text("extends: base.yaml\ntarget: two-moons\n")
    assert "network.preset=" in words_after("run", "mine.yaml", "network.")
    assert "target.noise=" in words_after("run", "mine.yaml", "target.")


@pytest.mark.parametrize("name", all_commands())
def test_every_option_of_every_command_is_offered(name):
    parser = Parser(prog="si")
    load_command(all_commands()[name]).add_arguments(parser)
    add_global_options(parser)
    shown = [action for action in parser._actions if action.help is not argparse.SUPPRESS]
    options = {option for action in shown for option in action.option_strings if option.startswith("--")}
    assert words_after(name, "--") == options


@pytest.mark.parametrize("words", [("no-such-command", ""), ("run", "no-such.yaml", "latent."), ()])
def test_nonsense_is_answered_with_nothing_worse(words):
    assert isinstance(answer(words), list)


@pytest.mark.parametrize("words", ["run\ncheckerboard\nlatent.\n", "sweep\ncheckerboard\n--\n"])
def test_an_answer_imports_nothing_heavy(words):
    code = (
        "import sys\nfrom si_core.cli.main import main\ncode = main(['completion', '--answer'])\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], input=words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "[]")
    assert done.stdout


def test_answers_are_lines_of_words_and_meanings(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("run\ncheckerboard\nlatent=b\n"))
    assert main(["completion", "--answer"]) == 0
    assert capsys.readouterr().out.startswith("latent=brownian\t")


@pytest.mark.parametrize("shell", SCRIPTS)
def test_scripts_are_printed_and_ask(shell, capsys):
    assert main(["completion", shell]) == 0
    assert "completion --answer" in capsys.readouterr().out


def test_bash_completes():
    """The script in a shell, as bash calls it: a word after = is completed in part, as its word ends there."""
    script = SCRIPTS["bash"] + (
        'compopt() { :; }\nask() { COMP_LINE="$1"; COMP_POINT=${#1}; _si; printf "%s," "${COMPREPLY[@]}"; echo; }\n'
        'ask "si run checkerboard latent=br"\n'
    )
    folder = os.path.dirname(sys.executable)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "COMP_WORDBREAKS": " \t\n\"'><=;|&(:"}
    done = subprocess.run(
        ["bash", "--norc", "-c", script], capture_output=True, text=True, env=environment, check=False
    )
    assert done.stdout == "brownian,\n", done.stderr
