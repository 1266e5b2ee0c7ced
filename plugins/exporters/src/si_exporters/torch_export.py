"""The exporter ``torch-export``: a step of the probability-flow ODE as a program of PyTorch, which needs no si-core."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from si_core import Condition, Exporter, Model, NumericsError, RunRecords, UsageError
from si_core.public.storage import format_json, write_atomic
from si_exporters.program_card import program_card
from si_exporters.step import HeunStep, grid_of, reference

__all__ = ["TorchExport"]

_ROWS = 16
"""States by which the program is compared with the model."""
_TOLERANCE = 1e3
"""Units in the last place by which they may differ: sums are in another order, and a path amplifies roundings."""
_PLACES = ("stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn", "from_node")
"""What a traced node says of where its code is: paths of this machine."""


class TorchExport(Exporter):
    """``step.pt2``, a ``torch.export`` program ``(x, k, condition) -> x`` for any number of states, its grid and units.

    The program is Heun's step of the probability-flow ODE, whose law at the end is the model's as far as its fields are
    exact, also where the model samples with noise. It was compared with the model: ``model.json`` says the largest
    deviation.

    Args:
        steps: from start to stop, on a grid that is uniform in the clock of sampling.

    Raises:
        UsageError: an option out of range.
    """

    def __init__(self, steps: Annotated[int, Field(ge=1, le=10_000)] = 50) -> None:
        if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= 10_000:
            raise UsageError("out of range", where="torch-export: steps", got=repr(steps), allowed="1 to 10000")
        self.steps = steps

    def export(self, model: Model, directory: Path, records: RunRecords) -> list[Path]:
        """Write into an existing, empty folder; the model stays as it is.

        Returns:
            The files.

        Raises:
            UsageError: a model without an ODE, guided fields, or networks that `torch.export` can't trace.
            NumericsError: the program gives other states than the model.
            StorageError: a file can't be written.
        """
        module = HeunStep(model, self.steps).eval()
        x, condition = _example(model)
        program = _traced(module, x, condition)
        about = _about(model, self.steps) | {"largest_deviation": _deviation(program, model, self.steps, x, condition)}
        buffer = io.BytesIO()
        torch.export.save(program, buffer)
        files = {
            "step.pt2": buffer.getvalue(),
            "model.json": format_json(about, "model.json", indent=1),
            "README.md": program_card(about).encode(),
        }
        for name, content in files.items():
            write_atomic(directory / name, content)
        return [directory / name for name in files]


def _example(model: Model) -> tuple[Tensor, Condition | None]:
    """States to trace and to compare with, and conditions for each."""
    generator = torch.Generator().manual_seed(0)
    dtype, device = model.dtype or torch.float32, model.device
    x = torch.randn(_ROWS, *model.process.shape, generator=generator, dtype=torch.float64).to(device, dtype)
    condition: dict[str, Tensor] = {}
    for name, spec in model.process.conditions.items():
        if spec.classes is not None:
            condition[name] = (torch.arange(_ROWS) % len(spec.classes)).to(device)
        else:
            values = torch.randn(_ROWS, *spec.shape, generator=generator, dtype=torch.float64)
            condition[name] = (spec.mean + spec.scale * values).to(device, dtype)
    return x, condition or None


def _traced(module: HeunStep, x: Tensor, condition: Condition | None) -> Any:
    batch = torch.export.Dim("batch", min=1)
    told = None if condition is None else {name: {0: batch} for name in condition}
    shapes = {"x": {0: batch}, "k": None, "condition": told}
    given = (x, torch.tensor(0, device=x.device), None if condition is None else dict(condition))
    program, reason = None, ""
    # The strict tracer reads Python, so that a network may ask for len(x); the other knows things that this does not.
    for strict in (True, False):
        try:
            with torch.no_grad():
                program = torch.export.export(module, given, dynamic_shapes=shapes, strict=strict)
            break
        except Exception as error:  # whatever the tracer meets in anybody's network
            reason = reason or f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:200]}"
    if program is None:
        raise UsageError(
            "torch.export can't trace these networks",
            where="torch-export",
            got=reason,
            fix="export the model as `folder`, or write the network in terms that torch.export knows",
        )
    for graph_module in program.graph_module.modules():
        for node in getattr(graph_module, "graph", torch.fx.Graph()).nodes:
            for place in _PLACES:
                node.meta.pop(place, None)
    return program


def _deviation(program: Any, model: Model, steps: int, x: Tensor, condition: Condition | None) -> float:
    """The largest difference between states by the program and by the model, in model space.

    Raises:
        NumericsError: it is more than roundings explain.
    """
    step, found = program.module(), x
    with torch.no_grad():
        for k in range(steps):
            found = step(found, torch.tensor(k, device=x.device), condition)
    wanted = reference(model, x, steps, condition)
    deviation = float((found - wanted).abs().max())
    allowed = _TOLERANCE * torch.finfo(x.dtype).eps * max(1.0, float(wanted.abs().max()))
    if not deviation <= allowed:
        raise NumericsError(
            "the exported program gives other states than the model",
            where="torch-export",
            got=f"a deviation of {deviation:.2g}",
            allowed=f"{allowed:.2g}, roundings of {x.dtype}",
            fix="export the model as `folder`; report this with the network",
        )
    return deviation


def _about(model: Model, steps: int) -> dict[str, Any]:
    """All that is needed beside the program, as plain values."""
    transport, nodes = model.transport(epsilon=0.0), grid_of(model, steps)
    origin, end = model.origin, model.end
    if not origin.standard_normal and origin.frame.bounds is not None:
        raise UsageError(
            "a program starts from points whose units have no bounds",
            where="torch-export",
            got="a source with bounds",
            fix="export the model as `folder`",
        )
    times = transport.times(torch.tensor(nodes, dtype=torch.float64)).tolist()
    conditions = {
        name: {"classes": list(spec.classes)} if spec.classes is not None else {"shape": list(spec.shape)}
        for name, spec in model.process.conditions.items()
    }
    return {
        "format": 1,
        "shape": list(model.process.shape),
        "dtype": str(model.dtype or torch.float32).removeprefix("torch."),
        "steps": steps,
        "times": [model.start, *times[1:-1], model.stop],
        "method": "heun",
        "source": {"standard_normal": origin.standard_normal, **_units(origin)},
        "target": _units(end),
        "conditions": conditions,
    }


def _units(law: Any) -> dict[str, Any]:
    """``data = shift + scale * model``, between bounds if any, with names of columns and values of black and white."""
    plain = json.loads(json.dumps(law.frame.plain()))
    return {name: plain[name] for name in ("shift", "scale", "columns", "pixels", "bounds") if name in plain}
