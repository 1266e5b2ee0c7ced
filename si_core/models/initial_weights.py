"""Weights of one model as the start of another: those of equal names and shapes are taken, and nothing in silence.

What has no counterpart begins as it was drawn where that follows from what the two models are for, and is named: the
network of a field that the other does not learn, the heads of a shared one of another number of fields, the weights of
a condition that was added. Everything else that does not fit is refused, for a network of another width begun from
what happens to fit would be neither of the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor, nn

from si_core.errors import UsageError
from si_core.fields.predictor import Predictor
from si_core.models.learnable import PREFIX, load_parts
from si_core.storage.weights import load_into

__all__ = ["take_networks", "take_parts"]

_NETWORKS = "networks."
_SHOWN = 10


@dataclass(frozen=True)
class _Fit:
    """Where tensors fit: those to take, those of another number of heads, and words for what is new, not used, or of
    another shape."""

    taken: dict[str, Tensor] = field(default_factory=dict)
    heads: dict[str, Tensor] = field(default_factory=dict)
    new: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def take_networks(
    predictor: Predictor,
    fields: Sequence[str],
    stored: Mapping[str, Tensor],
    stored_fields: Sequence[str],
    alike: bool,
    where: str,
) -> list[str]:
    """Fill networks from those of another model.

    Args:
        predictor: the networks to fill.
        fields: what they learn.
        stored: the weights of the others, by name.
        stored_fields: what the others learn.
        alike: whether both are the same component with the same options, so that what differs is what they are for.
        where: whose weights they are, for the error.

    Returns:
        What was not taken, for people.

    Raises:
        UsageError: what does not fit, by name with shapes; nothing is changed.
    """
    own, count = _tensors(predictor), len(predictor.networks)
    _refuse_other_order(fields, stored_fields, count, where)
    stored_count = len({name.split(".")[1] for name in stored if name.startswith(_NETWORKS)})
    source = _sources(fields, count, stored_fields, stored_count)
    renamed: dict[str, Tensor] = {}
    for name, value in stored.items():
        _, index, rest = name.split(".", 2) if name.startswith(_NETWORKS) else ("", "-1", name)
        for new in [new for new, old in source.items() if old == int(index)]:
            renamed[f"{_NETWORKS}{new}.{rest}"] = value
    heads, stored_heads = len(fields) // max(count, 1), len(stored_fields) // max(stored_count, 1)
    fit = _fit(own, renamed, (heads, stored_heads))
    other = tuple(f"{_NETWORKS}{new}." for new, old in source.items() if old is None)
    excused = alike or (fit.new and all(text.startswith(other) for text in fit.new) and not fit.unused)
    rows = fit.wrong if excused else _misfits(fit)
    _refuse(rows if fit.taken else _misfits(fit), where)
    load_into(predictor, {**own, **fit.taken}, where)
    told = [f"begins anew: {name} {tuple(own[name].shape)}, one head a field" for name in fit.heads]
    left = sorted(set(range(stored_count)) - {old for old in source.values() if old is not None})
    told += [f"begins anew: {text}" for text in fit.new] + [f"not used: {text}" for text in fit.unused]
    told += [f"not used: the network of {stored_fields[index]}" for index in left if index < len(stored_fields)]
    if list(fields) != list(stored_fields):
        told.append(f"the weights learned {', '.join(stored_fields)}, and now begin {', '.join(fields)}")
    return told


def take_parts(parts: nn.ModuleDict, stored: Mapping[str, Tensor], alike: Mapping[str, bool], where: str) -> list[str]:
    """Fill the learnable parts of a process from those of another.

    Args:
        parts: the parts, by their key in a recipe.
        stored: the tensors of the others, by names with the prefix of such tensors.
        alike: whether the part of a key is the same component with the same options in both.
        where: as for :func:`take_networks`.

    Returns:
        What was not taken, for people.

    Raises:
        UsageError: what does not fit, by name with shapes; nothing is changed.
    """
    own = {f"{PREFIX}{name}": value for name, value in _tensors(parts).items()}
    same = {name: value for name, value in stored.items() if alike.get(name.removeprefix(PREFIX).split(".")[0], False)}
    kept = {name for name in own if alike.get(name.removeprefix(PREFIX).split(".")[0], False)}
    # A buffer that is still empty takes what is stored: pairs that are made between rounds.
    fit = _fit({name: same[name] if own[name].numel() == 0 and name in same else own[name] for name in kept}, same)
    _refuse(_misfits(fit), where)
    if own:
        load_parts(parts, {**own, **fit.taken}, where)
    return [f"begins anew: {name}" for name in sorted(own.keys() - kept)] + [
        f"not used: {name}" for name in sorted(stored.keys() - same.keys())
    ]


def _refuse_other_order(fields: Sequence[str], stored_fields: Sequence[str], count: int, where: str) -> None:
    """Of a shared network the heads have no names: in another order one would begin as that of another field."""
    common = [name for name in fields if name in stored_fields]
    moved = [name for name in common if fields.index(name) != stored_fields.index(name)]
    if count < len(fields) == len(stored_fields) and moved:
        raise UsageError(
            "its heads are in another order of fields",
            where=where,
            got=f"objectives for {', '.join(fields)}",
            allowed=", ".join(stored_fields),
            fix="write the objectives in that order, or network.shared: false in both",
        )


def _sources(
    fields: Sequence[str], count: int, stored_fields: Sequence[str], stored_count: int
) -> dict[int, int | None]:
    """For each network the stored one that it begins from: of the same field, else of the same place."""
    places = range(stored_count)
    if count != len(fields) or stored_count != len(stored_fields):
        return {index: index if index in places else None for index in range(count)}
    found: dict[int, int | None] = {}
    for index, name in enumerate(fields):
        free = index in places and stored_fields[index] not in fields
        found[index] = list(stored_fields).index(name) if name in stored_fields else (index if free else None)
    return found


def _fit(own: Mapping[str, Tensor], stored: Mapping[str, Tensor], heads: tuple[int, int] = (1, 1)) -> _Fit:
    fit = _Fit()
    for name, value in own.items():
        other = stored.get(name)
        if other is None:
            fit.new.append(f"{name} {tuple(value.shape)}")
        elif other.shape == value.shape:
            fit.taken[name] = other.to(value.dtype)
        elif _of_heads(value, other, heads):
            fit.heads[name] = other.to(value.dtype)
        else:
            fit.wrong.append(f"{name}: {tuple(other.shape)} there, {tuple(value.shape)} here")
    fit.unused.extend(f"{name} {tuple(stored[name].shape)}" for name in stored if name not in own)
    return fit


def _of_heads(own: Tensor, stored: Tensor, heads: tuple[int, int]) -> bool:
    """Whether the first axes differ as the numbers of heads do."""
    if heads[0] == heads[1] or own.ndim == 0 or own.ndim != stored.ndim:
        return False
    return own.shape[0] * heads[1] == stored.shape[0] * heads[0] and own.shape[1:] == stored.shape[1:]


def _misfits(fit: _Fit) -> list[str]:
    return fit.wrong + [f"{text}: only here" for text in fit.new] + [f"{text}: only there" for text in fit.unused]


def _refuse(rows: list[str], where: str) -> None:
    if rows:
        more = [f"and {len(rows) - _SHOWN} more"] if len(rows) > _SHOWN else []
        raise UsageError(
            "\n    ".join(["its weights don't fit, and none are taken:", *rows[:_SHOWN], *more]),
            where=where,
            fix="the options of that run's network here, or no init",
        )


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    """Copies of what a module keeps, by name."""
    return {name: value.detach().clone() for name, value in module.state_dict().items() if isinstance(value, Tensor)}
