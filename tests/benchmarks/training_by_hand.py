"""Training loops written by hand for one process: linear, in plain t, with the square-root latent or without."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

__all__ = ["one_field_step", "two_field_step"]

MARGIN = 1e-4
"""How near to an end a time may come where gamma' is infinite."""


def one_field_step(networks: nn.ModuleList, batch: int, dim: int, noisy: bool, ema: float | None) -> Callable[[], None]:
    """One step of learning the velocity."""
    (network,) = networks
    generator, finish = torch.Generator().manual_seed(7), _optimisation(networks, ema)

    def step() -> None:
        x0 = torch.randn(batch, dim, generator=generator)
        x1 = torch.randn(batch, dim, generator=generator)
        t = torch.rand(batch, 1, generator=generator)
        xt, target = torch.lerp(x0, x1, t), x1 - x0
        if noisy:
            z = torch.randn(batch, dim, generator=generator)
            t = t.clamp(MARGIN, 1 - MARGIN)
            gamma = (t * (1 - t)).sqrt()
            xt = torch.addcmul(xt, gamma, z)
            target = torch.addcmul(target, (0.5 - t) / gamma, z)
        prediction = network(t.squeeze(1), xt)
        finish((prediction * (0.5 * prediction - target)).sum(1).mean())

    return step


def two_field_step(networks: nn.ModuleList, batch: int, dim: int, noisy: bool, ema: float | None) -> Callable[[], None]:
    """One step of learning velocity and denoiser on antithetic pairs: two networks on twice the batch."""
    velocity, denoiser = networks
    generator, finish = torch.Generator().manual_seed(7), _optimisation(networks, ema)

    def step() -> None:
        x0 = torch.randn(batch, dim, generator=generator)
        x1 = torch.randn(batch, dim, generator=generator)
        t = torch.rand(batch, 1, generator=generator).clamp_(MARGIN, 1 - MARGIN)
        z = torch.randn(batch, dim, generator=generator)
        gamma = (t * (1 - t)).sqrt()
        mean, derivative, noise, turn = torch.lerp(x0, x1, t), x1 - x0, gamma * z, (0.5 - t) / gamma * z
        xt, target = torch.cat([mean + noise, mean - noise]), torch.cat([derivative + turn, derivative - turn])
        times, z = torch.cat([t, t]).squeeze(1), torch.cat([z, -z])
        b, eta = velocity(times, xt), denoiser(times, xt)
        finish((b * (0.5 * b - target)).sum(1).mean() + (eta * (0.5 * eta - z)).sum(1).mean())

    return step


def _optimisation(networks: nn.ModuleList, ema: float | None) -> Callable[[torch.Tensor], None]:
    """What a step does with its loss."""
    optimizer = torch.optim.Adam(networks.parameters(), lr=1e-3, fused=True)
    average = None if ema is None else AveragedModel(networks, multi_avg_fn=get_ema_multi_avg_fn(ema))

    def finish(loss: torch.Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if average is not None:
            average.update_parameters(networks)

    return finish
