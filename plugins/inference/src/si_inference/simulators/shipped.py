"""Reference posteriors that come with this package; ``posteriors/README.md`` says where they are from."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import torch

from si_inference.simulator import Reference

__all__ = ["shipped"]

_OBSERVATIONS = 3


def shipped(task: str) -> tuple[Reference, ...]:
    """The references of a task, by its name in the files."""
    found = []
    for number in range(1, _OBSERVATIONS + 1):
        name = f"{task}_obs{number}"
        with (files("si_inference") / "posteriors" / f"{name}.npz").open("rb") as file, np.load(file) as arrays:
            values = [torch.from_numpy(arrays[key]).double() for key in ("x_obs", "theta_ref", "theta_true")]
        found.append(Reference(name, *values))
    return tuple(found)
