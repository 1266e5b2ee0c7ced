"""The commands that list things: light, readable, and well-behaved in a pipe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from si_core.cli.main import main
from si_core.discovery.commands import all_commands

from .conftest import offering, write_distribution

HEAVY = ("torch", "numpy", "scipy", "matplotlib", "pydantic", "rich")
LIGHT = (
    *(["--help"], ["list"], ["list", "--help"], ["plugins"], ["plugins", "--json"], ["recipes"], ["--version"]),
    *(["recipes", "show", "fake-recipe"], ["completion", "bash"], ["run", "--help"]),
)
CLASSES = """
    from si_core.contract.latent import Latent

    class Bump(Latent):
        '''A bump, sigma\u00b2 high.

        Args:
            scale: its height.
        '''

        def __init__(self, scale: float = 1.0, mode: str = "\u03b3"):
            self.scale = scale

        def gamma(self, t):
            return self.scale * t * (1 - t)
"""


def si(*words: str, path: Path | None = None, **settings: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, **settings}
    environment.pop("SI_PLUGINS", None)
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    return subprocess.run(
        [sys.executable, "-m", "si_core.cli.main", *words], capture_output=True, env=environment, check=False
    )


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    recipe_hook = f"\n    @hookimpl\n    def si_recipes(): return {str(folder / 'recipes')!r}\n"
    offer = offering("latent fake-bump fake_classes:Bump") + recipe_hook
    write_distribution(folder, "si-bump", offer, module="fake_bump", fake_classes=CLASSES)
    write_distribution(folder, "si-bad", "import fake_absent_module", module="fake_bad")
    (folder / "recipes").mkdir()
    (folder / "recipes" / "fake-recipe.yaml").write_text("title: A test\nseed: 1\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("words", LIGHT, ids=" ".join)
def test_light_commands_import_nothing_heavy(words, site):
    code = (
        "import sys\nfrom si_core.cli.main import main\n"
        f"code = main({words!r})\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\nsys.exit(code)"
    )
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "[]")
    assert done.stdout


def test_list_groups_by_kind(install, capsys):
    install("si-bump", offering("latent fake-bump fake_classes:Bump"))
    assert main(["list"]) == 0
    text = capsys.readouterr().out
    assert "latent: the size gamma(t)" in text
    assert any(line.split() == ["fake-bump", "si-bump", "a", "test"] for line in text.splitlines())
    assert main(["list", "latent", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert {"si-bump"} == {entry["distribution"] for entry in entries if entry["name"] == "fake-bump"}
    assert {entry["kind"] for entry in entries} == {"latent"}


def test_summaries_cannot_control_the_terminal(install, capsys):
    source = offering("latent fake-bump fake_classes:Bump").replace("a test", "red\\x1b[31m\\nsecond line")
    install("si-bump", source)
    main(["list", "latent"])
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert "red\\x1b[31m second line" in text


@pytest.mark.fault(64)
def test_plugins_tells_states_and_fixes(install, capsys, monkeypatch):
    install("si-bad", "import fake_absent_module")
    install("si-old", "", requires=("si-core<0.0.1",))
    install("si-one", offering("latent fake-same fake:A"))
    install("si-two", "print('hello')\n" + offering("latent fake-same fake:A").replace("\n    ", "\n"))
    assert main(["plugins"]) == 0
    text = capsys.readouterr().out
    for words in ("broken", "incompatible", "clash", "fake_absent_module", "fix:", "si-one/fake-same", "printed while"):
        assert words in text
    assert main(["plugins", "--json"]) == 0
    states = {entry["distribution"]: entry["state"] for entry in json.loads(capsys.readouterr().out)}
    assert [states[name] for name in ("si-bad", "si-old", "si-one", "si-two")] == [
        "broken",
        "incompatible",
        "clash",
        "clash",
    ]
    monkeypatch.setenv("SI_PLUGINS", "one,absent")
    main(["plugins"])
    assert "SI_PLUGINS names 'absent', which is not installed" in capsys.readouterr().out


@pytest.mark.fault(68)
def test_no_plugins_before_and_after_the_command(install, capsys):
    install("si-bump", "raise SystemExit(9)")
    for words in (["--no-plugins", "plugins", "--json"], ["plugins", "--json", "--no-plugins"]):
        assert main(words) == 0
        assert {entry["state"] for entry in json.loads(capsys.readouterr().out)} == {"disabled"}
    assert "SI_PLUGINS" not in os.environ
    assert main(["list", "--no-plugins"]) == 0
    assert "No installed plugin offers any component." in capsys.readouterr().out


def test_recipes(site, capsys):
    done = si("recipes", "--json", path=site)
    (recipe,) = [entry for entry in json.loads(done.stdout) if entry["name"] == "fake-recipe"]
    assert (recipe["title"], recipe["distribution"]) == ("A test", "si-bump")
    assert b"fake-recipe" in si("recipes", path=site).stdout


def test_show_tells_the_options(install, capsys):
    install("si-bump", offering("latent fake-bump fake_classes:Bump"), fake_classes=CLASSES)
    assert main(["show", "latent", "fake-bump"]) == 0
    text = capsys.readouterr().out
    assert "latent fake-bump (si-bump 1.0)" in text
    assert "Args:" not in text
    assert any(
        line.split() == ["scale", "a", "finite", "number", "1.0", "its", "height."] for line in text.splitlines()
    )
    assert main(["show", "latent", "si-bump/fake-bump", "--json"]) == 0
    options = json.loads(capsys.readouterr().out)["options"]
    assert options["scale"] == {
        "required": False,
        "default": 1.0,
        "allowed": "a finite number",
        "description": "its height.",
    }


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "usage: si"),
        (["lsit"], 2, "did you mean 'list'"),
        (["list", "latnet"], 2, "did you mean 'latent'"),
        (["list", "--jsn"], 2, "unknown argument --jsn"),
        (["list", "--js"], 2, "did you mean '--json'?"),
        (["list", "latent", "more"], 2, "unknown argument more"),
        (["--what"], 2, "unknown argument --what"),
        (["show", "latent"], 2, "required: NAME"),
        (["show", "latent", "fake-bad"], 5, "si-bad 1.0, which is broken"),
        (["show", "latent", "fake-none"], 2, "unknown latent 'fake-none'"),
    ],
)
def test_errors_have_a_code_and_no_traceback(install, listed, capsys, words, code, message):
    listed("si-bad", "latent", "fake-bad")
    install("si-bad", "import fake_absent_module")
    assert main(words) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert "Traceback" not in captured.err


def test_debug_shows_the_traceback(install, listed, capsys):
    listed("si-bad", "latent", "fake-bad")
    install("si-bad", "import fake_absent_module")
    for words in (["--debug", "show", "latent", "fake-bad"], ["show", "latent", "fake-bad", "--debug"]):
        assert main(words) == 5
        captured = capsys.readouterr()
        assert "Traceback" in captured.err
        assert "No module named 'fake_absent_module'" in captured.err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (RuntimeError("some\nbug"), 1, "si: internal error: RuntimeError: some bug\n  fix: use --debug"),
        (KeyboardInterrupt(), 130, "si: interrupted"),
        (SystemExit(7), 7, ""),
    ],
)
def test_other_ends_of_a_command(monkeypatch, capsys, error, code, message):
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("si_core.cli.list.installed_plugins", fail)
    monkeypatch.setattr("si_core.cli.list.available", fail)
    assert main(["list"]) == code
    assert capsys.readouterr().err.startswith(message)


@pytest.mark.fault(68)
def test_interrupted_import_names_the_plugin(site):
    signalled = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nsignal.pause()"
    write_distribution(site, "si-hang", signalled, module="fake_hang")
    done = si("plugins", path=site)
    assert done.returncode == 130
    assert b"plugin 'hang' of si-hang 1.0 was being imported" in done.stderr
    assert si("plugins", "--no-plugins", path=site).returncode == 0


@pytest.mark.fault(60)
def test_reader_that_has_gone_is_answered_quietly(site):
    command = [sys.executable, "-m", "si_core.cli.main", "list"]
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_closed_output_is_no_error():
    command = f"exec {sys.executable} -m si_core.cli.main list >&-"
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.fault(60)
def test_narrow_encoding_prints_escapes(site):
    narrow = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    done = si("show", "latent", "fake-bump", path=site, **narrow)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"sigma\\xb2 high" in done.stdout


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for name, found in all_commands().items():
        assert f"  {name} " in text
        assert found.command.summary in text


@pytest.mark.parametrize("name", ["list", "plugins", "recipes", "show"])
def test_help_of_a_command_names_the_global_options(name, capsys):
    assert main([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"usage: si {name}" in text
    assert "--debug" in text
    assert "--no-plugins" in text


def test_overrides_may_stand_after_options(monkeypatch):
    heard = []

    class Fake:
        @staticmethod
        def add_arguments(parser):
            parser.add_argument("recipe")
            parser.add_argument("overrides", nargs="*")
            parser.add_argument("--out")

        @staticmethod
        def run(arguments):
            heard.append((arguments.recipe, arguments.out, arguments.overrides))
            return 0

    monkeypatch.setattr("si_core.cli.main.load_command", lambda found: Fake)
    assert main(["run", "r.yaml", "a=1", "--out", "d", "b=-2"]) == 0
    assert main(["run", "r.yaml", "--out", "d", "a=1", "b=-2", "--debug"]) == 0
    assert heard == [("r.yaml", "d", ["a=1", "b=-2"])] * 2
    assert main(["run", "r.yaml", "--ouch", "d"]) == 2
