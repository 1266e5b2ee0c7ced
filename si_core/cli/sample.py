"""``si sample RUN -n N``: draw samples from a trained model."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from si_core.cli.commands import COMMANDS
from si_core.errors import UsageError

if TYPE_CHECKING:
    from si_core.runs.model import Model

__all__ = ["add", "run"]


def add(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser("sample", help=COMMANDS["sample"], description=COMMANDS["sample"])
    parser.add_argument("run_directory", metavar="RUN", help="the folder of a run")
    parser.add_argument("-n", "--number", metavar="N", type=int, default=1000, help="how many (default: 1000)")
    parser.add_argument("--integrator", metavar="NAME|JSON", help='a name, or {"use": "heun", "steps": 50}')
    parser.add_argument("--epsilon", metavar="E|JSON", help='a number (0: the ODE), or {"use": "gamma", "scale": 1}')
    parser.add_argument("--condition", metavar="CLASS", type=int, action="append", help="a class; may be repeated")
    parser.add_argument("--seed", type=int, default=0, help="equal seeds give equal samples (default: 0)")
    parser.add_argument("--out", metavar="FILE.npy", help="where to write (default: RUN/samples-<n>-<seed>.npy)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")


def run(arguments: argparse.Namespace) -> int:
    """Draw and write."""
    from si_core.cli.console import open_console
    from si_core.cli.device import checked_device
    from si_core.runs.model import load_model
    from si_core.runs.pipeline import write_array
    from si_core.runs.sampling import draw_samples

    out = Path(arguments.out or Path(arguments.run_directory) / f"samples-{arguments.number}-{arguments.seed}.npy")
    if out.suffix != ".npy":
        raise UsageError(
            "samples are written as .npy", where="--out", got=str(out), fix=f"--out {out.with_suffix('.npy')}"
        )
    model = load_model(arguments.run_directory, checked_device(arguments.device))
    model = resampled(model, arguments.integrator, arguments.epsilon)
    with open_console() as console:
        samples, _ = draw_samples(
            model,
            arguments.number,
            arguments.seed,
            arguments.condition,
            lambda done, of: console.progress(done, of, "samples"),
        )
        write_array(out, samples)
        console.line(f"{len(samples)} samples of shape {tuple(samples.shape[1:])}: {out}")
    return 0


def resampled(model: Model, integrator: str | None, epsilon: str | None) -> Model:
    """The model with the integrator and the noise level of the command line."""
    from si_core.discovery.build import build

    level = None
    if epsilon is not None:
        chosen = _value(epsilon, "--epsilon")
        if isinstance(chosen, int | float) and not isinstance(chosen, bool):
            level = float(chosen)
        else:
            name, options = _selection(chosen, "--epsilon")
            context = {"interpolant": model.process.interpolant, "latent": model.process.latent}
            level = build("diffusion", name, context=context, **options)
    stochastic = (model.epsilon if level is None else level) != 0.0
    method = None
    if integrator is not None:
        name, options = _selection(_value(integrator, "--integrator"), "--integrator")
        method = build("integrator", name, **options)
    elif stochastic != model.integrator.stochastic:
        method = build("integrator", "stochastic-heun" if stochastic else "rk4")
    return model.with_sampler(method, level)


def _value(text: str, where: str) -> Any:
    if not text.lstrip().startswith(("{", "[", '"')):
        try:
            return float(text)
        except ValueError:
            return text
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(
            f"not JSON: {error}", where=where, got=text, fix='write {"use": "heun", "steps": 50}'
        ) from error


def _selection(value: Any, where: str) -> tuple[str, dict[str, Any]]:
    if isinstance(value, str):
        return value, {}
    if isinstance(value, dict) and isinstance(value.get("use"), str):
        return value["use"], {key: option for key, option in value.items() if key != "use"}
    raise UsageError(
        "a component is chosen by name", where=where, got=repr(value), allowed='a name, or {"use": name, ...}'
    )
