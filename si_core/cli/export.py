"""``si export RUN DIR``: write a trained model for elsewhere."""

from __future__ import annotations

import argparse
import sys
from contextlib import redirect_stdout
from pathlib import Path

from si_core.cli.choices import chosen
from si_core.cli.tables import print_json
from si_core.cli.trained import add_device, trained_model

__all__ = ["add_arguments", "run"]

_DEFAULT = "si-exporters/folder"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and add its arguments."""
    parser.description = (
        "Write a trained model into a folder that is used elsewhere, with no data and no path of this machine in it: "
        "by default one that si.load_model, `si sample` and `si estimate` take like a run."
    )
    parser.add_argument("run_directory", metavar="RUN", help="the folder of a run, or of an exported model")
    parser.add_argument("folder", metavar="DIR", help="the folder to write: new or empty")
    parser.add_argument(
        "--exporter", metavar="NAME|JSON", default=_DEFAULT, help="the form (see `si list exporter`; default: folder)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier export in DIR")
    add_device(parser, "compute")
    parser.add_argument("--json", action="store_true", help="print the files as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Load, write and say what was written."""
    from si_core.cli.console import LineConsole
    from si_core.discovery.build import build
    from si_core.discovery.lookup import find
    from si_core.runs.directory import RunDirectory
    from si_core.runs.export import export_model
    from si_core.runs.model_folder import read_records

    name, options = chosen(arguments.exporter, "--exporter", '{"use": "torch-export", "steps": 50}')
    with redirect_stdout(sys.stderr), trained_model(arguments, LineConsole()) as model:
        exporter = build("exporter", name, **options)
        records = read_records(RunDirectory.open(arguments.run_directory))
        qualified = find("exporter", name).qualified
        files = export_model(model, Path(arguments.folder), exporter, qualified, records, arguments.overwrite)
    if arguments.json:
        print_json({"exporter": qualified, "files": [str(path) for path in files]})
    else:
        for path in files:
            print(path)
    return 0
