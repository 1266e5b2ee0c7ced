"""A step of sampling on a GPU, recorded and not, beside a replay of the network's own calls.

    share = (time of a solution) / (time of replaying its network calls, and its draws of noise, as one CUDA graph)

The calls by themselves are the least that any sampler pays. A solution includes what a block of samples costs once:
copying the states in and out, and the search for the recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

import si_core as si
from si_core.models.acceleration.accelerator import Accelerator

from .figures import Line, factor, microseconds
from .networks import reference
from .problems import learned_fields, points_of
from .timing import Effort, ratio, spread

__all__ = ["COLUMNS", "gpu_lines"]

COLUMNS = ("step us", "/ replayed calls")

STEPS = 50


@dataclass(frozen=True)
class _Case:
    method: str
    calls: int
    dim: int
    states: int
    epsilon: float = 0.0

    def __str__(self) -> str:
        return f"mlp {self.method} ({self.states}, {self.dim})"


_CASES = tuple(
    _Case(method, calls, dim, states, epsilon)
    for dim, states in ((2, 1000), (128, 1000), (128, 16384))
    for method, calls, epsilon in (("euler", 1, 0.0), ("heun", 2, 0.0), ("euler-maruyama", 1, 0.5))
)


def gpu_lines(effort: Effort) -> Iterator[Line]:
    """Measure, where there is a GPU."""
    if not torch.cuda.is_available():
        yield Line("no GPU", "-", ())
        return
    for case in _CASES:
        work = _work(case, torch.device("cuda"))
        seconds = effort.compare(work, STEPS)
        for who in work:
            figures = (
                microseconds("step us", spread(seconds[who])),
                factor("/ replayed calls", ratio(seconds[who], seconds["calls, replayed"])),
            )
            yield Line(str(case), who, figures)


def _work(case: _Case, device: torch.device) -> dict[str, Callable[[], object]]:
    fields = learned_fields(reference(case.dim).to(device), case.dim)
    method = si.build("integrator", case.method, steps=STEPS)
    x = points_of(case.states, case.dim).to(device)
    stream = torch.Generator(device).manual_seed(7)

    def sampler(**options: object) -> Callable[[], object]:
        model = si.Model(fields.process, fields, method, case.epsilon, accelerator=Accelerator(**options))  # type: ignore[arg-type]

        def run() -> None:
            model.sample(len(x), stream, start_from=x)
            torch.cuda.synchronize()

        return run

    return {
        "calls, replayed": _calls(case, fields.predictor.networks[0], x),
        "ours, recorded": sampler(graph=True),
        "ours, step by step": sampler(),
        "ours, bfloat16": sampler(graph=True, precision="bfloat16"),
        "ours, compiled": sampler(compile=True),
    }


@torch.inference_mode()
def _calls(case: _Case, network: torch.nn.Module, x: torch.Tensor) -> Callable[[], object]:
    """The bare calls of the network, and the bare draws, as one graph."""
    times = torch.linspace(0, 1, STEPS * case.calls, device=x.device).unbind()
    stream, w = torch.Generator(x.device).manual_seed(7), torch.empty_like(x)
    network(times[0], x)
    graph = torch.cuda.CUDAGraph()
    graph.register_generator_state(stream)
    with torch.cuda.graph(graph):
        for i, time in enumerate(times):
            network(time, x)
            if case.epsilon and i % case.calls == 0:
                w.normal_(generator=stream)

    def run() -> None:
        graph.replay()
        torch.cuda.synchronize()

    return run
