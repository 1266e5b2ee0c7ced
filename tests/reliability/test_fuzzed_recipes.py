"""Hostile recipes and overrides: only the library's own errors, within seconds, and no raw control character in them.

Every recipe is a bundled one, its text, bytes, or tree of keys and values changed at random; overrides are of its keys,
or of others, with values at the borders of what numbers, texts and nesting can be.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

import si_core as si_
from si_core.recipes.builtin import builtin_recipes

from .hostile_recipes import hostile_overrides, hostile_recipe
from .watchdog import steers_nothing, watched

pytest.importorskip("si_recipes")
pytestmark = pytest.mark.fault(2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19)

BUILDS = 8.0
"""Of the processor's seconds, for a command that builds all parts and was given two."""


def bundled() -> list[str]:
    return [recipe.path.read_text(encoding="utf-8") for recipe in builtin_recipes()]


def _loaded(path: Path, texts: list[str], number: int) -> str:
    """Load the recipe of a number; what became of it."""
    chance = random.Random(number)
    path.write_bytes(hostile_recipe(texts, chance))
    overrides = hostile_overrides(texts, chance)
    case, said = f"recipe {number}, {overrides}"[:2000], ""
    try:
        with watched(case):
            recipe = si_.load_recipe(path, overrides)
            assert recipe.resolved()
            assert recipe.hash()
    except (si_.RecipeError, si_.UsageError) as error:
        said = str(error)
    except Exception as error:
        raise AssertionError(f"{case}: {type(error).__name__}: {error}"[:3000]) from error
    assert steers_nothing(said), f"{case}: {said!r}"
    assert len(said) < 50_000, f"{case}: {len(said)} characters"
    return "refused" if said else "accepted"


def _all_loaded(folder: Path, numbers: range) -> Counter[str]:
    texts = bundled()
    for recipe in builtin_recipes():  # what has to be imported is not timed
        si_.load_recipe(recipe.path)
    return Counter(_loaded(folder / "r.yaml", texts, number) for number in numbers)


def test_hostile_recipes(tmp_path):
    found = _all_loaded(tmp_path, range(240))
    assert min(found["refused"], found["accepted"]) > 24, "a fuzzer that reaches one side alone shows little"


@pytest.mark.slow
def test_many_hostile_recipes(tmp_path):
    _all_loaded(tmp_path, range(240, 100_240))


def _built(si, folder: Path, texts: list[str], number: int) -> int:
    """Build the parts of the recipe of a number in a process with little memory; its exit code."""
    chance = random.Random(number)
    (folder / "r.yaml").write_bytes(hostile_recipe(texts, chance))
    overrides = hostile_overrides(texts, chance)
    words = ["validate", "r.yaml", *overrides, "--build", "--seconds", "2"]
    done = si(*(word for word in words if "\0" not in word), moment=("little_of_all", 3 << 30, BUILDS))
    case = f"build {number}, {overrides}: {done}"[:3000]
    assert done.code in (0, 2, 3), case
    assert "internal error" not in done.err, case
    assert steers_nothing(done.out + done.err), case
    return done.code


def _all_built(si, folder: Path, numbers: range) -> Counter[int]:
    texts = bundled()
    return Counter(_built(si, folder, texts, number) for number in numbers)


@pytest.mark.fault(21, 37)
def test_builds_of_hostile_recipes(si, tmp_path):
    _all_built(si, tmp_path, range(12))


@pytest.mark.slow
@pytest.mark.fault(21, 37)
def test_many_builds_of_hostile_recipes(si, tmp_path):
    _all_built(si, tmp_path, range(12, 1512))
