"""Iterative Markovian fitting: a coupling made anew by the model's own SDE, round after round.

With reference ``dX = sqrt(2 epsilon) dW``, alternate (Shi et al., arXiv 2303.16852; Peluchetti, arXiv 2304.00917)

1. *learn* the drifts of the process that joins the pairs by Brownian bridges: the linear interpolant with the latent
   ``gamma = sqrt(2 epsilon t(1-t))`` (its Markovian projection);
2. *couple* anew by first and last states of that model's SDE at epsilon: odd rounds run it forward from the source,
   even ones backward from the target, so that both ends are exact in turn.

The sequence of couplings converges to the Schrödinger bridge. Between Gaussians it is one of cross-covariances
with an exact recursion: :mod:`si_schrodinger.gaussian_fitting`.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from si_core import Coupling, Distribution, Model, Pairs, UniformClock, UsageError
from si_schrodinger.simulation import Paths, Simulation, Steps

__all__ = ["Markovian"]

_WHERE = "coupling markovian"
_BLOCK = 4096
_ROUNDING = 1e-6


class Markovian(nn.Module, Coupling):
    """Independent pairs in the first round of training; afterwards pairs of the model's SDE, drawn with replacement.

    ``train.rounds`` says how many rounds there are. The pairs are kept with the weights.

    Args:
        epsilon: the noise of the reference; the latent must be ``{use: brownian, scale: 2 epsilon}``.
        pairs: how many are made after each round.
        steps: of the stochastic Heun method, in the clock of the process.

    Raises:
        UsageError: an option out of range; in use: another latent or interpolant than those of the reference's bridges.
    """

    first: Tensor
    last: Tensor

    def __init__(
        self,
        epsilon: Annotated[float, Field(gt=0)] = 0.5,
        pairs: Paths = 20_000,
        steps: Steps = 50,
    ) -> None:
        super().__init__()
        self.epsilon = float(epsilon)
        self.simulation = Simulation(_WHERE, self.epsilon, pairs, steps, _BLOCK)
        self.register_buffer("first", torch.empty(0))
        self.register_buffer("last", torch.empty(0))

    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """As they are: in the first round the ends are independent, and later pairs are drawn together."""
        return x0, x1

    def draw(
        self, source: Distribution, target: Distribution, n: int, generator: torch.Generator | None = None
    ) -> Pairs:
        """n pairs, each (n, *shape)."""
        if target.conditions:
            raise UsageError(
                "pairs of a bridge are of ends without conditions: given one, each would need its own",
                where=_WHERE,
                got="; ".join(spec.described(name) for name, spec in target.conditions.items()),
                fix="a target without labels",
            )
        if len(self.first) == 0:
            return super().draw(source, target, n, generator)
        index = torch.randint(len(self.first), (n,), generator=generator, device=self.first.device)
        return Pairs(self.first[index], self.last[index])

    def refit(self, model: Model, rounds: int, generator: torch.Generator) -> None:
        """Make the pairs anew: by the forward SDE after odd rounds, by the backward SDE after even ones."""
        self._refuse_unfit(model)
        forward = rounds % 2 == 1
        batches = self.simulation.batches(model, generator, backward=not forward)
        origin, reached = torch.cat([batch.states[[0, -1]] for batch in batches], 1)
        self.first, self.last = (origin, reached) if forward else (reached, origin)

    def _refuse_unfit(self, model: Model) -> None:
        u = torch.linspace(0.1, 0.9, 9, dtype=torch.float64)
        s = model.process.schedule(UniformClock(), u)
        gamma = torch.as_tensor(s.gamma).expand_as(u)
        bridge = (2 * self.epsilon * u * (1 - u)).sqrt()
        linear = s.alpha is not None and s.beta is not None and bool(((s.beta - u).abs() < _ROUNDING).all())
        if not linear or bool(((gamma - bridge).abs() > _ROUNDING * (1 + bridge)).any()):
            raise UsageError(
                "fitting joins its pairs by Brownian bridges",
                where=_WHERE,
                got=f"gamma = {float(gamma[4]):.4g} at t = 0.5" if linear else "an interpolant that is not linear",
                allowed=f"interpolant: linear, latent: {{use: brownian, scale: {2 * self.epsilon:g}}}",
            )
