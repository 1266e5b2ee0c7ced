"""Couplings: how draws of the source and of the target are paired, ``(x0, x1) ~ nu``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from si_core.contract.answers import check_states, form_of, misbehaved
from si_core.contract.condition import Condition, ConditionSpec
from si_core.contract.data import Pairs
from si_core.contract.distribution import Distribution
from si_core.contract.made_source import MadeSource
from si_core.contract.model import AnyModel

__all__ = ["Coupling", "starts_from_target"]


class Coupling(ABC):
    """A joint law with the two ends as marginals."""

    independent: bool = False
    """Whether x0 and x1 are independent: with a standard normal source the process is then one-sided."""

    source_is_target: bool = False
    """Whether x0 = x1 (mirror); a recipe then needs no source."""

    source_from_target: bool = False
    """Whether :meth:`draw` makes x0 of what the target gives, such as a corrupted picture of x1, or the state before
    it: a recipe then needs no source, the law of x0 is that of :meth:`source_of`, and :meth:`start_from` may make
    initial states of given conditions."""

    anchored: bool = False
    """Whether x0 is given: networks are given it as the condition ``"x0"``, and fields are those of the law of x1 given
    x0 (forecasts)."""

    intervals: bool = False
    """Whether pairs live on intervals of time, such as those between snapshots: :meth:`draw` then gives each pair its
    interval. Fields are learned in time itself, and only those that are learned are known: at one time pairs of several
    intervals may meet, so none follows from another."""

    conditions: Mapping[str, ConditionSpec] = MappingProxyType({})
    """What :meth:`draw` gives with its pairs beside what the target does, by name; see :meth:`conditions_of`."""

    prefetch: bool = False
    """Whether training has pairs made ahead, in threads beside it: worth it where a solver takes as long as a step and
    works outside of Python's lock on one core. The same pairs are then made for each step, by several threads at once.
    """

    @property
    def from_ends(self) -> bool:
        """Whether :meth:`draw` takes what it pairs from the ends it is given, at every call anew.

        By default it does where it is not overridden. The ends are then those of a step
        (:meth:`si_core.Distribution.of_step`), and what takes time to read is read ahead
        (:attr:`si_core.Distribution.prefetch`).
        """
        return type(self).draw is Coupling.draw

    def conditions_of(self, target: Distribution) -> Mapping[str, ConditionSpec]:
        """What :meth:`draw` gives with its pairs of a target beside what that does, by name.

        By default :attr:`conditions`; overridden where their shapes follow from the target's.

        Raises:
            UsageError: a target that it is not for.
        """
        return self.conditions

    @property
    def pairs_points(self) -> bool:
        """Whether :meth:`pairs_of` pairs given points of the target: not where pairs are drawn together, as rows of a
        table are."""
        return type(self).draw is Coupling.draw or type(self).pairs_of is not Coupling.pairs_of

    @abstractmethod
    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Pair a batch of source draws with a batch of target draws.

        The order of x1 must stay, for conditions belong to it; x0 may be reordered or replaced.

        Args:
            x0: shape (B, *event).
            x1: shape (B, *event).

        Returns:
            The paired (x0, x1), each (B, *event).
        """

    def source_of(self, target: Distribution) -> Distribution:
        """The law of x0, where it follows from the target (:attr:`source_from_target`): by default that of the pairs.

        Args:
            target: the target; of a loaded model it may be what the model keeps of it.
        """
        return MadeSource(target, self.draw)

    def refit(self, model: AnyModel, rounds: int, generator: torch.Generator) -> None:  # noqa: B027 - by default nothing
        """Couple anew by what the model has learned on the pairs so far; called between the rounds of training.

        What it keeps of it belongs into buffers of a torch module, which are saved with the weights. A coupling that
        has nothing to learn from a model leaves this as it is, and takes no part in ``train.rounds``.

        Args:
            model: the model of the rounds so far.
            rounds: how many are done, from 1.
            generator: the source of randomness.
        """

    def draw(
        self, source: Distribution, target: Distribution, n: int, generator: torch.Generator | None = None
    ) -> Pairs:
        """n pairs with the target's conditions.

        Override it where pairs are drawn together, as rows of one table are, or have conditions or weights of their
        own.
        """
        x0 = check_states(source, "sample", source.sample(n, generator), n, source.shape)
        x1, condition = target.checked_draw(n, generator)
        return self._joined(x0, x1, condition, generator)

    def pairs_of(
        self,
        source: Distribution,
        target: Distribution,
        x1: Tensor,
        condition: Condition | None,
        generator: torch.Generator | None = None,
    ) -> Pairs:
        """Pairs of given points of the target, such as held-out ones, in their order; where :attr:`pairs_points`.

        Args:
            source, target: the ends that they are of.
            x1: shape (B, *event), on the device of the generator.
            condition: of these points, by name.
            generator: the source of randomness.
        """
        x0 = check_states(source, "sample", source.sample(len(x1), generator), len(x1), source.shape)
        return self._joined(x0, x1, condition, generator)

    def start_from(
        self, target: Distribution, condition: Condition, generator: torch.Generator
    ) -> tuple[Tensor, Condition] | None:
        """Draws of x0 given the conditions of pairs, (n, *event), with these conditions as networks are to be given
        them; where :attr:`source_from_target`. None where it can't be drawn given them.

        Args:
            target: the target.
            condition: all conditions of the process by name, each (n, *shape).
            generator: the source of randomness.

        Raises:
            UsageError: values that no pair has.
        """
        return None

    def _joined(self, x0: Tensor, x1: Tensor, condition: Condition | None, generator: torch.Generator | None) -> Pairs:
        paired = self.pair(x0, x1, generator)
        if not isinstance(paired, tuple) or len(paired) != 2:
            raise misbehaved(self, "pair", "a coupling pairs draws", got=form_of(paired), allowed="(x0, x1)")
        return Pairs(*paired, condition)


def starts_from_target(coupling: Coupling | type[Coupling]) -> bool:
    """Whether a coupling, or each of a class, takes or makes x0 of x1, so that there is no source beside the target."""
    return bool(coupling.source_is_target) or bool(coupling.source_from_target)
