"""A forecast as numbers with names, each with how it is known.

*Counted* from what was built, *measured* by the clock or by what autograd holds, *extrapolated* from what was measured
of smaller batches, or *unknown* with the reason. Time is that of steps of training and of the networks in sampling:
estimates, reports and checkpoints are not in it.

With N devices a batch is divided among them. Each holds all weights, and gradients are added along a ring, in which
each device sends ``2 (N - 1) / N`` times their size. With ``train.shard`` each holds an Nth of weights, gradients,
averages and optimizer state, and sends ``3 (N - 1) / N`` times the size of the weights: they are gathered for the
forward and for the backward pass, and the gradients scattered.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from si_core.recipes.training import PowerAverages
from si_core.runs.forecast.forecast import Forecast
from si_core.runs.forecast.measuring import Cost
from si_core.storage.machine import free_disk, free_memory

__all__ = ["Entry", "entries"]

_COUNTED = "counted"
_SUM = "the sum"


@dataclass(frozen=True)
class Entry:
    """One number of a forecast.

    Args:
        section: what it is about.
        name: what it is.
        value: the number; None where it is unknown.
        unit: ``bytes``, ``seconds``, or what is counted.
        basis: how it is known.
    """

    section: str
    name: str
    value: float | None
    unit: str
    basis: str


def entries(found: Forecast, devices: int = 1) -> list[Entry]:
    """The numbers of a forecast, in the order to be read.

    Args:
        found: the forecast.
        devices: how many such devices would share the work.
    """
    parts = [_network(found), _memory(found), _speed(found), _disk(found), _in_all(found)]
    if devices > 1:
        parts.append(_shared(found, devices))
    return [entry for part in parts for entry in part]


def _network(found: Forecast) -> Iterator[Entry]:
    parameters = list(found.networks.parameters())
    yield Entry("network", "parameters", sum(p.numel() for p in parameters), "numbers", _COUNTED)
    trained = sum(p.numel() for p in parameters if p.requires_grad)
    yield Entry("network", "of which trained", trained, "numbers", _COUNTED)


def _memory(found: Forecast) -> Iterator[Entry]:
    for name, size in found.memory.kinds().items():
        yield Entry("memory", name, size, "bytes", _COUNTED)
    activations = _activations(found)
    basis = "unknown: such an objective can't be watched" if activations is None else ""
    basis = _basis(found.step, found.untried) if found.step is None or activations is not None else basis
    yield Entry("memory", "activations", activations, "bytes", basis)
    total = None if activations is None else found.memory.total + activations
    basis = f"{_SUM}; layers need more for moments" if total is not None else basis
    yield Entry("memory", "training in all", total, "bytes", basis)
    free = free_memory(found.runtime.device)
    yield Entry("memory", f"free on {found.runtime.device}", free, "bytes", "measured now, with the weights made")


def _activations(found: Forecast) -> float | None:
    return None if found.step is None else found.step.activations


def _basis(cost: Cost | None, otherwise: str) -> str:
    return otherwise if cost is None else cost.basis


def _speed(found: Forecast) -> Iterator[Entry]:
    step, call, batch = found.step, found.call, found.recipe.train.batch
    seconds, basis = (None, found.untried) if step is None else (step.seconds, step.timed)
    yield Entry("speed", f"a step of training, batch {batch}", seconds, "seconds", basis)
    yield Entry("speed", "steps a second", None if seconds is None else 1 / seconds, "a second", basis)
    yield Entry("speed", "draws a second", None if seconds is None else batch / seconds, "a second", basis)
    if call is not None:
        yield Entry("speed", f"a call in sampling, {call.batch} states", call.seconds, "seconds", call.timed)


def _disk(found: Forecast) -> Iterator[Entry]:
    train, number, stored = found.recipe.train, found.recipe.sample.number, found.memory.stored
    yield Entry("disk", "a checkpoint", stored, "bytes", _COUNTED)
    made = 1 if train.checkpoint_every is None else max(1, math.ceil(train.steps / train.checkpoint_every))
    kept = min(made, train.keep)
    itemsize = max((parameter.element_size() for parameter in found.networks.parameters()), default=4)
    samples = number * math.prod(found.shape) * itemsize
    yield Entry("disk", f"{number} samples", samples, "bytes", _COUNTED)
    whole = kept * stored + found.memory.weights + samples
    if isinstance(train.ema, PowerAverages):
        averages = train.ema.snapshots * found.memory.averages
        yield Entry("disk", f"averages to choose from, {train.ema.snapshots} times", averages, "bytes", _COUNTED)
        whole += averages
    yield Entry("disk", f"in all, with the model, {kept} checkpoints kept", whole, "bytes", _SUM)
    yield Entry("disk", "free here", free_disk(Path()), "bytes", "measured now")


def _in_all(found: Forecast) -> Iterator[Entry]:
    steps, step = found.recipe.train.steps, found.step
    taken, given = (None, None) if step is None else (steps * step.seconds, steps * step.rows)
    if not steps:
        taken = given = 0.0
    yield Entry("in all", f"training, {steps} steps", taken, "seconds", "by the step above" if step else found.untried)
    yield Entry("in all", "network evaluations in training", given, "states", _basis(step, found.untried))
    sampling = _sampling(found)
    yield from sampling
    seconds = sampling[-1].value
    both = None if seconds is None or taken is None else seconds + taken
    basis = f"{_SUM}, without estimates and reports" if both is not None else found.untried
    yield Entry("in all", "training and sampling", both, "seconds", basis)


def _sampling(found: Forecast) -> list[Entry]:
    """Evaluations and time of sampling, the time last."""
    number, calls, call = found.recipe.sample.number, found.calls, found.call
    name = f"sampling, {number} samples"
    if calls is None or call is None:
        # Where the networks were not built, nothing could be asked.
        basis = found.untried if call is None else "unknown: the method fails where networks say nothing"
        return [Entry("in all", name, None, "seconds", basis)]
    basis = _COUNTED if calls.fixed else "a lower bound: the method chooses its steps by what the networks say"
    # Whole blocks are drawn, of which a request keeps what it asks for.
    states = calls.states * math.ceil(number / call.batch) * call.batch
    # A call may be of more states than a block has, such as those with and without a condition.
    seconds = states / call.batch * call.seconds
    return [
        Entry("in all", "calls of the networks for a block of samples", calls.calls, "calls", basis),
        Entry("in all", "network evaluations in sampling", states, "states", basis),
        Entry("in all", name, seconds, "seconds", f"by the call above{'' if calls.fixed else ', a lower bound'}"),
    ]


def _shared(found: Forecast, devices: int) -> Iterator[Entry]:
    section, memory, step = f"with {devices} devices", found.memory, found.step
    batch, steps = found.recipe.train.batch, found.recipe.train.steps
    rows = math.ceil(batch / devices)
    yield Entry(section, "rows of a batch on a device", rows, "rows", _COUNTED)
    samples = math.ceil(found.recipe.sample.number / devices)
    yield Entry(section, "samples on a device", samples, "samples", _COUNTED)
    activations = _activations(found)
    ring = (devices - 1) / devices
    for way, held, sent in (
        ("weights whole", float(memory.total), 2 * ring * memory.gradients),
        ("weights spread", memory.total / devices, 3 * ring * memory.weights),
    ):
        total = None if activations is None else held + activations * rows / batch
        basis = "activations in proportion to the rows" if total is not None else found.untried
        yield Entry(section, f"memory of a device, {way}", total, "bytes", basis)
        yield Entry(section, f"sent by a device in a step, {way}", sent, "bytes", "counted, by the formula of a ring")
    seconds = None if step is None else step.seconds * rows / batch
    basis = "in proportion to the rows, without the exchange" if step is not None else found.untried
    yield Entry(section, "a step of training", seconds, "seconds", basis)
    yield Entry(section, f"training, {steps} steps", None if seconds is None else seconds * steps, "seconds", basis)
