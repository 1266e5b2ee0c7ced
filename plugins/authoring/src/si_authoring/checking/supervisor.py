"""The supervisor: runs the worker, watches the clock, and goes on after a hang or a crash with the next component."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any

from si_core import DataError, PluginError, StorageError, UsageError

__all__ = ["CheckedComponent", "check_by_name"]

_ERRORS = {kind.code: kind for kind in (UsageError, DataError, StorageError, PluginError)}
_TAIL = 2000


@dataclass
class CheckedComponent:
    """A component and what became of its checks.

    Args:
        kind: its kind.
        name: its name.
        plugin: its distribution and version.
        target: where its class lives.
        results: a mapping for each check: ``check``, ``claim``, ``state`` (``holds``, ``violated`` or
            ``not applicable``), ``message``, ``deviation``, ``allowed``, ``where``, ``seconds``.
        unchecked: why nothing was checked, if so.
        fault: whether that is the component's fault.
    """

    kind: str
    name: str
    plugin: str
    target: str
    results: list[dict[str, Any]] = field(default_factory=list)
    unchecked: str = ""
    fault: bool = False

    @property
    def conforms(self) -> bool:
        """Whether no check is violated."""
        return not self.fault and all(result["state"] != "violated" for result in self.results)


def check_by_name(
    name: str,
    kind: str | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    timeout: float = 60.0,
    environment: Mapping[str, str] | None = None,
) -> Iterator[CheckedComponent]:
    """Check the components of a name, each yielded when it is done.

    Args:
        name: as for :func:`si_authoring.checking.subjects.subjects_of`.
        kind: only components of this kind.
        options: of the component.
        timeout: how long one check may take, in seconds.
        environment: of the worker; that of this process by default.

    Raises:
        UsageError, PluginError: nothing can be checked.
    """
    done = 0
    while True:
        job = {"name": name, "kind": kind, "options": dict(options or {}), "after": done}
        ended = False
        with _Worker(job, timeout, environment) as worker:
            for component in worker.components():
                done += 1
                yield component
            ended = worker.ended
        if ended:
            return


class _Worker:
    """One worker process and what it says."""

    def __init__(self, job: Mapping[str, Any], timeout: float, environment: Mapping[str, str] | None) -> None:
        self._timeout = timeout
        self._process = subprocess.Popen(
            [sys.executable, "-m", "si_authoring.checking.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=environment,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._printed: list[str] = []
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()
        self._listener = threading.Thread(target=self._listen, args=(self._process.stderr,), daemon=True)
        self._listener.start()
        if self._process.stdin is not None:
            try:
                # It stays open: the worker ends when this process does, whatever ends it.
                self._process.stdin.write(json.dumps(job) + "\n")
                self._process.stdin.flush()
            except BrokenPipeError:
                self._printed.append("it ended before it was told what to do")
        self.ended = False

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *problem: object) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):  # what it was to be told, and ended before
                self._process.stdin.close()

    def components(self) -> Iterator[CheckedComponent]:
        """The components as they are done; the last one may have been cut short by a hang or a crash."""
        current: CheckedComponent | None = None
        check = "start"
        while True:
            try:
                line = self._lines.get(timeout=self._timeout)
            except queue.Empty:
                self._process.kill()
                yield from _cut_short(current, check, f"hangs: it did not finish within {self._timeout:g} s")
                return
            if line is None:
                yield from _cut_short(current, check, self._death())
                return
            said = json.loads(line)
            match said.pop("event"):
                case "check":
                    check = said["name"]
                case "component":
                    if current is not None:
                        yield current
                    current = CheckedComponent(**said)
                case "result" if current is not None:
                    current.results.append(said)
                case "unchecked" if current is not None:
                    current.unchecked, current.fault = said["reason"], said["fault"]
                case "error":
                    raise _ERRORS.get(said["code"], PluginError)(said["text"])
                case "done":
                    self.ended = True
                    if current is not None:
                        yield current
                    return

    def _death(self) -> str:
        code = self._process.wait()
        self._listener.join(1.0)
        cause = f"of {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        printed = "".join(self._printed)[-_TAIL:].strip().splitlines()
        return f"crashes: its process ended {cause}" + (f" ({printed[-1]})" if printed else "")

    def _read(self, stream: IO[str] | None) -> None:
        for line in stream or ():
            self._lines.put(line)
        self._lines.put(None)

    def _listen(self, stream: IO[str] | None) -> None:
        for line in stream or ():
            self._printed = [*self._printed[-50:], line]


def _cut_short(current: CheckedComponent | None, check: str, problem: str) -> Iterator[CheckedComponent]:
    if current is None:
        raise PluginError(f"a plugin {problem}", where=f"while its {check} ran", fix="si plugins says which")
    current.results.append(
        {
            "check": check,
            "claim": "a check comes to an end",
            "state": "violated",
            "message": problem,
            "deviation": None,
            "allowed": None,
            "where": "",
            "seconds": None,
        }
    )
    yield current
