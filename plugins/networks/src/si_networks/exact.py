"""Exact fields plus errors of known size: a network whose mistakes are known, for studies of what mistakes do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

import si_core as si
from si_core import UsageError

__all__ = ["Exact"]

_VELOCITIES = ("velocity", "interpolant-velocity")


class Exact(nn.Module):
    """``f(t, x) = field(t, x) + bias 1/sqrt(d) + slope x`` for each objective, per unit of time.

    For processes whose exact fields are known, with ``train: {steps: 0, precondition: false}``: there is nothing to
    learn, but training does take the errors away.

    Args:
        process: supplied by the builder.
        fields: the names of the fields; supplied by the builder.
        parametrisation: supplied by the builder.
        bias: the length of the constant error of each field.
        slope: the factor of the linear error of each field.

    Raises:
        UsageError: numbers of errors and objectives that differ, a parametrisation that is not the field itself, or a
            process without closed forms.
    """

    def __init__(
        self,
        process: Any,
        fields: Sequence[str],
        parametrisation: Any,
        bias: list[float] | float = 0.0,
        slope: list[float] | float = 0.0,
        heads: int | None = None,
    ) -> None:
        super().__init__()
        if parametrisation.precondition:
            raise UsageError(
                "exact fields stand for themselves", where="exact", fix="train: {steps: 0, precondition: false}"
            )
        self.heads, self.names, self.clock, self.process = heads, tuple(fields), parametrisation.clock, process
        self.exact = si.exact_fields(process)
        self.bias, self.slope = (
            nn.Parameter(_each(value, len(self.names), name)) for name, value in (("bias", bias), ("slope", slope))
        )

    def forward(self, t: Tensor, x: Tensor, condition: Any = None) -> Tensor:
        """The fields at positions t in the clock of learning, shape (B, *event) or (B, heads, *event)."""
        s = self.process.schedule(self.clock, torch.as_tensor(t, device=x.device))
        outputs = []
        for name, bias, slope in zip(self.names, self.bias, self.slope, strict=True):
            error = bias / x[0].numel() ** 0.5 + slope * x
            if name in _VELOCITIES:
                error = error * s.rate.to(x).reshape(-1, *(1 for _ in x.shape[1:]))
            outputs.append(self.exact.field(name, s, x) + error)
        return outputs[0] if self.heads is None else torch.stack(outputs, 1)


def _each(value: list[float] | float, count: int, name: str) -> Tensor:
    values = [float(value)] * count if isinstance(value, int | float) else [float(entry) for entry in value]
    if len(values) != count:
        raise UsageError("one error for each objective", where=f"exact: {name}", got=len(values), allowed=str(count))
    return torch.tensor(values)
