"""``si schema``: the JSON schema of recipes for editors, with the components that are installed here."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from si_core.cli.tables import print_json
from si_core.errors import StorageError

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and add its arguments."""
    parser.description = (
        "Print the JSON schema of recipes with the components that are installed here, so that an editor "
        "checks and completes a recipe while it is written."
    )
    parser.add_argument("--out", metavar="FILE", type=Path, help="write it to this file instead of printing it")
    parser.add_argument("--json", action="store_true", help="print JSON, as it does anyway")


def run(arguments: argparse.Namespace) -> int:
    """Print or write the schema."""
    from si_core.recipes.editor_line import editor_line
    from si_core.recipes.editor_schema import recipe_json_schema

    schema = recipe_json_schema()
    if arguments.out is None:
        print_json(schema)
        return 0
    try:
        arguments.out.write_text(json.dumps(schema, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"can't write the schema: {error.strerror or error}",
            where=str(arguments.out),
            fix="give another --out FILE",
        ) from error
    print(f"{arguments.out}: put this line on top of a recipe to have an editor check it:")
    print(editor_line(str(arguments.out)), end="")
    return 0
