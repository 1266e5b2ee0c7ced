"""The four ways in which a look-up fails, in words that say what to do next."""

from __future__ import annotations

from packaging.utils import canonicalize_name

from si_core.discovery.available import Found, available
from si_core.discovery.catalogue import CatalogueEntry, catalogue, providers
from si_core.discovery.kinds import KINDS
from si_core.discovery.plugins import installed_plugins
from si_core.discovery.suggest import did_you_mean
from si_core.errors import PluginError, UsageError

__all__ = ["clash", "not_installed", "unknown", "unready"]


def clash(kind: str, name: str, candidates: list[Found]) -> PluginError:
    """The component that several distributions (or several plugins of one) offer."""
    distributions = sorted({item.plugin.distribution for item in candidates})
    if len(distributions) == 1:
        entries = sorted({item.plugin.name for item in candidates})
        return PluginError(
            f"{kind} {name!r} is offered by several plugins of {distributions[0]}",
            got=", ".join(entries),
            fix=f"allow one of them: SI_PLUGINS={entries[0]}",
        )
    return PluginError(
        f"{kind} {name!r} is offered by {' and '.join(distributions)}",
        fix=f"choose one: {' or '.join(f'{distribution}/{name}' for distribution in distributions)}",
    )


def unready(kind: str, name: str, distribution: str) -> PluginError | None:
    """The component of a plugin that is broken, incompatible or disabled; None if there is no such plugin."""
    listed = {str(canonicalize_name(entry.name)) for entry in providers(kind, name)}
    for plugin in installed_plugins():
        offers = plugin.distribution in listed or any(
            (component.kind, component.name) == (kind, name) for component in plugin.components
        )
        if not plugin.ready and offers and distribution in ("", plugin.distribution):
            error = PluginError(
                f"{kind} {name!r} is offered by {plugin.label}, which is {plugin.state}: {plugin.cause}", fix=plugin.fix
            )
            error.__cause__ = plugin.error
            return error
    return None


def not_installed(kind: str, name: str, distribution: str) -> UsageError | None:
    """The component of a plugin that the catalogue knows and that is not installed; None if there is no such plugin."""
    installed = {plugin.distribution for plugin in installed_plugins()}
    for entry in providers(kind, name):
        own = str(canonicalize_name(entry.name))
        if own not in installed and distribution in ("", own):
            return UsageError(f"{kind} {name!r} is provided by {entry.name}: {entry.install}", fix=_advice(entry))
    return None


def _advice(entry: CatalogueEntry) -> str:
    if entry.replaced_by:
        return f"{entry.name} is deprecated; prefer {entry.replaced_by}"
    return f"run {entry.install!r}, then try again"


def unknown(kind: str, name: str) -> UsageError:
    """The component that nobody is known to offer: near names, other kinds, and plugins that could not be asked."""
    distribution, _, plain = name.rpartition("/")
    names = sorted({item.component.name for item in available(kind)})
    return UsageError(
        f"unknown {kind} {name!r}",
        allowed=", ".join(names) or "nothing: no installed plugin offers this kind",
        fix="; ".join(_hints(kind, plain, bool(distribution), names)) or "'si list' shows what is installed",
    )


def _hints(kind: str, plain: str, qualified: bool, names: list[str]) -> list[str]:
    hints = []
    if qualified and plain in names:
        owners = sorted({item.plugin.distribution for item in available(kind) if item.component.name == plain})
        hints.append(f"installed: {', '.join(f'{owner}/{plain}' for owner in owners)}")
    else:
        listed = {name for entry in catalogue() for name in entry.components.get(kind, ())}
        hints.append(did_you_mean(plain, listed.union(names)) or "")
    for other in KINDS:
        if other != kind and any(item.component.name == plain for item in available(other)):
            hints.append(f"{plain!r} is a kind of {other}")
    missing = [f"{plugin.distribution} ({plugin.state})" for plugin in installed_plugins() if not plugin.ready]
    if missing:
        hints.append(f"these plugins can't be used and were not asked: {', '.join(missing)}; see 'si plugins'")
    return [hint for hint in hints if hint]
