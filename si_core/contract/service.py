"""Callbacks that show a run in a service of others, by what its package calls a logger."""

from __future__ import annotations

import importlib.util
from abc import abstractmethod
from typing import Protocol

from si_core.contract.callback import Callback
from si_core.contract.event import Event
from si_core.errors import UsageError

__all__ = ["Logger", "ServiceCallback"]


class Logger(Protocol):
    """A run as it is in the service."""

    def tell(self, event: Event) -> None:
        """Tell an event; the last one ends the run there."""


class ServiceCallback(Callback):
    """Hears the events of a run in a folder, and hands them to a logger, which is made when the run starts.

    What a logger raises switches it off, with one warning, and the run goes on.
    """

    _logger: Logger | None = None

    @abstractmethod
    def logger(self, started: Event) -> Logger:
        """What tells this run; the service's package is imported here, not before.

        Args:
            started: the first event, with the recipe and the environment.
        """

    @staticmethod
    def refuse_without(package: str, distribution: str) -> None:
        """Refuse to be made where a package is not installed, before a run begins.

        Args:
            package: as it is imported.
            distribution: whose extra of this name brings it.

        Raises:
            UsageError: it is not there.
        """
        if importlib.util.find_spec(package) is None:
            raise UsageError(
                f"the callback {package} needs the package {package}, which is not installed",
                where=package,
                fix=f"pip install '{distribution}[{package}]', or leave this callback out",
            )

    def on_event(self, event: Event) -> None:
        """Tell an event."""
        if event.name == "started":
            self._logger = self.logger(event)
        elif self._logger is not None:
            self._logger.tell(event)
