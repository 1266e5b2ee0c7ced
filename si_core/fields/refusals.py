"""What is said where a field or a drift can't be had from what is known, and only such advice as holds."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial

import torch
from torch import Tensor

from si_core.contract.clock import Clock, UniformClock
from si_core.contract.schedule import Schedule
from si_core.errors import UsageError
from si_core.process.candidates import candidates, survey
from si_core.process.coefficients import Structure
from si_core.process.completion import WHOLE, CoefficientFunction, Completion, Verdict, choose, complete
from si_core.process.process import StochasticInterpolant

__all__ = ["Asked", "refusal"]

_Given = tuple[Callable[[Clock, Tensor], Schedule], Clock, Structure, list[CoefficientFunction], CoefficientFunction]

_OFFERED = ("denoiser", "velocity", "interpolant-velocity", "score", "source-denoiser", "target-denoiser")


class Asked:
    """A field or a drift that was asked for.

    Args:
        process: the process.
        names: the known fields.
        known_coefficients: those by which a field of some name is known, or would be.
        wanted: the coefficients of what was asked for.
        clock: the clock in which they are meant.
        what: what it is, in words.
        span: the clock positions at which it is needed, early to late.
        noiseless: those of the ODE's drift, where the drift of an SDE was asked for; else None.
        damped: those with a noise level that vanishes as gamma does, in place of the wanted one; else None.
        key: tells the known and the wanted coefficients from all others of this process; None where nothing does.
    """

    def __init__(
        self,
        process: StochasticInterpolant,
        names: Sequence[str],
        known_coefficients: Callable[[str], CoefficientFunction],
        wanted: CoefficientFunction,
        clock: Clock,
        what: str,
        span: tuple[float, float] = WHOLE,
        noiseless: CoefficientFunction | None = None,
        damped: CoefficientFunction | None = None,
        key: Hashable | None = None,
    ) -> None:
        self.process, self.names = process, tuple(names)
        self.known_coefficients, self.wanted = known_coefficients, wanted
        self.clock, self.what, self.span, self.noiseless, self.damped = clock, what, span, noiseless, damped
        self.key = None if key is None else (key, self.names, clock, span)
        self._surveys: dict[Clock, Schedule] = {}

    def completion(self, freeze: bool = False) -> Completion:
        """The best completion of what was asked for."""
        given = self._given(self.names, self.wanted, self.clock)
        remains = self.key is not None and not self.process.learns
        choice = self.process.memo(self.key, partial(choose, *given, self.span)) if remains else None
        return complete(*given, self.span, freeze, choice)

    def bounded(
        self, names: Sequence[str] | None = None, wanted: CoefficientFunction | None = None, clock: Clock | None = None
    ) -> bool:
        """Whether the weights were bounded if these fields were known, this one wanted, in this clock."""
        found = candidates(*self._given(names or self.names, wanted or self.wanted, clock or self.clock))
        return any(candidate.bounded(self.span) for candidate in found)

    def enough(self) -> list[str]:
        """The single further fields that make the weights bounded."""
        others = [name for name in _OFFERED if name not in self.names and self.process.structure.has(name)]
        return [name for name in others if self.bounded([*self.names, name])]

    def _given(self, names: Sequence[str], wanted: CoefficientFunction, clock: Clock) -> _Given:
        return self._schedule, clock, self.process.structure, [self.known_coefficients(name) for name in names], wanted

    def _schedule(self, clock: Clock, u: Tensor) -> Schedule:
        """The process's schedule; at the positions that every question asks for, computed once for each clock."""
        if u is not survey():
            return self.process.schedule(clock, u)
        if clock not in self._surveys:
            self._surveys[clock] = self.process.schedule(clock, u)
        return self._surveys[clock]


def refusal(asked: Asked, verdict: Verdict) -> UsageError:
    """The error for what has this verdict; with the further objectives that it names it could be had."""
    if not verdict.in_span:
        return _out_of_span(asked)
    return _pole(asked, verdict) if verdict.poles else _unbounded(asked, verdict)


def _out_of_span(asked: Asked) -> UsageError:
    enough = asked.enough()
    return UsageError(
        f"{asked.what} can't be had from what is learned",
        got=f"objectives {_listed(asked.names)}",
        allowed=f"any of these beside it: {', '.join(enough)}" if enough else "no single further objective is enough",
        fix=f"add the objective `{enough[0]}`" if enough else "add `velocity` and `denoiser`",
    )


def _pole(asked: Asked, verdict: Verdict) -> UsageError:
    places = []
    for u in verdict.poles:
        t = float(asked.clock.time(torch.tensor(u, dtype=torch.float64)))
        places.append(f"t = {t:.5g}" + (f" (u = {u:.5g} of the clock)" if abs(t - u) > 1e-9 else ""))
    enough = asked.enough()
    return UsageError(
        f"{asked.what} needs weights of the learned fields that have a pole at {' and '.join(places)}: there what "
        "is learned says too little, and no step gets past it",
        got=f"objectives {_listed(asked.names)}",
        allowed=f"any of these beside it: {', '.join(enough)}" if enough else "no single further objective is enough",
        fix=f"add the objective `{enough[0]}`" if enough else "add `velocity` and `denoiser`",
    )


def _unbounded(asked: Asked, verdict: Verdict) -> UsageError:
    remedies = []
    own = asked.process.clock
    if asked.clock != own and asked.bounded(clock=own):
        remedies.append(f"`clock: auto`, which slows down there ({own})")
    if asked.damped is not None and asked.bounded(wanted=asked.damped):
        remedies.append("`epsilon: gamma`, a noise level that vanishes as it must, where this one does not")
    enough = asked.enough()
    if enough:
        remedies.append(f"the objective `{enough[0]}` too")
    if asked.noiseless is not None and asked.bounded(wanted=asked.noiseless):
        remedies.append("`epsilon: 0`")
    if verdict.unbounded[1] and not verdict.unbounded[0]:
        remedies.append("`stop: 0.99` with `denoise: true`")
    elif verdict.unbounded[0] and not verdict.unbounded[1]:
        remedies.append("`start: 0.01`")
    else:
        remedies.append("a span such as `start: 0.01`, `stop: 0.99` with `denoise: true`")
    return UsageError(
        f"{asked.what} needs weights of the learned fields that grow without bound at {verdict.ends}, and an error of "
        "the networks with them",
        got=f"objectives {_listed(asked.names)}" + ("" if type(asked.clock) is UniformClock else f", {asked.clock}"),
        allowed="; or ".join(remedies),
        fix=f"{remedies[0]}; `freeze: true` keeps the last weights before the end, at the price of a bias",
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
