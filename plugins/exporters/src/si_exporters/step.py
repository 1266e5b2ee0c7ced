"""A step of the probability-flow ODE as a module of tensors alone, which `torch.export` can trace.

Of the drift ``dx/du = sum_i w_i(u) f_i(v(u), x) + r(u) x`` in the clock u of sampling, with the networks ``f_i``,
all that depends on time is computed for the nodes of a fixed grid and kept in tables; a step looks it up by the number
of its node. Heun's method, of order 2: ``p = x + h f_k(x)``, ``x' = x + h/2 (f_k(x) + f_{k+1}(p))``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from si_core import Condition, LearnedFields, Model, UsageError

__all__ = ["HeunStep", "grid_of", "reference"]

_WHERE = "torch-export"


def grid_of(model: Model, steps: int) -> list[float]:
    """The nodes of the grid in the clock of sampling, ``steps + 1`` of them."""
    transport = model.transport(epsilon=0.0)
    return torch.linspace(transport.start, transport.stop, steps + 1, dtype=torch.float64).tolist()


class HeunStep(nn.Module):
    """``x_{k+1}`` from ``x_k``.

    Args:
        model: whose probability flow it is.
        steps: how many steps go from start to stop.

    Raises:
        UsageError: fields that are guided or not learned, a model without an ODE, or a denoising step at its end.
    """

    weights: Tensor
    rates: Tensor
    positions: Tensor

    def __init__(self, model: Model, steps: int) -> None:
        super().__init__()
        fields, transport = _learned(model), model.transport(epsilon=0.0)
        nodes = grid_of(model, steps)
        like = torch.zeros(1, *model.process.shape, dtype=model.dtype or torch.float32, device=model.device)
        flow: Any = transport.flow
        scalars = flow.steps(torch.tensor(nodes, dtype=torch.float64), like)
        indices = flow.completion.indices
        self.predictor, self.indices = fields.predictor, None if len(indices) == len(fields.names) else tuple(indices)
        self.h = (nodes[-1] - nodes[0]) / steps
        table = {
            "weights": [step.weights for step in scalars],
            "rates": [step.of_x for step in scalars],
            "positions": [float(step.position) for step in scalars],
        }
        for name, values in table.items():
            self.register_buffer(name, torch.tensor(values, dtype=torch.float64).to(like))

    def drift(self, x: Tensor, k: Tensor, condition: Condition | None) -> Tensor:
        """The drift at node k."""
        # An index by a tensor would be read off it.
        position, rate, weights = (
            table.index_select(0, k.reshape(1))[0] for table in (self.positions, self.rates, self.weights)
        )
        total = rate * x
        for weight, output in zip(weights.unbind(), self.predictor(position, x, condition, self.indices), strict=True):
            total = total + weight * output
        return total

    def forward(self, x: Tensor, k: Tensor, condition: Condition | None = None) -> Tensor:
        """The states at node k + 1, shape (B, *event), from those at node k, a number of shape ()."""
        first = self.drift(x, k, condition)
        second = self.drift(x + self.h * first, k + 1, condition)
        return x + 0.5 * self.h * (first + second)


def reference(model: Model, x: Tensor, steps: int, condition: Condition | None) -> Tensor:
    """The same states by the model's own drift."""
    transport, nodes = model.transport(epsilon=0.0, condition=condition), grid_of(model, steps)
    transport.prepare(nodes, x)
    h = (nodes[-1] - nodes[0]) / steps
    with torch.inference_mode():
        for k in range(steps):
            first = transport.drift(nodes[k], x)
            second = transport.drift(nodes[k + 1], x + h * first)
            x = x + 0.5 * h * (first + second)
    return x


def _learned(model: Model) -> LearnedFields:
    if model.guidance:
        raise UsageError("guided fields are no program", where=_WHERE, fix="export it as `folder`")
    if not isinstance(model.fields, LearnedFields):
        got = type(model.fields).__name__
        raise UsageError("only learned fields are exported", where=_WHERE, got=got, fix="export it as `folder`")
    if model.denoise and model.stop not in (0.0, 1.0):
        raise UsageError("a last denoising step is no step of the ODE", where=_WHERE, fix="export it as `folder`")
    return model.fields
