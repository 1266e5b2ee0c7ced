"""``si init [DATA]``: look at data, ask three questions (or take flags), and write a commented recipe."""

from __future__ import annotations

import argparse
import os
import shlex
from pathlib import Path

from si_core import SIError, StorageError, UsageError
from si_core.public.recipes import SCHEMA_FILE, editor_line, load_found_recipe
from si_recipes.starting.questions import ask, somebody_there
from si_recipes.starting.recipe import EFFORTS, Plan, recipe_text

__all__ = ["add_arguments", "run"]

_NONE = "none"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and add its arguments."""
    parser.description = (
        "Look at a table, an array or a folder of images, and write a recipe for it, with the reason of each line "
        "beside it. On a terminal three questions are asked (which data, which column has classes, how much "
        "training), unless flags answer them; elsewhere what is left out is chosen. No file is written over."
    )
    parser.add_argument(
        "data", metavar="DATA", nargs="?", help="a .csv, .tsv, .txt, .parquet, .npy or .npz file, or a folder of images"
    )
    parser.add_argument(
        "--label",
        metavar="COLUMN",
        help=f"the column of classes; {_NONE} for none (of images: {_NONE}, or sub-folders)",
    )
    parser.add_argument("--effort", choices=tuple(EFFORTS), help="how much training (default: short, for a first look)")
    parser.add_argument("--out", metavar="FILE", help="the recipe to write (default: the data's name with .yaml, here)")


def run(arguments: argparse.Namespace) -> int:
    """Look, ask, write, and say what to type next."""
    data = arguments.data
    if data is None:
        if not somebody_there():
            raise UsageError("which data?", where="si init", fix="si init mine.csv")
        data = ask("Which data (a table, an array, or a folder of images)", "")
    out = Path(arguments.out or f"{Path(os.path.abspath(data)).stem}.yaml")
    if out.suffix not in (".yaml", ".yml"):
        raise UsageError("a recipe ends in .yaml", where="--out", got=str(out), fix=f"--out {out}.yaml")
    if os.path.lexists(out):
        raise UsageError("there is a file already; it is left as it is", where=str(out), fix="--out ANOTHER.yaml")
    plan = _planned(data, arguments, os.path.relpath(data, out.parent))
    _write(out, recipe_text(plan, shlex.quote(out.name), editor_line(SCHEMA_FILE)))
    print("\n".join(plan.about))
    print(f"\n{out} is written: read it, then")
    print(f"  si run {shlex.quote(str(out))} --plan    how long it will take")
    print(f"  si run {shlex.quote(str(out))}")
    print(f"  si schema --out {SCHEMA_FILE}    for your editor")
    return 0


def _planned(data: str, arguments: argparse.Namespace, path: str) -> Plan:
    from si_distributions.look import FoundImages, look
    from si_recipes.starting.images import plan_for_images
    from si_recipes.starting.tables import label_named, plan_for_table

    found = look(data)
    if isinstance(found, FoundImages):
        choices = ("sub-folders", _NONE) if found.classes else ()
        label = _label(arguments, choices, choices[0] if choices else _NONE, "What are classes")
        return plan_for_images(found, path, label != _NONE, _effort(arguments))
    names = [str(column.name) for column in found.labels]
    likely = found.likely_label
    chosen = _label(
        arguments,
        (*names, _NONE) if names else (),
        _NONE if likely is None else str(likely.name),
        "Which column has classes",
    )
    label_column = None if chosen == _NONE else label_named(found, chosen)
    return plan_for_table(found, path, label_column, _effort(arguments))


def _label(arguments: argparse.Namespace, choices: tuple[str, ...], default: str, question: str) -> str:
    if arguments.label is not None:
        return str(arguments.label)
    if not choices or not somebody_there():
        return default
    print(f"  {', '.join(choices)}")
    return ask(question, default, choices)


def _effort(arguments: argparse.Namespace) -> str:
    if arguments.effort is not None:
        return str(arguments.effort)
    return ask("How much training (short, medium, long)", "short", tuple(EFFORTS)) if somebody_there() else "short"


def _write(out: Path, text: str) -> None:
    """Write a new file, and see to it that it is a recipe: one that is none is taken away again.

    Raises:
        StorageError: the file can't be written.
        SIError: the recipe is not right here, as where a plugin that it needs is not installed.
    """
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise StorageError(
            f"can't write the recipe: {error.strerror or error}", where=str(out), fix="give another --out FILE"
        ) from error
    try:
        load_found_recipe(out)
    except SIError:
        out.unlink()
        raise
