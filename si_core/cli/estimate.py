"""``si estimate RUN NAME``: measure a number on a trained model."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from si_core.cli.commands import COMMANDS
from si_core.cli.tables import print_json
from si_core.errors import DataError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["add", "run"]


def add(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "estimate",
        help=COMMANDS["estimate"],
        description="Measure a number on a trained model, with its standard error and what it bounds.",
    )
    parser.add_argument("run_directory", metavar="RUN", help="the folder of a run")
    parser.add_argument(
        "name", metavar="NAME|JSON", help="an estimator (see `si list estimator`), or '{\"use\": NAME, ...options}'"
    )
    parser.add_argument(
        "--data", metavar="FILE.npy", help="points in data space (default: held-out rows or fresh draws)"
    )
    parser.add_argument(
        "--labels", metavar="FILE.npy", help="the class of each point of --data, where there are classes"
    )
    parser.add_argument("--integrator", metavar="NAME|JSON", help="another method of sampling")
    parser.add_argument("--epsilon", metavar="E|JSON", help="another noise level of sampling")
    parser.add_argument("--seed", type=int, default=0, help="of the measurement's own randomness (default: 0)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    if arguments.labels and not arguments.data:
        raise UsageError("labels are of points", where="--labels", fix="give the points by --data FILE.npy")

    from si_core.cli.choices import chosen, resampled
    from si_core.cli.console import LineConsole
    from si_core.cli.device import checked_device
    from si_core.discovery.build import build
    from si_core.runs.estimation import estimate
    from si_core.runs.memory import memory_explained
    from si_core.runs.model import load_model
    from si_core.runs.records import LogRecords
    from si_core.runs.stages import estimate_line, estimate_record

    name, options = chosen(arguments.name, "NAME", '{"use": "log-likelihood", "steps": 100}')
    estimator = build("estimator", name, **options)
    data = None if arguments.data is None else _points(arguments.data)
    labels = None if arguments.labels is None else _labels(arguments.labels)
    with LogRecords(LineConsole()) as records:
        records.direct(LineConsole())
        model = load_model(arguments.run_directory, checked_device(arguments.device))
        model = resampled(model, arguments.integrator, arguments.epsilon)
        with memory_explained("estimation", model, model.device):
            result = estimate(model, estimator, data, condition=labels, seed=arguments.seed)
    if arguments.json:
        print_json(estimate_record(result))
    else:
        print(estimate_line(result))
        for key, value in (result.details or {}).items():
            print(f"  {key}: {value}")
    return 0


def _points(path: str) -> Any:
    import numpy as np
    import torch

    values = _array(path)
    if values.dtype.kind not in "fiu" or values.ndim == 0:
        raise DataError("not an array of real numbers", where=path, got=f"dtype {values.dtype}, shape {values.shape}")
    return torch.from_numpy(np.ascontiguousarray(values)).float()


def _labels(path: str) -> Any:
    import numpy as np
    import torch

    values = _array(path)
    if values.dtype.kind not in "iu" or values.ndim != 1:
        got = f"dtype {values.dtype}, shape {values.shape}"
        raise DataError("labels are whole numbers, one for each point", where=path, got=got, allowed="shape (N,)")
    return torch.from_numpy(values.astype(np.int64))


def _array(path: str) -> NDArray[np.generic]:
    import numpy as np

    allowed = "an array of numbers saved by numpy.save"
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError("can't be read as .npy", where=path, got=str(error) or "nothing", allowed=allowed) from error
    if not isinstance(values, np.ndarray):
        values.close()
        raise DataError("several arrays in one file", where=path, got=".npz", allowed=allowed)
    return values
