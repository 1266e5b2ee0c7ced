"""``si forecast RUN --steps K --members M``: roll a trained model of a series out."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from si_core import UsageError
from si_core.public.cli import (
    add_device,
    add_ema,
    add_sampler,
    add_seed,
    in_command_words,
    open_console,
    resampled,
    trained_model,
)

if TYPE_CHECKING:
    from si_core import Model
    from si_core.public.runs import Console

__all__ = ["add_arguments", "run"]

_OPTIONS = ("start_from", "starts", "integrator", "epsilon", "clock", "guidance", "freeze", "ema")
"""Those that forecasts depend on, beside their numbers and the seed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and add its arguments."""
    parser.description = (
        "Roll a trained model of a series out, in the units of its data: members of each start, step by step, each "
        "step a sample given those before. Into a .npy file (members, starts, steps, *event) with its lead times "
        "beside it, a .npz file that has both with the starts and the times, or a .csv or .parquet table with a row "
        "for each member, start and lead. Equal seeds give equal forecasts. They are written as they are drawn: the "
        "same command goes on where one was stopped."
    )
    parser.add_argument("run_directory", metavar="RUN", help="the folder of a run")
    parser.add_argument("--steps", metavar="K", type=int, required=True, help="how many steps, each `ahead` rows")
    parser.add_argument("--members", metavar="M", type=int, default=100, help="forecasts of each start (default: 100)")
    parser.add_argument(
        "--start-from",
        metavar="WHERE",
        default="end",
        help="end: the last states of the series in the data; held-out: states of the part held out; or a file of such "
        "series, whose last states are taken (default: end)",
    )
    parser.add_argument(
        "--starts", metavar="S", type=int, default=200, help="held-out starts at most, equally far apart (default: 200)"
    )
    add_sampler(parser)
    add_ema(parser)
    parser.add_argument(
        "--freeze",
        action="store_true",
        help="where weights of the learned fields in the drift have no bound at an end, keep the last ones",
    )
    add_seed(parser, "equal seeds give equal forecasts")
    parser.add_argument(
        "--out", metavar="FILE", help="a .npy, .npz, .csv or .parquet file (default: a .npy of its own name in RUN)"
    )
    add_device(parser, "forecast")


def run(arguments: argparse.Namespace) -> int:
    """Roll out and write."""
    for name in ("steps", "members", "starts"):
        if getattr(arguments, name) < 1:
            got = getattr(arguments, name)
            raise UsageError(f"the number of {name}", where=f"--{name}", got=got, allowed=">= 1")
    from si_forecast.writing.formats import checked_out

    out = _default_name(arguments) if arguments.out is None else Path(arguments.out)
    checked_out(out)
    with open_console() as console, in_command_words(True), trained_model(arguments, console) as trained:
        model = resampled(trained.with_sampler(freeze=arguments.freeze or None), arguments)
        _write(arguments, model, out, console)
    return 0


def _write(arguments: argparse.Namespace, model: Model, out: Path, console: Console) -> None:
    from si_core.public.runs import Heard, RunDirectory, model_request
    from si_forecast.rolling.forecast import starts_of
    from si_forecast.rolling.roll_out import RollOut
    from si_forecast.writing.formats import writer_of
    from si_forecast.writing.stream import write_forecasts

    starts = starts_of(model, arguments.start_from, arguments.steps, arguments.starts)
    asked = RollOut(model, starts, arguments.steps, arguments.members, arguments.seed)
    written = writer_of(out, asked)
    numbers = {"steps": asked.steps, "members": asked.members, "seed": asked.seed, "block": asked.size}
    options = {name: vars(arguments)[name] for name in _OPTIONS if name != "start_from"}
    tensors = {"past": starts.past, **starts.given, **starts.conditions_ahead(asked.steps)}
    request = model_request(RunDirectory.open(arguments.run_directory), model, numbers, options, tensors)
    heard = Heard(lambda done, of: console.progress(done, of, "trajectories"), console.line, console.warn)
    write_forecasts(out, asked, written, request, heard)
    shape = (asked.members, len(starts), asked.steps, *model.process.shape)
    console.line(f"{asked.members} members of {len(starts)} starts, {asked.steps} steps, seed {asked.seed}: {out}")
    console.line(f"shape (members, starts, steps, *event) = {shape}")


def _default_name(arguments: argparse.Namespace) -> Path:
    """A file in the run's folder whose name tells requests apart, so that none overwrites another's forecasts."""
    chosen: dict[str, Any] = {name: vars(arguments)[name] for name in _OPTIONS if vars(arguments)[name]}
    mark = hashlib.sha256(repr(chosen).encode()).hexdigest()[:6]
    name = f"forecast-{arguments.steps}-{arguments.members}-{arguments.seed}-{mark}.npy"
    return Path(arguments.run_directory) / name
