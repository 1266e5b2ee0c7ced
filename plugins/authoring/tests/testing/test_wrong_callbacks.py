"""Callbacks with one mistake each, rejected by the check meant for it and in words that name it."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
import torch

import si_core as si


class Notes(si.Callback):
    """Writes each record into a file of its own, where there is a folder."""

    def after_step(self, run):
        if run.directory is not None and run.metrics.get("step") == run.step:
            (run.directory / "notes.txt").write_text(str(run.metrics))


class Patient(si.Callback):
    """Ends training after the second record whose validation loss did not fall."""

    def __init__(self) -> None:
        self.best, self.waited = None, 0

    def after_step(self, run):
        if run.metrics.get("step") != run.step:
            return
        loss = run.metrics["validation"]["total"]
        if self.best is None or loss < self.best:
            self.best, self.waited = loss, 0
            return
        self.waited += 1
        if self.waited >= 2:
            run.request_stop("enough")

    def state(self):
        return {"best": self.best, "waited": self.waited}

    def restore(self, state):
        self.best, self.waited = state["best"], state["waited"]


class NeverCalled(si.Callback):
    def after_steps(self, run):
        run.request_stop("now")


class OneOfItsNamesIsWrong(Notes):
    def before_reports(self, run):
        pass


class StateAlone(Notes):
    def state(self):
        return {}


class ForgetsItsState(Patient):
    state = None
    restore = None


class RestoresNothing(Patient):
    def restore(self, state):
        pass


class InfiniteState(Patient):
    def state(self):
        return {"best": math.inf if self.best is None else self.best, "waited": self.waited}


class TensorState(Patient):
    def state(self):
        return {"best": torch.tensor(0.0), "waited": self.waited}


class ChangesTheRecord(Notes):
    def after_step(self, run):
        run.metrics.pop("lr", None)


class WritesBeside(Notes):
    def after_step(self, run):
        Path("notes.txt").write_text("noted")


class WritesOverTheRecipe(Notes):
    def after_step(self, run):
        if run.directory is not None:
            (run.directory / "recipe.yaml").write_text("mine")


class NeedsAFolder(Notes):
    def after_step(self, run):
        (run.directory / "notes.txt").write_text("noted")


class SeedsTheWorld(Notes):
    def before_training(self, run):
        torch.manual_seed(0)


class SwitchesGradientsOff(Notes):
    def after_step(self, run):
        torch.set_grad_enabled(False)


class NudgesTheModel(Notes):
    def after_step(self, run):
        with torch.no_grad():
            next(run.shown.fields.predictor.parameters()).add_(1.0)


class LeavesForTheFolder(Notes):
    def after_step(self, run):
        if run.directory is not None:
            os.chdir(run.directory)


@pytest.mark.parametrize(
    ("component", "check", "words"),
    [
        (NeverCalled(), "moments", "never hears of a run"),
        (OneOfItsNamesIsWrong(), "moments", "before_reports is never called"),
        (StateAlone(), "moments", "needs both"),
        (ForgetsItsState(), "resumes", "keep a `state()`"),
        (RestoresNothing(), "resumes", "instead of"),
        (InfiniteState(), "resumes", "no infinities"),
        (TensorState(), "resumes", "its state can't be stored"),
        (ChangesTheRecord(), "run-unchanged", "changes the record"),
        (WritesBeside(), "own-folder", "writes outside of the run's folder"),
        (WritesOverTheRecipe(), "own-folder", "not its own: recipe.yaml"),
        (NeedsAFolder(), "own-folder", "raised TypeError"),
        (SeedsTheWorld(), "own-randomness", "global generator of torch"),
        (SwitchesGradientsOff(), "run-unchanged", "gradients switched off"),
        (NudgesTheModel(), "run-unchanged", "changes the model that is trained"),
        (LeavesForTheFolder(), "own-folder", "changes the current directory"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, si.Callback) else "",
)
def test_a_wrong_callback(rejected, component: si.Callback, check: str, words: str) -> None:
    rejected("callback", component, check, words)


@pytest.mark.parametrize("component", [Notes(), Patient()], ids=lambda value: type(value).__name__)
def test_a_right_one_is_accepted(accepted, component: si.Callback) -> None:
    accepted("callback", component)
