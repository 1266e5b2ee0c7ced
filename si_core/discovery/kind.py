"""A kind of component: the interface its components implement, and the section of recipes it owns, if any.

A kind is an entry of one table (:data:`si_core.discovery.kinds.KINDS`), to which the core and plugins add alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from si_core.errors import PluginError

__all__ = ["Kind"]

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_RESERVED = frozenset(
    {
        *("construct", "copy", "dict", "from_orm", "json", "parse_file", "parse_obj", "parse_raw", "schema"),
        *("schema_json", "update_forward_refs", "validate"),
    }
)
"""What the model of a recipe has of its own; names that begin with ``model_`` are reserved as well."""

_KEY = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@dataclass(frozen=True)
class Kind:
    """One kind of component.

    Args:
        name: the word used in recipes, errors and ``si list``.
        interface: ``"module:Class"`` of the abstract class to implement; imported when a component is first used.
        summary: what a component of this kind is, in one line.
        context: names of constructor parameters that the builder supplies, and which are no options of a recipe. For a
            kind with a section a run has ``recipe``, ``process``, ``fields`` (their names), ``shape``, ``interpolant``,
            ``latent`` and ``runtime``.
        section: top-level key of recipes that selects components of this kind; None for none. What a section selects
            is built before the run has a folder, and asked for the methods of :class:`si_core.contract.run.Run`.
        many: whether the section is a list (of which a single selection is one of length 1).
        default: name of the component that a mapping without ``use`` means.
        conformance: ``"module:Class"`` of the checks that components inherit; None for none.

    Raises:
        PluginError: a word of another form.
    """

    name: str
    interface: str
    summary: str
    context: tuple[str, ...] = ()
    section: str | None = None
    many: bool = False
    default: str | None = None
    conformance: str | None = None

    def __post_init__(self) -> None:
        where = f"Kind({self.name!r}, {self.interface!r})"
        _check(self.name, _NAME, "a name is lower-case words joined by hyphens", "like 'learning-rate'", where)
        _check(self.interface, _TARGET, "an interface is 'module:Class'", "like 'si_calm.moderator:Moderator'", where)
        if not isinstance(self.summary, str):
            raise PluginError("a summary is text", where=where, got=repr(self.summary))
        names = () if isinstance(self.context, str) else tuple(self.context)
        if isinstance(self.context, str) or not all(isinstance(name, str) and name.isidentifier() for name in names):
            allowed = "like ('shape', 'process')"
            raise PluginError("a context is a tuple of names", where=where, got=repr(self.context), allowed=allowed)
        object.__setattr__(self, "context", names)
        if self.section is not None:
            _check(self.section, _KEY, "a section is one lower-case key", "like 'moderators'", where)
            if self.section in _RESERVED or self.section.startswith("model_"):
                raise PluginError("this section's name is reserved", where=where, got=repr(self.section))
        if self.default is not None:
            _check(self.default, _NAME, "a default is the name of a component", "like 'gentle'", where)
        if self.conformance is not None:
            _check(self.conformance, _TARGET, "a conformance is 'module:Class'", "like 'si_calm.checks:Checks'", where)
        if self.section is None and (self.many or self.default is not None):
            raise PluginError(
                "'many' and 'default' say something of a section, and there is none", where=where, fix="add section=..."
            )


def _check(value: object, form: re.Pattern[str], problem: str, allowed: str, where: str) -> None:
    if not isinstance(value, str) or not form.fullmatch(value):
        raise PluginError(problem, where=where, got=repr(value), allowed=allowed)
