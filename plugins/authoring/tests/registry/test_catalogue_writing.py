"""Entries written from packages: the text reads back to the same entries, and this tree's catalogue is up to date."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from si_authoring.registry.writing import catalogue_text, written_anew
from si_core.cli.main import main
from si_core.discovery.catalogue import CatalogueEntry, catalogue, read_catalogue
from si_core.errors import UsageError

ROOT = Path(__file__).parents[4]
STRANGE = CatalogueEntry(
    name="si-strange",
    summary="It's: 100% # not a comment, 'quoted' and \"twice\"",
    source="https://example.org/a?b=c#d",
    install="pip install 'si-strange>=1,<2'",
    requires=">=0.2,<0.3",
    licence="MIT",
    status="deprecated",
    maintainers=("Ångström, A.", "no", "1.0"),
    components={"latent": ("none-at-all", "yes")},
    replaced_by="si-other",
)


def test_text_reads_back(tmp_path: Path) -> None:
    entries = (*catalogue(), STRANGE, replace(STRANGE, name="si-empty", components={}))
    path = tmp_path / "registry.yaml"
    path.write_text(catalogue_text(entries), encoding="utf-8")
    assert set(read_catalogue(path)) == set(entries)
    for one, other in zip(read_catalogue(path), sorted(entries, key=lambda entry: entry.name), strict=True):
        assert one.components == other.components


def test_this_trees_catalogue_is_up_to_date() -> None:
    path = ROOT / "registry.yaml"
    assert written_anew(path) == path.read_text(encoding="utf-8"), "run `si registry --write`"


def test_entries_of_plugins_elsewhere_stay_and_those_of_this_tree_follow_their_packages(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "plugins" / "objectives", tmp_path / "plugins" / "objectives")
    path = tmp_path / "registry.yaml"
    stale = replace(STRANGE, name="si-objectives", source="plugins/objectives", status="official", replaced_by=None)
    gone = replace(stale, name="si-gone", source="plugins/gone")
    path.write_text(catalogue_text([STRANGE, stale, gone]), encoding="utf-8")
    assert main(["registry", "--write", str(path)]) == 0
    kept, written = sorted(read_catalogue(path), key=lambda entry: entry.name == "si-objectives")
    assert kept == STRANGE
    (now,) = [entry for entry in catalogue() if entry.name == "si-objectives"]
    assert (written.components, written.summary) == (now.components, now.summary)
    assert written.maintainers == STRANGE.maintainers
    assert main(["registry", "--write", str(path)]) == 0


def test_nothing_to_write_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no plugins' packages lie beside"):
        written_anew(tmp_path / "registry.yaml")


def test_the_command_names_what_breaks_a_guideline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "registry.yaml"
    path.write_text(catalogue_text([replace(STRANGE, licence="mine")]), encoding="utf-8")
    assert main(["registry", "--check", str(path), "--quick"]) == 5
    said = capsys.readouterr().out
    assert "si-strange: licence: its licence is no SPDX expression: 'mine'" in said
    assert "si-strange: not installed here" in said
    assert "1 plugin, 7 guidelines: 1 of them break a guideline" in said
    assert main(["registry", "--check", str(tmp_path / "nothing")]) == 2
    assert main(["registry"]) == 2
