"""The plugin offers what it says, by the public names."""

import subprocess
import sys

import pytest
import torch

import si_core as si
from si_networks.mlp import Mlp


def test_the_builder_supplies_shape_heads_and_conditions():
    conditions = {"species": si.ConditionSpec(classes=("a", "b", "c", "d")), "observation": si.ConditionSpec((2, 2))}
    context = {"shape": (1, 3), "heads": 2, "conditions": conditions}
    built = si.build("network", "mlp", context=context, width=8, depth=2)
    assert isinstance(built, Mlp)
    told = {"species": torch.zeros(5, dtype=torch.int64), "observation": torch.ones(1, 2, 2)}
    out = built(torch.tensor(0.5), torch.zeros(5, 1, 3), told)
    assert out.shape == (5, 2, 1, 3)


@pytest.mark.parametrize("options", [{"time_features": 3}, {"width": 0}, {"depth": True}, {"activation": "sine"}])
def test_options_out_of_range(options):
    with pytest.raises(si.UsageError, match=next(iter(options))):
        si.build("network", "mlp", context={"shape": (2,)}, **options)


def test_the_entry_module_is_light():
    code = "import sys, si_networks.plugin; sys.exit('torch' in sys.modules or 'pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
