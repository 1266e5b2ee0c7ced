"""Features by networks: of a component with its options, or of the network of a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from si_core import Fitted, Model, UsageError, build, load_model

__all__ = ["FeatureMap", "features_of_component", "features_of_run"]

FeatureMap = Callable[[Tensor], Tensor]
"""States (n, *event) in model space to features (n, ...)."""

_SEED = 0


def features_of_component(
    selection: dict[str, Any], shape: tuple[int, ...], like: Tensor, layer: str | None, time: float, where: str
) -> FeatureMap:
    """Features by a network component, without conditions.

    One that brings no weights of its own has those that it begins with, drawn by a fixed seed: random features, which
    tell laws apart, too, and are the same every time.

    Args:
        selection: its name, ``use``, with its options.
        shape: of events.
        like: a tensor of the device and precision of states.
        layer: the module whose output is taken; None for that of the network.
        time: what it is given for t.
        where: who asks, for errors.
    """
    options = {key: value for key, value in selection.items() if key != "use"}
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(_SEED)
        network: nn.Module = build("network", selection["use"], context={"shape": shape}, **options)
    network = network.to(like).eval().requires_grad_(False)

    def call(x: Tensor) -> Tensor:
        t = torch.full((len(x),), time, dtype=x.dtype, device=x.device)
        output: Tensor = network(t, x)
        return output

    return call if layer is None else _of_layer(network, layer, call, where)


def features_of_run(model: Model, folder: Path, layer: str | None, time: float, where: str) -> FeatureMap:
    """Features by the first network of a run, all of whose conditions are left out.

    Args:
        model: whose states they are of.
        folder: of the run, or of an exported model.
        layer: the module whose output is taken; None for the velocity.
        time: the time in that run's process.
        where: who asks, for errors.

    Raises:
        UsageError: events of another shape, or conditions that training never left out.
    """
    loaded = load_model(folder)
    other = loaded.model if isinstance(loaded, Fitted) else loaded
    if other.process.shape != model.process.shape:
        raise UsageError(
            "a run of events of another shape",
            where=f"{where}: run",
            got=f"{other.process.shape}",
            allowed=f"{model.process.shape}",
        )
    fields = other.unguided or other.fields
    dtype, device, units = other.dtype, other.device, other.process.target.frame
    predictor = getattr(fields, "predictor", None)
    if predictor is None:
        raise UsageError("a run without a network", where=f"{where}: run", got=str(folder))

    def call(x: Tensor) -> Tensor:
        # In between lie the units of the data, which both are told in.
        states = units.encode(model.decode(x)).to(device=device, dtype=dtype)
        return fields.velocity(time, states)

    return call if layer is None else _of_layer(predictor.networks[0], layer, call, where)


def _of_layer(network: nn.Module, layer: str, call: FeatureMap, where: str) -> FeatureMap:
    """The output of a module within a network, averaged over places: (n, c, h, w) or (n, places, c) to (n, c)."""
    try:
        module = network.get_submodule(layer)
    except AttributeError as error:
        names = [name for name, _ in network.named_modules() if name]
        raise UsageError(
            "the network has no such layer",
            where=f"{where}: layer",
            got=repr(layer),
            allowed=", ".join(names[:20]) + (", ..." if len(names) > 20 else ""),
        ) from error

    def of(x: Tensor) -> Tensor:
        seen: list[Any] = []
        handle = module.register_forward_hook(lambda _module, _given, output: seen.append(output))
        try:
            call(x)
        finally:
            handle.remove()
        output = seen[-1] if seen else None
        if not isinstance(output, Tensor) or output.ndim == 0 or len(output) != len(x):
            got = "it is not called" if not seen else f"{type(output).__name__}"
            raise UsageError(
                "a layer gives a tensor with a row for each event", where=f"{where}: layer", got=f"{layer}: {got}"
            )
        if output.ndim == 4:
            return output.mean((2, 3))
        return output.mean(1) if output.ndim == 3 else output

    return of
