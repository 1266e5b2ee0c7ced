"""Networks as sampling calls them: in another precision, in another layout of memory, compiled.

* **bfloat16**: weights of matrix products, convolutions and embeddings are cast once, before the loop, and products are
  in bfloat16; the rest of the network keeps float32 (``torch.autocast``), above all the embedding of time, whose sines
  of ``k pi t`` would turn a rounding of t into one k pi times as large. What comes out is cast back: the arithmetic of
  states, scalars and noise never leaves the precision of the states.
* **channels last**: weights of convolutions, and states on their way in. What comes out is contiguous again, so that
  integrators, and the noise they draw, see no strides.
* **compiled**: the network as a whole. What a step adds to it is one or two kernels, less than a second compiled
  function would cost at each call.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from si_core.contract.condition import Condition
from si_core.errors import one_line
from si_core.fields.base import Fields
from si_core.fields.completed import CompletedFields
from si_core.fields.learned import LearnedFields
from si_core.fields.predictor import Predictor
from si_core.fields.rescheduled import RescheduledFields

__all__ = ["SamplingNetwork", "has_convolutions", "with_predictor"]

Note = Callable[[str], None]


def has_convolutions(module: nn.Module) -> bool:
    """Whether a layout of images matters to it."""
    return any(isinstance(part, nn.Conv2d | nn.ConvTranspose2d) for part in module.modules())


def with_predictor(fields: Fields, change: Callable[[Predictor, int], Predictor]) -> Fields | None:
    """Learned fields with other networks for their own; None where there are none.

    Args:
        fields: the fields.
        change: the new networks, given the old ones and how many fields they predict.
    """
    if isinstance(fields, LearnedFields):
        return fields.of(change(fields.predictor, len(fields.names)))
    if isinstance(fields, RescheduledFields):
        known = with_predictor(fields.known, change)
        return RescheduledFields(known, fields.process) if isinstance(known, CompletedFields) else None
    return None


class SamplingNetwork(nn.Module):
    """A network, called as sampling wants it; inputs and outputs are as those of the network itself.

    Where weights are cast or laid out anew it works on a copy, which :meth:`refresh` brings up to date.

    Args:
        network: the network.
        dtype: the precision of its products; None for that of its weights.
        channels_last: whether images go through it with their channels last.
        compiled: whether it is compiled; where that fails it is called as it is.
        note: told why it was not compiled.
    """

    def __init__(
        self, network: nn.Module, dtype: torch.dtype | None, channels_last: bool, compiled: bool, note: Note
    ) -> None:
        super().__init__()
        self.dtype, self.channels_last, self._note = dtype, channels_last, note
        self._pairs: list[tuple[Tensor, Tensor]] = []
        own = network
        if dtype is not None or channels_last:
            # Outside of inference mode, so that the copy can be written to in any mode.
            with torch.inference_mode(False):
                own = copy.deepcopy(network).requires_grad_(False)
                _convert(own, dtype, channels_last)
            self._pairs = [*zip(own.parameters(), network.parameters(), strict=True)]
            self._pairs += zip(own.buffers(), network.buffers(), strict=True)
        self.network = own
        # Blocks of samples are all of one shape; code for any shape is slower, and not every network takes it.
        self._compiled = torch.compile(self._call, dynamic=False) if compiled else None

    @torch.no_grad()
    def refresh(self) -> None:
        """Take the weights over as they are now, into the same memory."""
        for mine, original in self._pairs:
            mine.copy_(original)

    def forward(self, t: Tensor, x: Tensor, condition: Condition | None = None) -> Tensor:
        """The network at (t, x), in the precision of x, contiguous where its layout was changed."""
        if self._compiled is None:
            return self._call(t, x, condition)
        try:
            return self._compiled(t, x, condition)
        except Exception as error:
            # Whatever a compiler fails on; what is wrong with the call itself is raised again below.
            self._compiled = None
            self._note(f"sample.compile: the network is not compiled: {one_line(error, 200)}")
            return self._call(t, x, condition)

    def _call(self, t: Tensor, x: Tensor, condition: Condition | None) -> Tensor:
        dtype = x.dtype
        if self.dtype is not None:
            # Autocast leaves double precision alone.
            t, x = t.float(), x.float()
            condition = condition and {
                name: values.float() if values.is_floating_point() else values for name, values in condition.items()
            }
        if self.channels_last and x.ndim == 4:
            x = x.contiguous(memory_format=torch.channels_last)
        # Nothing is left to cache: the weights are cast.
        lower = self.dtype is not None
        with torch.autocast(x.device.type, self.dtype, cache_enabled=False) if lower else nullcontext():
            y: Tensor = self.network(t, x, condition)
        return y.to(dtype).contiguous() if self._pairs else y


def _convert(module: nn.Module, dtype: torch.dtype | None, channels_last: bool) -> None:
    """Cast the weights of products, lay out those of convolutions; vectors of other layers, as norms, and buffers stay.

    They stay single, that is: beside lowered products double precision would do nothing but stand in the way.
    """
    for part in module.modules():
        products = isinstance(part, nn.Linear | _ConvNd)
        for weight in part.parameters(recurse=False):
            if dtype is not None and weight.is_floating_point():
                weight.data = weight.data.to(dtype if products or weight.ndim > 1 else torch.float32)
            if channels_last and weight.ndim == 4:
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)
        for buffer in part.buffers(recurse=False):
            if dtype is not None and buffer.dtype == torch.float64:
                buffer.data = buffer.data.float()
