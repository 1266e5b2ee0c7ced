"""What may follow on a command line that is being typed: of the parsers that the commands have anyway, and of keys.

Nothing that takes its time is imported, so an answer costs what `si --help` costs. argcomplete would call the whole
program too, for one more dependency; shtab writes static scripts, which know no plugin that is installed later, no
recipe of this folder, and not the options of the component that is selected, and none for fish.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from si_core.cli.completing.keys import KeyNames
from si_core.cli.keys import SECTIONS
from si_core.cli.parser import Parser, add_global_options, add_own_options, metavar
from si_core.discovery.available import available
from si_core.discovery.commands import all_commands, find_command, load_command
from si_core.discovery.kinds import KINDS
from si_core.errors import SIError
from si_core.recipes.builtin import builtin_recipes

__all__ = ["FILES", "Candidate", "answer"]

FILES = "<files>"
"""A candidate that stands for the files and folders of the place, which a shell completes better itself."""


@dataclass(frozen=True)
class Candidate:
    """A word that may stand there, and what it is in one line."""

    word: str
    meaning: str = ""


def answer(words: Sequence[str]) -> list[Candidate]:
    """What the last word may become.

    Args:
        words: those after ``si`` up to the cursor; the last one is being typed, and may be empty.
    """
    *before, typed = words or ("",)
    chosen = next((place for place, word in enumerate(before) if not word.startswith("-")), None)
    try:
        if chosen is None:
            found = [*_options(_parser(None))] if typed.startswith("-") else list(_commands())
        else:
            found = list(_of_command(before[chosen], before[chosen + 1 :], typed))
    except SIError:
        return []  # a command of a plugin that can't be used has nothing to offer
    return [each for each in found if each.word.startswith(typed) or each.word == FILES]


def _commands() -> Iterator[Candidate]:
    yield from (Candidate(name, found.command.summary) for name, found in all_commands().items())


def _of_command(command: str, before: Sequence[str], typed: str) -> Iterator[Candidate]:
    parser = _parser(command)
    option = _waiting(parser, before)
    if option is not None:
        yield from _values(option, _option_name(option), before, typed)
    elif typed.startswith("-"):
        yield from _options(parser)
    else:
        positional = _positional(parser, before)
        if positional is not None:
            yield from _values(positional, _metavar(positional), before, typed)


def _parser(command: str | None) -> argparse.ArgumentParser:
    parser = Parser(prog="si")
    if command is None:
        add_own_options(parser)
    else:
        load_command(find_command(command)).add_arguments(parser)
        add_global_options(parser)
    return parser


def _options(parser: argparse.ArgumentParser) -> Iterator[Candidate]:
    for action in parser._actions:
        if action.help is not argparse.SUPPRESS:
            yield from (Candidate(name, action.help or "") for name in action.option_strings if name.startswith("--"))


def _waiting(parser: argparse.ArgumentParser, before: Sequence[str]) -> argparse.Action | None:
    """The option whose value comes next."""
    action = parser._option_string_actions.get(before[-1]) if before else None
    return action if action is not None and action.nargs != 0 else None


def _positional(parser: argparse.ArgumentParser, before: Sequence[str]) -> argparse.Action | None:
    """The argument without a dash that comes next; the last one where it takes any number."""
    given = len(_plain(parser, before))
    actions = [action for action in parser._actions if not action.option_strings]
    if given < len(actions):
        return actions[given]
    return actions[-1] if actions and actions[-1].nargs in ("*", "+") else None


def _plain(parser: argparse.ArgumentParser, before: Sequence[str]) -> list[str]:
    """The words that are neither options nor their values."""
    found = []
    for place, word in enumerate(before):
        if not word.startswith("-") and _waiting(parser, before[:place]) is None:
            found.append(word)
    return found


def _values(action: argparse.Action, name: str, before: Sequence[str], typed: str) -> Iterator[Candidate]:
    """What a value may be, by its choices, or by what the help calls it."""
    if action.choices is not None:
        yield from (Candidate(str(choice)) for choice in action.choices)
        return
    plain = [word for word in before if not word.startswith("-")]
    sources: dict[str, Callable[[], Iterator[Candidate]]] = {
        "RECIPE": _recipes,
        "KIND": _kinds,
        "COMPONENT": lambda: _components(plain[0]) if plain and plain[0] in KINDS else iter(()),
        "KEY": lambda: (Candidate(*each) for each in KeyNames(plain[0] if plain else None, plain[1:]).matching(typed)),
    }
    if name in sources:
        yield from sources[name]()
    elif name.lower() in KINDS:
        yield from _components(name.lower())
    elif name in ("FILE", "FOLDER", "RUN", "DIR", "DATA"):
        yield Candidate(FILES)


def _metavar(action: argparse.Action) -> str:
    """What the help calls a value: ``FILE`` of ``FILE|FOLDER/``, ``KEY`` of ``KEY=VALUE``."""
    shown = metavar(action)
    for mark in "|=./ ":
        shown = shown.partition(mark)[0]
    return "COMPONENT" if (action.dest, shown) == ("name", "NAME") else shown


def _option_name(action: argparse.Action) -> str:
    """The kind that an option selects from, where it has the name of one; else what the help calls its value."""
    longest = max(action.option_strings, key=len).lstrip("-")
    kind = {"epsilon": "diffusion"}.get(longest, longest)
    return kind if kind in KINDS else _metavar(action)


def _recipes() -> Iterator[Candidate]:
    yield from (Candidate(recipe.name, recipe.distribution) for recipe in builtin_recipes())
    yield Candidate(FILES)


def _kinds() -> Iterator[Candidate]:
    yield from (Candidate(name, kind.summary) for name, kind in KINDS.items())
    yield from (Candidate(name, "keys of a recipe") for name in SECTIONS)


def _components(kind: str) -> Iterator[Candidate]:
    yield from (Candidate(found.component.name, found.component.summary) for found in available(kind))
