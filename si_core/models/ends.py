"""What a model keeps of its ends and of its coupling: enough to sample without their data.

Parts that hold data are those with a ``fingerprint``. A model keeps their frames and what a process asks of them, and
when it is loaded a stand-in takes their place, which makes the part itself from the recipe only when somebody asks for
its data, and refuses data that are not those of the training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor, nn

from si_core.contract.condition import Condition, ConditionSpec
from si_core.contract.coupling import Coupling
from si_core.contract.data import Pairs
from si_core.contract.distribution import Distribution
from si_core.contract.frame import Frame
from si_core.contract.moments import Moments
from si_core.errors import SIError, StorageError
from si_core.models.missing_data import PUT_BACK, MissingDataError
from si_core.process.fingerprint import data_parts
from si_core.process.process import StochasticInterpolant
from si_core.storage.fingerprints import fingerprints

__all__ = ["Kept", "KeptCoupling", "KeptDistribution", "kept_parts", "stand_ins"]

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


class _Data:
    """The part itself, made when it is first asked for.

    Args:
        build: makes it.
        fingerprint: of the data of the training.
        where: how errors name it.
    """

    def __init__(self, build: Callable[[], object], fingerprint: str, where: str) -> None:
        self.fingerprint = fingerprint
        self._build, self._where = build, where

    @cached_property
    def part(self) -> Any:
        """The part.

        Raises:
            MissingDataError: its data are gone, or are others than those of the training.
        """
        try:
            found = self._build()
        except SIError as error:
            raise MissingDataError(
                "the data that the model was trained on can't be read",
                where=self._where,
                got=error.problem,
                allowed=error.allowed,
                fix=PUT_BACK,
            ) from error
        now = getattr(found, "fingerprint", None)
        if now != self.fingerprint:
            raise MissingDataError(
                "the data that the model was trained on have changed",
                where=self._where,
                got=f"fingerprint {str(now)[:16]}",
                allowed=f"fingerprint {self.fingerprint[:16]}",
                fix=PUT_BACK,
            )
        return found


class KeptDistribution(Distribution):
    """A data set that a model was trained on, as the model keeps it.

    Args:
        kept: the entry of :func:`kept_parts`.
        data: the data set itself.
    """

    def __init__(self, kept: Mapping[str, Any], data: _Data) -> None:
        self._frame = Frame.of_plain(kept["frame"])
        self.shape, self.fingerprint = self._frame.shape, data.fingerprint
        self.conditions = _specs(kept["conditions"])
        point = kept["point"]
        self.point = None if point is None else torch.tensor(point, dtype=torch.float64).reshape(self.shape)
        self.size, self.entropy, self.standard_normal = kept["size"], kept["entropy"], bool(kept["standard_normal"])
        self._traits = {name: bool(kept[name]) for name in ("has_samples", "has_density", "normalised")}
        self._moments = None if kept["moments"] is None else Moments(**kept["moments"])
        self._data = data

    @property
    def itself(self) -> Distribution:
        found: Distribution = self._data.part
        return found

    @property
    def frame(self) -> Frame:
        return self._frame

    @property
    def moments(self) -> Moments | None:
        return self._moments

    @property
    def has_samples(self) -> bool:
        return self._traits["has_samples"]

    @property
    def has_density(self) -> bool:
        return self._traits["has_density"]

    @property
    def normalised(self) -> bool:
        return self._traits["normalised"]

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        found: Tensor = self._data.part.sample(n, generator)
        return found

    def draw(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, Condition | None]:
        found: tuple[Tensor, Condition | None] = self._data.part.draw(n, generator)
        return found

    def rows(self, index: Tensor) -> tuple[Tensor, Condition | None]:
        found: tuple[Tensor, Condition | None] = self._data.part.rows(index)
        return found

    def log_prob(self, x: Tensor) -> Tensor:
        found: Tensor = self._data.part.log_prob(x)
        return found

    def held_out(self) -> tuple[Tensor, Condition | None] | None:
        found: tuple[Tensor, Condition | None] | None = self._data.part.held_out()
        return found


class KeptCoupling(Coupling):
    """A coupling that holds data, as a model keeps it.

    Args:
        kept: the entry of :func:`kept_parts`.
        data: the coupling itself.
    """

    def __init__(self, kept: Mapping[str, Any], data: _Data) -> None:
        self.independent, self.source_is_target = bool(kept["independent"]), bool(kept["source_is_target"])
        self.anchored, self.intervals = bool(kept["anchored"]), bool(kept["intervals"])
        self.source_from_target, self._pairs_points = bool(kept["source_from_target"]), bool(kept["pairs_points"])
        self.conditions, self.fingerprint = _specs(kept["conditions"]), data.fingerprint
        self._data = data

    def source_of(self, target: Distribution) -> Distribution:
        found: Distribution = self._data.part.source_of(target)
        return found

    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        found: tuple[Tensor, Tensor] = self._data.part.pair(x0, x1, generator)
        return found

    def draw(
        self, source: Distribution, target: Distribution, n: int, generator: torch.Generator | None = None
    ) -> Pairs:
        found: Pairs = self._data.part.draw(source.itself, target.itself, n, generator)
        return found

    @property
    def pairs_points(self) -> bool:
        return self._pairs_points

    def pairs_of(
        self,
        source: Distribution,
        target: Distribution,
        x1: Tensor,
        condition: Condition | None,
        generator: torch.Generator | None = None,
    ) -> Pairs:
        # The target is needed for its frame, which is at hand.
        found: Pairs = self._data.part.pairs_of(source.itself, target, x1, condition, generator)
        return found

    def start_from(
        self, target: Distribution, condition: Condition, generator: torch.Generator
    ) -> tuple[Tensor, Condition] | None:
        found: tuple[Tensor, Condition] | None = self._data.part.start_from(target, condition, generator)
        return found


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
                data = _Data(partial(build, name), entry["fingerprint"], where(name))
                found[name] = (KeptCoupling if name == "coupling" else KeptDistribution)(entry, data)
    except (KeyError, TypeError, ValueError, AttributeError, SIError) as error:
        raise StorageError("what is kept of the ends can't be read", got=f"{type(error).__name__}: {error}") from error
    return found


def _plain_specs(specs: Mapping[str, ConditionSpec]) -> dict[str, Any]:
    return {
        name: {"shape": list(spec.shape), "mean": spec.mean, "scale": spec.scale}
        if spec.classes is None
        else {"classes": list(spec.classes)}
        for name, spec in specs.items()
    }


def _specs(plain: Mapping[str, Any]) -> dict[str, ConditionSpec]:
    return {
        name: ConditionSpec(classes=tuple(spec["classes"]))
        if "classes" in spec
        else ConditionSpec(tuple(spec["shape"]), mean=float(spec["mean"]), scale=float(spec["scale"]))
        for name, spec in plain.items()
    }
