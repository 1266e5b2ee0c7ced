"""Where sampling starts: states of a process at a time, with what they are given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from si_core.contract.answers import check_states
from si_core.contract.condition import Condition, check_condition
from si_core.contract.distribution import Distribution
from si_core.contract.given_condition import moved, read_condition, repeated
from si_core.errors import UsageError
from si_core.models.missing_data import in_place
from si_core.process.process import StochasticInterpolant

__all__ = ["InitialStates"]


@dataclass(frozen=True)
class InitialStates:
    """The states that sampling starts from.

    Args:
        process: the process.
        start: the time sampling starts from.
        stop: the time it reaches.
        dtype: the precision that states must have; None for any.
        optional: the conditions that may be left out.
    """

    process: StochasticInterpolant
    start: float
    stop: float
    dtype: torch.dtype | None
    optional: frozenset[str]

    @property
    def origin(self) -> Distribution:
        """The distribution that sampling starts from."""
        return self.process.source if self.start < self.stop else self.process.target

    def conditions(self, n: int, generator: torch.Generator, condition: Any = None) -> Condition | None:
        """What n samples are given, each (n, *shape): the given values repeated in turn, the others as the data have
        them, or left out where training left them out.

        Args:
            n: the number of samples.
            generator: of what is drawn, on the device of the samples.
            condition: values by name, or the bare value where there is one condition; classes by their names.

        Raises:
            UsageError: an unknown condition or class, or values of another shape.
            MissingDataError: a loaded model whose data are gone, and which keeps no counts of their conditions.
        """
        specs = self.process.conditions
        if condition is None and not specs:
            return None
        given = {} if condition is None else repeated(read_condition(specs, condition), n)
        missing = [name for name in specs if name not in given]
        if missing and not given:
            with in_place("say what the samples are given (condition=..., --condition NAME=VALUE)"):
                return self._of_data(n, generator)
        left = [name for name in missing if name not in self.optional]
        if left:
            # One cannot be drawn given another: the data know only all of them together.
            check_condition(specs, given)
        return moved(given, generator.device)

    def drawn(self, n: int, generator: torch.Generator, condition: Any = None) -> tuple[Tensor, Condition | None]:
        """n initial states, shape (n, *event), with what they are given, each (n, *shape), or None.

        Draws of the source are given what is asked for. Draws of the target (backward, or in a mirror), of the process
        at a time between the ends, and of a source that networks are given have their own.

        Raises:
            UsageError: conditions asked for where the states have their own, or as for :meth:`conditions`.
            MissingDataError: a loaded model whose start is data that are gone.
        """
        process, origin = self.process, self.origin
        own = origin is process.target and bool(process.conditions)
        with in_place("give the states to start from (start_from=..., --start-from FILE)"):
            if self.start not in (0.0, 1.0) or process.coupling.anchored or own:
                if condition is not None:
                    raise UsageError(
                        "these initial states have their own conditions: none can be asked for",
                        got=f"condition {condition}",
                        fix="leave it out, or give the states to start from with their conditions",
                    )
                states, conditions = self._of_process(n, generator)
            elif condition is None and process.of_coupling:
                # Start and conditions of one pair, for the coupling may tell of x0.
                pairs = process.pairs(n, generator)
                states, conditions = pairs.x0, process.condition_of(pairs)
            elif self._of_pairs:
                states, conditions = self._of_conditions(n, generator, condition)
            else:
                conditions = self.conditions(n, generator, condition)
                states = check_states(origin, "sample", origin.sample(n, generator), n, process.shape)
        return self._in_precision(states), self.conditions_in_precision(conditions)

    def given(self, states: Tensor, condition: Any, generator: torch.Generator) -> Condition | None:
        """What networks are given of states (n, *event) to start from, each (n, *shape), or None.

        Raises:
            UsageError: states of the target without their conditions, or as for :meth:`conditions`.
        """
        specs = self.process.conditions
        given = {} if condition is None else dict(read_condition(specs, condition))
        if self.process.coupling.anchored and "x0" not in given and self.start == 0.0:
            given["x0"] = states
        known = all(name in given or name in self.optional for name in specs)
        if not known and not given and self.origin is not self.process.target and not self._of_pairs:
            return self.conditions_in_precision(self.conditions(len(states), generator))
        if not known:
            check_condition(specs, given, where="states to start from")
        return self.conditions_in_precision(repeated(given, len(states))) or None

    @property
    def _of_pairs(self) -> bool:
        """Whether the states to start from are made of what the conditions tell of."""
        return self.process.coupling.source_from_target and self.origin is self.process.source

    def conditions_in_precision(self, condition: Condition | None) -> Condition | None:
        """A condition whose values have the precision of the states."""
        if condition is None:
            return None
        return {name: self._in_precision(v) if v.is_floating_point() else v for name, v in condition.items()}

    def _of_conditions(self, n: int, generator: torch.Generator, condition: Any) -> tuple[Tensor, Condition | None]:
        """n draws of x0 given all conditions, with these."""
        process = self.process
        conditions = self.conditions(n, generator, condition) or {}
        found = process.coupling.start_from(process.target, conditions, generator)
        if found is None:
            raise UsageError(
                f"{type(process.coupling).__name__} can't make x0 of conditions alone",
                got=f"condition {', '.join(conditions)}",
                fix="give the states to start from with their conditions (start_from=..., --start-from FILE)",
            )
        return check_states(process.coupling, "start_from", found[0], n, process.shape), found[1]

    def _of_data(self, n: int, generator: torch.Generator) -> Condition | None:
        """Conditions as the data have them."""
        if self.process.of_coupling or self.process.coupling.anchored:
            return self.process.condition_of(self.process.pairs(n, generator))
        # The pairing says nothing of them, and may be dear.
        return self.process.target.draw_conditions(n, generator)

    def _of_process(self, n: int, generator: torch.Generator) -> tuple[Tensor, Condition | None]:
        """n states of the process at the time sampling starts from, with their conditions."""
        process = self.process
        if self.start == 1.0 and not process.coupling.anchored:
            if process.of_coupling:
                pairs = process.pairs(n, generator)
                return pairs.x1, process.condition_of(pairs)
            return process.target.checked_draw(n, generator)
        u = process.clock.position(torch.tensor([self.start], dtype=torch.float64, device=generator.device))
        draw = process.draw(n, generator, schedule=process.schedule(process.clock, u))
        return draw.xt, draw.condition

    def _in_precision(self, x: Tensor) -> Tensor:
        return x if self.dtype is None else x.to(self.dtype)
