"""The trainer: one optimisation step after another, a pure function of the recipe, the seed and the step's number.

Every step draws from streams of its own (:mod:`si_core.models.streams`), so no generator has to be saved: with weights,
averages, optimizer, the sums of the metrics and the gradients measured for importance sampling restored, training goes
on bit for bit.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from si_core.contract.data import Draw
from si_core.contract.runtime import Runtime
from si_core.discovery.first_calls import first_calls_watched
from si_core.errors import RecipeError, StorageError
from si_core.models.assembly import Assembly
from si_core.models.first_draw import calls_of
from si_core.models.freed_memory import keep_freed_memory
from si_core.models.learnable import learnable_parts
from si_core.storage.nested import stored_state
from si_core.training.averages import Averages
from si_core.training.batches import Batch, Batches
from si_core.training.extragradient import Extragradient, Networks
from si_core.training.gradients import Gradient, Gradients
from si_core.training.learning_rate import LearningRates, own_rates
from si_core.training.network_noise import NetworkNoise
from si_core.training.nonfinite import NonFiniteSteps
from si_core.training.optimizer import build_optimizer
from si_core.training.process_trainer import ProcessTrainer
from si_core.training.reduction import begin_alike, reduction_of
from si_core.training.rounds import refit
from si_core.training.sharding import spread, unfuse
from si_core.training.sums import Sums
from si_core.training.throughput import Throughput
from si_core.training.trained_parts import TrainedParts
from si_core.training.validation import Validation

__all__ = ["Trainer"]


class Trainer:
    """Minimises the objectives of a recipe.

    Args:
        assembly: the recipe, put together.
        runtime: where and how to train.
    """

    def __init__(self, assembly: Assembly, runtime: Runtime) -> None:
        keep_freed_memory()
        self.assembly, self.runtime, self.train = assembly, runtime, assembly.recipe.train
        compiled = self._compiled = self.train.compile if runtime.compile is None else runtime.compile
        self.step = 0
        self.stopped: str | None = None
        self.predictor: nn.Module = assembly.fields.predictor.to(runtime.device).train()
        if runtime.processes is not None:
            begin_alike(self.predictor, runtime.processes)
        self.averages = Averages(self.predictor, self.train.ema)
        self._spread = spread(self.predictor, self.averages, runtime) if self.train.shard else None
        self.parameters = [p for p in self.predictor.parameters() if p.requires_grad]
        if not self.parameters:
            where, fix = assembly.recipe.where("network"), "requires_grad_(True) for those that are to be trained"
            raise RecipeError("the network has no parameters to train", where=where, got="all are frozen", fix=fix)
        self.optimizer = build_optimizer(assembly.recipe, self.parameters)
        if self._spread is not None:
            unfuse(self.optimizer)
        self._rates, self._own_rates = LearningRates(assembly.recipe), own_rates(self.optimizer)
        self.parts = learnable_parts(assembly.process).to(runtime.device)
        self._moved = TrainedParts(self.predictor, self.averages, self.optimizer, self.train.optimizer.name, self.parts)
        moving = bool(assembly.learned)
        self.process_trainer = ProcessTrainer(assembly, self.parts, runtime) if moving else None
        noise = NetworkNoise(assembly.recipe.seed, runtime)
        self._reduction = reduction_of(assembly.recipe, runtime, self.parameters, self.predictor.buffers())
        self.throughput = Throughput(self.train.batch, runtime.device)
        self._gradients = Gradients(
            assembly, self.parameters, runtime, noise, self.throughput, self._reduction, compiled
        )
        self._extragradient: Extragradient | None = None
        if self.process_trainer is not None and self.train.process.method == "extragradient":
            networks = Networks(assembly, self.parameters, self.optimizer, runtime, self._gradients)
            self._extragradient = Extragradient(networks, self.process_trainer)
        self._batches = Batches(assembly, self.parameters[0].dtype, runtime, moving)
        self._sums = Sums()
        self._watched = True
        self._nonfinite = NonFiniteSteps(assembly, self.predictor)
        self._restored: str | None = None  # the checkpoint that the next step starts from
        self._validation = Validation(assembly, runtime)
        if compiled:
            self.predictor.compile()

    def asked_to_stop(self, requested: bool) -> bool:
        """Whether training stops after this step by a signal: all processes at the same step, whichever it came to.

        Args:
            requested: whether it came to this one.
        """
        if self._reduction is None:
            return requested
        self._reduction.asked = requested
        return self._reduction.stop

    @property
    def finished(self) -> bool:
        """Whether the last step is done: the recipe's, or the one at which training was asked to stop."""
        return self.step >= self.train.steps or self.stopped is not None

    def stop(self, reason: str) -> None:
        """Let the current step be the last; of several reasons the first is kept, and a checkpoint holds it."""
        if not self.finished:
            self.stopped = reason

    def batch(self) -> Batch:
        """The batch of the current step."""
        return self._batches.at(self.step)

    def advance(self) -> None:
        """Take one step, or leave it out as ``train.on_nonfinite`` allows; in grad mode whatever the caller's.

        Raises:
            NumericsError: a loss or a gradient of the networks is not finite, and their weights are as before; or one
                of the process, which is as before.
        """
        if torch.is_grad_enabled() and not self._watched:
            return self._advance()
        calls, self._watched = self._calls() if self._watched else [], False
        with torch.enable_grad(), first_calls_watched(calls):
            return self._advance()

    def watch(self) -> None:
        """Look at the next step for whoever changes what the whole process shares."""
        self._watched = True

    def _calls(self) -> list[tuple[object, str]]:
        """The methods of components that a step calls."""
        assembly = self.assembly
        calls = [*calls_of(assembly.process), (self.optimizer, "step")]
        calls += [(objective, method) for objective in assembly.objectives for method in ("loss", "loss_of")]
        # Inside a compiled network nothing can be watched.
        networks = () if self._compiled else assembly.fields.predictor.networks
        return [*calls, *((network, "forward") for network in networks)]

    def _advance(self) -> None:
        self.throughput.begins(self.step)
        refit(self.assembly, self.step, self.trained(), self.runtime)
        if self._extragradient is not None:
            self._extragradient.extrapolate(self.step)
        batch = self.batch()
        if self._nonfinite.watches_buffers:
            self._nonfinite.remember()
        found = self._gradients.of(self.step, batch)
        if not found.finite:
            self._leave_out(batch.draw, found)
            return
        if found.squares is not None:
            self._batches.times.learn(batch.times, found.squares)
        if self.train.clip is not None and found.norm > self.train.clip:
            torch._foreach_mul_(found.tensors, self.train.clip / found.norm)
        self._rates.put(self.optimizer, self._own_rates, self.step)
        if self._extragradient is not None:
            self._extragradient.back(self.step)
        with self.throughput.inside():
            if self._restored is None:
                self.optimizer.step()
            else:
                self._first_step(self._restored)
        self.averages.update()
        if self.process_trainer is not None:
            self.process_trainer.advance(self.step)
        if self._gradients.scale is not None:
            self._gradients.scale.held()
        self.step += 1
        self._sums.add(found.losses, found.norm)

    def _first_step(self, where: str) -> None:
        """The optimizer's first step after a checkpoint's state was loaded, of which only optimizers know the form."""
        with stored_state(f"{where}/optimizer.safetensors"):
            self.optimizer.step()
        self._restored = None

    def _leave_out(self, draw: Draw, found: Gradient) -> None:
        if self._extragradient is not None:
            self._extragradient.undo()
        self._batches.forget()
        scale = self._gradients.scale
        if scale is not None and math.isfinite(sum(found.losses)) and scale.overflowed(self.step):
            self._nonfinite.put_back()
        else:
            self._nonfinite.met(self.step, draw, found.losses, found.norm)
        self.step += 1

    @property
    def measured(self) -> bool:
        """Whether a step was taken since the last record; where all were left out, they are told all the same."""
        if self._sums.count == 0:
            self._nonfinite.tell()
        return self._sums.count > 0

    def record(self) -> dict[str, Any]:
        """The means over the steps taken since the last record, for ``metrics.jsonl``; starts the next interval.

        To be asked for where there are any (:attr:`measured`).
        """
        sums, self._sums = self._sums, Sums()
        means, norm = sums.means()
        record: dict[str, Any] = {
            "step": self.step,
            "loss": sum(means),
            "losses": dict(zip(self.assembly.fields.names, means, strict=True)),
            "grad_norm": norm,
            "lr": self._own_rates[0] * self._rates.factor(max(self.step - 1, 0)),
        }
        if self._nonfinite.recorded:
            record["left_out"] = self._nonfinite.record()
        if self._gradients.scale is not None:
            record["loss_scale"] = self._gradients.scale.record()
        record |= self._validation.record(self.trained())
        if self.process_trainer is not None:
            record["process"] = self.process_trainer.record()
        return record

    def trained(self) -> nn.Module:
        """The predictor to sample from: the averaged weights where there is an average, the first of several."""
        return self.averages.first

    def sampled(self) -> nn.Module:
        """The predictor that the recipe samples: the average of ``sample.ema`` where that is followed, or the first."""
        length = self.assembly.recipe.sample.ema
        return self.trained() if length is None else self.averages.lengths.get(length, self.trained())

    def gathered(self) -> nn.Module:
        """:meth:`sampled` with its weights whole: a copy where they are spread, for which all processes have to ask."""
        return self.sampled() if self._spread is None else self._spread.gathered(self.sampled())

    def state(self) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
        """All that the next steps depend on, for a checkpoint: tensors by group, and the rest."""
        tensors, rest = self._moved.state()
        times = self._batches.times.state()
        if times:
            tensors["times"] = times
        rest |= {"sums": self._sums.plain(), "left_out": self._nonfinite.state(), "stopped": self.stopped}
        if self._gradients.scale is not None:
            rest["loss_scale"] = self._gradients.scale.state()
        if self.process_trainer is not None:
            tensors["process-optimizer"], rest["process"] = self.process_trainer.state()
        return tensors, rest

    def restore(self, step: int, tensors: dict[str, dict[str, Tensor]], state: dict[str, Any], where: str) -> None:
        """Go on from a checkpoint.

        Raises:
            StorageError: a part is missing or of no known form, or the weights or the optimizer are of another recipe.
        """
        needed = self._moved.groups | ({"times"} if self._batches.times.state() else set())
        further = {"process": self.process_trainer, "loss_scale": self._gradients.scale}
        rest = {"optimizer", "sums", "left_out", *(name for name, part in further.items() if part is not None)}
        missing = sorted(needed - set(tensors)) + sorted(rest - set(state))
        if missing:
            raise StorageError(
                "the checkpoint lacks what this recipe needs",
                where=where,
                got=f"no {', '.join(missing)}",
                fix="resume with the recipe the run was started with, or start a new run",
            )
        self._moved.restore(tensors, state, where)
        with stored_state(f"{where}/state.json"):
            self._sums = Sums.of_plain(state["sums"], len(self.assembly.fields.names))
            self._nonfinite.restore(state["left_out"])
            stopped = state.get("stopped")
            if not (stopped is None or isinstance(stopped, str)):
                raise ValueError(f"training ended early for {stopped!r}")
            if self._gradients.scale is not None:
                self._gradients.scale.restore(state["loss_scale"])
            if self.process_trainer is not None:
                self.process_trainer.restore(tensors.get("process-optimizer", {}), state["process"])
        self._batches.forget()
        self._batches.times.restore(step, tensors.get("times", {}), f"{where}/times.safetensors")
        self.step, self.stopped, self._restored = step, stopped, where
