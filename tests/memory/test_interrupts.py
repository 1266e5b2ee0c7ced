"""Ctrl-C gives what is trained so far, and leaves the interpreter as it was."""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
import threading
import types
from typing import Any

import pytest
import torch
from torch import Tensor

import si_core as si


class Interrupter(si.Callback):
    """Sends a signal, or raises, after a step."""

    def __init__(self, at: int, act: Any) -> None:
        self.at, self.act = at, act

    def after_step(self, run: Any) -> None:
        if run.step == self.at:
            self.act()


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def raised() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("act", [ctrl_c, raised], ids=["signal", "raised"])
@pytest.mark.parametrize("seed", range(3))
def test_what_is_trained_so_far_is_returned(quick, table, caplog, tmp_path, seed: int, act: Any) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    at = random.Random(seed).randint(1, 30)
    with caplog.at_level(logging.WARNING):
        fitted = quick(table, steps=40, train={"log_every": 7}, callbacks=[Interrupter(at, act)])
    assert fitted.step == at
    assert si.load_model(fitted.save(tmp_path / "model")).step == at
    assert [record["step"] for record in fitted.history if record["step"] % 7] == ([at] if at % 7 else [])
    assert f"interrupted after step {at} of 40" in caplog.text
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert torch.isfinite(torch.as_tensor(fitted.sample(5))).all()
    assert torch.is_grad_enabled()
    assert quick(table, steps=2).step == 2


def test_an_interruption_within_a_step(quick, net, table) -> None:
    class Impatient(net):
        calls = 0

        def forward(self, t: Tensor, x: Tensor) -> Tensor:
            Impatient.calls += 1
            if Impatient.calls == 12:
                raise KeyboardInterrupt
            return super().forward(t, x)

    fitted = quick(table, network=Impatient(), steps=40)
    assert 1 <= fitted.step < 12
    assert fitted.sample(3).shape == (3, 2)


def test_before_the_first_step_there_is_nothing_to_return(quick, table) -> None:
    def simulate(n: int, generator: Any) -> Tensor:
        if n == 256:
            raise KeyboardInterrupt
        return torch.randn(n, 2, generator=generator)

    with pytest.raises(KeyboardInterrupt):
        quick(simulate)


def test_a_second_signal_stops_at_once(quick, table) -> None:
    def twice() -> None:
        ctrl_c()
        ctrl_c()

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        quick(table, steps=40, callbacks=[Interrupter(3, twice)])
    assert signal.getsignal(signal.SIGINT) == before


def test_terminations_are_not_taken_for_interruptions(quick, table) -> None:
    heard = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append(1))
    try:
        fitted = quick(table, callbacks=[Interrupter(2, lambda: os.kill(os.getpid(), signal.SIGTERM))])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (fitted.step, heard) == (5, [1])


def test_threads_may_fit(quick, table) -> None:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(quick(table, callbacks=[Interrupter(3, raised)])))
    thread.start()
    thread.join()
    assert found[0].step == 3


def test_a_notebook_has_one_line_that_tells_in_the_end_what_was_done(quick, table, capsys, monkeypatch) -> None:
    shell, lines = types.SimpleNamespace(kernel=object()), []

    def display(data: dict[str, str], **options: Any) -> Any:
        lines.append(data["text/plain"])
        return types.SimpleNamespace(update=lambda data, **options: lines.append(data["text/plain"]))

    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=display))
    quick(table, progress=None)
    assert any("5/5" in line for line in lines)
    assert lines[-1].startswith("5 steps in ")
    assert "loss" in lines[-1]
    lines.clear()
    quick(table, progress=None, callbacks=[Interrupter(3, ctrl_c)])
    assert lines[-1].startswith("3 of 5 steps in ")
    shown = capsys.readouterr()
    assert shown.err == shown.out == ""


def test_the_bar_is_shown_where_it_is_asked_for(quick, table, capsys) -> None:
    quick(table, progress=True)
    assert "5/5" in capsys.readouterr().err
    quick(table, progress=False)
    quick(table, progress=None)
    shown = capsys.readouterr()
    assert shown.err == shown.out == ""
