"""The part of the other processes in a run that process 0 leads: they do their share of the work, and write nothing.

What leads and what follows meet in exchanges, one after the other in an order that both sides keep:

1. what is to be done (:func:`call`, :func:`follow_run`);
2. whether all are about to do the same, and the state to go on from;
3. the sums of each step of training, and what a run's parts decide after it;
4. blocks of samples, and estimates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from si_core.contract.runtime import Runtime
from si_core.recipes.recipe import Recipe
from si_core.runs.agreement import agree, take_state
from si_core.runs.attribution import attributed
from si_core.runs.averages import average_of_leader, save_averages
from si_core.runs.fitted_sampler import fitted_sampler
from si_core.runs.log import Silence
from si_core.runs.memory import memory_explained
from si_core.runs.plan import prepare
from si_core.runs.records import LogRecords
from si_core.runs.saving import saving_due, saving_first
from si_core.runs.signals import Interrupted, StopSignals
from si_core.runs.stages import draw, measured
from si_core.runs.training import finished, steps, watched
from si_core.training.trainer import Trainer

__all__ = ["Call", "call", "follow_run"]


@dataclass(frozen=True)
class Call:
    """What process 0 is about to do.

    Args:
        work: a run from its start, or from a checkpoint; or nothing, where all of it is done.
        begun: whether there are weights to go on with.
    """

    work: Literal["start", "resume", "nothing"]
    begun: bool = False


def call(runtime: Runtime, work: Literal["start", "resume", "nothing"], begun: bool = False) -> None:
    """Tell the other processes what is about to be done, where there are any."""
    if runtime.processes is not None:
        runtime.processes.of_leader(Call(work, begun))


def follow_run(recipe: Recipe, runtime: Runtime) -> None:
    """Do a process's share of the run that process 0 starts or goes on with.

    Args:
        recipe: the recipe, as process 0 has it.
        runtime: that of a process beside process 0.

    Raises:
        Interrupted: a signal came to one of the processes; process 0 has saved.
        LostProcess: another process has ended.
        SIError: as for :func:`si_core.runs.pipeline.start_run`.
    """
    processes = runtime.processes
    if processes is None:
        raise TypeError("a process alone has nobody to follow")
    with StopSignals(patient=True) as signals, LogRecords(Silence()), attributed():
        called = processes.of_leader(Call("nothing"))
        if called.work == "nothing":
            return
        with signals.at_once():
            plan = prepare(recipe, runtime, called.begun)
            agree(plan.assembly, processes)
            with memory_explained("training", plan.assembly, runtime.device):
                trainer = Trainer(plan.assembly, runtime)
            renew = called.work == "resume" and take_state(trainer, processes)
        with memory_explained("training", plan.assembly, runtime.device):
            # What is here alone of weights that are spread goes into the checkpoints of process 0.
            if saving_first(trainer, renew):
                trainer.state()
            for _ in steps(watched(trainer, plan.parts)):
                save_averages(None, trainer)
                stop = trainer.asked_to_stop(signals.stop_requested)
                if saving_due(trainer, stop):
                    trainer.state()
                if stop:
                    processes.meet()
                    raise Interrupted(signals.exit_code or 143)
            if trainer.step == 0:
                trainer.state()
        with signals.at_once():
            model = finished(trainer)
            if recipe.sample.ema is not None:
                model = average_of_leader(model, processes)
            model = fitted_sampler(None, recipe, model)
            with memory_explained("sampling", plan.assembly, runtime.device):
                draw(recipe, model, Silence())
                model.accelerator.release()
            with memory_explained("estimation", plan.assembly, runtime.device):
                for _ in measured(recipe, model, plan.estimators):
                    pass
            processes.meet()
