"""What a process is, in numbers: a model keeps them, so that it notices when the process it was trained for changed.

At the positions ``u_k = (k + 1/2) / K``, K = 32, of the process's own clock: ``t``, ``dt/du``, ``gamma`` and
``d gamma/du``, and of a spatially linear interpolant ``alpha``, ``beta`` and their derivatives by u. Of any other
interpolant, ``I(t, x0, x1)`` and ``dI/dt`` at fixed points: their means over the event with fixed weights, K by P
numbers for P = 8 triples (x0, x1, weights). The points are low-discrepancy sequences (multiples of square roots,
modulo 1) of unit variance, the same on every machine and with every version of torch. Of a latent also its noise, and
of a coupling its pairs, where they are well defined (:mod:`si_core.process.fixed_draws`).

Two are compared number by number, for the same formulas differ by rounding between machines: by :data:`TOLERANCE` times
the largest size of the quantity, far below the error of any network and far above the rounding of single precision.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from si_core.process.fixed_draws import NOISE, PAIRED, TORCH_NOISE, of_coupling, of_latent, sequence
from si_core.process.process import StochasticInterpolant

__all__ = ["TOLERANCE", "Deviation", "data_parts", "fingerprint", "largest_deviation"]

TOLERANCE = 1e-4
"""Relative to the largest size of a quantity."""

_POSITIONS, _POINTS = 32, 8
_ROOTS = (2, 3, 5)


@dataclass(frozen=True)
class Deviation:
    """Where two processes differ most.

    Args:
        quantity: ``"gamma"``, ``"I(t, x0, x1)"``, ...
        time: the time t of the process that is remembered; NaN where the quantity has none.
        before: its value.
        now: that of the other process; None for a quantity that only one of them has.
    """

    quantity: str
    time: float
    before: float | None
    now: float | None

    def __str__(self) -> str:
        return self.told("when it was trained", "now")

    def told(self, before: str, now: str) -> str:
        """The deviation in words, with where the two values are from."""
        values = ["absent" if value is None else f"{value:.6g}" for value in (self.before, self.now)]
        at = "" if math.isnan(self.time) else f" at t = {self.time:.4g}"
        return f"{self.quantity}{at}: {values[0]} {before}, {values[1]} {now}"


def fingerprint(process: StochasticInterpolant) -> dict[str, Tensor]:
    """The numbers by quantity, float64 on the CPU, shapes (K,) and (K, P); with the parameters that parts have now."""
    device = _device(process)
    u = (torch.arange(_POSITIONS, dtype=torch.float64, device=device) + 0.5) / _POSITIONS
    with torch.no_grad():
        s = process.schedule(process.clock, u)
        found = {"t": s.t, "dt/du": s.rate}
        scalars = {"alpha": s.alpha, "beta": s.beta, "dalpha/du": s.alpha_rate, "dbeta/du": s.beta_rate}
        found |= {name: scalar for name, scalar in scalars.items() if scalar is not None}
        if not process.latent.vanishes:
            found |= {"gamma": torch.as_tensor(s.gamma), "dgamma/du": torch.as_tensor(s.gamma_rate)}
            found |= of_latent(process.latent, process.shape, _POSITIONS, device)
        if s.alpha is None:
            found |= _general(process, s.t)
        found |= of_coupling(process.coupling, process.shape, _POSITIONS, device)
    # A schedule gives a coefficient that does not change as one number.
    return {name: value.double().cpu().expand(_POSITIONS, *value.shape[1:]).clone() for name, value in found.items()}


def largest_deviation(before: Mapping[str, Tensor], now: Mapping[str, Tensor]) -> Deviation | None:
    """Where the second differs most from the first, relative to the size of the quantity; None where they agree."""
    # A file may hold anything by these names; nothing of another dtype was ever a fingerprint.
    before = {name: value for name, value in before.items() if value.dtype == torch.float64}
    worst, found = 1.0, None
    names = dict.fromkeys([*before, *now])
    if TORCH_NOISE in names and not _equal(before.get(TORCH_NOISE), now.get(TORCH_NOISE)):
        # Another generator: noise from it can't be compared, but a latent that comes or goes can.
        names = dict.fromkeys(name for name in names if name not in (NOISE, TORCH_NOISE))
    for name in names:
        old, new = before.get(name), now.get(name)
        if old is None or new is None or old.shape != new.shape:
            first = [None if value is None or value.numel() == 0 else float(value.flatten()[0]) for value in (old, new)]
            times = before.get("t", now.get("t"))
            return Deviation(name, math.nan if times is None else float(times.flatten()[0]), first[0], first[1])
        size = max(float(old.nan_to_num(0.0, 0.0, 0.0).abs().max()), torch.finfo(torch.float32).tiny)
        same = (old == new) | (old.isnan() & new.isnan())
        ratio = torch.where(same, 0.0, (new - old).abs() / (TOLERANCE * size)).nan_to_num(math.inf, math.inf)
        k = int(ratio.argmax())
        if float(ratio.flatten()[k]) > worst:
            worst = float(ratio.flatten()[k])
            timeless = "t" not in before or name in (NOISE, PAIRED) or name.endswith("of the coupling")
            time = math.nan if timeless else before["t"].flatten()[k // max(old[0].numel(), 1)]
            found = Deviation(name, float(time), float(old.flatten()[k]), float(new.flatten()[k]))
    return found


def data_parts(process: StochasticInterpolant) -> dict[str, object]:
    """The parts that may hold data, by their key in a recipe; a source that is the target is named once."""
    parts: dict[str, object] = {"target": process.target, "coupling": process.coupling}
    return parts if process.source is process.target else {"source": process.source, **parts}


def _equal(one: Tensor | None, other: Tensor | None) -> bool:
    return one is not None and other is not None and torch.allclose(one, other, rtol=0, atol=TOLERANCE)


def _device(process: StochasticInterpolant) -> torch.device:
    """Where the parts that are modules are."""
    for part in (process.interpolant, process.latent):
        if isinstance(part, nn.Module):
            for value in (*part.parameters(), *part.buffers()):
                return value.device
    return torch.device("cpu")


def _general(process: StochasticInterpolant, t: Tensor) -> dict[str, Tensor]:
    """``I`` and ``dI/dt`` of an interpolant that is not spatially linear, as weighted means over the event, (K, P)."""
    count, size = len(t), max(math.prod(process.shape), 1)
    points = (sequence(root, _POINTS * size).reshape(_POINTS, size).to(t.device) for root in _ROOTS)
    methods = {"I(t, x0, x1)": process.interpolant.at, "dI/dt(t, x0, x1)": process.interpolant.velocity_at}
    found: dict[str, list[Tensor]] = {name: [] for name in methods}
    for start, stop, weight in zip(*points, strict=True):
        x0, x1 = (x.expand(count, size).reshape(count, *process.shape) for x in (start, stop))
        for name, method in methods.items():
            found[name].append(method(t, x0, x1).reshape(count, size) @ weight / math.sqrt(size))
    return {name: torch.stack(columns, -1) for name, columns in found.items()}
