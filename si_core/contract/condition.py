"""Conditions: what networks are given beside ``(t, x)``.

Any number of them, each with a name: a label, an observation of another shape than x, a mask, the given x0. With a
condition y that belongs to the pair (x0, x1), every field is ``E[. | x_t = x, y]``, and all that holds of fields holds
given y. A condition that is left out stands for the mixture over it, which is learned where training leaves it out now
and then (``train.condition_dropout``).

In tensors a label is its index in :attr:`ConditionSpec.classes`, int64; left out it is -1. Values are floating-point
numbers; left out they are NaN. Data some rows of which lack a condition are refused before training, unless
``train.condition_dropout`` names it: such rows then teach the mixture. People speak of labels by name
(:mod:`si_core.contract.given_condition`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from si_core.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Condition", "ConditionSpec", "check_classes", "check_condition", "check_left_out", "joined_specs"]


@dataclass(frozen=True)
class ConditionSpec:
    """One condition.

    Args:
        shape: of one value, without the batch; ``()`` for a number or a label.
        classes: the names of the classes, as the user's file has them; None for values.
        mean: of typical values, which stay in the units of the file; networks may take it off.
        scale: of typical values about the mean, above 0.

    Raises:
        UsageError: labels with a shape, no classes, or one name twice.
    """

    shape: tuple[int, ...] = ()
    classes: tuple[str, ...] | None = None
    mean: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.classes is None:
            return
        if self.shape:
            raise UsageError("a label is one of its classes", got=f"shape {self.shape}", allowed="shape ()")
        if not self.classes or len(set(self.classes)) < len(self.classes):
            raise UsageError("classes have names of their own", got=str(self.classes))

    def plain(self) -> dict[str, Any]:
        """The spec as plain data, which :meth:`of_plain` reads."""
        if self.classes is None:
            return {"shape": list(self.shape), "mean": self.mean, "scale": self.scale}
        return {"classes": list(self.classes)}

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> ConditionSpec:
        """The spec that :meth:`plain` wrote.

        Raises:
            UsageError, KeyError, TypeError, ValueError: it is no such data.
        """
        if "classes" in plain:
            return cls(classes=tuple(plain["classes"]))
        return cls(tuple(plain["shape"]), mean=float(plain["mean"]), scale=float(plain["scale"]))

    def absent(self, like: Tensor) -> Tensor:
        """The condition left out, for all states at once: shape (1, *shape), on the device of states like x."""
        import torch

        if self.classes is not None:
            return torch.full((1,), -1, dtype=torch.int64, device=like.device)
        return like.new_full((1, *self.shape), torch.nan)

    def is_absent(self, values: Tensor) -> Tensor:
        """Which entries (B, *shape) are left out, shape (B,)."""
        if self.classes is not None:
            return values < 0
        return values.isnan().flatten(1).any(1) if self.shape else values.isnan()

    def described(self, name: str) -> str:
        """The condition in words, for errors."""
        if self.classes is None:
            return f"{name}: numbers of shape {self.shape}" if self.shape else f"{name}: a number"
        shown = ", ".join(self.classes[:8]) + (f", ... ({len(self.classes)})" if len(self.classes) > 8 else "")
        return f"{name}: one of {shown}"


Condition = Mapping[str, "Tensor"]
"""Values by name, each of shape (B, *shape), or (1, *shape) for one value of all states."""


def joined_specs(parts: Mapping[str, Mapping[str, ConditionSpec]]) -> dict[str, ConditionSpec]:
    """The conditions that several parts declare, by the names of the parts.

    Raises:
        UsageError: two of them declare one name.
    """
    joined: dict[str, ConditionSpec] = {}
    owner: dict[str, str] = {}
    for part, specs in parts.items():
        for name, spec in specs.items():
            if name in joined:
                raise UsageError("two conditions have one name", got=f"{name!r} of the {owner[name]} and of the {part}")
            joined[name], owner[name] = spec, part
    return joined


def check_condition(
    specs: Mapping[str, ConditionSpec],
    condition: Condition | None,
    rows: int | None = None,
    where: str | None = None,
    partly: bool = False,
) -> None:
    """Refuse a condition that is missing, unknown, misshaped or out of range.

    Args:
        specs: the conditions that are due.
        condition: what is given.
        rows: the number of states it is for; None where that is not known yet.
        where: for the error.
        partly: whether some may be missing, for others give them.

    Raises:
        UsageError: says which, what is due, and how to give it.
    """
    conditions = condition or {}
    if not isinstance(conditions, Mapping):
        raise UsageError(
            "a condition is a mapping from names to tensors",
            where=where,
            got=f"{conditions!r}"[:80],
            allowed="; ".join(spec.described(own) for own, spec in specs.items()) or "none: it takes no condition",
        )
    for name in conditions:
        if name not in specs:
            raise UsageError(
                f"an unknown condition {name!r}",
                where=where,
                got=", ".join(map(str, conditions)),
                allowed="; ".join(spec.described(own) for own, spec in specs.items()) or "none: it takes no condition",
            )
    for name, spec in specs.items():
        if name not in conditions:
            if partly:
                continue
            raise UsageError(
                f"the condition {name!r} is missing",
                where=where,
                got=", ".join(conditions) or "no condition",
                allowed=spec.described(name),
                fix=f"give it: condition={{{name!r}: ...}} in Python, --condition {name}=... on the command line; "
                "it can be left out only of a model trained with train.condition_dropout",
            )
        _check_values(name, spec, conditions[name], rows, where)


def _check_values(name: str, spec: ConditionSpec, values: Tensor, rows: int | None, where: str | None) -> None:
    import torch

    if not isinstance(values, torch.Tensor):
        raise UsageError(
            f"the condition {name!r} is a tensor",
            where=where,
            got=f"{values!r}"[:80],
            allowed="the places of classes, int64" if spec.classes is not None else "floating-point numbers",
            fix="give values, and classes by their names, to si.sample, si.estimate or Model.sample",
        )
    counts = () if rows is None else (1, rows)
    shape: tuple[int, ...] = tuple(values.shape)
    if len(shape) != 1 + len(spec.shape) or shape[1:] != spec.shape or (counts and shape[0] not in counts):
        first = "B" if rows is None else str(rows)
        raise UsageError(
            f"the condition {name!r} has another shape",
            where=where,
            got=str(shape),
            allowed=f"({', '.join([first, *map(str, spec.shape)])}{',' if not spec.shape else ''})",
        )
    if spec.classes is not None and values.dtype != torch.int64:
        raise UsageError(f"the condition {name!r} is a label", where=where, got=str(values.dtype), allowed="int64")
    if spec.classes is None and not values.is_floating_point():
        raise UsageError(
            f"the condition {name!r} has values", where=where, got=str(values.dtype), allowed="floating-point numbers"
        )


def check_classes(specs: Mapping[str, ConditionSpec], condition: Condition, where: str | None = None) -> None:
    """Refuse labels out of range and infinite values; apart, for it reads the numbers, which a device has to wait for.

    Raises:
        UsageError: the first label out of range, or the first infinite value.
    """
    for name, spec in specs.items():
        if name not in condition:
            continue
        labels = condition[name]
        if spec.classes is None:
            infinite = labels.isinf().flatten(1).any(1) if spec.shape else labels.isinf()
            if bool(infinite.any()):
                raise UsageError(
                    f"the condition {name!r} is infinite",
                    where=where,
                    got=f"entry {int(infinite.nonzero()[0])}",
                    allowed=f"finite numbers: {spec.described(name)}",
                )
            continue
        wrong = (labels < -1) | (labels >= len(spec.classes))
        if bool(wrong.any()):
            entry = int(wrong.nonzero()[0])
            raise UsageError(
                f"the condition {name!r} is out of range",
                where=where,
                got=f"{int(labels[entry])} at entry {entry}",
                allowed=f"0..{len(spec.classes) - 1}: {spec.described(name)}",
            )


def check_left_out(specs: Mapping[str, ConditionSpec], condition: Condition, optional: Collection[str]) -> None:
    """Refuse entries that are left out, labels of -1 and values of NaN, where training never left them out.

    It reads the numbers, as :func:`check_classes` does.

    Args:
        specs: the conditions.
        condition: what is given.
        optional: the conditions that may be left out.

    Raises:
        UsageError: the first entry left out.
    """
    for name, spec in specs.items():
        if name in optional or name not in condition:
            continue
        absent = spec.is_absent(condition[name])
        if bool(absent.any()):
            raise UsageError(
                f"the condition {name!r} is left out",
                got=f"{'-1' if spec.classes is not None else 'NaN'} at entry {int(absent.nonzero()[0])}",
                allowed=spec.described(name),
                fix="give it; it can be left out only of a model trained with train.condition_dropout",
            )
