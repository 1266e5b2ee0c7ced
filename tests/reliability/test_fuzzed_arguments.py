"""Hostile words of the command line, on a finished run: exit codes that are documented, within seconds, nothing else.

Overrides ``KEY=VALUE`` of commands that take a recipe; names, JSON, numbers, files and seeds of commands that take a
run. Whatever they say, the run stays as it is, and files are made in the current folder only.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import shutil
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from si_core.cli.main import main
from si_core.discovery.available import available

from ..cli.conftest import RECIPE
from .damage import states
from .hostile_recipes import HOSTILE, hostile_overrides
from .test_fuzzed_recipes import bundled
from .watchdog import steers_nothing, watched

pytestmark = pytest.mark.fault(1, 5, 8, 16, 35)

BORDERS: list[Any] = [-1, 0, 1, 2, 3, 0.5, -0.0, 1e-320, 1e308, float("nan"), float("inf"), True, None, "", "x", []]
BORDERS += [{}, 2**31, 2**63, 10**30, "none", "\x1b[31m", "\0", "../x", [1, 2], {"use": "x"}, "é" * 200, "x" * 20_000]
"""None of these numbers is allowed as a size and large."""
KINDS = {"--integrator": "integrator", "--epsilon": "diffusion", "--clock": "clock", "--guidance": "guidance"}
OPTIONS = ["steps", "scale", "samples", "x", "tolerance", "order", "epsilon", "strength", "use", "\x1b[2J"]
RECIPES = ["nowhere.yaml", "", "si-recipes/checkerboard", "run/resolved.yaml", "run", "\x1b[31m", "."]
RUNS = ["nowhere", "r.yaml", "", ".", "\x1b[31m", "x" * 5000, "run/run"]
FILES = ["r.yaml", "nowhere.npy", "run", "run/samples.npy", "", "\x1b[31m.csv", "/dev/zero", "/dev/null"]
OUTS = ["s.csv", "s.parquet", "s", "no/s.npy", "run/samples.npy", "run/model.safetensors", "", "\x1b[31m.npy"]
OUTS += ["x" * 300]
NUMBERS = [-1, 0, "x", 2**63, 10**15, "1e3", "", "٣"]


def _one(good: Any, others: Sequence[Any], chance: random.Random) -> str:
    """The good word, or now and then another: most commands must get past their first word."""
    return str(good if chance.random() < 0.85 else chance.choice(others))


def _name(kind: str, chance: random.Random) -> str:
    """The name of a component, or JSON of one with options."""
    names = [found.qualified for found in available(kind)] or ["none"]
    name: Any = chance.choice(names) if chance.random() < 0.9 else chance.choice(BORDERS)
    draw = chance.random()
    if draw < 0.4:
        return str(name)
    if draw < 0.9:
        few = {"samples": 8} if kind == "estimator" else {}
        return json.dumps({"use": name, **few, chance.choice(OPTIONS): chance.choice(BORDERS)})
    return chance.choice([*HOSTILE, json.dumps(chance.choice(BORDERS)), '{"use": ', "[" * 5000])


def _of_run(command: str, chance: random.Random) -> list[str]:
    words, file = [command, _one("run", RUNS, chance)], _one("x.csv", FILES, chance)
    if command == "estimate":
        words.append(
            _name("estimator", chance) if chance.random() < 0.6 else '{"use": "energy-distance", "samples": 8}'
        )
    if command == "export":
        words += [_one("model", ["run", "", "no/model", "x.csv"], chance), "--exporter", _name("exporter", chance)]
    if command == "sample":
        number = 2 if file == "x.csv" else 4
        words += ["-n", _one(number, NUMBERS, chance), "--out", _one("s.npy", OUTS, chance)]
    given: dict[str, str] = {"--seed": _one(3, BORDERS, chance), "--device": _one("cpu", ["none", *HOSTILE], chance)}
    if command in ("sample", "estimate"):
        given |= {option: _name(kind, chance) for option, kind in KINDS.items()}
        given["--start-from" if command == "sample" else "--data"] = file
        given |= {"--freeze": "", "--condition": chance.choice([*HOSTILE, "a=b", "=", "x0=x.npy", "class=1"])}
    for option in chance.sample(sorted(given), chance.choice([0, 1, 1, 1, 2])):
        words += [option] if option == "--freeze" else [option, given[option]]
    return words


def _words(texts: list[str], chance: random.Random) -> list[str]:
    commands = ["validate", "run", "show", "list", "compare", "any", *["sample", "estimate", "export"] * 3]
    command = chance.choice(commands)
    if command in ("validate", "run"):
        # No device of that name: a recipe that is good is not run.
        last = ["--device", "none-such"] if command == "run" else ["--json"] * chance.randrange(2)
        return [command, _one("checkerboard", RECIPES, chance), *hostile_overrides(texts, chance), *last]
    if command in ("show", "list"):
        return [command, *chance.choices(["latent", "network", "brownian", "mlp", "", *HOSTILE], k=chance.randrange(3))]
    if command == "compare":
        runs = [_one("run", RUNS, chance) for _ in range(chance.choice([0, 1, 2, 2, 3, 25]))]
        return [command, *runs, "--out", _one("c.html", OUTS, chance)]
    if command == "any":
        known = [
            "recipes",
            "plugins",
            "schema",
            "--json",
            "--help",
            "--version",
            "--no-plugins",
            "-",
            "--",
            "-n",
            "sample",
        ]
        return chance.choices([*known, *HOSTILE], k=chance.randrange(4))
    return _of_run(command, chance)


def _tried(folder: Path, texts: list[str], number: int) -> str:
    chance = random.Random(number)
    words = _words(texts, chance)
    if chance.random() < 0.05:
        words.insert(chance.randrange(len(words) + 1), chance.choice(HOSTILE))
    case, out = f"arguments {number}, {words}"[:2000], io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(out),
        watched(case, may_wait=True),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        code = main(words)
    said = out.getvalue()
    assert code in (0, 2, 3, 4, 5), f"{case}: {code}: {said}"
    assert "internal error" not in said, f"{case}: {said}"
    assert steers_nothing(said), f"{case}: {said!r}"
    assert len(said) < 300_000, f"{case}: {len(said)} characters"
    return f"{words[0][:9] if words else 'nothing'} {code}"


def _all_tried(home: Path, finished: Path, numbers: range) -> Counter[str]:
    texts, found = bundled(), Counter[str]()
    folder = home / "here"
    folder.mkdir()
    shutil.copytree(finished, folder / "run")
    (folder / "r.yaml").write_text(RECIPE, encoding="utf-8")
    (folder / "x.csv").write_text("a,b\n1,2\n3,4\n", encoding="utf-8")
    before = states(folder)
    with contextlib.chdir(folder):
        for words in (["compare", "run", "run"], ["export", "run", "m"], ["estimate", "run", "energy-distance"]):
            main(words)  # what has to be imported is not timed
        for number in numbers:
            found[_tried(folder, texts, number)] += 1
            now = states(folder)
            changed = sorted(name for name in before if now.get(name) != before[name])
            assert not changed, f"arguments {number}: {changed}"
            assert [path.name for path in home.iterdir()] == ["here"], f"arguments {number}"
            for path in folder.iterdir():
                if path.name not in ("run", "r.yaml", "x.csv"):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
    return found


def test_hostile_arguments(tmp_path, finished):
    _all_tried(tmp_path, finished, range(30))


@pytest.mark.slow
def test_many_hostile_arguments(tmp_path, finished):
    _all_tried(tmp_path, finished, range(30, 5070))
