"""Commands of plugins: found, listed, run, and each way to fail told in the name of the plugin."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from si_core import Command
from si_core.cli.main import main
from si_core.discovery import catalogue as catalogue_module
from si_core.discovery.core_commands import CORE_COMMANDS
from si_core.errors import PluginError

from .conftest import write_distribution

CALM = """
    class Calm:
        def add_arguments(self, parser):
            parser.description = "Calm a run down, by 50% or so."
            parser.add_argument("run", metavar="RUN", help="the folder of a run")
            parser.add_argument("--by", type=float, default=0.5, help="how much")

        def run(self, arguments):
            print(f"{arguments.run} calmed by {arguments.by}")
            END
"""


def commanding(*commands: str) -> str:
    """Source of a plugin module that offers ``name target`` pairs."""
    offered = ", ".join("Command({!r}, {!r}, 'calms by 50%')".format(*each.split()) for each in commands)
    return f"from si_core import Command, hookimpl\n\n@hookimpl\ndef si_commands():\n    return [{offered}]\n"


@pytest.fixture
def calm(install):
    """A function that installs ``si calm``, whose ``run`` ends by a statement."""

    def add(end: str = "return None", name: str = "si-calm", command: str = "calm") -> None:
        module = f"fake_{name.replace('-', '_')}_command"
        install(name, commanding(f"{command} {module}:Calm"), **{module: CALM.replace("END", end)})

    return add


def test_it_is_listed_and_runs(calm, capsys):
    calm()
    assert main(["--help"]) == 0
    assert "calms by 50%" in capsys.readouterr().out
    assert main(["calm", "--help"]) == 0
    text = capsys.readouterr().out
    for words in ("usage: si calm", "by 50% or so", "RUN", "--by", "--debug", "--no-plugins"):
        assert words in text
    assert main(["calm", "runs/one", "--by", "2"]) == 0
    assert main(["--debug", "calm", "runs/one"]) == 0
    assert capsys.readouterr().out == "runs/one calmed by 2.0\nruns/one calmed by 0.5\n"


@pytest.mark.parametrize(("end", "code"), [("return None", 0), ("return 0", 0), ("return 7", 7)])
def test_its_exit_code_is_what_it_returns(calm, end, code):
    calm(end)
    assert main(["calm", "run"]) == code


@pytest.mark.parametrize(
    ("end", "code", "words"),
    [
        ("raise ValueError('too\\ncalm')", 5, ["si-calm 1.0", "ValueError: too calm", "fake_si_calm_command.py:"]),
        ("import sys; sys.exit(9)", 5, ["si-calm 1.0", "sys.exit(9)"]),
        ("return 'done'", 5, ["command 'calm' of si-calm 1.0", "returned no exit code", "got str"]),
        ("import si_core; raise si_core.DataError('no such run', fix='another')", 3, ["no such run", "fix: another"]),
    ],
)
def test_what_it_raises_is_told_in_its_name(calm, capsys, end, code, words):
    calm(end)
    assert main(["calm", "run"]) == code
    text = capsys.readouterr().err
    assert "Traceback" not in text
    for each in words:
        assert each in text


CLASS = "class Calm:\n    def {}\n    def run(self, arguments): pass"
BROKEN = {
    "no module": ("calm fake_absent:Calm", "", "can't be imported: ModuleNotFoundError"),
    "no object": ("calm fake_calm_command:Clam", "", "has no attribute 'Clam'"),
    "constructor": ("calm fake_calm_command:Calm", CLASS.format("__init__(self, x): pass"), "TypeError"),
    "no functions": ("calm fake_calm_command:Calm", "Calm = 3", "its target lacks add_arguments and run"),
    "our option": (
        "calm fake_calm_command:Calm",
        CLASS.format("add_arguments(self, parser): parser.add_argument('--debug')"),
        "its arguments clash",
    ),
    "arguments": ("calm fake_calm_command:Calm", CLASS.format("add_arguments(self, p): 1 / 0"), "ZeroDivisionError"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_command_that_cannot_be_used_is_the_plugins_fault(install, capsys, case):
    offer, source, message = BROKEN[case]
    install("si-calm", commanding(offer), fake_calm_command=source)
    assert main(["--help"]) == 0, "its object is not imported to be listed"
    capsys.readouterr()
    assert main(["calm"]) == 5
    text = capsys.readouterr().err
    assert "si-calm 1.0" in text
    assert message in text


def test_a_command_of_the_core_keeps_its_name(calm, capsys):
    calm(command="recipes")
    assert main(["recipes"]) == 0
    assert "calmed" not in capsys.readouterr().out
    assert main(["plugins"]) == 0
    text = capsys.readouterr().out
    assert "command 'recipes' is also offered by si-core" in text
    assert "fix: write 'si si-calm/recipes'" in text
    assert main(["si-calm/recipes", "run"]) == 0
    assert capsys.readouterr().out == "run calmed by 0.5\n"


def test_of_two_plugins_none_goes_first(calm, capsys):
    calm(name="si-one")
    calm(name="si-two")
    assert main(["calm", "run"]) == 5
    text = capsys.readouterr().err
    assert "the command 'calm' is offered by si-one and si-two" in text
    assert "choose one: si si-one/calm or si si-two/calm" in text
    assert main(["si-two/calm", "run"]) == 0
    capsys.readouterr()
    assert main(["plugins", "--json"]) == 0
    states = {each["distribution"]: each for each in json.loads(capsys.readouterr().out)}
    assert states["si-one"]["state"] == "clash"
    assert states["si-one"]["clashes"] == [{"kind": "command", "name": "calm", "others": ["si-two"]}]
    assert main(["--help"]) == 0
    assert "si-one/calm" in capsys.readouterr().out


@pytest.fixture
def catalogue(monkeypatch, tmp_path):
    """A catalogue of three plugins with a command each."""
    path = tmp_path / "registry.yaml"
    entries = [
        f"- name: si-{command}\n  summary: a test\n  source: https://example.org\n  install: pip install si-{command}\n"
        f"  requires: '>=0.2,<0.3'\n  licence: MIT\n  status: community\n  maintainers: [someone]\n"
        f"  components: {{}}\n  commands: [{command}]\n"
        for command in ("calm", "far", "bad")
    ]
    path.write_text("schema: 1\nplugins:\n" + "".join(entries), encoding="utf-8")
    monkeypatch.setattr(catalogue_module, "catalogue_path", lambda: path)
    catalogue_module.catalogue.cache_clear()
    yield
    catalogue_module.catalogue.cache_clear()


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize(
    ("words", "code", "messages"),
    [
        (["clam"], 2, ["there is no command 'clam'", "did you mean 'calm'"]),
        (["far"], 2, ["the command 'far' is provided by si-far", "pip install si-far"]),
        (["calm", "run", "--no-plugins"], 5, ["offered by si-calm 1.0, which is disabled", "SI_PLUGINS"]),
        (["bad"], 5, ["offered by si-bad 1.0, which is broken: ModuleNotFoundError", "fake_absent_module"]),
    ],
)
def test_a_command_that_is_not_there_says_how_it_comes(calm, install, capsys, words, code, messages):
    calm()
    install("si-bad", "import fake_absent_module")
    assert main(words) == code
    text = capsys.readouterr().err
    for message in messages:
        assert message in text


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        (commanding("Calm fake:Calm"), "lower-case"),
        (commanding("calm fake.Calm"), "a target is 'module:object'"),
        (commanding("calm fake:A", "calm fake:B"), "offers 'calm' twice"),
        ("from si_core import hookimpl\n@hookimpl\ndef si_commands(): return ['calm']", "returned list with str in it"),
        ("from si_core import hookimpl\n@hookimpl\ndef si_command(): return []", "did you mean 'si_commands'"),
    ],
)
def test_a_hook_of_another_form_breaks_its_plugin_alone(install, plugin_of, source, cause):
    install("si-calm", source)
    assert plugin_of("si-calm").status == "broken"
    assert cause in plugin_of("si-calm").cause
    assert main(["recipes"]) == 0


@pytest.mark.parametrize("name", ["Calm", "", "si/calm", 3])
def test_a_name_has_a_form(name):
    with pytest.raises(PluginError, match="lower-case words"):
        Command(name, "a:b")


def test_the_cores_own_commands_are_entries_of_the_same_form():
    assert all(type(command) is Command and command.summary for command in CORE_COMMANDS.values())


def test_a_command_of_the_core_imports_no_plugin_to_be_found(tmp_path):
    write_distribution(tmp_path / "site", "si-loud", "import sys\nprint('LOUD', file=sys.stderr)", module="fake_loud")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    command = [sys.executable, "-m", "si_core", "run", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, "")
