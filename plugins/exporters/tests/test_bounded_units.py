"""Units with bounds in what is exported: the card's script takes them as the library does."""

import numpy
import torch

import si_core as si
from si_exporters.program_card import program_card


def test_the_script_of_a_program_decodes_bounds():
    inf = torch.inf
    bounds = si.Bounds(torch.tensor([-1.0, 0.0, -inf, -inf]), torch.tensor([3.0, inf, 5.0, inf]))
    frame = si.Frame((4,), shift=0.5, scale=torch.tensor([1.0, 2.0, 0.5, 3.0]), bounds=bounds)
    about = {
        "shape": [4],
        "dtype": "float64",
        "steps": 1,
        "source": {"standard_normal": True},
        "target": frame.plain(),
        "conditions": {},
        "largest_deviation": 0.0,
    }
    script = program_card(about).partition("```python\n")[2].partition("```")[0]
    x = torch.randn(50, 4, dtype=torch.float64)
    tail = script[script.index("shift, scale") : script.index("numpy.save")]
    names = {"about": about, "x": x, "torch": torch, "numpy": numpy}
    exec(tail, names)
    torch.testing.assert_close(names["data"], frame.decode(x))
