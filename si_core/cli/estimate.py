"""``si estimate RUN NAME``: measure a number on a trained model."""

from __future__ import annotations

import argparse
import json
from typing import Any

from si_core.cli.commands import COMMANDS
from si_core.cli.tables import print_json
from si_core.errors import DataError, UsageError

__all__ = ["add", "run"]


def add(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser("estimate", help=COMMANDS["estimate"], description=COMMANDS["estimate"])
    parser.add_argument("run_directory", metavar="RUN", help="the folder of a run")
    parser.add_argument(
        "name", metavar="NAME", help='an estimator (see `si list estimator`), or {"use": NAME, ...options}'
    )
    parser.add_argument(
        "--data", metavar="FILE.npy", help="points in data space (default: held-out rows or fresh draws)"
    )
    parser.add_argument("--integrator", metavar="NAME|JSON", help="another method of sampling")
    parser.add_argument("--epsilon", metavar="E|JSON", help="another noise level of sampling")
    parser.add_argument("--seed", type=int, default=0, help="of the measurement's own randomness (default: 0)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    from si_core.cli.device import checked_device
    from si_core.cli.sample import resampled
    from si_core.discovery.build import build
    from si_core.runs.estimation import estimate
    from si_core.runs.model import load_model
    from si_core.runs.pipeline import estimate_record

    name, options = _chosen(arguments.name)
    estimator = build("estimator", name, **options)
    data = None if arguments.data is None else _points(arguments.data)
    model = load_model(arguments.run_directory, checked_device(arguments.device))
    model = resampled(model, arguments.integrator, arguments.epsilon)
    result = estimate(model, estimator, data, seed=arguments.seed)
    if arguments.json:
        print_json(estimate_record(result))
    else:
        error = "" if result.standard_error is None else f" +- {result.standard_error:.2g}"
        print(f"{result.name}: {result.value:.6g}{error} {result.unit} ({result.bound})")
        for key, value in (result.details or {}).items():
            print(f"  {key}: {value}")
    return 0


def _chosen(text: str) -> tuple[str, dict[str, Any]]:
    if not text.lstrip().startswith("{"):
        return text, {}
    try:
        options = json.loads(text)
        return options.pop("use"), options
    except (json.JSONDecodeError, KeyError) as error:
        raise UsageError(
            "an estimator is a name or JSON with `use`",
            where="NAME",
            got=text,
            fix='{"use": "log-likelihood", "steps": 100}',
        ) from error


def _points(path: str) -> Any:
    import numpy as np
    import torch

    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(
            "can't be read as .npy", where=path, got=str(error), allowed="an array of numbers saved by numpy.save"
        ) from error
    if values.dtype.kind not in "fiu" or values.ndim == 0:
        raise DataError("not an array of real numbers", where=path, got=f"dtype {values.dtype}, shape {values.shape}")
    return torch.from_numpy(np.ascontiguousarray(values)).float()
