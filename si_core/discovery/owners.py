"""Whose component a bare name means where several distributions offer it: scopes.

A scope is a sequence of tiers, each a set of distributions; the first tier in which somebody offers the name has it. A
name with its distribution, ``si-cubic/cubic``, needs no scope. Three places have one:

- recipes that a plugin ships mean the plugin's own components, then those of the distributions it requires
  (:func:`scope_of`), so that no further installation changes or breaks them;
- what is meant where a recipe says nothing, such as the network ``mlp``, is ours (:data:`DEFAULTS`);
- everything else (recipes of users, :func:`si_core.build`) has none: two owners are a clash, told and not guessed.
"""

from __future__ import annotations

from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

__all__ = ["DEFAULTS", "Scope", "requirements", "scope_of"]

Scope = tuple[frozenset[str], ...]
"""Distributions by canonical name, those to be preferred first."""

DEFAULTS: Scope = (
    frozenset(
        {
            "si-distributions",
            "si-integrators",
            "si-interpolants",
            "si-networks",
            "si-objectives",
            "si-optimizers",
        }
    ),
)
"""The distributions of the components that the core names by itself; no two of them offer the same."""


def scope_of(distribution: str) -> Scope:
    """The scope of the recipes that a distribution ships: itself, then what it requires directly."""
    own = str(canonicalize_name(distribution))
    return frozenset({own}), requirements(own) - {own}


def requirements(distribution: str) -> frozenset[str]:
    """The distributions that one requires directly, canonical names; extras are left out, and so are damaged lines."""
    try:
        lines = metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:
        return frozenset()
    found = set()
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue  # what can't be read names nobody; `si plugins` and pip tell of it
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            found.add(str(canonicalize_name(requirement.name)))
    return frozenset(found)
