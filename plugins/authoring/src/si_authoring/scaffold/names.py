"""What everything in a new package is called: all names follow from the distribution's and the component's."""

from __future__ import annotations

import builtins
import keyword
import re
from dataclasses import dataclass

import si_core
from si_core import UsageError
from si_core.public.discovery import kind_named

__all__ = ["LONGEST", "Names", "names"]

LONGEST = 32
"""The most letters of a topic or of a component's name: people type both."""

_WORDS = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_VALUES = {"null", "true", "false"}
_MODULES = {"plugin", "recipes"}
_IMPORTED = {"Annotated", "Any", "ClassVar", "Field", "Iterable", "Mapping", "Path", "Tensor"}


@dataclass(frozen=True)
class Names:
    """The names of a new package.

    Args:
        distribution: what pip installs, ``si-<topic>``.
        kind: the kind of its component.
        component: what recipes call its component.
    """

    distribution: str
    kind: str
    component: str

    @property
    def topic(self) -> str:
        """The distribution without ``si-``; also the name of its entry point and of its recipe."""
        return self.distribution.removeprefix("si-")

    @property
    def package(self) -> str:
        """What Python imports, ``si_<topic>``."""
        return self.distribution.replace("-", "_")

    @property
    def module(self) -> str:
        """The module of the component."""
        module = self.component.replace("-", "_")
        return f"{module}_" if keyword.iskeyword(module) or module in _MODULES else module

    @property
    def class_name(self) -> str:
        """The class of the component, which hides no name that its module uses."""
        name = "".join(word.capitalize() for word in self.component.split("-"))
        hides = name in _IMPORTED or name in si_core.__all__ or hasattr(builtins, name)
        return f"{name}Component" if hides else name


def names(distribution: str, kind: str, component: str | None = None) -> Names:
    """The names of a new package.

    Args:
        distribution: ``si-<topic>``, lower-case words joined by hyphens.
        kind: one of :data:`~si_core.discovery.kinds.KINDS`.
        component: lower-case words joined by hyphens; by default the topic.

    Raises:
        UsageError: a name of another form, or an unknown kind.
    """
    prefix, _, topic = distribution.partition("-")
    if prefix != "si" or not _is_name(topic):
        raise UsageError(
            "the distribution of a plugin is named si-<topic>",
            got=repr(distribution),
            allowed=f"si- and lower-case words joined by hyphens, {LONGEST} letters at most, like 'si-mine'",
            fix=_repaired("si new plugin si-{}", re.sub(r"^si[^a-z0-9]+", "", distribution.lower())),
        )
    chosen = topic if component is None else component
    if chosen in _VALUES:
        raise UsageError(
            "this name is a value of YAML, which no recipe can select", got=repr(chosen), fix="--name OTHER"
        )
    if not _is_name(chosen):
        raise UsageError(
            "a component's name is lower-case words joined by hyphens",
            got=repr(chosen),
            allowed=f"{LONGEST} letters at most, the first a letter, like 'my-cubic'",
            fix=_repaired("--name {}", chosen.lower()),
        )
    return Names(distribution, kind_named(kind).name, chosen)


def _is_name(text: str) -> bool:
    return len(text) <= LONGEST and _WORDS.fullmatch(text) is not None


def _repaired(command: str, text: str) -> str | None:
    """The command with the nearest name of the right form, None if there is none."""
    name = re.sub(r"[^a-z0-9]+", "-", text).strip("-")
    return command.format(name) if _is_name(name) else None
