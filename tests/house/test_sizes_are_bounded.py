"""Every whole number that a recipe may hold has an upper bound: the core's keys, and options of all components.

Numbers that are not whole size nothing; the lengths of lists are bounded by the size of a recipe
(``si_core/recipes/limits.py``).
"""

from __future__ import annotations

from si_core.contract.largest import Largest
from si_core.discovery.available import Found, available
from si_core.discovery.kinds import KINDS
from si_core.discovery.lookup import load_class
from si_core.discovery.option_bounds import unbounded_integers, unbounded_options
from si_core.recipes.sections import sections_model

EXCEPTIONS = {
    "sample.condition": "a value that networks are given, which sizes nothing",
    "sample.condition.*": "the same, by name",
}


def components() -> list[Found]:
    return [found for kind in KINDS for found in available(kind)]


def test_options_have_upper_bounds() -> None:
    unbounded = {
        found.label: unbounded_options(load_class(found), KINDS[found.component.kind].context) for found in components()
    }
    assert {name: options for name, options in unbounded.items() if options} == {}


def test_there_are_components_of_most_kinds() -> None:
    assert len(components()) > 80
    assert len({found.component.kind for found in components()}) > 12


def test_keys_of_recipes_have_upper_bounds() -> None:
    found = unbounded_integers(sections_model().model_json_schema())
    assert set(found) == set(EXCEPTIONS), "an exception has a reason, and is one"


class Careless:
    """Takes what it is given."""

    def __init__(self, depth: int = 3, shape: list[int] | None = None, at: dict[str, int] | None = None) -> None:
        self.depth, self.shape, self.at = depth, shape, at


def test_what_is_looked_for_is_found() -> None:
    assert unbounded_options(Careless) == ["depth", "shape[]", "at.*"]


def test_bounds_are_whole_numbers_with_reasons() -> None:
    bounds = {name: value for name, value in vars(Largest).items() if name.isupper()}
    assert all(type(value) is int and 2**10 <= value < 2**63 for value in bounds.values())
