"""``--condition``: what samples or points are given, ``NAME=VALUE`` or the bare value where there is one condition."""

from __future__ import annotations

import argparse
import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from si_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from si_core.contract.class_counts import ClassCounts
    from si_core.contract.condition import ConditionSpec
    from si_core.models.model import Model

__all__ = ["add_classes", "add_condition", "asked_classes", "asked_condition"]


def add_condition(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the option."""
    parser.add_argument(
        "--condition",
        metavar="NAME=VALUE",
        action="append",
        help=f"what {what} are given: a class by its name, a number, or a .npy file of values; the bare VALUE where "
        "there is one condition; repeat it for further conditions, or with a name again to go in turn",
    )


def asked_condition(model: Model, given: list[str] | None) -> Any:
    """What was asked for, as :meth:`si_core.Model.conditions` takes it; None where nothing was.

    Raises:
        UsageError: a bare value among several, or where there are several conditions; an unknown name or class; a value
            that is no number.
        DataError: a file of values that can't be read.
    """
    from si_core.contract.given_condition import read_condition
    from si_core.models.given_values import given_values

    if not given:
        return None
    specs = model.process.conditions
    asked: dict[str, list[Any]] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or name not in specs:
            # A class, or a file of values, may have an equals sign in its name.
            if equals and len(specs) == 1 and not _is_value(text, next(iter(specs.values()))):
                raise _unknown(name, value, specs)
            if len(specs) != 1:
                raise UsageError(
                    "a condition by its name" if specs else "this model takes no condition",
                    where="--condition",
                    got=text,
                    allowed="; ".join(spec.described(own) for own, spec in specs.items()) or None,
                    fix=f"--condition {next(iter(specs))}=VALUE" if specs else "leave it out",
                )
            name, value = next(iter(specs)), text
        asked.setdefault(name, []).append(value if specs[name].classes is not None else _number(value))
    single = {name: values[0] if len(values) == 1 else values for name, values in asked.items()}
    asked_for = given_values(model, single)
    read_condition(specs, asked_for, where="--condition")
    return asked_for


def add_classes(parser: argparse.ArgumentParser) -> None:
    """Add ``--classes``."""
    parser.add_argument(
        "--classes",
        metavar="[NAME=]COUNTS",
        help="how many samples of each class, one class after another: each:1000, or setosa:50,virginica:20; NAME= "
        "says of which, where several conditions have classes",
    )


def asked_classes(model: Model, text: str | None) -> ClassCounts | None:
    """How many of each class ``--classes`` asks for; None where it was not given.

    Raises:
        UsageError: a model without classes, or with several conditions that have some and none named; an unknown
            class; a count that is no whole number above 0.
    """
    from si_core.contract.class_counts import ClassCounts
    from si_core.contract.class_names import ClassFinder

    if text is None:
        return None
    named = {name: spec for name, spec in model.process.conditions.items() if spec.classes is not None}
    known = "; ".join(spec.described(name) for name, spec in named.items())
    if not named:
        raise UsageError("this model is given no classes", where="--classes", got=text, fix="-n NUMBER")
    name, equals, counts = text.partition("=")
    if not equals or name not in named:
        only = next(iter(named))
        if len(named) > 1:
            fix = f"--classes {only}=each:1000"
            raise UsageError("classes of which condition?", where="--classes", got=text, allowed=known, fix=fix)
        name, counts = only, text
    classes = named[name].classes or ()
    finder, asked = ClassFinder(classes), dict[int, int]()
    for entry in counts.split(","):
        called, _, number = entry.rpartition(":")
        # A class may be called each, and then means itself.
        place = finder.place(called)
        places = range(len(classes)) if place is None and called == "each" else [place]
        if None in places:
            wrong = f"no class {called!r}" if called else "counts of classes"
            raise UsageError(wrong, where="--classes", got=entry, allowed=known, fix=f"--classes {name}=each:1000")
        if not (number.isascii() and number.isdecimal() and len(number) <= _DIGITS and int(number) > 0):
            allowed = "CLASS:NUMBER, a whole number above 0"
            raise UsageError("how many of a class", where="--classes", got=entry, allowed=allowed)
        if any(place in asked for place in places):
            raise UsageError("a class is named twice", where="--classes", got=text)
        asked |= {place: int(number) for place in places if place is not None}
    return ClassCounts(name, asked)


_DIGITS = 15
"""Of the largest count."""


def _is_value(text: str, spec: ConditionSpec) -> bool:
    from si_core.contract.class_names import ClassFinder

    if spec.classes is not None and ClassFinder(spec.classes).place(text) is not None:
        return True
    return Path(text).suffix == ".npy" and Path(text).is_file()


def _unknown(name: str, value: str, specs: Mapping[str, ConditionSpec]) -> UsageError:
    only, spec = next(iter(specs.items()))
    near = difflib.get_close_matches(name.lower(), [only.lower()], 1)
    return UsageError(
        f"unknown condition {name!r}",
        where="--condition",
        got=f"{name}={value}",
        allowed=spec.described(only),
        fix=f"{'did you mean ' if near else ''}--condition {only}={value}{'?' if near else ''}",
    )


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text
