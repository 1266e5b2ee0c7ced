"""Events reach every listener; a failing one is reported once and switched off."""

from __future__ import annotations

import logging
import sys

from si_core.discovery.events import emit
from si_core.discovery.plugins import reset

LISTENER = """
from si_core import hookimpl
heard = []

@hookimpl
def si_event(event):
    heard.append(event)
    {action}
"""


def test_failing_logger_is_reported_once_and_the_others_hear_on(install, caplog, monkeypatch):
    monkeypatch.setenv("SI_PLUGINS", "deaf,leaver,listener")
    install("si-deaf", LISTENER.format(action="raise OSError('disk full')"))
    install("si-leaver", LISTENER.format(action="raise SystemExit(1)"))
    install("si-listener", LISTENER.format(action="pass"))
    with caplog.at_level(logging.WARNING):
        for event in ("started", "step", "finished"):
            emit(event)
    heard = {name: sys.modules[f"fake_si_{name}"].heard for name in ("deaf", "leaver", "listener")}
    assert heard == {"deaf": ["started"], "leaver": ["started"], "listener": ["started", "step", "finished"]}
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 2
    assert "'deaf' of si-deaf 1.0" in messages[0]
    assert "disk full" in messages[0]


def test_switched_off_logger_hears_again_after_reset(install):
    install("si-deaf", LISTENER.format(action="raise OSError('disk full')"))
    emit(1)
    reset()
    emit(2)
    assert sys.modules["fake_si_deaf"].heard == [1, 2]


def test_disabled_listener_hears_nothing(install, monkeypatch):
    install("si-listener", LISTENER.format(action="pass"))
    monkeypatch.setenv("SI_PLUGINS", "")
    emit("started")
    assert "fake_si_listener" not in sys.modules
