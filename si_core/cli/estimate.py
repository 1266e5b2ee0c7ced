"""``si estimate RUN NAME``: measure a number on a trained model."""

from __future__ import annotations

import argparse
import sys
from contextlib import redirect_stdout

from si_core.cli.choices import add_sampler, in_command_words
from si_core.cli.conditions import add_condition, asked_condition
from si_core.cli.points import FORMATS, of_file, read_points, warn_of_other_values
from si_core.cli.tables import print_json
from si_core.cli.trained import add_device, add_ema, add_seed, leads, trained_model

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and add its arguments."""
    parser.description = "Measure a number on a trained model, with its standard error and what it bounds."
    parser.add_argument("run_directory", metavar="RUN", help="the folder of a run")
    parser.add_argument(
        "name",
        metavar="ESTIMATOR|JSON",
        help="an estimator (see `si list estimator`), or '{\"use\": NAME, ...options}'",
    )
    parser.add_argument(
        "--data",
        metavar="FILE",
        help=f"points in data space: {FORMATS}; columns are found by the model's names where the file has names, and "
        "have its order where not; columns named like its conditions are these (default: held-out rows or fresh draws)",
    )
    add_condition(
        parser, "the points of --data (one value, or a .npy file with one for each), or the samples compared,"
    )
    add_sampler(parser)
    add_ema(parser)
    add_seed(parser, "of the measurement's own randomness")
    add_device(parser, "measure")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    from si_core.cli.choices import chosen, resampled
    from si_core.cli.console import LineConsole
    from si_core.contract.estimate_line import estimate_line
    from si_core.discovery.build import build
    from si_core.models.estimation import estimate, measured_end
    from si_core.runs.memory import memory_explained
    from si_core.runs.stages import estimate_record

    name, options = chosen(arguments.name, "NAME", '{"use": "log-likelihood", "steps": 100}')
    # What components print must not stand among the JSON.
    with redirect_stdout(sys.stderr), in_command_words(False), trained_model(arguments, LineConsole(), True) as trained:
        estimator = build("estimator", name, **options)
        model = resampled(trained, arguments)
        data, condition = None, asked_condition(model, arguments.condition)
        if arguments.data is not None:
            # Comparisons of samples have conditions of their own; where points are asked about, they bring theirs.
            asks = "samples" not in estimator.needs
            specs, columns = model.process.conditions, measured_end(model, estimator).frame.columns
            free = {n: spec for n, spec in specs.items() if asks and n not in (condition or {})}
            points = read_points(arguments.data, columns, free, drop=True)
            if asks:
                warn_of_other_values(arguments.data, columns, specs, condition or {})
            data, condition = points.x, {**points.condition, **(condition or {})} or None
        with memory_explained("estimation", model, model.device), of_file(arguments.data):
            result = estimate(model, estimator, data, condition=condition, seed=arguments.seed)
    if not leads():
        return 0
    if arguments.json:
        print_json(estimate_record(result))
    else:
        print(estimate_line(result))
        for key, value in (result.details or {}).items():
            drawn = isinstance(value, dict) and "panel" in value
            print(f"  {key}: {'drawn by reports; numbers by --json' if drawn else value}")
    return 0
