"""The noise level and the clock of sampling by name, given the process that they are for."""

from __future__ import annotations

from si_core.contract.clock import Clock
from si_core.contract.diffusion import Diffusion
from si_core.discovery.build import build
from si_core.process.process import StochasticInterpolant

__all__ = ["build_clock", "build_diffusion"]


def build_diffusion(name: str, process: StochasticInterpolant, **options: object) -> Diffusion:
    """A diffusion schedule of a process, by name."""
    context = {"interpolant": process.interpolant, "latent": process.latent}
    diffusion: Diffusion = build("diffusion", name, context=context, **options)
    return diffusion


def build_clock(name: str, process: StochasticInterpolant, **options: object) -> Clock:
    """A clock for a process, by name."""
    context = {"interpolant": process.interpolant, "latent": process.latent, "own": process.clock}
    clock: Clock = build("clock", name, context=context, **options)
    return clock
