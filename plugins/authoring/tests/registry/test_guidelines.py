"""The guidelines of the catalogue: each is broken by an entry that breaks it alone, and stands in CONTRIBUTING.md."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from si_authoring.checking import supervisor
from si_authoring.registry import guidelines
from si_authoring.registry.candidates import Candidate, candidates_of
from si_authoring.registry.guidelines import GUIDELINES, edit_distance, guidelines_text
from si_core.discovery.catalogue import CatalogueEntry, catalogue, catalogue_path

ROOT = Path(__file__).parents[4]

GOOD = CatalogueEntry(
    name="si-cubic",
    summary="Cubic paths",
    source="https://example.org/si-cubic",
    install="pip install 'si-cubic>=1'",
    requires=">=0.2,<0.3",
    licence="MIT OR Apache-2.0",
    status="community",
    maintainers=("someone",),
    components={"interpolant": ("cubic",)},
)
OTHER = replace(GOOD, name="si-quartic", install="pip install si-quartic", components={"interpolant": ("quartic",)})
READY: dict[str, Any] = {
    "state": "ready",
    "cause": "",
    "commands": [],
    "sections": [],
    "seconds": 0.01,
    "components": [{"kind": "interpolant", "name": "cubic"}],
}


def broken(entry: CatalogueEntry, known: dict[str, Any] | None = None, other: CatalogueEntry = OTHER) -> dict[str, str]:
    candidate = Candidate(entry, (other,), None, known)
    found = {rule.name: rule.check(candidate) for rule in GUIDELINES if not rule.slow}
    return {name: "; ".join(problems) for name, problems in found.items() if problems}


def test_a_good_entry_breaks_none() -> None:
    assert broken(GOOD) == {}
    assert broken(GOOD, READY) == {}


@pytest.mark.parametrize(
    ("rule", "changes", "words"),
    [
        ("name-form", {"name": "cubic", "install": "pip install cubic"}, "not of the form si-topic"),
        ("name-form", {"name": "si-Cubic", "install": "pip install si-Cubic"}, "not of the form si-topic"),
        ("name-distance", {"name": "si-quartics", "install": "pip install si-quartics"}, "mistaken for it"),
        ("no-clash", {"components": {"interpolant": ("quartic",)}}, "offered by si-quartic already"),
        ("upper-bound", {"requires": ">=0.2"}, "no upper bound"),
        ("upper-bound", {"requires": ""}, "no upper bound"),
        ("upper-bound", {"requires": ">=7,<8"}, "this is si-core"),
        ("upper-bound", {"requires": "0.2 or so"}, "can't be read"),
        ("licence", {"licence": "do what you like"}, "no SPDX expression"),
        ("licence", {"licence": ""}, "no SPDX expression"),
        ("facts", {"install": "pip install something"}, "does not name it"),
        ("facts", {"source": "http://example.org"}, "no https address"),
        ("facts", {"source": ""}, "where its source is"),
        ("facts", {"summary": ""}, "no summary"),
        ("facts", {"maintainers": ()}, "nobody who maintains it"),
        ("facts", {"status": "deprecated"}, "what replaces it"),
        ("facts", {"replaced_by": "si-quartic"}, "what replaces it"),
    ],
)
def test_an_entry_that_breaks_one(rule: str, changes: dict[str, Any], words: str) -> None:
    found = broken(replace(GOOD, **changes))
    assert set(found) == {rule}
    assert words in found[rule]


def test_one_plugin_may_replace_another_with_its_components() -> None:
    old = replace(OTHER, status="deprecated", replaced_by="si-cubic", components=GOOD.components)
    assert broken(GOOD, other=old) == {}
    assert broken(old, other=GOOD) == {}


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({**READY, "state": "broken", "cause": "no"}, "it is broken: no"),
        ({**READY, "components": []}, "listed, and it does not offer it"),
        ({**READY, "components": [*READY["components"], {"kind": "latent", "name": "x"}]}, "which is not listed"),
        ({**READY, "commands": [], "sections": [], "seconds": 7.0}, "import takes 7.0 s"),
    ],
)
def test_a_plugin_that_is_not_what_its_entry_says(known: dict[str, Any], words: str) -> None:
    found = broken(GOOD, known)
    assert set(found) == {"loads"}
    assert words in found["loads"]


def test_conformance_is_asked_of_a_plugin_that_is_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    (rule,) = [rule for rule in GUIDELINES if rule.slow]
    assert rule.check(Candidate(GOOD, (OTHER,))) is None

    def checked(name: str, **settings: object) -> list[supervisor.CheckedComponent]:
        assert name == "dist:si-cubic"
        result = {"check": "ends", "state": "violated", "message": "off"}
        return [supervisor.CheckedComponent("interpolant", "cubic", "si-cubic 1", "a:B", [result])]

    monkeypatch.setattr(guidelines, "check_by_name", checked)
    assert rule.check(Candidate(GOOD, (OTHER,), None, READY)) == ["interpolant cubic violates ends: off"]


def test_the_shipped_catalogue_keeps_the_guidelines() -> None:
    for candidate in candidates_of(catalogue(), catalogue_path().resolve().parent):
        for rule in GUIDELINES:
            if not rule.slow:
                assert not rule.check(candidate), f"{candidate.entry.name}: {rule.name}"


def test_contributing_prints_them() -> None:
    assert guidelines_text() in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [("", "", 0), ("abc", "abc", 0), ("abc", "", 3), ("abc", "abd", 1), ("abc", "ab", 1), ("kitten", "sitting", 3)],
)
def test_edit_distance(one: str, other: str, distance: int) -> None:
    assert edit_distance(one, other) == edit_distance(other, one) == distance
