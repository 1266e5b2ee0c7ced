"""What is installed (kinds, components, plugins, the catalogue), and how a name becomes a class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from si_core.discovery.available import Found, available, kind_named
from si_core.discovery.catalogue import SCHEMA, CatalogueEntry, catalogue, catalogue_path, read_catalogue
from si_core.discovery.compatibility import core_version, suggested_bound
from si_core.discovery.core_commands import CORE_COMMANDS
from si_core.discovery.guard import cause_of
from si_core.discovery.hooks import ENTRY_POINT_GROUP
from si_core.discovery.host_state import host_state_restored, random_states, same_random_state
from si_core.discovery.kinds import KINDS
from si_core.discovery.late import late
from si_core.discovery.lookup import find, load, load_class
from si_core.discovery.plugin import Plugin
from si_core.discovery.plugins import installed_plugins
from si_core.discovery.suggest import did_you_mean

if TYPE_CHECKING:
    from si_core.discovery.option_bounds import unbounded_options
    from si_core.discovery.options import option_problems, options_model, validate_options
    from si_core.discovery.parameters import constructor_names

__all__ = [
    "CORE_COMMANDS",
    "ENTRY_POINT_GROUP",
    "KINDS",
    "SCHEMA",
    "CatalogueEntry",
    "Found",
    "Plugin",
    "available",
    "catalogue",
    "catalogue_path",
    "cause_of",
    "constructor_names",
    "core_version",
    "did_you_mean",
    "find",
    "host_state_restored",
    "installed_plugins",
    "kind_named",
    "load",
    "load_class",
    "option_problems",
    "options_model",
    "random_states",
    "read_catalogue",
    "same_random_state",
    "suggested_bound",
    "unbounded_options",
    "validate_options",
]

# Pydantic takes its time, and not every tool looks at options.
__getattr__ = late(
    __name__,
    {
        "constructor_names": "si_core.discovery.parameters",
        "unbounded_options": "si_core.discovery.option_bounds",
        "option_problems": "si_core.discovery.options",
        "options_model": "si_core.discovery.options",
        "validate_options": "si_core.discovery.options",
    },
)
