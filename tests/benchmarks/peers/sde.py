"""SDE samplers of peers: torchsde's solvers, and azula's ancestral sampler."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from . import installed
from .ode import Drift

__all__ = ["NoisySolver", "noisy_solvers", "torchsde_solve"]

NoisySolver = Callable[[nn.Module, Tensor, int], Tensor]
"""``solver(network, x, steps)``: the state after so many steps with noise, one call of the network each."""

_CALCULUS = {"euler": "ito", "srk": "ito", "heun": "stratonovich"}


def noisy_solvers() -> dict[str, NoisySolver]:
    """The solvers that are installed, by the name of their library."""
    found: dict[str, NoisySolver] = {"torchsde": _torchsde, "azula": _azula}
    return {name: solver for name, solver in found.items() if installed(name)}


def torchsde_solve(drift: Drift, noise: float, x: Tensor, method: str, steps: int) -> Tensor:
    """The state at time 1 of ``dX = drift(t, X) dt + noise dW``, X = x at time 0.

    torchsde draws from the global generator.
    """
    from torchsde import sdeint

    class Problem:
        noise_type, sde_type = "diagonal", _CALCULUS[method]

        def f(self, t: Tensor, y: Tensor) -> Tensor:
            return drift(t, y)

        def g(self, t: Tensor, y: Tensor) -> Tensor:
            return torch.full_like(y, noise)

    times = torch.tensor([0.0, 1.0], dtype=x.dtype)
    return sdeint(Problem(), x, times, method=method, dt=1 / steps)[-1]  # type: ignore[no-any-return]


def _torchsde(network: nn.Module, x: Tensor, steps: int) -> Tensor:
    return torchsde_solve(network, 1.0, x, "euler", steps)


def _azula(network: nn.Module, x: Tensor, steps: int) -> Tensor:
    from azula.denoise import Denoiser, DiracPosterior
    from azula.noise import RectifiedSchedule
    from azula.sample import DDPMSampler

    class Denoise(Denoiser):  # type: ignore[misc]
        schedule = RectifiedSchedule()

        def forward(self, x_t: Tensor, t: Tensor) -> DiracPosterior:
            return DiracPosterior(mean=network(t, x_t))

    return DDPMSampler(Denoise(), steps=steps, silent=True)(x)  # type: ignore[no-any-return]
