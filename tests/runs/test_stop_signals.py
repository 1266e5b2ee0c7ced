"""Signals: one asks, two insist, and nothing stays behind."""

import os
import signal
import threading
import time

import pytest

from si_core.runs.signals import StopSignals


def handlers():
    return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_becomes_a_request(number, code):
    before = handlers()
    with StopSignals() as stop:
        assert not stop.stop_requested
        assert stop.exit_code is None
        signal.raise_signal(number)
        assert stop.stop_requested
        assert stop.exit_code == code
    assert handlers() == before


def test_the_second_interrupt_stops_at_once_and_handlers_are_restored():
    before = handlers()
    with pytest.raises(KeyboardInterrupt), StopSignals() as stop:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert stop.exit_code == 143
        signal.raise_signal(signal.SIGINT)
    assert handlers() == before


def test_other_threads_change_nothing():
    before, seen = handlers(), []

    def work():
        with StopSignals() as stop:
            seen.append((handlers() == before, stop.stop_requested))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(True, False)]


@pytest.mark.fault(55)
def test_a_forked_worker_survives_ctrl_c_and_dies_of_sigterm():
    with StopSignals():
        child = os.fork()
        if child == 0:
            try:
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(5)
            finally:
                os._exit(1)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGTERM
