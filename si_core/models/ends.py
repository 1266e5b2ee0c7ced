"""What a model keeps of its ends and of its coupling: enough to sample without their data.

Parts that hold data are those with a ``fingerprint``. A model keeps their frames and what a process asks of them, and
when it is loaded a stand-in takes their place (:mod:`.stand_ins`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from si_core.contract.condition import ConditionSpec
from si_core.errors import SIError, StorageError
from si_core.models.stand_ins import KeptCoupling, KeptDistribution, PartData
from si_core.process.fingerprint import data_parts
from si_core.process.process import StochasticInterpolant
from si_core.storage.fingerprints import fingerprints

__all__ = ["Kept", "kept_parts", "stand_ins"]

_LAW = ("size", "entropy", "standard_normal", "has_samples", "has_density", "normalised")
_PAIRING = ("independent", "source_is_target", "source_from_target", "anchored", "intervals")


@dataclass(frozen=True)
class Kept:
    """What is at hand of a model that was trained, before its parts are made.

    Args:
        dtype: the precision of its states.
        parts: those that stand in for parts that hold data, by their key in a recipe.
    """

    dtype: torch.dtype
    parts: Mapping[str, KeptDistribution | KeptCoupling]


def kept_parts(process: StochasticInterpolant) -> dict[str, Any]:
    """What a model keeps, as plain data, by the key of the part in a recipe: frames of both ends, and all that
    :func:`stand_ins` needs of parts that hold data."""
    marks = fingerprints(data_parts(process))
    found: dict[str, Any] = {}
    for name, law in (("source", process.source), ("target", process.target)):
        if name == "source" and law is process.target:
            continue
        found[name] = {"frame": law.frame.plain(), "conditions": _plain_specs(law.conditions)}
        if name in marks:
            point = None if law.point is None else law.point.double().cpu().tolist()
            found[name] |= {trait: getattr(law, trait) for trait in _LAW}
            moments = None if law.moments is None else law.moments.plain()
            found[name] |= {"fingerprint": marks[name], "point": point, "moments": moments}
    coupling = process.coupling
    if "coupling" in marks and not isinstance(coupling, nn.Module):
        found["coupling"] = {trait: getattr(coupling, trait) for trait in _PAIRING}
        found["coupling"] |= {"fingerprint": marks["coupling"], "pairs_points": coupling.pairs_points}
        found["coupling"]["conditions"] = _plain_specs(process.of_coupling)
    return found


def stand_ins(
    kept: Mapping[str, Any], build: Callable[[str], object], where: Callable[[str], str]
) -> dict[str, KeptDistribution | KeptCoupling]:
    """The stand-ins of the parts that hold data, by their key in a recipe.

    Args:
        kept: from :func:`kept_parts`.
        build: makes the part of a key.
        where: how errors name the part of a key.

    Raises:
        StorageError: it is no such data.
    """
    found: dict[str, KeptDistribution | KeptCoupling] = {}
    try:
        for name, entry in kept.items():
            if "fingerprint" in entry:
                data = PartData(partial(build, name), entry["fingerprint"], where(name))
                found[name] = (KeptCoupling if name == "coupling" else KeptDistribution)(entry, data)
    except (KeyError, TypeError, ValueError, AttributeError, SIError) as error:
        raise StorageError("what is kept of the ends can't be read", got=f"{type(error).__name__}: {error}") from error
    return found


def _plain_specs(specs: Mapping[str, ConditionSpec]) -> dict[str, Any]:
    return {name: spec.plain() for name, spec in specs.items()}
