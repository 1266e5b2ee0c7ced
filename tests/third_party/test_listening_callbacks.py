"""Callbacks with ``on_event`` hear the events of the runs that select them, and can't hinder one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import si_core as si
from si_core.runs.log import Silence
from si_core.runs.pipeline import start_run

pytest.importorskip("si_recipes")

RECIPE: dict[str, Any] = {
    "source": {"use": "gaussian", "dim": 2},
    "target": "two-moons",
    "network": {"use": "mlp", "width": 4, "depth": 1},
    "train": {"steps": 4, "batch": 8, "log_every": 2},
    "sample": {"number": 8, "batch": 64, "integrator": {"use": "euler", "steps": 1}},
    "report": False,
}


class Listening(si.Callback):
    """Keeps what it hears, and fails at an event.

    Args:
        fault: the event's name.
    """

    def __init__(self, fault: str = "") -> None:
        self.fault, self.heard = fault, []

    def on_event(self, event: si.Event) -> None:
        self.heard.append((event.name, event.step))
        event.values.clear() if isinstance(event.values, dict) else None
        if event.name == self.fault:
            raise ConnectionError("no route")


def carried_out(folder: Path, *callbacks: si.Callback, **changes: Any) -> bytes:
    recipe = si.load_recipe(RECIPE | {"callbacks": list(callbacks)} | changes)
    directory = start_run(recipe, console=Silence(), out=folder / "run")
    return (directory.path / "samples.npy").read_bytes()


def test_one_hears_all_events_of_its_run(tmp_path):
    listening = Listening()
    carried_out(tmp_path, listening)
    assert listening.heard[0] == ("started", 0)
    assert [each for each in listening.heard if each[0] == "step"] == [("step", 2), ("step", 4)]
    assert listening.heard[-1] == ("finished", 4)


@pytest.mark.parametrize("fault", ["started", "step", "finished"])
def test_one_that_fails_is_switched_off_and_the_run_goes_on(tmp_path, caplog, fault):
    broken, other = Listening(fault), Listening()
    assert carried_out(tmp_path, broken, other) == carried_out(tmp_path / "unheard")
    assert broken.heard[-1][0] == fault
    assert other.heard[-1][0] == "finished"
    assert caplog.text.count("failed and is switched off; the run goes on") == 1


def test_a_run_that_fails_is_told_of(tmp_path):
    listening = Listening()
    with pytest.raises(si.NumericsError):
        carried_out(tmp_path, listening, train=RECIPE["train"] | {"optimizer": {"use": "adam", "lr": 1e30}})
    assert listening.heard[-1][0] == "failed"
