"""``si sample RUN -n N``: draw samples from a trained model."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from si_core.cli.choices import add_sampler, in_command_words
from si_core.cli.conditions import add_classes, add_condition, asked_classes, asked_condition
from si_core.cli.formats import SUFFIXES, checked_out, format_of
from si_core.cli.points import FORMATS, of_file, read_points
from si_core.cli.trained import add_device, add_ema, add_seed, leads, trained_model
from si_core.errors import UsageError
from si_core.runs.directory import RunDirectory

if TYPE_CHECKING:
    from torch import Tensor

    from si_core.models.blocks import Blocks
    from si_core.models.model import Model
    from si_core.runs.log import Console

__all__ = ["add_arguments", "run"]

_OPTIONS = ("integrator", "epsilon", "clock", "condition", "guidance", "freeze", "start_from", "classes", "ema")
"""Those that samples depend on, beside their number and the seed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and add its arguments."""
    parser.description = (
        "Draw samples from a trained model, in the units of its data, into a .npy, .npz or .safetensors file, a .csv "
        "or .parquet file with the names of its columns and what the samples were given, or a folder of images. "
        "Those of a saved fit have the dtypes of its data, whole numbers among them. Equal seeds give equal samples, "
        "and a shorter request gives the head of a longer one. Samples are written as they are drawn: the same command "
        "goes on where one was stopped."
    )
    parser.add_argument("run_directory", metavar="RUN", help="the folder of a run")
    parser.add_argument("-n", "--number", metavar="N", type=int, help="how many (default: 1000)")
    parser.add_argument(
        "--start-from",
        metavar="FILE",
        help=f"points of the source, one for each sample, in its units: {FORMATS} (default: draws of the source)",
    )
    add_sampler(parser)
    add_ema(parser)
    add_condition(parser, "the samples")
    add_classes(parser)
    parser.add_argument(
        "--freeze",
        action="store_true",
        help="where weights of the learned fields in the drift have no bound at an end, keep the last ones",
    )
    add_seed(parser, "equal seeds give equal samples")
    parser.add_argument(
        "--out",
        metavar="FILE|FOLDER/",
        help=f"where to write: {', '.join(SUFFIXES)}, or with a slash at its end a folder of PNG images (default: a "
        ".npy of its own name in RUN)",
    )
    add_device(parser, "sample")


def run(arguments: argparse.Namespace) -> int:
    """Draw and write."""
    if arguments.number is not None and arguments.number < 1:
        raise UsageError("the number of samples", where="-n", got=arguments.number, allowed=">= 1")
    chosen = None if arguments.out is None else checked_out(arguments.out)

    from si_core.cli.choices import resampled
    from si_core.cli.console import open_console
    from si_core.runs.memory import memory_explained
    from si_core.runs.stages import warn_of_frozen_ends, warn_of_guidance

    with open_console() as console, in_command_words(True), trained_model(arguments, console, True) as trained:
        model = resampled(trained.with_sampler(freeze=arguments.freeze or None), arguments)
        if leads():
            warn_of_frozen_ends(model, console)
            warn_of_guidance(model, console)
        with memory_explained("sampling", model, model.device):
            _write(arguments, model, chosen, console)
    return 0


def _write(arguments: argparse.Namespace, model: Model, chosen: Path | None, console: Console) -> None:
    from si_core.memory.saving import check_layout, load_layout
    from si_core.models.needs import refuse_stream
    from si_core.models.sampling import sampled_dtype
    from si_core.runs.partial_samples import folder_of
    from si_core.runs.sample_formats.base import SampleForm, side_file
    from si_core.runs.sample_stream import Heard, write_stream

    # What `si.fit` gave and saved knows how its data came: samples come alike, as those of Fitted.sample do.
    layout = load_layout(Path(arguments.run_directory))
    if layout is not None:
        check_layout(Path(arguments.run_directory), layout, model)
    exact = layout is not None and layout.exact
    classes = asked_classes(model, arguments.classes)
    form = SampleForm(
        model.end.frame,
        model.process.conditions,
        None if classes is None else classes.name,
        None if layout is None else layout.array,
        None if layout is None else layout.column,
    )
    asked = asked_condition(model, arguments.condition)
    blocks, tensors = _blocks(arguments, model, exact, asked, classes)
    if not leads():
        for _ in blocks.drawn():
            continue  # process 0 writes them
        return
    out = chosen or _default_name(arguments, blocks.n)
    written = format_of(out, form, arguments.out)
    written.check(out)
    shape, itemsize = model.process.shape, sampled_dtype(model, exact).itemsize
    request = _request(arguments, blocks, tensors, type(written).__name__)
    left = folder_of(out, request)
    there = sum(path.stat().st_size for path in left.iterdir()) if left.is_dir() else 0
    refuse_stream(
        blocks.n, blocks.size, shape, itemsize, copies=written.copies, where="-n", folder=out.parent, there=there
    )
    heard = Heard(lambda done, of: console.progress(done, of, "samples"), console.line, console.warn)
    size = write_stream(out, blocks, written, request, heard)
    console.line(f"{blocks.n} samples of shape {shape}: {arguments.out or out}")
    if classes is not None and out.suffix == ".npy":
        console.line(f"their classes: {side_file(out, 'labels')}")
    if size is not None:
        beside = out if out.suffix in (".npz", ".safetensors") else side_file(out, "weights")
        console.line(f"their weights, of mean 1: {beside}; effective sample size {size:.0f}")


def _blocks(
    arguments: argparse.Namespace, model: Model, exact: bool, asked: Any, classes: Any
) -> tuple[Blocks, dict[str, Tensor]]:
    """What is asked for, and the tensors that were given for it."""
    from si_core.contract.given_condition import read_condition
    from si_core.models.sampling import blocks_from, blocks_of

    if classes is not None and asked is not None and classes.name in read_condition(model.process.conditions, asked):
        got = f"--classes and --condition of {classes.name}"
        raise UsageError("classes are given by one of the two", where="--classes", got=got, fix="leave one of them out")
    starts = None
    if arguments.start_from is not None:
        starts = read_points(arguments.start_from, model.origin.frame.columns).x
    number = _number(arguments, None if starts is None else len(starts), None if classes is None else classes.number)
    given = {} if asked is None else read_condition(model.process.conditions, asked)
    if starts is None:
        return blocks_of(model, number, arguments.seed, asked, exact, classes), given
    with of_file(arguments.start_from):
        return blocks_from(model, starts, arguments.seed, asked, exact, classes), given | {"--start-from": starts}


def _request(arguments: argparse.Namespace, blocks: Blocks, tensors: dict[str, Tensor], written: str) -> dict[str, Any]:
    from si_core.runs.sample_request import sample_request

    # Files are told by what is in them.
    options = {name: vars(arguments)[name] for name in _OPTIONS if name not in ("start_from", "condition")}
    options["format"] = written
    return sample_request(RunDirectory.open(arguments.run_directory), blocks, options, tensors)


def _number(arguments: argparse.Namespace, starts: int | None, classes: int | None) -> int:
    number: int = arguments.number or next((each for each in (starts, classes) if each is not None), 1000)
    if starts is not None and number != starts:
        got = f"-n {number}, {starts} points in {arguments.start_from}"
        raise UsageError("another number of points to start from", where="--start-from", got=got, fix="leave -n out")
    if classes is not None and number != classes:
        got = f"{number}, {classes} by --classes"
        raise UsageError("another number of samples than of all classes", where="-n", got=got, fix="leave -n out")
    return number


def _default_name(arguments: argparse.Namespace, number: int) -> Path:
    """A file in the run's folder whose name tells requests apart, so that none overwrites another's samples."""
    chosen = {name: vars(arguments)[name] for name in _OPTIONS if vars(arguments)[name]}
    mark = hashlib.sha256(repr(chosen).encode()).hexdigest()[:6]
    suffix = f"-{mark}" if chosen else ""
    return Path(arguments.run_directory) / f"samples-{number}-{arguments.seed}{suffix}.npy"
