"""Hostile recipes and overrides: only the library's own errors, within seconds, and no raw control character in them.

Every recipe is a bundled one, its text edited at random, or its keys and values exchanged for hostile ones.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

import si_core as si
from si_core.recipes.builtin import builtin_recipes

pytest.importorskip("si_recipes")

SECONDS = 5.0
WORDS = r"""
~ null true off -1 0 1e999 .nan -.inf 0x10 1_000 12:30:45 2001-01-01 "" ' " [ ] {} {{}} [[[[]]]] [1,[2]] &a *a <<: | >
- -- --- ... : ? # % @ ` \x1b "\e[31m" "\0" "\u202e" "\ud800" !!python/object:os.system ../../../etc/passwd ~/x
/dev/zero si-distributions/gaussian a.b.c gaussian mlp none auto gamma
"""
HOSTILE = WORDS.split()
HOSTILE += ["{a: {b: c}}", "{use: }", "{use: gaussian, dim: -1}", "<<: *a", "\u202e", "\xa0", "\U0001f600"]
HOSTILE += [
    "9" * 50,
    "9" * 5000,
    "x" * 200,
    "x" * 50_000,
    "[" * 100,
    "{a: " * 100,
    "- " * 200,
    "\x1b]0;x\x07",
    "\0",
    "\r",
]
KEYS = [
    "source",
    "target",
    "interpolant",
    "latent",
    "coupling",
    "objectives",
    "network",
    "train",
    "sample",
    "estimators",
]
KEYS += [
    "train.steps",
    "train.optimizer",
    "train.optimizer.lr",
    "train.process.lr",
    "sample.integrator",
    "network.width",
]
KEYS += ["train.times", "sample.epsilon", "objectives.0", "objectives.-1", "objectives.99", "seed", "title", "meta.x"]
KEYS += ["schema", "extends", "base", "init", "use", "", ".", "..", "a", "a.b.c.d", "train.", ".train", "\x1b[2J", "é"]


def _edited(text: str, chance: random.Random) -> str:
    """The text after one to three edits."""
    for _ in range(chance.choice([1, 1, 2, 3])):
        lines = text.split("\n")
        at, line = chance.randrange(len(text) + 1), chance.randrange(len(lines))
        match chance.randrange(7):
            case 0:
                text = text[:at] + chance.choice(HOSTILE) + text[at:]
            case 1:
                text = text[:at] + text[at + chance.choice([1, 3, 20]) :]
            case 2:
                lines[line] = lines[line].partition(":")[0] + ": " + chance.choice(HOSTILE)
                text = "\n".join(lines)
            case 3:
                lines.insert(line, f"{chance.choice(KEYS)}: {chance.choice(HOSTILE)}")
                text = "\n".join(lines)
            case 4:
                lines[line] = " " * chance.choice([1, 2, 4]) + lines[line]
                text = "\n".join(lines)
            case 5:
                lines.insert(chance.randrange(len(lines) + 1), lines[line])
                text = "\n".join(lines)
            case _:
                text = (
                    text[:at] + chr(chance.choice([0, 7, 27, 0x85, 0xA0, 0x2028, 0x202E, 0xFEFF, 0x10FFFF])) + text[at:]
                )
    return text


def _loaded(folder: Path, texts: list[str], number: int) -> str:
    """Load the recipe of a number; what was said."""
    chance = random.Random(number)
    path = folder / "r.yaml"
    text = chance.choice(texts)
    path.write_bytes((_edited(text, chance) if chance.random() < 0.8 else text).encode("utf-8", "surrogatepass"))
    overrides = [f"{chance.choice(KEYS)}={chance.choice(HOSTILE)}" for _ in range(chance.choice([0, 0, 1, 2]))]
    if chance.random() < 0.05:
        overrides.append(chance.choice(HOSTILE))
    began, said = time.monotonic(), ""
    try:
        recipe = si.load_recipe(path, overrides)
        assert recipe.resolved()
    except (si.RecipeError, si.UsageError) as error:
        said = str(error)
    except Exception as error:
        raise AssertionError(f"recipe {number}, {overrides}: {type(error).__name__}: {error}"[:2000]) from error
    assert time.monotonic() - began < SECONDS, f"recipe {number}, {overrides}"
    return said


def _none_is_strange(folder: Path, numbers: range) -> None:
    texts = [recipe.path.read_text(encoding="utf-8") for recipe in builtin_recipes()]
    for recipe in builtin_recipes():  # what has to be imported is not timed
        si.load_recipe(recipe.path)
    for number in numbers:
        said = _loaded(folder, texts, number)
        assert all(c.isprintable() or c in "\n\t" for c in said), f"recipe {number}: {said!r}"
        assert len(said) < 50_000, f"recipe {number}: {len(said)} characters"


def test_hostile_recipes(tmp_path):
    _none_is_strange(tmp_path, range(500))


@pytest.mark.slow
def test_many_hostile_recipes(tmp_path):
    _none_is_strange(tmp_path, range(500, 100_500))
