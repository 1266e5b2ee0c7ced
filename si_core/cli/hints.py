"""What somebody probably meant who typed a command line in another form than ours: the fix of its error.

A change of a recipe without ``=`` (``train.steps 3``) or with dashes (``--train.steps 3``), an option without them
(``out my-run``), a bare number of samples, a recipe where a command is due, a component without its kind.
"""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from si_core.cli.completing.keys import KeyNames
from si_core.cli.parser import metavar
from si_core.discovery.available import available
from si_core.discovery.kinds import KINDS
from si_core.discovery.suggest import did_you_mean
from si_core.errors import SIError, UsageError
from si_core.recipes.builtin import find_builtin
from si_core.recipes.key_names import key_names

__all__ = ["component_named", "recipe_as_command", "refuse_changes_in_parts", "unknown_argument"]

_KEY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z0-9_-]+)*")


def refuse_changes_in_parts(parser: argparse.ArgumentParser, changes: Sequence[str]) -> None:
    """Refuse a change of a recipe that is no single word ``KEY=VALUE``, where it can be told what was meant.

    Raises:
        UsageError: with the word to type.
    """
    for place, word in enumerate(changes):
        key, equals, value = word.partition("=")
        following = changes[place + 1] if place + 1 < len(changes) else None
        parts, meant = [word], None
        if equals and (value or not key):
            continue  # whole; of one that begins with = the key before it has been looked at
        if following is not None and not equals and following == "=" and place + 2 < len(changes):
            parts, meant = list(changes[place : place + 3]), f"{key}={changes[place + 2]}"
        elif following is not None and following.startswith("=") and not equals:
            parts, meant = [word, following], word + following
        elif following is not None and "=" not in following and _KEY.fullmatch(key):
            parts, meant = [word, following], f"{key}={following}"
        elif not equals and ":" in word and _KEY.fullmatch(word.partition(":")[0]):
            meant = "=".join(part.strip() for part in word.split(":", 1))
        option = None if equals else _option(parser, f"--{word}", following)
        if option is not None and not _is_key(word):
            got = " ".join(parts) if option.count(" ") else word
            raise UsageError("an option without its dashes", where=parser.prog, got=got, fix=option)
        if meant is not None:
            problem = "a change of the recipe is one word, KEY=VALUE"
            raise UsageError(problem, where=parser.prog, got=" ".join(parts), fix=shlex.quote(meant))


def unknown_argument(parser: argparse.ArgumentParser, rest: Sequence[str], words: Sequence[str]) -> UsageError:
    """The error of words that a command does not take.

    Args:
        parser: of the command.
        rest: those words.
        words: the whole command line after ``si``.
    """
    first = rest[0]
    place = words.index(first) if first in words else len(words)
    following = words[place + 1] if place + 1 < len(words) and not words[place + 1].startswith("-") else None
    recipe = next((word for word in words[1:] if not word.startswith("-")), None)
    fix = _instead(parser, first, following, recipe) or f"{parser.prog} --help"
    return UsageError(f"unknown argument {' '.join(rest)}", where=parser.prog, fix=fix)


def _instead(parser: argparse.ArgumentParser, word: str, following: str | None, recipe: str | None) -> str | None:
    name, equals, value = word.lstrip("-").partition("=")
    value = value if equals else following or ""
    takes_changes = any(action.dest == "overrides" for action in parser._actions)
    if word.startswith("-"):
        if takes_changes and (keys := _keys_called(name, recipe)):
            return " or ".join(shlex.quote(f"{key}={value or 'VALUE'}") for key in keys)
        return did_you_mean(word.partition("=")[0], parser._option_string_actions)
    if word.isdecimal() and "-n" in parser._option_string_actions:
        return f"-n {word}"
    return _option(parser, f"--{name}", value or None)


def _option(parser: argparse.ArgumentParser, name: str, value: str | None) -> str | None:
    """An option as it is typed, with a value if it takes one; None where there is none of this name."""
    action = parser._option_string_actions.get(name)
    if action is None:
        return None
    if action.nargs == 0:
        return name
    return f"{name} {metavar(action) if value is None else shlex.quote(value)}"


def _is_key(word: str) -> bool:
    return any(key.path == word for key in key_names())


def _keys_called(name: str, recipe: str | None) -> list[str]:
    """The keys that are meant by a dotted key, or by its last word alone, those nearest to the top first."""
    if "." in name:
        return [name]
    spelt = name.replace("-", "_")
    paths = sorted(KeyNames(recipe).paths(), key=lambda path: path.count("."))
    return [path for path in paths if path == spelt] or [path for path in paths if path.rpartition(".")[2] == spelt][:3]


def recipe_as_command(word: str) -> UsageError | None:
    """The error for a recipe where a command is due; None where the word is no recipe either."""
    try:
        known = Path(word).suffix in (".yaml", ".yml") or find_builtin(word) is not None
    except SIError:
        known = True  # several ship one of this name: `si run` says which
    if not known:
        return None
    return UsageError(f"there is no command {word!r}, but a recipe", where="si", fix=f"si run {shlex.quote(word)}")


def component_named(word: str) -> str | None:
    """How a component that is asked for without its kind is shown; None where no kind has one of this name."""
    kinds = [kind for kind in KINDS if any(found.component.name == word for found in available(kind))]
    return " or ".join(f"si show {kind} {word}" for kind in kinds) or None
