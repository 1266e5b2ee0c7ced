"""A user's own module as the network of a recipe: ``forward(t, x)`` or ``forward(t, x, condition=None)``.

t has shape (B,), x (B, *event); the result has the shape of x, and in the dtype of x. The module itself is trained, in
place, and is afterwards on the device and in the precision of the training; a model has weights of its own: the running
average, or a copy where there is none. Training it again goes on from the weights it has.

The condition is a mapping from the names of ``model.conditions`` to tensors: classes are their places there, int64 from
0 to C - 1, shape (B,); values are floating-point numbers, (B, *shape)::

    class Net(nn.Module):  # si.fit(X, condition={"species": names, "dose": d}, network=Net())
        def __init__(self):
            super().__init__()
            self.species = nn.Embedding(3, 8)
            self.layers = nn.Sequential(nn.Linear(2 + 1 + 8 + 1, 64), nn.SiLU(), nn.Linear(64, 2))

        def forward(self, t, x, condition=None):
            given = [self.species(condition["species"]), condition["dose"][:, None]]
            return self.layers(torch.cat([x, t[:, None], *given], 1))

Where training leaves conditions out (``train.condition_dropout``), a class that is left out is -1 and values are NaN.

Several objectives are learned by one module where its result has an axis of heads, (B, objectives, *event), and the
recipe leaves ``network.shared`` true; else by the module and copies of it as it was, one for each further objective.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from si_core.contract.condition import Condition, ConditionSpec
from si_core.contract.data import Draw
from si_core.errors import SIError, UsageError, one_line, too_large

__all__ = ["OwnNetwork", "own_networks"]

_FORM = "forward(self, t, x), or forward(self, t, x, condition=None)"


class OwnNetwork(nn.Module):
    """Calls a module as its ``forward`` asks: with one time for each state, with conditions where it is told of them.

    Args:
        module: the user's.
        conditions: whether it is given them.
        two_times: whether it is given second times.
    """

    def __init__(self, module: nn.Module, conditions: bool, two_times: bool) -> None:
        super().__init__()
        self.module = module
        self._conditions, self._two_times = conditions, two_times

    def forward(self, t: Tensor, x: Tensor, condition: Condition | None = None, s: Tensor | None = None) -> Tensor:
        """What the module gives, shape (B, *event) or (B, heads, *event)."""
        beside: dict[str, Any] = {"condition": _of_each(condition, len(x))} if self._conditions else {}
        if self._two_times:
            beside["s"] = _times(t if s is None else s, x)
        result: Tensor = self.module(_times(t, x), x, **beside)
        return result


def own_networks(
    module: nn.Module,
    conditions: Mapping[str, ConditionSpec],
    draw: Draw,
    count: int,
    shared: bool = True,
    two_times: bool = False,
) -> list[nn.Module]:
    """The networks that a user's module makes: one with a head for each objective, or one for each objective.

    Args:
        module: the user's, which is put into the precision of the states.
        conditions: what the process gives.
        draw: of the process, to try it on.
        count: the number of objectives.
        shared: whether one module may have a head for each.
        two_times: whether it is given second times.

    Raises:
        UsageError: a module that can't be called so, that fails, that can't be copied or that gives something else.
    """
    network = OwnNetwork(module.to(draw.xt.dtype), _takes_conditions(module, conditions), _takes_s(module, two_times))
    result = _tried(network, draw)
    event, got = tuple(draw.xt.shape), tuple(result.shape)
    heads = (event[0], count, *event[1:])
    allowed = f"{event}, the shape of x" + (f", or {heads} with a head for each objective" if count > 1 else "")
    if got != event and not (shared and count > 1 and got == heads):
        raise UsageError(f"the network's result has another shape than x, {event}", got=str(got), allowed=allowed)
    if result.dtype != draw.xt.dtype:
        raise UsageError("the network's result has another precision than x", got=result.dtype, allowed=draw.xt.dtype)
    _refuse_constant(module, result)
    copies = 0 if got == heads and got != event else count - 1
    try:
        # One more, for the weights that the model keeps.
        made: list[nn.Module] = [copy.deepcopy(network) for _ in range(copies + 1)]
    except Exception as error:
        raise UsageError(
            "the network can't be copied, and a model keeps a copy with weights of its own",
            got=f"{type(error).__name__}: {error}"[:200],
            fix="keep no tensors with a gradient, locks or open files in its attributes",
        ) from error
    return [network, *made[:copies]]


def _takes_conditions(module: nn.Module, conditions: Mapping[str, ConditionSpec]) -> bool:
    parameters = inspect.signature(module.forward).parameters
    kinds = {parameter.kind for parameter in parameters.values()}
    if [*parameters][:2] == ["x", "t"]:
        raise UsageError("the time comes first", got=_signature(module), allowed=_FORM)
    own = parameters.get("condition")
    takes = own is not None or inspect.Parameter.VAR_KEYWORD in kinds
    if conditions and not takes:
        raise UsageError(
            "the network takes no conditions, and the process has some",
            got="; ".join(spec.described(name) for name, spec in conditions.items()),
            allowed="forward(self, t, x, condition=None), condition being a mapping from these names to tensors",
        )
    return bool(conditions) or (own is not None and own.default is own.empty)


def _takes_s(module: nn.Module, two_times: bool) -> bool:
    if two_times and "s" not in inspect.signature(module.forward).parameters:
        raise UsageError(
            "the network takes one time, and an objective needs two",
            got=_signature(module),
            allowed="forward(self, t, x, condition=None, s=None)",
        )
    return two_times


def _signature(module: nn.Module) -> str:
    return f"forward{inspect.signature(module.forward)}"


def _tried(network: OwnNetwork, draw: Draw) -> Tensor:
    network.eval()
    s = draw.t if draw.s is None else draw.s
    t, x = draw.t.clone(), draw.xt.clone()
    try:
        with torch.enable_grad():
            result = network(t, x, draw.condition, s)
    except SIError:
        raise
    except Exception as error:
        if too_large(error):
            raise
        given = "; ".join(
            f"{name} of shape {tuple(values.shape)}, {str(values.dtype).removeprefix('torch.')}"
            for name, values in (draw.condition or {}).items()
        )
        raise UsageError(
            "the network fails on draws of the process",
            got=one_line(error, 300),
            allowed=f"{_FORM}; tried with t of shape {tuple(draw.t.shape)} and x of shape {tuple(draw.xt.shape)}"
            + (f", and the condition {given}" if given else ""),
            fix=_likely(network.module, error, draw),
        ) from error
    finally:
        network.train()
    if not torch.equal(x, draw.xt) or not torch.equal(t, draw.t):
        raise UsageError(
            "the network changes its arguments in place, which are the states and times of a sampler",
            got="another t or x after the call",
            allowed="forward leaves t and x as they are",
            fix="x = x * scale in place of x *= scale",
        )
    if not isinstance(result, Tensor):
        raise UsageError("the network gives no tensor", got=type(result).__name__, allowed="a tensor shaped as x")
    return result


def _likely(module: nn.Module, error: Exception, draw: Draw) -> str | None:
    """What probably helps a module that fails."""
    names = [*(draw.condition or {})]
    if isinstance(error, KeyError) and names and error.args and error.args[0] not in names:
        return f"the conditions are called {', '.join(map(repr, names))}: condition[{names[0]!r}]"
    shape = tuple(draw.xt.shape)
    convolves = any(isinstance(part, nn.Conv2d) for part in module.modules())
    if convolves and len(shape) == 4 and shape[-1] in (1, 3, 4) and shape[1] not in (1, 3, 4):
        return f"x has shape {shape}, channels last, and Conv2d wants them first: give X.transpose(0, 3, 1, 2)"
    if convolves and len(shape) == 3:
        return f"x has shape {shape}, without channels, and Conv2d wants them: give X[:, None]"
    return None


def _refuse_constant(module: nn.Module, result: Tensor) -> None:
    """Refuse a module that training could not change."""
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    if next(module.parameters(), None) is None:
        raise UsageError("the network has no parameters to train", got=type(module).__name__)
    found: tuple[Tensor | None, ...] = (None,)
    if trained and result.requires_grad:
        found = torch.autograd.grad(result.sum(), trained, allow_unused=True)
    if trained and all(gradient is None for gradient in found):
        raise UsageError(
            "the network's result does not depend on its parameters",
            got="a result without gradient",
            fix="compute it from them without detach(), torch.no_grad() or numpy",
        )


def _times(t: Tensor, x: Tensor) -> Tensor:
    return t if t.ndim else t.expand(len(x))


def _of_each(condition: Condition | None, n: int) -> Condition | None:
    """One value for each state, where there is one for all."""
    if condition is None:
        return None
    return {name: v if len(v) == n else v.expand(n, *v.shape[1:]) for name, v in condition.items()}
