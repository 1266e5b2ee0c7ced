"""Data some rows of which lack a condition: refused before training, unless training leaves that condition out.

Networks would be given a label of -1 or values of NaN in training and refuse them in sampling. Where
``train.condition_dropout`` names the condition, such rows teach the fields of the mixture over it, with the weight that
keeps its law (:mod:`si_core.training.condition_dropout`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping

import torch

from si_core.contract.condition import Condition, ConditionSpec
from si_core.contract.distribution import Distribution
from si_core.errors import DataError
from si_core.models.streams import generator
from si_core.process.process import StochasticInterpolant

__all__ = ["refuse_missing_conditions"]

_NUMBERS, _BLOCK, _DRAWS = 2**28, 2**22, 256
"""The most numbers of the rows that are looked at, of a block of them, and how many draws where there are no rows."""


def refuse_missing_conditions(process: StochasticInterpolant, optional: Collection[str]) -> None:
    """Refuse data that lack a condition which is not left out in training.

    All rows are looked at, in data of more than 2^28 numbers evenly spaced ones, and 256 draws where there are no rows.

    Args:
        process: the process.
        optional: the conditions that training leaves out.

    Raises:
        DataError: how many rows lack the first such condition.
    """
    target = process.target
    specs = {name: spec for name, spec in process.conditions.items() if name not in optional}
    wanted = {name: spec for name, spec in specs.items() if name in target.conditions}
    if wanted:
        kind = "training rows" if target.size else "draws of the target"
        counts = target.frame.labels
        if counts is not None and wanted.keys() <= counts.labels.keys():
            # Known without reading a row, of which there may be more than memory holds.
            lacking = {name: counts.counts[counts.labels[name] == -1].sum() for name in wanted}
            _tell({name: int(count) for name, count in lacking.items()}, wanted, int(counts.counts.sum()), kind)
        else:
            _refuse(wanted, _conditions(target), kind)
        held_out = target.held_out()
        _refuse(wanted, iter(() if held_out is None else [held_out[1]]), "held-out rows")
    wanted = {name: spec for name, spec in specs.items() if name in process.of_coupling}
    if wanted:
        pairs = process.pairs(_DRAWS, generator(0, "initialisation"))
        _refuse(wanted, iter([pairs.condition]), "pairs of the coupling")


def _conditions(law: Distribution) -> Iterator[Condition | None]:
    if law.size is None:
        yield law.draw(_DRAWS, generator(0, "initialisation"))[1]
        return
    numbers = math.prod(law.shape)
    step = max(1, math.ceil(law.size * numbers / _NUMBERS))
    for index in torch.split(torch.arange(0, law.size, step), max(1, _BLOCK // max(numbers, 1))):
        yield law.rows(index)[1]


def _refuse(specs: Mapping[str, ConditionSpec], conditions: Iterator[Condition | None], what: str) -> None:
    lacking, total = dict.fromkeys(specs, 0), 0
    for condition in conditions:
        known = {name: values for name, values in (condition or {}).items() if name in specs}
        total += max(map(len, known.values()), default=0)
        for name, values in known.items():
            lacking[name] += int(specs[name].is_absent(values).sum())
    _tell(lacking, specs, total, what)


def _tell(lacking: Mapping[str, int], specs: Mapping[str, ConditionSpec], total: int, what: str) -> None:
    for name, count in lacking.items():
        if count:
            raise DataError(
                f"the condition {name!r} is missing",
                got=f"{count} of {total} {what} without it ({'-1' if specs[name].classes else 'NaN'})",
                allowed=specs[name].described(name),
                fix=f"give it, leave such rows out, or set train.condition_dropout: {{{name}: 0.1}}: the rows without "
                "it then teach the mixture over it",
            )
