"""What the whole process shares, looked at now and then while components work: at each record, block and save."""

from __future__ import annotations

import logging

from si_core.discovery.host_state import HostState

__all__ = ["SharedState"]

_log = logging.getLogger(__name__)


class SharedState:
    """The shared state when components begin to work; each change of it is put back, and told once."""

    def __init__(self) -> None:
        self._state, self._told = HostState(), set[str]()

    def put_back(self) -> bool:
        """Put the state back; returns whether something was changed."""
        changed = self._state.put_back()
        if new := [name for name in changed if name not in self._told]:
            self._told.update(new)
            _log.warning("a component changed %s while it worked; that is put back", ", ".join(new))
        return bool(changed)
