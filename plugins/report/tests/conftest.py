"""Views of runs with synthetic draws, one for each shape of event."""

import math
from pathlib import Path

import pytest
import torch

from si_core import ConditionSpec, RunView, Trajectory

METRICS = [{"step": 10 * k, "loss": 3.0 * math.exp(-k / 9) + 0.1 * math.sin(k), "lr": 1e-3} for k in range(50)]
ESTIMATES = [
    {"name": "log-likelihood", "value": -3.24123, "standard_error": 0.01234, "bound": "exact", "unit": "nats"},
    {
        "name": "kl-bound",
        "value": 0.0412,
        "standard_error": None,
        "bound": "upper",
        "unit": "nats",
        "details": {"a": 1},
    },
]


def gaussian_log_density(x: torch.Tensor) -> torch.Tensor:
    """The log-density of a standard normal."""
    flat = x.reshape(len(x), -1)
    return -0.5 * (flat**2).sum(dim=1) - 0.5 * flat.shape[1] * math.log(2 * math.pi)


@pytest.fixture
def make_view(tmp_path):
    """Make a view for draws of one event shape; any field can be replaced."""

    def make(event: tuple[int, ...] = (2,), number: int = 60, directory: Path | None = None, **fields) -> RunView:
        generator = torch.Generator().manual_seed(3)

        def normal(*shape: int) -> torch.Tensor:
            return torch.randn(*shape, generator=generator)

        t = torch.linspace(0, 1, 7)
        x0, x1 = normal(9, *event), normal(9, *event)
        density = gaussian_log_density if math.prod(event) <= 2 else None
        return RunView(
            **{
                "directory": directory or tmp_path,
                "title": "Some run",
                "recipe": {"title": "Some run", "seed": 7, "train": {"optimizer": {"use": "adam", "lr": 1e-5}}},
                "source": normal(number, *event),
                "target": normal(number, *event),
                "samples": normal(number, *event),
                "condition": {"kind": torch.arange(number) % 3} if len(event) == 3 else None,
                "conditions": {"kind": ConditionSpec(classes=("a", "b", "c"))} if len(event) == 3 else {},
                "trajectory": Trajectory(t, torch.stack([(1 - s) * x0 + s * x1 for s in t]), 12),
                "log_density": density,
                "true_log_density": density,
                "metrics": METRICS,
                "estimates": ESTIMATES,
                "environment": {"python": "3.12.0", "packages": {"torch": "2.13.0"}},
                "facts": {"finished": "2026-01-02 03:04 UTC", "time taken": "5 s"},
                **fields,
            }
        )

    return make
