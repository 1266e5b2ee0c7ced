"""The program that runs ``si`` for the tests: one process with everything imported, which forks for each command.

A command then costs what it computes and not the seconds of its imports, and is still a process of its own, which can
be killed at any moment. Requests and answers are lines of JSON::

    {"arguments": [...], "folder": "...", "out": "file", "err": "file", "moment": [name, ...], "path": [...],
     "environment": {...}}  ->  {"pid": 4711}
    {"wait": 4711, "seconds": 60}  ->  {"code": 0}       negative: the signal that ended it; null: it took too long
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import signal
import sys
import time
import traceback
from typing import Any

import moments


def main() -> None:
    _import_everything()
    # What is here stays: no child need walk it, or copy the pages that it stands on.
    gc.collect()
    gc.freeze()
    answer({"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        answer({"code": _wait(request)} if "wait" in request else {"pid": _start(request)})


def answer(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)


OFTEN = ("si_tensorboard.logger", "si_report.page.page", "matplotlib.backends.backend_agg")
"""What plugins import when they are first used, where they are installed."""


def _import_everything() -> None:
    import importlib
    import importlib.util

    import si_core
    from si_core.discovery.available import available
    from si_core.discovery.commands import all_commands, load_command
    from si_core.discovery.kinds import KINDS
    from si_core.discovery.lookup import load_class

    # Making an optimizer imports the compiler, which takes a second.
    for module in ("rich.progress", "torch._dynamo", "si_core.runs.pipeline", "si_core.cli.points"):
        importlib.import_module(module)
    for command in all_commands().values():
        load_command(command)
    for kind in KINDS:
        for found in available(kind):
            load_class(found)
    for module in OFTEN:
        if importlib.util.find_spec(module.partition(".")[0]) is not None:
            with contextlib.suppress(ImportError):  # the library that the plugin is for
                importlib.import_module(module)
    # The models of its sections and of the options of its components are made once.
    si_core.load_recipe({"source": "gaussian", "target": "gaussian"}).resolved()


def _start(request: dict[str, Any]) -> int:
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            code = _carry_out(request)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return pid


def _carry_out(request: dict[str, Any]) -> int:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(request["folder"])
    os.environ.update(request["environment"])
    sys.path[:0] = request["path"]
    _redirect(0, os.devnull, os.O_RDONLY)
    for number, key in ((1, "out"), (2, "err")):
        _redirect(number, request[key], os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOCTTY)
    sys.stdout = sys.__stdout__ = _text(1)
    sys.stderr = sys.__stderr__ = _text(2)
    if request["path"]:
        from si_core.discovery.plugins import reset

        reset()
    if request["moment"]:
        name, *arguments = request["moment"]
        getattr(moments, name)(*arguments)
    from si_core.cli.main import main as si

    code = si(request["arguments"])
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return code


def _redirect(number: int, path: str, flags: int) -> None:
    descriptor = os.open(path, flags, 0o666)
    os.dup2(descriptor, number)
    os.close(descriptor)


def _text(number: int) -> io.TextIOWrapper:
    return open(number, "w", encoding="utf-8", errors="strict", buffering=1 if os.isatty(number) else -1)


def _wait(request: dict[str, Any]) -> int | None:
    end = time.monotonic() + request["seconds"]
    while True:
        pid, status = os.waitpid(request["wait"], os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            os.kill(request["wait"], signal.SIGKILL)
            os.waitpid(request["wait"], 0)
            return None
        time.sleep(0.002)


if __name__ == "__main__":
    main()
