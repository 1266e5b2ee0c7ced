"""Stand-ins of parts that hold data, in a model that was trained.

They have what a model keeps of such a part, make the part itself from the recipe only when somebody asks for its data,
and refuse data that are not those of the training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from si_core.contract.condition import Condition, ConditionSpec
from si_core.contract.coupling import Coupling
from si_core.contract.data import Pairs
from si_core.contract.distribution import Distribution
from si_core.contract.frame import Frame
from si_core.contract.moments import Moments
from si_core.errors import SIError
from si_core.models.missing_data import PUT_BACK, MissingDataError

__all__ = ["KeptCoupling", "KeptDistribution", "PartData"]


class PartData:
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
        kept: the entry of :func:`.ends.kept_parts`.
        data: the data set itself.
    """

    def __init__(self, kept: Mapping[str, Any], data: PartData) -> None:
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
        kept: the entry of :func:`.ends.kept_parts`.
        data: the coupling itself.
    """

    def __init__(self, kept: Mapping[str, Any], data: PartData) -> None:
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


def _specs(plain: Mapping[str, Any]) -> dict[str, ConditionSpec]:
    return {name: ConditionSpec.of_plain(spec) for name, spec in plain.items()}
