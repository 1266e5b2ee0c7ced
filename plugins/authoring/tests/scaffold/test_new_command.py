"""The command itself: what it says, what it refuses, and that it leaves nothing behind when it fails."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from si_authoring.scaffold.writing import write_package
from si_core.cli.main import main
from si_core.discovery import catalogue as catalogue_module
from si_core.errors import StorageError


def refused(capsys: pytest.CaptureFixture[str], *words: str, code: int = 2) -> str:
    """What the command says when it refuses; it writes nothing."""
    before = sorted(Path.cwd().rglob("*"))
    assert main(["new", *words]) == code
    assert sorted(Path.cwd().rglob("*")) == before
    output = capsys.readouterr()
    assert output.out == ""
    return output.err


@pytest.mark.usefixtures("workplace")
def test_it_says_what_it_wrote_and_what_is_next(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "plugin", "si-mine"]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    lines = output.out.splitlines()
    written = [line.strip() for line in lines[1 : lines.index("")]]
    assert sorted(written) == sorted(
        path.relative_to("si-mine").as_posix() for path in Path("si-mine").rglob("*") if path.is_file()
    )
    assert [line.strip() for line in lines[-3:]] == [
        "pip install -e './si-mine[test]'",
        "pytest ./si-mine",
        "si check mine",
    ]


def test_out_is_exactly_the_folder(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = workplace / "my work" / "x"
    assert main(["new", "plugin", "si-mine", "--name", "cubic", "--out", str(out)]) == 0
    assert (out / "src" / "si_mine" / "cubic.py").is_file()
    assert f"pytest '{out}'" in capsys.readouterr().out
    empty = workplace / "empty"
    empty.mkdir()
    os.chdir(empty)
    assert main(["new", "plugin", "si-mine", "--out", "."]) == 0
    assert "pip install -e '.[test]'" in capsys.readouterr().out
    assert (empty / "pyproject.toml").is_file()


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["plugin", "mine"], ["si-<topic>", "'mine'", "fix: si new plugin si-mine"]),
        (["plugin", "si_My__Cubic"], ["fix: si new plugin si-my-cubic"]),
        (["plugin", "si-Mine"], ["fix: si new plugin si-mine"]),
        (["plugin", "si-"], ["si-<topic>", "'si-'"]),
        (["plugin", "si-3d"], ["si-<topic>"]),
        (["plugin", "si-a--b"], ["fix: si new plugin si-a-b"]),
        (["plugin", "si-../x"], ["fix: si new plugin si-x"]),
        (["plugin", "si-" + "x" * 33], ["32 letters at most"]),
        (["plugin", "si-mine\n"], ["si-<topic>"]),
        (["plugin", "si-mine", "--name", "My Cubic"], ["lower-case words", "fix: --name my-cubic"]),
        (["plugin", "si-true"], ["value of YAML", "'true'", "--name"]),
        (["plugin", "si-mine", "--name", ""], ["lower-case words", "got ''"]),
        (["plugin", "si-mine", "--kind", "interpolants"], ["'interpolants'", "latent", "did you mean 'interpolant'"]),
        (["plugin", "si-mine", "--kind", "banana"], ["'banana'", "allowed distribution"]),
        (["plugin"], ["needs a name", "fix: si new plugin si-mine"]),
        (["si-mine"], ["needs a name", "fix: si new plugin si-mine"]),
        (["plugin", "si-mine", "extra"], ["extra"]),
        (["plugin", "si-core"], ["there is a distribution of this name", "this library", "si-my-core"]),
    ],
)
def test_refusals(words: list[str], parts: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    text = refused(capsys, *words)
    for part in parts:
        assert part in text


@pytest.mark.usefixtures("workplace")
def test_taken_distributions(new: Callable[..., Any], here: Callable[[Any], None], capsys: Any) -> None:
    package = new("interpolant")
    capsys.readouterr()
    here(package)
    assert "si-mine, installed" in refused(capsys, "plugin", "si-mine", "--out", "elsewhere")


@pytest.fixture
def catalogued(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch):
    """A catalogue with one plugin, which is not installed."""
    path = tmp_path_factory.mktemp("catalogue") / "registry.yaml"
    path.write_text(
        "schema: 1\nplugins:\n- {name: si-known, summary: a test, source: 'https://example.org', licence: MIT,\n"
        "   install: pip install si-known, requires: '>=0.2,<0.3', status: community, maintainers: [someone],\n"
        "   components: {latent: [known]}}\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(catalogue_module, "catalogue_path", lambda: path)
    catalogue_module.catalogue.cache_clear()
    yield
    catalogue_module.catalogue.cache_clear()


@pytest.mark.usefixtures("workplace", "catalogued")
def test_catalogued_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    assert "si-known, in the catalogue" in refused(capsys, "plugin", "si-known")


@pytest.mark.usefixtures("workplace", "catalogued")
def test_taken_components_are_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "plugin", "si-mine", "--kind", "latent", "--name", "known"]) == 0
    output = capsys.readouterr()
    assert output.err.startswith("warning: latent 'known' is also offered by si-known")
    assert output.out.endswith("si check si-mine/known\n")
    recipe = Path("si-mine/src/si_mine/recipes/mine.yaml").read_text(encoding="utf-8")
    assert "latent: {use: si-mine/known," in recipe
    # Of another kind the name is free.
    assert main(["new", "plugin", "si-other", "--name", "known"]) == 0
    assert capsys.readouterr().err == ""


def test_existing_folders(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = workplace / "si-mine"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    text = refused(capsys, "plugin", "si-mine")
    assert "a folder with notes.txt" in text
    assert "--out" in text
    (workplace / "si-other").write_text("a file")
    assert "got a file" in refused(capsys, "plugin", "si-other")
    (workplace / "si-third").symlink_to(workplace / "nowhere")
    assert "got a file" in refused(capsys, "plugin", "si-third")


def test_parents_that_are_no_folders(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workplace / "file").write_text("")
    assert "Not a directory" in refused(capsys, "plugin", "si-mine", "--out", "file/si-mine", code=4)


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere")
def test_parents_that_are_not_writable(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workplace / "locked").mkdir(mode=0o500)
    assert "no permission" in refused(capsys, "plugin", "si-mine", "--out", "locked/si-mine", code=4)


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    """The third file needs a folder where the first is a file."""
    folder = tmp_path / "deep" / "new"
    with pytest.raises(StorageError):
        write_package(folder, {"one": "1", "two/three": "3", "one/four": "4"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("workplace")
def test_files_follow_the_umask() -> None:
    before = os.umask(0o027)
    try:
        assert main(["new", "plugin", "si-mine"]) == 0
    finally:
        os.umask(before)
    assert Path("si-mine/README.md").stat().st_mode & 0o777 == 0o640
    assert Path("si-mine/src").stat().st_mode & 0o777 == 0o750


@pytest.mark.usefixtures("workplace")
def test_it_is_light() -> None:
    heavy = ("torch", "numpy", "scipy", "matplotlib", "pydantic", "sklearn")
    code = (
        "import sys; from si_core.cli.main import main; code = main(['new', 'plugin', 'si-mine'])\n"
        f"print(code, [name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stderr.strip() == "0 []"
