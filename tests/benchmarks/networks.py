"""The networks of the benchmarks: the reference, one that no library knows, and ones that cost next to nothing.

With a network of milliseconds the small difference that a library makes drowns in the noise of the machine, so the
same is measured with networks of one cheap kernel: that is the figure to watch.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

import si_core as si

__all__ = ["Free", "Joined", "Scale", "reference"]

WIDTH, DEPTH = 256, 4


def reference(dim: int, heads: int | None = None, gain: float = 1.0) -> nn.Module:
    """The library's multilayer perceptron: 4 layers of 256, SiLU.

    Args:
        dim: dimensions of a state.
        heads: how many fields it predicts; None for one without an axis of heads.
        gain: a factor on its output, which a fresh network keeps small.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        context = {"shape": (dim,), "heads": heads}
        network: nn.Module = si.build("network", "mlp", context=context, width=WIDTH, depth=DEPTH, activation="silu")
    with torch.no_grad():
        network.get_parameter("output.weight").mul_(gain)
    return network.eval().requires_grad_(False)


class Joined(nn.Module):
    """The same size of network in a form that no library knows: time is one more column of the state."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        sizes = [dim + 1, *[WIDTH] * DEPTH]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            layers = [layer for pair in pairwise(sizes) for layer in (nn.Linear(*pair), nn.SiLU())]
            self.layers = nn.Sequential(*layers, nn.Linear(WIDTH, dim))
        self.eval().requires_grad_(False)

    def forward(self, t: Tensor, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.layers(torch.cat([t.to(x).expand(len(x)).unsqueeze(1), x], 1))  # type: ignore[no-any-return]


class Free(nn.Module):
    """A network of one cheap kernel: ``-x``, for every head the same.

    Args:
        heads: the number of heads, or None for one without an axis of heads.
    """

    def __init__(self, heads: int | None = None) -> None:
        super().__init__()
        self.heads = heads

    def forward(self, t: Tensor, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return -x if self.heads is None else -x.unsqueeze(1).expand(-1, self.heads, *x.shape[1:])


class Scale(nn.Module):
    """The cheapest network that can be trained: ``x`` times one number for each coordinate."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((dim,), 0.5))

    def forward(self, t: Tensor, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return x * self.weight
