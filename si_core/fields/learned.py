"""Learned fields: networks trained on some fields of a process, completed to all of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from si_core.contract.data import Draw
from si_core.contract.objective import FIELDS
from si_core.errors import UsageError
from si_core.fields.parametrisation import Parametrisation
from si_core.fields.rows import RowFields
from si_core.process.completion import RowFunction
from si_core.process.process import StochasticInterpolant, spread
from si_core.process.schedule import Schedule

__all__ = ["LearnedFields", "Predictor"]


class Predictor(nn.Module):
    """The networks behind the learned fields: one with a head for each, or one for each.

    Args:
        networks: one network whose output has shape (B, heads, *event), or one per field with outputs (B, *event).
        count: the number of fields.
    """

    def __init__(self, networks: Sequence[nn.Module], count: int) -> None:
        super().__init__()
        if len(networks) not in (1, count):
            raise UsageError(
                "one network for all fields, or one for each", got=f"{len(networks)} networks, {count} fields"
            )
        self.networks = nn.ModuleList(networks)
        self.shared = len(networks) < count

    def forward(
        self, position: Tensor, x: Tensor, condition: Tensor | None = None, indices: Sequence[int] | None = None
    ) -> tuple[Tensor, ...]:
        """The outputs for the fields with these indices (None for all), each (B, *event).

        Args:
            position: positions in the clock of learning, shape (B,) or ().
            x: states, shape (B, *event).
            condition: what the networks are told beside, or None.
            indices: which fields.
        """
        if self.shared:
            heads: tuple[Tensor, ...] = self.networks[0](position, x, condition).unbind(1)
            return heads if indices is None else tuple(heads[i] for i in indices)
        chosen = self.networks if indices is None else [self.networks[i] for i in indices]
        return tuple(network(position, x, condition) for network in chosen)


class LearnedFields(RowFields):
    """Fields of a process learned by networks.

    Args:
        process: the process.
        names: the fields learned, in the order of the predictor's outputs.
        predictor: the networks.
        parametrisation: how outputs stand for fields.
        condition: what the networks are told beside (t, x): one entry a row, or one for all rows.

    Raises:
        UsageError: a field the process does not have, or one named twice.
    """

    process: StochasticInterpolant

    def __init__(
        self,
        process: StochasticInterpolant,
        names: Sequence[str],
        predictor: Predictor,
        parametrisation: Parametrisation,
        condition: Tensor | None = None,
    ) -> None:
        for name in names:
            if name not in FIELDS or not process.structure.has(name):
                process.row(name, process.schedule(parametrisation.clock, torch.tensor(0.5)))
        if len(set(names)) != len(names):
            raise UsageError("a field is learned twice", got=", ".join(names), fix="keep one objective for each field")
        self.process, self.names, self.predictor = process, tuple(names), predictor
        self.parametrisation, self.condition = parametrisation, condition

    def predictions(self, draw: Draw) -> tuple[Tensor, ...]:
        """The fields' predictions at a draw, in the clock of learning, each (B, *event)."""
        s = draw.schedule
        if s is None or s.clock != self.parametrisation.clock:
            raise UsageError(
                "a draw for learning is made in the clock of learning", fix=f"clock={self.parametrisation.clock!r}"
            )
        outputs = self.predictor(s.u.to(draw.xt.dtype), draw.xt, draw.condition)
        if not self.parametrisation.precondition or not self.process.structure.spatially_linear:
            return outputs  # type: ignore[no-any-return]
        predictions = []
        for name, output in zip(self.names, outputs, strict=True):
            split = self.parametrisation.remainder(self.process.structure, name, s)
            known = spread(split.skip, draw.xt) * draw.xt
            predictions.append(known.addcmul_(torch.as_tensor(spread(split.out, output)), output))
        return tuple(predictions)

    def known_row(self, name: str) -> RowFunction:
        clock = self.parametrisation.clock

        def row(s: Schedule) -> Tensor:
            own = s if s.clock == clock else self.process.schedule(clock, clock.position(s.t))
            return self.parametrisation.remainder(self.process.structure, name, own).row

        return row

    def positions(self, t: Tensor, x: Tensor) -> list[object]:
        return list(self.parametrisation.clock.position(t).to(device=x.device, dtype=x.dtype).unbind())

    def outputs(self, position: object, x: Tensor, indices: Sequence[int]) -> Sequence[Tensor]:
        return self.predictor(position, x, self.condition, indices)  # type: ignore[no-any-return]

    def conditioned(self, condition: Tensor | None) -> LearnedFields:
        return LearnedFields(self.process, self.names, self.predictor, self.parametrisation, condition)
