"""A sampling step: what the loop of an integrator costs beside the network and the noise it draws.

    added = (time of ``si.integrate`` with N steps) / N  -  one network call  -  one ``normal_``  (for an SDE)

The network is called in inference mode at a time that is a tensor already, as the leanest loop by hand would. With a
network of milliseconds the small difference drowns in the noise of the machine, so the same is measured with networks
that do next to nothing: one cheap kernel for each head. That is the figure to watch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

import si_core as si

from .timing import Spread, interleaved, spread

__all__ = ["CASES", "SamplingCase", "SamplingResult", "measure_sampling"]


@dataclass(frozen=True)
class SamplingCase:
    """What is sampled.

    Args:
        integrator: ``euler`` (ODE) or ``euler-maruyama`` (SDE).
        fields: 1 for a velocity alone, which a standard normal source completes; 2 for velocity and denoiser by two
            heads of one network, which have to be taken apart and added.
        dim: dimensions of a state.
        network: ``mlp`` (4 x 256, silu) or ``free`` (one cheap kernel).
        precondition: whether the network stands for the remainder beside x.
        states: how many states.
        steps: steps of one solution.
    """

    integrator: str
    fields: int
    dim: int
    network: str
    precondition: bool = True
    states: int = 1000
    steps: int = 50


CASES = tuple(
    SamplingCase(integrator, fields, dim, network, precondition, steps=200 if network == "free" else 20)
    for network in ("free", "mlp")
    for dim in (2, 128)
    for integrator, fields in (("euler", 1), ("euler-maruyama", 1), ("euler-maruyama", 2))
    for precondition in (True, False)
)


@dataclass(frozen=True)
class SamplingResult:
    """Seconds of one step of ours, of one network call, of one draw of noise, and of what ours adds to them."""

    case: SamplingCase
    step: Spread
    network: Spread
    noise: Spread | None
    added: Spread

    def record(self) -> dict[str, object]:
        """This result as plain data."""
        return asdict(self)


class Free(nn.Module):
    """A network of one cheap kernel: ``-x``, for every head the same.

    Args:
        heads: the number of heads, or None for one without an axis of heads.
    """

    def __init__(self, heads: int | None) -> None:
        super().__init__()
        self.heads = heads

    def forward(self, t: Tensor, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return -x if self.heads is None else -x.unsqueeze(1).expand(-1, self.heads, *x.shape[1:])


def transport_of(case: SamplingCase) -> tuple[si.Transport, nn.Module]:
    """The problem to solve and the network behind it."""
    stochastic = case.integrator == "euler-maruyama"
    names = ("velocity", "denoiser")[: case.fields]
    source = target = si.build("distribution", "gaussian", dim=case.dim)
    if case.fields == 2:
        # A source that is no standard normal keeps the velocity from giving the score too: both heads are needed.
        source = si.build("distribution", "gaussian", dim=case.dim, covariance=1.5)
    process = si.StochasticInterpolant(
        si.build("interpolant", "linear"),
        si.build("latent", "brownian"),
        si.build("coupling", "independent"),
        source,
        target,
    )
    heads = case.fields if case.fields > 1 else None
    network: nn.Module = Free(heads)
    if case.network == "mlp":
        network = si.build("network", "mlp", context={"shape": (case.dim,), "heads": heads}, width=256, depth=4)
    network.eval().requires_grad_(False)
    predictor = si.Predictor([network], len(names)).eval()
    fields = si.LearnedFields(process, names, predictor, si.Parametrisation(process.clock, case.precondition))
    return si.Transport(fields, 0.5 if stochastic else 0.0), network


def measure_sampling(case: SamplingCase, repetitions: int) -> SamplingResult:
    """Time solutions and as many bare calls of the network in turn."""
    transport, network = transport_of(case)
    integrator = si.build("integrator", case.integrator, steps=case.steps)
    generator = torch.Generator().manual_seed(7)
    x = torch.randn(case.states, case.dim, generator=generator)
    w, times = torch.empty_like(x), torch.linspace(0, 1, case.steps).unbind()

    def solve() -> None:
        with torch.inference_mode():
            si.integrate(transport, x, integrator, generator)

    def call() -> None:
        with torch.inference_mode():
            for t in times:
                network(t, x)

    def draw() -> None:
        with torch.inference_mode():
            for _ in times:
                w.normal_(generator=generator)

    work: dict[str, Callable[[], None]] = {"step": solve, "network": call}
    if transport.stochastic:
        work["noise"] = draw
    seconds = {
        name: [value / case.steps for value in values] for name, values in interleaved(work, repetitions).items()
    }
    rest = zip(*(values for name, values in seconds.items() if name != "step"), strict=True)
    added = [step - sum(parts) for step, parts in zip(seconds["step"], rest, strict=True)]
    noise = spread(seconds["noise"]) if transport.stochastic else None
    return SamplingResult(case, spread(seconds["step"]), spread(seconds["network"]), noise, spread(added))
