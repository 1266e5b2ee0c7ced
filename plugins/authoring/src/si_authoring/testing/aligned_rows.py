"""Whether the conditions of rows belong to these rows: of draws of a data set, and of rows kept from training.

A draw that equals a training row must have the conditions of such a row. Of held-out rows nobody else knows the
conditions, but where a condition depends on x among the training rows, it does so among those held out. Told of other
rows, after a permutation of the one and not of the other, it is independent of them.

The dependence is measured by the correlation r of midranks (Spearman's), whose ``atanh r`` has a variance near
``(1 + r^2/2)/(n - 3)`` (Bonett and Wright, Psychometrika 65, 2000).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from si_authoring.testing.check import NotApplicable, Violation, check
from si_core import Condition, ConditionSpec, Distribution

__all__ = ["conditions_of_held_out_rows", "conditions_of_rows"]

_DRAWS, _FEWEST, _FEATURES, _ERRORS = 100, 20, 64, 5.0


@check
def conditions_of_rows(law: Distribution) -> None:
    """A draw of a data set that equals one of its rows has the conditions of that row."""
    if law.size is None or not law.conditions:
        raise NotApplicable("it is no finite data set with conditions")
    x, conditions = law.draw(_DRAWS, torch.Generator().manual_seed(2))
    rows, of_rows = law.rows(torch.arange(law.size))
    equal = (x.flatten(1)[:, None] == rows.flatten(1)).all(2)
    if not bool(equal.any()):
        raise NotApplicable("its draws are not its rows: there is noise on them")
    for name, values in (conditions or {}).items():
        if of_rows is None or name not in of_rows:
            continue  # the matter of another check
        same = _same(values.reshape(len(x), 1, -1), of_rows[name].reshape(1, len(rows), -1))
        wrong = equal.any(1) & ~(equal & same).any(1)
        if bool(wrong.any()):
            raise Violation(f"draw gives the condition {name!r} of other rows: {int(wrong.sum())} of {_DRAWS} draws")


def _same(one: Tensor, other: Tensor) -> Tensor:
    """Where values are equal, or left out in both."""
    left_out = (one != one) & (other != other)
    return ((one == other) | left_out).all(2)


@check
def conditions_of_held_out_rows(law: Distribution) -> None:
    """What depends on x among the training rows does so among those held out: conditions are split as x is."""
    kept = law.held_out()
    if law.size is None or kept is None or not law.conditions:
        raise NotApplicable("it is no finite data set with conditions and held-out rows")
    x, conditions = law.rows(torch.arange(law.size))
    compared = False
    for name, spec in law.conditions.items():
        found = [_features(*each, name, spec) for each in ((x, conditions), kept)]
        if any(features is None or len(features[0]) < _FEWEST for features in found):
            continue
        (rows, values), (held_rows, held_values) = (features for features in found if features is not None)
        table = _correlations(rows, values)
        i, j = divmod(int(table.abs().argmax()), table.shape[1])
        r, held = float(table[i, j]), float(_correlations(held_rows[:, i : i + 1], held_values[:, j : j + 1])[0, 0])
        errors = [_ERRORS * math.sqrt((1 + c * c / 2) / (len(n) - 3)) for c, n in ((r, rows), (held, held_rows))]
        compared = compared or abs(math.atanh(r)) > math.hypot(*errors)
        if abs(math.atanh(r) - math.atanh(held)) > math.hypot(*errors) and abs(math.atanh(held)) < errors[1]:
            raise Violation(
                f"the condition {name!r} of held-out rows has nothing to do with them: its rank correlation with an "
                f"entry of x is {held:.2f}, and {r:.2f} among the training rows; split conditions as x is split"
            )
    if not compared:
        raise NotApplicable("no condition depends on x enough to tell from so few rows")


def _features(x: Tensor, conditions: Condition | None, name: str, spec: ConditionSpec) -> tuple[Tensor, Tensor] | None:
    """Numbers of the rows that have the condition, (n, k) and (n, m) in double precision."""
    if conditions is None or name not in conditions or len(conditions[name]) != len(x):
        return None
    rows, values = x.double().flatten(1)[:, :_FEATURES], conditions[name]
    present = ~spec.is_absent(values)
    if spec.classes is not None:
        values = torch.nn.functional.one_hot(values.clamp_min(0), len(spec.classes))
    return rows[present], values.double().reshape(len(x), -1)[present, :_FEATURES]


def _correlations(x: Tensor, y: Tensor) -> Tensor:
    """Rank correlations of the columns of (n, k) with those of (n, m), (k, m), within (-1, 1); 0 of a constant."""
    x, y = _ranks(x), _ranks(y)
    table = torch.nan_to_num((x.T @ y) / torch.outer(x.norm(dim=0), y.norm(dim=0)), 0.0)
    return table.clamp(-1 + 1e-9, 1 - 1e-9)


def _ranks(values: Tensor) -> Tensor:
    """Midranks of each column, centred."""
    found = []
    for column in values.T:
        _, place, counts = torch.unique(column, return_inverse=True, return_counts=True)
        found.append((counts.cumsum(0) - (counts - 1) / 2)[place].double())
    ranks = torch.stack(found, 1)
    return ranks - ranks.mean(0)
