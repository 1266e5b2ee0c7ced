"""Weights of one model as the start of another: those of equal names and shapes are taken, and nothing in silence.

What has no counterpart begins as it was drawn where that follows from what the two models are for, and is named: the
network, or the head of a shared one, of a field that the other does not learn, the weights of a condition that was
added. Everything else that does not fit is refused, for a network of another width begun from
what happens to fit would be neither of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
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
    outputs: Callable[[], Sequence[Tensor]],
    where: str,
) -> list[str]:
    """Fill networks from those of another model.

    Args:
        predictor: the networks to fill.
        fields: what they learn.
        stored: the weights of the others, by name.
        stored_fields: what the others learn.
        alike: whether both are the same component with the same options, so that what differs is what they are for.
        outputs: what the networks to fill give at some states, for each field.
        where: whose weights they are, for the error.

    Returns:
        What was not taken, for people.

    Raises:
        UsageError: what does not fit, by name with shapes; nothing is changed.
    """
    own, count = _tensors(predictor), len(predictor.networks)
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
    told = [f"begins anew: {name} {tuple(own[name].shape)}" for name in fit.heads]
    if count == stored_count == 1 and set(fields) & set(stored_fields) and list(fields) != list(stored_fields):
        separate = partial(_separate, predictor, len(fields), outputs)
        # Of equal numbers of fields the shapes say nothing: heads are found by what they move.
        heads_of = fit.heads or {name: value for name, value in fit.taken.items() if separate(name)}
        if heads_of and all(map(separate, heads_of)):
            blocks = {name: _blocks(own[name], old, fields, stored_fields) for name, old in heads_of.items()}
            load_into(predictor, {**own, **fit.taken, **blocks}, where)
            told = [f"begins anew: the head of {name}" for name in fields if name not in stored_fields]
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


def _separate(predictor: Predictor, count: int, outputs: Callable[[], Sequence[Tensor]], name: str) -> bool:
    """Whether the first axis of a weight is made of one block for each field, which moves that field alone."""
    # The state shares memory with the network; what is added is taken away by a copy.
    value = predictor.state_dict()[name]
    if count < 2 or value.ndim == 0 or value.shape[0] % count or not value.is_floating_point():
        return count < 2
    before, kept = outputs(), value.clone()
    for index, block in enumerate(value.chunk(count)):
        block.add_(torch.linspace(0.5, 1.5, block.numel(), dtype=block.dtype).reshape(block.shape))
        after = outputs()
        value.copy_(kept)
        changed = [not torch.equal(one, other) for one, other in zip(before, after, strict=True)]
        if changed != [place == index for place in range(count)]:
            return False
    return True


def _blocks(own: Tensor, stored: Tensor, fields: Sequence[str], stored_fields: Sequence[str]) -> Tensor:
    """Weights of heads, each that of its field, where there is one of it."""
    drawn, learned = own.chunk(len(fields)), dict(zip(stored_fields, stored.chunk(len(stored_fields)), strict=True))
    return torch.cat([learned.get(name, block) for name, block in zip(fields, drawn, strict=True)])


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
