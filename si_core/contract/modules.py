"""Components that are torch modules: where their parameters are.

A module can't take numbers of another precision or from another device than its parameters have. So a part with
parameters is asked where they are and in their precision, and what it gives is brought back to where it was asked
(:meth:`si_core.Interpolant.at`, :func:`si_core.contract.schedule.part_coefficients`): authors write ``self.net(t)``.
"""

from __future__ import annotations

from itertools import chain

from torch import Tensor, nn

__all__ = ["parameters_like"]


def parameters_like(component: object) -> Tensor | None:
    """A tensor with the precision and the device of a component's parameters; None for one that has none.

    The first real parameter of a module, or buffer where it has no parameter.
    """
    if not isinstance(component, nn.Module):
        return None
    tensors = chain(component.parameters(), component.buffers())
    return next((tensor for tensor in tensors if tensor.is_floating_point()), None)
