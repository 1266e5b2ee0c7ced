"""Kinds that plugins add: they enter the table whatever the order of installation, or are refused with the cause."""

from __future__ import annotations

import itertools

import pydantic
import pytest

from si_core import Component, Kind, build
from si_core.cli.main import main
from si_core.discovery.available import available, kind_named, orphans
from si_core.discovery.core_kinds import CORE_KINDS, RECIPE_KEYS
from si_core.discovery.kinds import KINDS, section_kinds
from si_core.errors import PluginError, UsageError
from si_core.recipes.schema import Sections

KIND = """
    from si_core import Component, Kind, hookimpl

    @hookimpl
    def si_kinds():
        return [Kind({kind})]
"""
PART = """
    from si_core import Component, hookimpl

    @hookimpl
    def si_components():
        return [Component("moderator", "gentle", "fake_parts:Gentle", "a test")]
"""
PARTS = "class Moderator: ...\nclass Gentle(Moderator): ..."
MODERATOR = "'moderator', 'fake_parts:Moderator', 'what watches', section='moderators'"


def test_the_core_s_kinds_are_entries_of_the_table(monkeypatch):
    monkeypatch.setenv("SI_PLUGINS", "")
    assert tuple(KINDS.values()) == CORE_KINDS
    assert all(isinstance(kind, Kind) for kind in CORE_KINDS)


def test_the_core_s_keys_and_the_model_of_recipes_agree():
    own = {field.alias or name for name, field in Sections.model_fields.items()}
    assert own | {"extends", "base"} == RECIPE_KEYS
    # A section becomes a field of that model, so it must not hide what the model itself has.
    shown = {name for name in dir(pydantic.BaseModel) if not name.startswith(("_", "model_"))}
    for name in shown:
        with pytest.raises(PluginError, match="reserved"):
            Kind("moderator", "fake:Moderator", "x", section=name)


@pytest.mark.parametrize("owner", ["si-aaa", "si-zzz"])
def test_a_kind_and_a_component_of_it_may_come_from_different_plugins(install, owner):
    install("si-mmm", PART, fake_parts=PARTS)
    install(owner, KIND.format(kind=MODERATOR))
    assert [item.component.name for item in available("moderator")] == ["gentle"]
    assert type(build("moderator", "gentle")).__name__ == "Gentle"
    assert "moderators" in {kind.section for kind in section_kinds()}


def test_a_component_of_an_unknown_kind_is_unusable_and_says_why(install, plugin_of, capsys):
    install("si-lone", PART, fake_parts=PARTS)
    plugin = plugin_of("si-lone")
    assert plugin.status == "ready"
    assert orphans(plugin) == plugin.components
    with pytest.raises(UsageError, match="unknown kind") as caught:
        build("moderator", "gentle")
    assert "si-lone" in str(caught.value)
    assert "interpolant" in str(caught.value.allowed)
    assert "install the plugin" in str(caught.value.fix)
    assert main(["plugins"]) == 0
    assert "no ready plugin offers the kind 'moderator'" in capsys.readouterr().out


def test_two_plugins_that_offer_one_kind_clash(install, plugin_of):
    install("si-first", KIND.format(kind=MODERATOR))
    install("si-second", KIND.format(kind=MODERATOR.replace("moderators", "keepers")))
    for name, other in itertools.permutations(["si-first", "si-second"]):
        (clash,) = plugin_of(name).clashes
        assert (clash.kind, clash.name, clash.others) == ("kind", "moderator", (other,))
    assert "moderator" not in KINDS
    with pytest.raises(PluginError, match="si-first and si-second"):
        kind_named("moderator")


def test_two_kinds_with_one_section_clash(install, plugin_of):
    install("si-first", KIND.format(kind=MODERATOR))
    install("si-second", KIND.format(kind=MODERATOR.replace("'moderator'", "'keeper'")))
    (clash,) = plugin_of("si-first").clashes
    assert (clash.kind, clash.name) == ("section", "moderators")
    assert not {"moderator", "keeper"} & set(KINDS)
    with pytest.raises(PluginError, match="section 'moderators'"):
        kind_named("keeper")


MISTAKES = {
    "core kind": ("'latent', 'fake_parts:Moderator', 'x'", "the core's own"),
    "core section": ("'moderator', 'fake_parts:Moderator', 'x', section='train'", "the core's own"),
    "open section": ("'moderator', 'fake_parts:Moderator', 'x', section='callbacks'", "the core's own"),
    "name": ("'Moderator', 'fake_parts:Moderator', 'x'", "lower-case"),
    "interface": ("'moderator', 'fake_parts', 'x'", "module:Class"),
    "context": ("'moderator', 'fake_parts:Moderator', 'x', context='shape'", "tuple of names"),
    "section": ("'moderator', 'fake_parts:Moderator', 'x', section='a.b'", "one lower-case key"),
    "many": ("'moderator', 'fake_parts:Moderator', 'x', many=True", "there is none"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_bad_kind_breaks_its_plugin_with_the_cause(install, plugin_of, case):
    kind, cause = MISTAKES[case]
    install("si-bad", KIND.format(kind=kind))
    plugin = plugin_of("si-bad")
    assert plugin.status == "broken"
    assert cause in plugin.cause


@pytest.mark.parametrize("returned", ["{}", "[1]", "None"])
def test_the_hook_returns_a_list_of_kinds(install, plugin_of, returned):
    install("si-bad", f"from si_core import hookimpl\n@hookimpl\ndef si_kinds(): return {returned}")
    assert "hook 'si_kinds' returned" in plugin_of("si-bad").cause


def test_a_component_is_made_before_its_kind_is_known():
    assert Component("never-heard-of", "thing", "fake:Thing").kind == "never-heard-of"
    with pytest.raises(PluginError, match="lower-case"):
        Component("Never", "thing", "fake:Thing")
