"""``si check``: names, distributions and packages in folders; a hang or a crash ends one component's check only."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from si_authoring.checking.source_tree import looks_like_a_path, read_source_tree
from si_authoring.checking.supervisor import check_by_name
from si_authoring.testing.suite import suite
from si_core.cli.main import main
from si_core.errors import PluginError, UsageError

CHECKS = len(suite("interpolant").checks)
TWO = "interpolant mine Mine,interpolant other Other"
OTHER = """

class Other(SpatiallyLinear):
    def alpha(self, t):
        {alpha}

    def beta(self, t):
        return t
"""


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


def test_a_package_in_a_folder_needs_no_installation(package, capsys) -> None:
    assert main(["check", str(package())]) == 0
    text = said(capsys)
    assert "interpolant mine (si-mine 0.3.0)" in text
    assert "VIOLATED" not in text
    assert f"1 component, {CHECKS} checks: {CHECKS} hold" in text


def test_a_wrong_component_is_named_with_its_mistake(package, capsys) -> None:
    folder = package(
        "from si_core import SpatiallyLinear\n" + OTHER.format(alpha="return 1.001 - t"), "interpolant mine Other"
    )
    assert main(["check", str(folder)]) == 5
    text = said(capsys)
    (line,) = [line for line in text.splitlines() if line.strip().startswith("ends")]
    assert "VIOLATED" in line
    assert "it does not run from x0 to x1" in line
    assert "claim: ``I(0, x0, x1) = x0`` and ``I(1, x0, x1) = x1``" in line
    assert "violated (interpolant mine)" in text


FAULTS = (
    ("Hung", "import time; time.sleep(60)", "hangs: it did not finish within 6 s"),
    ("Killed", "import os; os.kill(os.getpid(), 11)", "crashes: its process ended of SIGSEGV"),
    ("Gone", "import os; os._exit(3)", "crashes: its process ended with exit code 3"),
)


def test_a_hang_or_a_crash_spares_the_next_component(package) -> None:
    """One after the other, so that each is what the next one is spared; the last one is right."""
    from .conftest import CUBIC

    source = "".join(OTHER.format(alpha=alpha).replace("Other", name) for name, alpha, _ in FAULTS)
    offers = [f"interpolant {name.lower()} {name}" for name, _, _ in FAULTS]
    folder = package(CUBIC + source, ",".join([*offers, "interpolant mine Mine"]))
    tree, started = read_source_tree(folder), time.monotonic()
    with tree.environment() as environment:
        *bad, good = check_by_name("dist:si-mine", timeout=6, environment=environment)
    assert time.monotonic() - started < 60
    for component, (_, _, words) in zip(bad, FAULTS, strict=True):
        assert not component.conforms
        assert component.results[-1]["message"].startswith(words)
        assert component.results[-1]["check"] == "ends"
    assert good.conforms
    assert len(good.results) == CHECKS


@pytest.mark.parametrize(
    ("plugin", "words"),
    [
        ("import sys; sys.exit(1)\n", "si-mine 0.3.0 is broken: called sys.exit(1)"),
        ("import nothing_of_the_kind\n", "is broken: ModuleNotFoundError"),
        ("import os; os._exit(7)\n", "a plugin crashes: its process ended with exit code 7"),
    ],
)
def test_a_plugin_that_can_not_be_loaded(package, capsys, plugin: str, words: str) -> None:
    assert main(["check", str(package(plugin=plugin))]) == 5
    assert words in capsys.readouterr().err


def test_another_core(package, capsys) -> None:
    assert main(["check", str(package(range_of_core=">=7"))]) == 5
    assert "is incompatible: needs si-core >=7" in capsys.readouterr().err


def test_json_has_all_that_the_table_has(package, capsys) -> None:
    assert main(["check", str(package()), "--json"]) == 0
    (component,) = json.loads(said(capsys))
    assert component["conforms"]
    assert {"check", "claim", "state", "message", "deviation", "allowed", "where", "seconds"} == set(
        component["results"][0]
    )


@pytest.mark.slow
def test_a_component_that_needs_options_is_not_checked_without_them(package, capsys) -> None:
    source = """
        from si_core import SpatiallyLinear

        class Mine(SpatiallyLinear):
            def __init__(self, power: float):
                self.power = power

            def alpha(self, t):
                return (1 - t) ** self.power

            def beta(self, t):
                return t ** self.power
    """
    folder = package(source)
    assert main(["check", str(folder)]) == 0
    text = said(capsys)
    assert "not checked:" in text
    assert "'power'" in text
    assert "0 hold; not checked: mine" in text
    with read_source_tree(folder).environment() as environment:
        (done,) = check_by_name("mine", options={"power": 2.0}, environment=environment)
        assert done.conforms
        assert len(done.results) == CHECKS
        (refused,) = check_by_name("mine", options={"power": "two"}, environment=environment)
        assert not refused.conforms
        assert "a finite number" in refused.unchecked


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["nothing-like-it"], "no installed plugin offers a component 'nothing-like-it'"),
        (["dist:si-nothing"], "no plugin 'si-nothing' is installed"),
        (["./nowhere"], "no such folder"),
        (["linear", "--kind", "latnt"], "did you mean 'latent'?"),
        (["linear", "--timeout", "0"], "a time is positive"),
        (['{"use": 3}'], "chosen by name"),
    ],
)
def test_wrong_use(capsys, monkeypatch, tmp_path: Path, words: list[str], error: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["check", *words]) == 2
    assert error in capsys.readouterr().err


def test_folders_that_are_no_packages(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a folder without one"):
        read_source_tree(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    with pytest.raises(PluginError, match="no entry point"):
        read_source_tree(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[project\n")
    with pytest.raises(PluginError, match="can't be read"):
        read_source_tree(tmp_path)


def test_what_looks_like_a_path() -> None:
    assert all(map(looks_like_a_path, ("./a", "..", "/a", "a/", "~/a", ".")))
    assert not any(map(looks_like_a_path, ("linear", "si-mine/linear", "dist:si-mine", '{"use": "linear"}')))
