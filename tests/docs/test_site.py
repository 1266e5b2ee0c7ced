"""The site: it is built without a warning, and knows every component, option, hook, command, exit code and name."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def reference() -> dict[str, str]:
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        from _site.extension import pages  # type: ignore[import-not-found]

        return dict(pages())
    finally:
        sys.path.remove(str(ROOT / "docs"))


def test_every_option_and_name_has_words(reference: dict[str, str]) -> None:
    """A row of a table whose last cell is empty is an option, a key or a name that nobody has described."""
    silent = [
        f"{page}: {line}"
        for page, text in reference.items()
        for line in text.splitlines()
        if line.startswith("| ") and line.endswith("|  |")
    ]
    assert not silent, "\n".join(silent)


def test_every_component_and_command_stands_there(reference: dict[str, str]) -> None:
    from si_core.discovery.available import available
    from si_core.discovery.commands import all_commands
    from si_core.discovery.kinds import KINDS

    for kind in KINDS:
        for found in available(kind):
            assert f"\n## {found.component.name}\n" in reference[f"components/{kind}.md"]
    for name in all_commands():
        assert f"\n## si {name}\n" in reference["commands.md"]


def test_every_plugin_of_the_catalogue_stands_in_the_gallery(reference: dict[str, str]) -> None:
    from si_core.discovery.catalogue import catalogue

    by_kind, _, by_plugin = reference["gallery.md"].partition("## Plugin by plugin")
    sections = {name: text for name, _, text in (part.partition("\n") for part in by_plugin.split("\n### ")[1:])}
    assert list(sections) == [entry.name for entry in catalogue()]
    for entry in catalogue():
        told = sections[entry.name]
        assert f"```bash\n{entry.install}\n```" in told
        for fact in (entry.licence, entry.status, *entry.maintainers, entry.requires, entry.source, *entry.sections):
            assert fact in told, (entry.name, fact)
        names = [name for names in entry.components.values() for name in names]
        for name in (*names, *(f"si {command}" for command in entry.commands)):
            assert all(re.search(rf"(?<![\w-]){name}(?![\w-])", text) for text in (told, by_kind)), (entry.name, name)
    assert "|" not in reference["gallery.md"], "a table of it is wider than a phone"


@pytest.mark.slow
def test_it_is_built_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("sphinx")
    pytest.importorskip("furo")
    pytest.importorskip("latex2mathml")
    pytest.importorskip("myst_nb")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "docs", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-5000:]
    # Nothing is fetched when a page is read: formulas are MathML, scripts and styles are the site's own.
    pages = [page.read_text(encoding="utf-8") for page in tmp_path.rglob("*.html")]
    assert any("<math" in page for page in pages)
    outside = re.compile(r"""<(?:script|img|link rel="stylesheet")[^>]*(?:src|href)="(?:https?:)?//""")
    assert not any(outside.search(page) for page in pages)
    # Notebooks stand there with what they gave, and to be downloaded without.
    for notebook in (ROOT / "docs" / "notebooks").glob("*.ipynb"):
        page = (tmp_path / "site" / "notebooks" / f"{notebook.stem}.html").read_text(encoding="utf-8")
        assert page.count('<img alt="') > 1
        assert "cell_output" in page
        (stored,) = tmp_path.rglob(f"_downloads/*/{notebook.name}")
        assert stored.read_bytes() == notebook.read_bytes()
