"""The SDE solvers of torchsde, held to the interface of an integrator.

torchsde takes states of shape (batch, channels) and times that increase. So the event is flattened, and time is
counted in steps: with ``t = start + h s``, s from 0 to N and the signed ``h = (stop - start)/N``, the problem is

    dX = h f(t, X) ds + sqrt(|h|) g(t) dW_s,

which runs forward whatever the sign of h, takes exactly N steps of length 1 without rounding, and ends at the stop.

The noise is additive: g does not depend on X. Then Itô and Stratonovich integrals agree, so torchsde's Stratonovich
Heun method applies, and SRK reduces to SRA1 (Rößler, SIAM J. Numer. Anal. 48, 2010), of two evaluations a step.
torchsde's adaptive steps are not offered: their guard against NaN is an assert statement, gone under ``python -O``.
"""

from __future__ import annotations

import copy
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torchsde import BrownianInterval, sdeint

from si_core import Integrator, Largest, Problem, Trajectory, UsageError
from si_torchsde.flat import FlatSDE

__all__ = ["Method", "TorchSDE"]

Method = Literal["srk", "heun", "euler"]

# What torchsde must be told, and the weak order for additive noise, which for SRA1 is better than its strong order 1.5.
_CALCULUS: dict[str, str] = {"srk": "ito", "heun": "stratonovich", "euler": "ito"}
_LEVY_AREA: dict[str, str] = {"srk": "space-time", "heun": "none", "euler": "none"}
_ORDERS: dict[str, float] = {"srk": 2.0, "heun": 2.0, "euler": 1.0}
_NODES: dict[str, tuple[float, ...]] = {"srk": (0.0, 0.75), "heun": (0.0,), "euler": (0.0,)}


class TorchSDE(Integrator):
    """A solver of torchsde with equal steps, for SDEs with additive noise and for ODEs.

    The Brownian motion is drawn from the generator alone. It keeps the increments of many steps, which takes the memory
    of about a hundred states. Gradients flow through the solver's steps.

    Args:
        method: srk (SRA1: strong order 1.5, weak order 2), heun (weak order 2) or euler (Euler-Maruyama, weak order 1).
        steps: the number of equal steps.

    Raises:
        UsageError: an unknown method, or steps below 1.
    """

    stochastic = True

    def __init__(self, method: Method = "srk", steps: Annotated[int, Field(ge=1, le=Largest.STEPS)] = 100) -> None:
        if method not in _ORDERS:
            raise UsageError("unknown method", where="torchsde", got=repr(method), allowed=", ".join(_ORDERS))
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise UsageError(
                "steps is the number of equal steps",
                where="torchsde",
                got=f"steps={steps!r}",
                allowed="a whole number >= 1",
            )
        self.method, self.steps = method, steps
        self.order = _ORDERS[method]

    def solve(self, transport: Problem, x: Tensor, generator: torch.Generator | None = None) -> Trajectory:
        """Integrate; see :meth:`si_core.Integrator.solve`. The trajectory has the first and the last state.

        Raises:
            UsageError: noise without a generator, or states in half precision.
        """
        if x.dtype not in (torch.float32, torch.float64):
            raise UsageError(
                "torchsde needs single or double precision",
                where="torchsde",
                got=str(x.dtype),
                allowed="torch.float32, torch.float64",
                fix="pass x.float()",
            )
        sde = FlatSDE(transport, x.shape, self.steps, _CALCULUS[self.method])
        positions = [k + node for k in range(self.steps) for node in _NODES[self.method]]
        transport.prepare([sde.time(position) for position in [*positions, float(self.steps)]], x)
        y = sde.flatten(x)
        brownian = BrownianInterval(
            t0=0.0,
            t1=float(self.steps),
            dt=1.0,
            size=tuple(y.shape),
            dtype=y.dtype,
            device=y.device,
            entropy=_entropy(transport, generator),
            levy_area_approximation=_LEVY_AREA[self.method],
        )
        # Positions count steps, so double precision holds them exactly; on the CPU, for they are read one by one.
        span = torch.tensor((0.0, float(self.steps)), dtype=torch.float64)
        # torchsde draws a trial vector from the global generator when it checks shapes.
        with torch.random.fork_rng(devices=[x.device] if x.is_cuda else []):
            final = sdeint(sde, y, span, bm=brownian, method=self.method, dt=1.0)[-1]
        ends = torch.tensor((transport.start, transport.stop), dtype=x.dtype, device=x.device)
        return Trajectory(ends, torch.stack((x, final.reshape(x.shape))), sde.evaluations)

    def part(self, fraction: float) -> TorchSDE:
        """This method with ``max(1, round(fraction steps))`` steps.

        Raises:
            UsageError: a fraction outside (0, 1].
        """
        if not 0 < fraction <= 1:
            raise UsageError(
                "a part is a fraction of the span", got=f"fraction={fraction!r}", allowed="0 < fraction <= 1"
            )
        part = copy.copy(self)
        part.steps = max(1, round(self.steps * fraction))
        return part


def _entropy(transport: Problem, generator: torch.Generator | None) -> int:
    """The seed of the Brownian motion; an ODE draws none, as its noise is multiplied by 0."""
    if not transport.stochastic:
        return 0
    if generator is None:
        raise UsageError(
            "an SDE needs a source of noise",
            where="torchsde",
            fix="pass generator=torch.Generator(x.device).manual_seed(0)",
        )
    return int(torch.randint(2**63 - 1, (), generator=generator, device=generator.device))
