"""Conformance of networks that offer the divergence of their output themselves."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from si_authoring.testing.check import Deviations, Violation
from si_authoring.testing.setting import Setting
from si_core import Condition
from si_core.public.process import offers_divergence

__all__ = ["compare_divergence"]

_ROUNDING = 2048.0
"""How many units in the last place two ways to a divergence may differ by: both sum many products."""


def compare_divergence(
    network: nn.Module, setting: Setting, heads: int | None, condition: Condition | None, where: str, found: Deviations
) -> None:
    """Hold ``with_divergence`` of a network, if it has one, to its output and to automatic differentiation.

    Args:
        network: the network.
        setting: where states and times come from.
        heads: the number of fields, or None for no axis of heads.
        condition: what it is given beside (t, x).
        where: what was tried, in words.
        found: collects the deviations.

    Raises:
        Violation: shapes that are not those of the contract, or a divergence without a gradient.
    """
    if not offers_divergence(network):
        return
    t, x = setting.times(), setting.states("x").requires_grad_()
    probes = torch.stack([setting.states("probe 1"), setting.states("probe 2")])
    fields = (network(t, x) if condition is None else network(t, x, condition)).reshape(len(x), heads or 1, -1)
    for directions in (None, probes):
        expected = _by_autograd(fields, x, directions)
        shape = (len(x), *(() if heads is None else (heads,)), *(() if directions is None else (len(directions),)))
        with torch.no_grad():
            plain = network.with_divergence(t, x, condition, directions)  # type: ignore[operator]
        recorded = network.with_divergence(t, x, condition, directions)  # type: ignore[operator]
        for value, divergence in (plain, recorded):
            if tuple(divergence.shape) != shape:
                raise Violation(f"its divergence has shape {tuple(divergence.shape)} instead of {shape} ({where})")
            found.close(value.reshape(fields.shape).detach(), fields.detach(), _allowed(fields), where)
            found.close(divergence.reshape(expected.shape).detach(), expected.detach(), _allowed(expected), where)
        weights = torch.linspace(-1, 1, expected.numel(), dtype=x.dtype, device=x.device).reshape(expected.shape)
        if not recorded[1].requires_grad:
            raise Violation(f"its divergence can't be differentiated where gradient mode is on ({where})")
        own, gradient = (
            _gradient((each.reshape(expected.shape) * weights).sum(), x) for each in (recorded[1], expected)
        )
        found.close(own, gradient, _allowed(gradient), where)


def _by_autograd(fields: Tensor, x: Tensor, directions: Tensor | None) -> Tensor:
    """The divergence of each field (B, h, d), shape (B, h) or (B, h, K), to be differentiated further."""
    flat = x.flatten(1)
    rows = torch.eye(flat.shape[1], dtype=x.dtype, device=x.device)[:, None] if directions is None else None
    vectors = rows.expand(-1, len(x), -1) if rows is not None else torch.as_tensor(directions).flatten(2)
    heads = []
    for field in fields.unbind(1):
        products = [
            (torch.autograd.grad((field * v).sum(), x, create_graph=True)[0].flatten(1) * v).sum(1) for v in vectors
        ]
        heads.append(torch.stack(products, -1).sum(-1) if directions is None else torch.stack(products, -1))
    return torch.stack(heads, 1)


def _gradient(total: Tensor, x: Tensor) -> Tensor:
    if not total.requires_grad:
        return torch.zeros_like(x)
    (gradient,) = torch.autograd.grad(total, x, allow_unused=True, retain_graph=True)
    return torch.zeros_like(x) if gradient is None else gradient


def _allowed(value: Tensor) -> float:
    return _ROUNDING * torch.finfo(value.dtype).eps * (1 + float(value.detach().abs().max()))
