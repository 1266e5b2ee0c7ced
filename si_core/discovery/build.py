"""From a name to an object: look up, check the options, construct."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any

from si_core.discovery.guard import cause_of
from si_core.discovery.host_state import host_state_restored
from si_core.discovery.kinds import KINDS
from si_core.discovery.lookup import Found, find, load_class
from si_core.discovery.nested import nested_options, use_and_options
from si_core.discovery.options import validate_options
from si_core.discovery.parameters import constructor_names
from si_core.errors import NumericsError, PluginError, SIError, UsageError, one_line, too_large

__all__ = ["build"]

_log = logging.getLogger(__name__)


def build(kind: str, name: str, /, *, context: Mapping[str, Any] | None = None, **options: Any) -> Any:
    """Return the component of that kind and name, constructed with ``options``.

    Args:
        kind: one of :data:`~si_core.discovery.kinds.KINDS`.
        name: its name, or ``"dist/name"``.
        context: values for the parameters that a kind takes from its surroundings, such as a network's ``shape``;
            those that the constructor doesn't have are ignored. Without it they may stand among the options.
        options: keyword arguments of the constructor, checked against its types.

    Raises:
        UsageError: unknown or not installed component; unknown, missing or wrong option.
        PluginError: a component that is not ready, in a clash, no proper class, or whose constructor fails.
        NumericsError: what its options ask for is more than the machine can hold.
        SIError: whatever the constructor itself refuses.

    Example:
        >>> build("latent", "brownian", scale=2.0)  # doctest: +SKIP
    """
    found = find(kind, name)
    cls = load_class(found)
    reserved = KINDS[kind].context
    if context is None:
        context = {key: options.pop(key) for key in reserved if key in options}
    checked = validate_options(cls, options, where=f"{kind} {name!r}", context=reserved)
    return _construct(cls, found, {**_with_nested(cls, checked, reserved), **_supplied(cls, found, context)})


def _with_nested(cls: type[Any], options: dict[str, Any], reserved: Collection[str]) -> dict[str, Any]:
    """The options with the components that they select in place of the selections."""
    made = dict(options)
    for name, kind in nested_options(cls, reserved).items():
        if isinstance(made.get(name), str | Mapping):
            use, further = use_and_options(made[name])
            made[name] = build(kind, use, context={}, **further)
    return made


def _supplied(cls: type[Any], found: Found, context: Mapping[str, Any]) -> dict[str, Any]:
    needed = {key: must for key, must in constructor_names(cls).items() if key in KINDS[found.component.kind].context}
    for key, must in needed.items():
        if must and key not in context:
            raise UsageError(
                f"{found.component.kind} {found.component.name!r} needs {key!r}, which no option gives",
                fix=f"pass it: build({found.component.kind!r}, {found.component.name!r}, {key}=...)",
            )
    return {key: context[key] for key in needed if key in context}


def _construct(cls: type[Any], found: Found, arguments: dict[str, Any]) -> Any:
    try:
        with host_state_restored() as changed:
            built = cls(**arguments)
    except SIError:
        raise
    except (Exception, SystemExit) as error:
        if too_large(error):
            sizes = {key: value for key, value in arguments.items() if type(value) is int}
            raise NumericsError(
                f"too large for this machine: {one_line(error, 200)}",
                where=found.label,
                got=", ".join(f"{key}={value}" for key, value in sizes.items()) or "no option that is a whole number",
                fix=f"smaller options ({', '.join(sizes) or 'or smaller data'}), or a machine with more memory",
            ) from error
        raise PluginError(
            f"its constructor failed: {cause_of(error)}",
            where=found.label,
            got=", ".join(f"{key}={value!r}"[:80] for key, value in arguments.items()) or "no options",
            fix=f"change its options, or report it to the authors of {found.plugin.distribution}",
        ) from error
    if changed:
        _log.warning("%s: its constructor changed %s; that is put back", found.label, ", ".join(changed))
    return built
