"""What is solved: processes with networks for fields, and processes whose fields are known exactly."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

import si_core as si

__all__ = ["LatentName", "exact_process", "learned_fields", "points_of", "process_of"]

LatentName = Literal["none", "brownian"]


def process_of(
    source: si.Distribution, target: si.Distribution, latent: LatentName = "brownian"
) -> si.StochasticInterpolant:
    """The linear process between two distributions, apart and independent."""
    return si.StochasticInterpolant(
        si.build("interpolant", "linear"),
        si.build("latent", latent),
        si.build("coupling", "independent"),
        source,
        target,
    )


def exact_process(scale: float, latent: LatentName) -> si.StochasticInterpolant:
    """From a standard normal to eight Gaussians of this standard deviation on a circle of radius 2, in 2 dimensions."""
    source = si.build("distribution", "gaussian", dim=2)
    return process_of(source, si.build("distribution", "eight-gaussians", scale=scale), latent)


def learned_fields(
    network: nn.Module, dim: int, heads: int = 1, precondition: bool = True, latent: LatentName = "brownian"
) -> si.LearnedFields:
    """Fields of a process between Gaussians with a network behind them: a velocity, or a velocity and a denoiser.

    Args:
        network: the network, with an axis of heads where there are two.
        dim: dimensions of a state.
        heads: 1 for a velocity, which a standard normal source completes; 2 for velocity and denoiser, which a source
            that is no standard normal needs both.
        precondition: whether the network stands for the remainder beside x.
        latent: the latent of the process.
    """
    names = ("velocity", "denoiser")[:heads]
    source = si.build("distribution", "gaussian", dim=dim, covariance=1.0 if heads == 1 else 1.5)
    process = process_of(source, si.build("distribution", "gaussian", dim=dim), latent)
    predictor = si.Predictor([network], heads).eval()
    return si.LearnedFields(process, names, predictor, si.Parametrisation(process.clock, precondition))


def points_of(rows: int, dim: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Standard normal states, the same at each call."""
    return torch.randn(rows, dim, generator=torch.Generator().manual_seed(7), dtype=torch.float64).to(dtype)
