"""The stochastic interpolant: ``x_t = I(t, x0, x1) + gamma(t) z`` with ``(x0, x1) ~ nu`` and z independent of them.

Albergo, Boffi, Vanden-Eijnden, arXiv 2303.08797, definition 2.1.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from si_core.contract.answers import check_states
from si_core.contract.clock import Clock, UniformClock, join_clocks
from si_core.contract.combine import combined, spread
from si_core.contract.condition import Condition, ConditionSpec, joined_specs
from si_core.contract.coupling import Coupling, starts_from_target
from si_core.contract.data import Draw, Pairs
from si_core.contract.distribution import Distribution
from si_core.contract.interpolant import Interpolant, SpatiallyLinear, derivative_clock
from si_core.contract.latent import Latent
from si_core.contract.schedule import Schedule, compute_schedule, part_coefficients
from si_core.errors import UsageError
from si_core.process.checked_pairs import check_pairs
from si_core.process.coefficients import Coefficients, Structure

__all__ = ["StochasticInterpolant"]

Made = TypeVar("Made")

_KEPT = 32
"""How many of the things found of a schedule are kept."""


class StochasticInterpolant:
    """A process between two distributions.

    Schedules are computed in double precision, so parts with parameters that give them (a latent, a spatially linear
    interpolant) are put into it here; the parameters stay the same objects.

    Args:
        interpolant: the path ``I(t, x0, x1)``.
        latent: the noise schedule ``gamma(t)``.
        coupling: how x0 and x1 are paired.
        source: the distribution at t = 0; None is allowed for a mirror, whose source is its target, and where the
            coupling makes x0 of x1.
        target: the distribution at t = 1.

    Raises:
        UsageError: source and target have different event shapes, or the source is missing.
    """

    def __init__(
        self,
        interpolant: Interpolant,
        latent: Latent,
        coupling: Coupling,
        source: Distribution | None,
        target: Distribution,
    ) -> None:
        if source is None:
            if not starts_from_target(coupling):
                raise UsageError("a process needs a source", fix="add `source: gaussian`, or use `coupling: mirror`")
            source = target if coupling.source_is_target else coupling.source_of(target)
        if tuple(source.shape) != tuple(target.shape):
            raise UsageError(
                "source and target have different event shapes",
                got=f"source {tuple(source.shape)}, target {tuple(target.shape)}",
                fix=f"give the source the shape {list(target.shape)}; in a recipe, `source: gaussian` takes it",
            )
        self.interpolant, self.latent, self.coupling = interpolant, latent, coupling
        self.source, self.target = source, target
        self.shape = tuple(target.shape)
        given = {"x0": ConditionSpec(self.shape)} if coupling.anchored else {}
        self.of_coupling = dict(coupling.conditions_of(target))
        """The conditions that are the coupling's, by name."""
        self.conditions = joined_specs({"target": target.conditions, "coupling": self.of_coupling, "given x0": given})
        """What networks are given beside (t, x), by name."""
        self.structure = Structure(
            spatially_linear=interpolant.spatially_linear,
            latent=not latent.vanishes,
            one_sided=(
                source.standard_normal
                and coupling.independent
                and interpolant.spatially_linear
                and not coupling.intervals
            ),
            mirror=coupling.source_is_target,
            anchored=(source.point is not None or coupling.anchored) and not coupling.intervals,
            intervals=coupling.intervals,
        )
        for part in (interpolant, latent):
            if isinstance(part, nn.Module) and isinstance(part, SpatiallyLinear | Latent):
                part.double()
        self.clock = self._own_clock()
        self._made: dict[Hashable, Any] = {}

    def _own_clock(self) -> Clock:
        if self.coupling.intervals:
            return UniformClock()
        clocks: list[Clock] = []
        uniform, ends = UniformClock(), torch.tensor([0.0, 1.0], dtype=torch.float64)
        if self.interpolant.clock is not None:
            clocks.append(self.interpolant.clock)
        elif isinstance(self.interpolant, SpatiallyLinear):
            linear = part_coefficients(self.interpolant, uniform, ends)
            clocks.append(derivative_clock([linear["alpha_rate"], linear["beta_rate"]]))
        if self.latent.clock is not None:
            clocks.append(self.latent.clock)
        elif not self.latent.vanishes:
            clocks.append(derivative_clock([part_coefficients(self.latent, uniform, ends)["gamma_rate"]]))
        return join_clocks(clocks)

    def schedule(self, clock: Clock, u: Tensor) -> Schedule:
        """The process's scalars at clock positions u in [0, 1], shape (N,) or ()."""
        return compute_schedule(self.interpolant, self.latent, clock, u)

    @property
    def learns(self) -> bool:
        """Whether the schedule may be another one later on."""
        return isinstance(self.interpolant, nn.Module) or isinstance(self.latent, nn.Module)

    def memo(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What ``make`` found of the schedule under a key, of the last few keys; anew each time where it may learn."""
        if self.learns:
            return make()
        if key not in self._made:
            if len(self._made) == _KEPT:
                del self._made[next(iter(self._made))]
            self._made[key] = make()
        return self._made[key]  # type: ignore[no-any-return]

    def coefficients(self, field: str, s: Schedule) -> Coefficients:
        """The coefficients of a field per unit of the schedule's clock; see :mod:`si_core.process.coefficients`."""
        return self.structure.coefficients(field, s)

    def noise_size(self, s: Schedule) -> Tensor:
        """The size of the noise in x_t: gamma, or that of a standard normal source where there is no latent; (N,)."""
        if self.structure.intervals:
            raise UsageError(
                "pairs on intervals have no common size of noise", got="epsilon: gamma", allowed="a number, or 0"
            )
        variance = self.structure.noise_variance(s) if not self.structure.latent else s.gamma * s.gamma
        return torch.as_tensor(variance, dtype=s.u.dtype, device=s.u.device).expand_as(s.u).sqrt()

    def draw(
        self,
        n: int,
        generator: torch.Generator | None = None,
        *,
        noise: torch.Generator | None = None,
        clock: Clock | None = None,
        antithetic: bool = False,
        schedule: Schedule | None = None,
        pairs: Pairs | None = None,
        second_times: bool = False,
    ) -> Draw:
        """Draw the process at random times, uniform in the clock, or at given ones.

        Args:
            n: number of draws.
            generator: the source of x0, x1 and their pairing.
            noise: the source of t and z; the same generator where it is None.
            clock: the clock of the draw; None for the process's own.
            antithetic: return 2n draws, the second n with the same (t, x0, x1) and -z.
            schedule: the times of the draws in place of random ones in ``clock``.
            pairs: n pairs, drawn already by the coupling.
            second_times: whether to draw further times s too, uniform in [0, 1] and independent of the first.
        """

        def twice(values: Tensor) -> Tensor:
            return torch.cat([values, values]) if antithetic else values

        noise = noise or generator
        pairs = pairs or self.pairs(n, generator)
        # The target, which may be data, decides the precision.
        x0, x1, condition, weight = pairs.x0.to(pairs.x1), pairs.x1, self.condition_of(pairs), pairs.weight
        if schedule is None:
            u = torch.rand(n, generator=noise, dtype=torch.float64, device=x1.device)
            schedule = self.schedule(clock or self.clock, twice(u))
        if (pairs.interval is not None) != self.structure.intervals:
            raise UsageError(
                f"{type(self.coupling).__name__} declares {'' if self.structure.intervals else 'no '}intervals",
                got="pairs without" if self.structure.intervals else "pairs with some",
                fix="`intervals` and `draw` of the coupling must agree",
            )
        if pairs.interval is not None:
            schedule = schedule.on_intervals(*map(twice, pairs.interval))
        if self.latent.vanishes:
            z = x1.new_zeros(()).expand_as(x1)
        else:
            z = check_states(self.latent, "sample", self.latent.sample(x1, noise), n, self.shape)
        s = torch.rand(n, generator=noise, dtype=torch.float64, device=x1.device).to(x1) if second_times else None
        return self.draw_of(
            schedule,
            twice(x0),
            twice(x1),
            torch.cat([z, -z]) if antithetic else z,
            condition=condition and {name: twice(values) for name, values in condition.items()},
            antithetic=antithetic,
            weight=None if weight is None else twice(weight),
            s=None if s is None else twice(s),
        )

    def draw_of(self, schedule: Schedule, x0: Tensor, x1: Tensor, z: Tensor, **beside: Any) -> Draw:
        """The draw of given ends and noise at the times of a schedule.

        Args:
            schedule: the times, B or one for all.
            x0, x1, z: each (B, *event).
            beside: further parts of the :class:`si_core.Draw`.
        """
        velocity, times = None, schedule.t
        if not self.structure.spatially_linear:
            derivative = self.interpolant.velocity_at(times, x0, x1)
            velocity = derivative * spread(schedule.rate, derivative)
        xt, facts = self.position(schedule, x0, x1, z), self.structure
        return Draw(times.to(x1.dtype), x0, x1, z, xt, schedule=schedule, structure=facts, velocity=velocity, **beside)

    def pairs(
        self, n: int, generator: torch.Generator | None = None, ends: tuple[Distribution, Distribution] | None = None
    ) -> Pairs:
        """n pairs of the coupling, as it drew them.

        Args:
            n: how many.
            generator: the source of randomness.
            ends: source and target, as :meth:`si_core.Distribution.of_step` gives them for a step of training; by
                default those of the process.

        Raises:
            PluginError: the coupling drew another number, or other shapes.
        """
        source, target = ends or (self.source, self.target)
        return check_pairs(self.coupling, self.coupling.draw(source, target, n, generator), n, self.shape)

    def condition_of(self, pairs: Pairs) -> Condition | None:
        """What networks are given of pairs, values in the precision of the states; None where that is nothing."""
        if pairs.condition is None and not self.coupling.anchored:
            return None
        conditions = dict(pairs.condition or {})
        if self.coupling.anchored:
            conditions["x0"] = pairs.x0
        return {name: v.to(pairs.x1) if v.is_floating_point() else v for name, v in conditions.items()} or None

    def position(self, s: Schedule, x0: Tensor, x1: Tensor, z: Tensor) -> Tensor:
        """``x_t`` at the times of a schedule, shape (B, *event)."""
        if s.alpha is not None and s.beta is not None:
            return combined((s.alpha, s.beta, s.gamma), (x0, x1, z))
        xt = self.interpolant.at(s.t, x0, x1)
        return xt if self.latent.vanishes else torch.addcmul(xt, torch.as_tensor(spread(s.gamma, z)), z)

    def paths(self, times: Tensor, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Whole paths ``I(t, x0, x1) + noise(t)`` of the diffusive interpolant, shape (K, n, *event).

        Their law at each time is that of the process; the latent must be one with paths, such as ``brownian``.

        Args:
            times: increasing times in [0, 1], shape (K,).
            n: the number of paths.
            generator: the source of randomness.
        """
        pairs = self.pairs(n, generator)
        x0, x1 = pairs.x0, pairs.x1
        centre = torch.stack([self.interpolant.at(t, x0, x1) for t in times])
        return centre if self.latent.vanishes else centre + self.latent.path(times, x1, generator)
