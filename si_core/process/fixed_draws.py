"""What a fingerprint says of draws: the noise of a latent, and the pairs of a coupling, from generators of its own.

Of a latent the noise z itself, for an author may write :meth:`si_core.Latent.sample`: as weighted means over the event,
beside those of torch's own standard normal numbers from an equal generator. Where the latter are others (torch may
change its generators) the former say nothing and are not compared.

Of a coupling its traits, and the x0 that it gives to each x1 of a fixed batch, where that is well defined: where the
pairing is not itself drawn at random, and the coupling pairs batches and keeps no state of its training. What one that
draws its pairs together, or at random, does in another version is not looked at: its version is reported.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from si_core.contract.coupling import Coupling
from si_core.contract.latent import Latent

__all__ = ["NOISE", "PAIRED", "TORCH_NOISE", "of_coupling", "of_latent", "sequence"]

NOISE, TORCH_NOISE = "noise z of the latent", "normal numbers of torch"
PAIRED = "x0 that the coupling pairs with a fixed x1"
_ROOTS = (7, 11, 13)
_MOST = 2**22
"""The most numbers of a batch to pair: a solver's cost, and its memory, grow with them."""


def sequence(root: int, count: int) -> Tensor:
    """``2 sqrt(3) ({k sqrt(root)} - 1/2)`` for k = 1 .. count: of mean 0 and variance 1, the same on every machine."""
    k = torch.arange(1, count + 1, dtype=torch.float64)
    return 2 * math.sqrt(3) * (torch.frac(k * math.sqrt(root)) - 0.5)


def of_latent(latent: Latent, shape: tuple[int, ...], rows: int, device: torch.device) -> dict[str, Tensor]:
    """The noise of a latent and torch's own, as weighted means over the event, each (rows,)."""
    like = torch.zeros(rows, *shape, dtype=torch.float64, device=device)
    noise = latent.sample(like, _seeded(device))
    normal = torch.empty_like(like).normal_(generator=_seeded(device))
    weight = _weight(shape)
    return {NOISE: _mean(noise, weight), TORCH_NOISE: _mean(normal, weight)}


def of_coupling(coupling: Coupling, shape: tuple[int, ...], rows: int, device: torch.device) -> dict[str, Tensor]:
    """The traits of a coupling, each (), and the x0 of each row of a fixed batch as a weighted mean, (rows,)."""
    names = ("independent", "source_is_target", "anchored", "intervals")
    found = {f"{name} of the coupling": torch.tensor(float(getattr(coupling, name))) for name in names}
    size = max(math.prod(shape), 1)
    # One that holds data has a mark of its own, and need not be at hand.
    own = isinstance(coupling, nn.Module) or isinstance(getattr(coupling, "fingerprint", None), str)
    if own or rows * size > _MOST:
        return found
    # Other numbers at either end, and out of order, so that a coupling has something to do.
    x0, x1 = (sequence(root, rows * size).reshape(rows, *shape).to(device) for root in _ROOTS[:2])
    try:
        first, again = (coupling.pair(x0.clone(), x1.clone(), _seeded(device, seed))[0] for seed in (0, 1))
    except Exception:
        return found  # one that draws its pairs together may fail at a batch as it likes
    if first.shape == x0.shape and torch.equal(first, again):
        found[PAIRED] = _mean(first, _weight(shape))
    return found


def _seeded(device: torch.device, seed: int = 0) -> torch.Generator:
    return torch.Generator(device=device).manual_seed(seed)


def _weight(shape: tuple[int, ...]) -> Tensor:
    size = max(math.prod(shape), 1)
    return sequence(_ROOTS[2], size) / math.sqrt(size)


def _mean(x: Tensor, weight: Tensor) -> Tensor:
    return x.double().reshape(len(x), -1).cpu() @ weight
