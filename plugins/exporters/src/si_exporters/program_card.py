"""The card of an exported program: a script that runs it, with torch alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from si_exporters.words import code, listed

__all__ = ["program_card"]

_NOISE = 'x = torch.randn(n, *about["shape"], generator=torch.Generator().manual_seed(0))'
_POINTS = """\
points = torch.from_numpy(numpy.load("points.npy"))[:n].double()  # of the source, in its units
shift, scale = (torch.tensor(about["source"][key], dtype=torch.float64) for key in ("shift", "scale"))
x = (points - shift) / scale"""
_TOLD = "What the states are given, in `condition`:"
_REST = """\
x = x.to(getattr(torch, about["dtype"]))
with torch.no_grad():
    for k in range(about["steps"]):
        x = step(x, torch.tensor(k), condition)
shift, scale = (torch.tensor(about["target"][key], dtype=torch.float64) for key in ("shift", "scale"))
data = shift + scale * x.double()"""
_WITHIN = """\
lower, upper = (torch.from_numpy(numpy.array(about["target"]["bounds"][key], float)) for key in ("lower", "upper"))
above = torch.where(upper.isnan(), lower + data.exp(), lower + (upper - lower) * data.sigmoid())
below = torch.where(upper.isnan(), data, upper - (-data).exp())
data = torch.where(lower.isnan(), below, above)  # null is no bound"""
_SAVED = 'numpy.save("samples.npy", data.numpy())'


def program_card(about: Mapping[str, Any]) -> str:
    """The text of ``README.md`` for what ``model.json`` says."""
    conditions = about["conditions"]
    given = [
        f'{name!r}: torch.zeros(n, *{spec["shape"]}, dtype=getattr(torch, about["dtype"]))'
        if "shape" in spec
        else f"{name!r}: torch.zeros(n, dtype=torch.int64)"
        for name, spec in conditions.items()
    ]
    condition = f"{{{', '.join(given)}}}" if given else "None"
    script = [
        "import json, numpy, torch",
        'about = json.load(open("model.json"))',
        'step = torch.export.load("step.pt2").module()',
        "n = 1000",
        _NOISE if about["source"]["standard_normal"] else _POINTS,
        f"condition = {condition}",
        _REST,
        *([_WITHIN] if "bounds" in about["target"] else []),
        _SAVED,
    ]
    said = [
        f"- {code(name)}: {'values of shape ' + str(tuple(spec['shape'])) if 'shape' in spec else _places(spec)}"
        for name, spec in conditions.items()
    ]
    words = [
        f"`step.pt2` is a program of PyTorch: a step of the probability-flow ODE by Heun's method, one of "
        f"{about['steps']}, for any number of states of shape {tuple(about['shape'])}. `model.json` has the grid, the",
        "units and what the states are given. This draws samples, in the units of the data, in the folder:",
    ]
    parity = [
        f"Exported, the program differed from the model by {about['largest_deviation']:.2g} at most, in units of the",
        "model. Where the model samples with noise, the ODE has the same law as far as the fields are exact.",
    ]
    blocks = [
        ["# A generative model as a program"],
        words,
        ["```python", *script, "```"],
        said and [_TOLD, "", *said],
        parity,
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _places(spec: Mapping[str, Any]) -> str:
    return f"the place, from 0, among {listed(spec['classes'], 40)}"
