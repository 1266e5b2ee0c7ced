"""``si report RUN``: write plots and a page about a run again."""

from __future__ import annotations

import argparse

from si_core.cli.trained import add_device, trained_model
from si_core.discovery.available import available
from si_core.errors import UsageError

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and add its arguments."""
    parser.description = "Write plots/*.png and report.html of a run again, such as after an upgrade of si-report."
    parser.add_argument("run_directory", metavar="RUN", help="the folder of a run")
    add_device(parser, "sample")


def run(arguments: argparse.Namespace) -> int:
    """Draw the samples again and write the report."""
    from si_core.cli.console import open_console
    from si_core.runs.directory import RunDirectory
    from si_core.runs.kept_records import read_environment, read_estimates
    from si_core.runs.memory import memory_explained
    from si_core.runs.report_stage import write_report
    from si_core.runs.stages import samples_again

    directory = RunDirectory.open(arguments.run_directory)
    if not available("report"):
        raise UsageError("no installed plugin writes reports", fix="pip install si-report")
    with open_console() as console, trained_model(arguments, console) as model:
        recipe = model.recipe
        if recipe is None:
            raise TypeError("the model of a run has a recipe")
        with memory_explained("report", model, model.device):
            write_report(
                directory,
                recipe,
                model,
                samples_again(directory, recipe, model, console),
                estimates=read_estimates(directory.estimates),
                environment=read_environment(directory.environment),
                facts={},
                console=console,
            )
    return 0
