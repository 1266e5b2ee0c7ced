"""What the commands on a trained run share: its model, while warnings are heard, signals obeyed and culprits named."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from si_core.models.model import Model
    from si_core.runs.log import Console

__all__ = ["add_device", "add_ema", "add_seed", "leads", "trained_model"]


def add_device(parser: argparse.ArgumentParser, purpose: str) -> None:
    """Add ``--device``, checked where the runtime is made of it, before anything is built."""
    parser.add_argument("--device", default="cpu", help=f"where to {purpose}, such as cpu, cuda or auto (default: cpu)")


def add_ema(parser: argparse.ArgumentParser) -> None:
    """Add ``--ema``."""
    help_ = "relative length of the average of the weights, where train.ema keeps several (default: the recipe's)"
    parser.add_argument("--ema", metavar="LENGTH", type=float, help=help_)


def add_seed(parser: argparse.ArgumentParser, meaning: str) -> None:
    """Add ``--seed``."""
    parser.add_argument("--seed", metavar="N", type=_seed, default=0, help=f"{meaning} (default: 0)")


def _seed(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value < 1 << 63:
        raise argparse.ArgumentTypeError(f"a seed is a whole number from 0 to 2^63 - 1, not {text!r}")
    return value


@contextmanager
def trained_model(arguments: Any, console: Console, together: bool = False) -> Iterator[Model]:
    """The model of ``arguments.run_directory`` on ``arguments.device``, for as long as a command works with it.

    Args:
        arguments: of the command.
        console: where to speak.
        together: whether processes of torchrun share the command; process 0 speaks and writes (:func:`leads`).

    Raises:
        Interrupted: SIGINT or SIGTERM came; a file that was being written is removed.
        PluginError: a component raised something that is not meant for users.
        SIError: as :func:`si_core.runs.loading.load_trained`.
    """
    from si_core.contract.runtime import Runtime
    from si_core.contract.together import failing_together
    from si_core.runs.attribution import attributed
    from si_core.runs.loading import load_trained
    from si_core.runs.log import Silence
    from si_core.runs.records import LogRecords
    from si_core.runs.signals import StopSignals

    runtime = Runtime.at(arguments.device, where="--device", together=together)
    with (
        failing_together(runtime.processes),
        StopSignals(patient=runtime.world > 1) as signals,
        signals.at_once(),
        LogRecords(console if runtime.leads else Silence()) as records,
        attributed(),
    ):
        records.direct(console if runtime.leads else Silence())
        yield load_trained(Path(arguments.run_directory), runtime, getattr(arguments, "ema", None))


def leads() -> bool:
    """Whether this process is the one that speaks and writes: of several, process 0."""
    from si_core.contract.together import together

    processes = together()
    return processes is None or processes.leads
