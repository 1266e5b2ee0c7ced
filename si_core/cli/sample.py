"""``si sample RUN -n N``: draw samples from a trained model."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from si_core.cli.choices import CLOCK_HELP, GUIDANCE_HELP, in_command_words
from si_core.cli.conditions import add_condition, asked_condition
from si_core.cli.points import FORMATS, of_file, read_points
from si_core.cli.tables_of_samples import TABLES, check_table, write_table
from si_core.cli.trained import add_device, add_ema, add_seed, trained_model
from si_core.errors import StorageError, UsageError
from si_core.runs.directory import RunDirectory

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and add its arguments."""
    parser.description = (
        "Draw samples from a trained model, in the units of its data, into a .npy file, or a .csv or .parquet file "
        "with the names of its columns and what the samples were given. Those of a saved fit have the "
        "dtypes of its data, whole numbers among them. Equal seeds give equal samples, and a shorter request gives the "
        "head of a longer one."
    )
    parser.add_argument("run_directory", metavar="RUN", help="the folder of a run")
    parser.add_argument("-n", "--number", metavar="N", type=int, help="how many (default: 1000)")
    parser.add_argument(
        "--start-from",
        metavar="FILE",
        help=f"points of the source, one for each sample, in its units: {FORMATS} (default: draws of the source)",
    )
    parser.add_argument(
        "--integrator", metavar="NAME|JSON", help='a name, or \'{"use": "heun", "steps": 50}\' (default: the recipe\'s)'
    )
    parser.add_argument(
        "--epsilon",
        metavar="E|JSON",
        help='noise level: 0 for the ODE, a number, or \'{"use": "gamma", "scale": 1.0}\' (default: the recipe\'s)',
    )
    parser.add_argument("--clock", metavar="NAME|JSON", help=CLOCK_HELP)
    parser.add_argument("--guidance", metavar="NAME|JSON", action="append", help=GUIDANCE_HELP)
    add_ema(parser)
    add_condition(parser, "the samples")
    parser.add_argument(
        "--freeze",
        action="store_true",
        help="where weights of the learned fields in the drift have no bound at an end, keep the last ones",
    )
    add_seed(parser, "equal seeds give equal samples")
    parser.add_argument(
        "--out", metavar="FILE", help="where to write: .npy, .csv or .parquet (default: a .npy of its own name in RUN)"
    )
    add_device(parser, "sample")


def run(arguments: argparse.Namespace) -> int:
    """Draw and write."""
    if arguments.number is not None and arguments.number < 1:
        raise UsageError("the number of samples", where="-n", got=arguments.number, allowed=">= 1")
    chosen = _checked(Path(arguments.out)) if arguments.out else None

    import torch

    from si_core.cli.choices import resampled
    from si_core.cli.console import open_console
    from si_core.contract.weights import effective_sample_size
    from si_core.memory.saving import check_layout, load_layout
    from si_core.models.needs import refuse_samples
    from si_core.models.sampling import carry, draw_samples
    from si_core.runs.memory import memory_explained
    from si_core.runs.sample_files import check_finite, write_samples, write_weights
    from si_core.runs.stages import warn_of_frozen_ends

    with open_console() as console, in_command_words(True), trained_model(arguments, console) as trained:
        model = resampled(trained.with_sampler(freeze=arguments.freeze or None), arguments)
        warn_of_frozen_ends(model, console)
        # What `si.fit` gave and saved knows how its data came: samples come alike, as those of Fitted.sample do.
        layout = load_layout(Path(arguments.run_directory))
        if layout is not None:
            check_layout(Path(arguments.run_directory), layout, model)
        exact = layout is not None and layout.exact
        starts = None
        if arguments.start_from is not None:
            starts = read_points(arguments.start_from, model.origin.frame.columns).x
        number = _number(arguments, None if starts is None else len(starts))
        out = chosen or _default_name(arguments, number)
        specs = model.process.conditions
        columns = None if out.suffix == ".npy" else check_table(out.suffix, model.end.frame, specs, str(out))
        itemsize = (model.dtype or torch.get_default_dtype()).itemsize
        refuse_samples(number, model.process.shape, itemsize, where="-n", folder=out.parent)
        with memory_explained("sampling", model, model.device):
            asked = asked_condition(model, arguments.condition)
            if starts is None:
                samples = draw_samples(
                    model, number, arguments.seed, asked, lambda done, of: console.progress(done, of, "samples"), exact
                )
            else:
                with of_file(arguments.start_from):
                    samples = carry(model, starts, arguments.seed, asked, exact)
        if columns is None:
            write_samples(out, out.with_suffix(".weights.npy"), samples, None if layout is None else layout.array)
        else:
            check_finite(out, samples.x)
            write_table(out, columns, samples, specs, None if layout is None else layout.column)
            write_weights(out.with_suffix(".weights.npy"), samples)
        console.line(f"{len(samples.x)} samples of shape {tuple(samples.x.shape[1:])}: {out}")
        if samples.log_weights is not None:
            size = effective_sample_size(samples.log_weights)
            console.line(
                f"their weights, of mean 1: {out.with_suffix('.weights.npy')}; effective sample size {size:.0f}"
            )
    return 0


def _number(arguments: argparse.Namespace, starts: int | None) -> int:
    number: int = arguments.number or (1000 if starts is None else starts)
    if starts is not None and number != starts:
        got = f"-n {number}, {starts} points in {arguments.start_from}"
        raise UsageError("another number of points to start from", where="--start-from", got=got, fix="leave -n out")
    return number


def _checked(out: Path) -> Path:
    if out.suffix not in (".npy", *TABLES):
        fix = f"--out {out.with_suffix('.npy')}" if out.name else "--out samples.npy"
        allowed = ", ".join((".npy", *TABLES))
        raise UsageError("another format", where="--out", got=str(out), allowed=allowed, fix=fix)
    if not out.parent.is_dir():
        raise StorageError("no such folder", where="--out", got=str(out.parent), fix=f"mkdir -p {out.parent}")
    for path in (out, out.with_suffix(".weights.npy")):
        if RunDirectory(out.parent).keeps(path):
            fix = "another name, or leave --out away for one that no other request has"
            raise UsageError("a run keeps a file of its own there", where="--out", got=str(path), fix=fix)
    return out


def _default_name(arguments: argparse.Namespace, number: int) -> Path:
    """A file in the run's folder whose name tells requests apart, so that none overwrites another's samples."""
    freeze = arguments.freeze or None
    chosen = (
        arguments.integrator, arguments.epsilon, arguments.clock, arguments.condition, arguments.guidance, freeze,
        arguments.start_from, arguments.ema,
    )  # fmt: skip
    mark = hashlib.sha256(repr(chosen).encode()).hexdigest()[:6]
    suffix = "" if chosen == (None,) * len(chosen) else f"-{mark}"
    return Path(arguments.run_directory) / f"samples-{number}-{arguments.seed}{suffix}.npy"
