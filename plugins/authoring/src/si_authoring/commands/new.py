"""``si new plugin NAME``: a complete, small package with one component, to edit, test and publish."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from si_authoring.scaffold.examples import EXAMPLES
from si_authoring.scaffold.names import Names, names
from si_authoring.scaffold.package import package_files
from si_authoring.scaffold.taken import refuse_taken, rivals
from si_authoring.scaffold.writing import write_package
from si_core import UsageError
from si_core.public.cli import LineConsole

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and add its arguments."""
    parser.usage = "si new plugin NAME [--kind KIND] [--name COMPONENT] [--learnable] [--out DIR]"
    parser.description = (
        "Write a complete, small package with one component, an example recipe and its tests, to edit and "
        "publish; such as: si new plugin si-mine --kind latent"
    )
    parser.add_argument("thing", metavar="plugin", help="what to start")
    parser.add_argument("distribution", metavar="NAME", nargs="?", help="its distribution, si-<topic>")
    parser.add_argument(
        "--kind", default="interpolant", metavar="KIND", help=f"{', '.join(EXAMPLES)} (default interpolant)"
    )
    parser.add_argument(
        "--name", dest="component", metavar="COMPONENT", help="what recipes call it (default the topic)"
    )
    parser.add_argument(
        "--learnable", action="store_true", help="with parameters that the recipe trains (an interpolant)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="a new or empty folder to write into (default ./NAME)")


def run(arguments: argparse.Namespace) -> int:
    """Write the package, and say what to type next."""
    if arguments.thing != "plugin" or arguments.distribution is None:
        name = arguments.distribution or (arguments.thing if arguments.thing != "plugin" else "si-mine")
        raise UsageError(
            "si new makes a plugin, which needs a name",
            got=" ".join(filter(None, ("si new", arguments.thing, arguments.distribution))),
            fix=f"si new plugin {shlex.quote(name)}",
        )
    chosen = names(arguments.distribution, arguments.kind, arguments.component)
    refuse_taken(chosen)
    others = rivals(chosen)
    selection = f"{chosen.distribution}/{chosen.component}" if others else chosen.component
    folder = Path(chosen.distribution) if arguments.out is None else arguments.out
    files = package_files(chosen, selection, arguments.learnable)
    write_package(folder, files)
    console = LineConsole()
    if others:
        console.warn(
            f"{chosen.kind} {chosen.component!r} is also offered by {', '.join(others)}: recipes must write "
            f"{selection!r}; choose another name with --name"
        )
    for line in _summary(chosen, folder, files, selection):
        console.line(line)
    return 0


def _summary(chosen: Names, folder: Path, files: dict[str, str], selection: str) -> list[str]:
    plain = folder.is_absolute() or folder.parts[:1] in ((), ("..",))
    place = folder.as_posix() if plain else f"./{folder.as_posix()}"
    component = f"src/{chosen.package}/{chosen.module}.py"
    return [
        f"{place}: {chosen.kind} {chosen.component!r}, which is {component}",
        *(f"  {path}" for path in files),
        "",
        "Next:",
        f"  pip install -e {shlex.quote(f'{place}[test]')}",
        f"  pytest {shlex.quote(place)}",
        f"  si check {selection}",
    ]
