"""Small models, and a recorder for the CPU that does what a CUDA graph does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

import si_core as si
from si_core.models.acceleration.accelerator import Accelerator

for plugin in ("si_interpolants", "si_distributions", "si_integrators", "si_networks"):
    pytest.importorskip(plugin)

DIM = 3


class Refusing(TorchDispatchMode):
    """Refuses to take a number out of a tensor: on a device that is to wait for it.

    Scalars are in double precision, and on the host; numbers may be taken of them.
    """

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        number = func in (torch.ops.aten.item.default, torch.ops.aten._local_scalar_dense.default)
        if number and args[0].dtype != torch.float64:
            raise RuntimeError("called a synchronizing operation")
        return func(*args, **(kwargs or {}))


class Tape(Refusing):
    """Keeps every operation with the memory it reads and writes."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[tuple] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        out = super().__torch_dispatch__(func, types, args, kwargs)
        self.steps.append((func, args, kwargs, out))
        return out

    def replay(self) -> None:
        for func, args, kwargs, out in self.steps:
            again = func(*args, **kwargs)
            # A factory of memory gives memory, and a view or an operation in place is in its place already.
            if isinstance(out, Tensor) and "empty" not in str(func) and not aliases(out, args):
                out.copy_(again)


def aliases(out: Tensor, args: tuple) -> bool:
    places = [arg.untyped_storage().data_ptr() for arg in args if isinstance(arg, Tensor)]
    return out.untyped_storage().data_ptr() in places


class TapeRecorder:
    """Records operations of the CPU as a CUDA graph records kernels: what Python decided on the way stays decided."""

    def __init__(self) -> None:
        self.attempts, self.recorded, self.replays, self.closed = 0, 0, 0, 0
        self.recording = False
        self.spoil: Callable[[Tensor], None] | None = None
        """What is done to the result of each replay."""

    def records(self, device: torch.device) -> bool:
        return device.type == "cpu"

    @contextmanager
    def watched(self) -> Iterator[None]:
        with Refusing():
            yield

    def record(self, work, device, generator):
        self.attempts += 1
        tape = Tape()
        self.recording = True
        try:
            with tape:
                result = work()
        finally:
            self.recording = False
        self.recorded += 1
        return TapeRepeat(self, tape, result), result


class TapeRepeat:
    def __init__(self, recorder: TapeRecorder, tape: Tape, result: si.Trajectory) -> None:
        self.recorder, self.tape, self.result = recorder, tape, result

    def replay(self) -> None:
        self.recorder.replays += 1
        self.tape.replay()
        if self.recorder.spoil is not None:
            self.recorder.spoil(self.result.x)

    def close(self) -> None:
        self.recorder.closed += 1


class Labelled(si.Distribution):
    """Four points with their labels."""

    shape = (DIM,)
    conditions = {"kind": si.ConditionSpec(classes=("0", "1", "2", "3"))}  # noqa: RUF012

    def draw(self, n, generator=None):
        labels = torch.randint(4, (n,), generator=generator)
        return labels[:, None].expand(n, DIM).float(), {"kind": labels}


class Waiting(nn.Module):
    """A network whose Python looks at numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, t: Tensor, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return -x * self.weight if float(x.sum()) > 0 else x * self.weight


def network(conditions=None, shape: tuple[int, ...] = (DIM,)) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        made = si.build("network", "mlp", context={"shape": shape, "conditions": conditions or {}}, width=32, depth=2)
    with torch.no_grad():
        # A fresh network says next to nothing.
        made.output.weight.mul_(10)
    return made.eval().requires_grad_(False)


@pytest.fixture
def recorder() -> TapeRecorder:
    return TapeRecorder()


@pytest.fixture
def waiting() -> nn.Module:
    """A network that can't be recorded."""
    return Waiting()


@pytest.fixture
def labelled() -> si.Distribution:
    """A target with classes."""
    return Labelled()


@pytest.fixture
def make() -> Callable[..., si.Model]:
    """``make(network=..., method=..., epsilon=..., target=..., **accelerator)``: a model that learned nothing."""

    def model(
        own: nn.Module | None = None,
        method: si.Integrator | str = "stochastic-heun",
        epsilon: si.Epsilon | float = 0.5,
        target: si.Distribution | None = None,
        **options,
    ) -> si.Model:
        target = target or si.build("distribution", "gaussian", dim=DIM, mean=[1.0, -2.0, 0.5])
        process = si.StochasticInterpolant(
            si.build("interpolant", "linear"),
            si.build("latent", "brownian"),
            si.build("coupling", "independent"),
            si.build("distribution", "gaussian", shape=list(target.shape)),
            target,
        )
        predictor = si.Predictor([own or network(target.conditions, target.shape)], 1).eval()
        fields = si.LearnedFields(process, ("velocity",), predictor, si.Parametrisation(process.clock, True))
        if isinstance(method, str):
            method = si.build("integrator", method, steps=4)
        return si.Model(process, fields, method, epsilon, accelerator=Accelerator(**{"graph": "auto", **options}))

    return model


@pytest.fixture
def plain() -> Callable[[si.Model], si.Model]:
    """The same model without an accelerator."""
    return lambda model: replace(model, accelerator=Accelerator(graph=False))
