"""Each of the five states of a plugin, and that no plugin disturbs another."""

from __future__ import annotations

import io
import random
import signal
import sys
import textwrap
import warnings
from pathlib import Path

import numpy
import pytest
import torch

from si_core.cli.main import main
from si_core.discovery import guard
from si_core.discovery.compatibility import core_version, suggested_bound, unfit
from si_core.discovery.plugins import installed_plugins, reset
from si_core.errors import PluginError, UsageError

from .conftest import FITS, offering, write_distribution

GOOD = offering("latent fake-good fake_good:Good")
HEAD = "from si_core import Component, hookimpl\n"


def test_ready_plugin_offers_its_components(install, plugin_of):
    install("si-good", GOOD)
    plugin = plugin_of("si-good")
    assert (plugin.status, plugin.version, plugin.name, plugin.detail) == ("ready", "1.0", "good", "")
    assert [(c.kind, c.name) for c in plugin.components] == [("latent", "fake-good")]
    assert plugin.seconds > 0


BROKEN = {
    "missing module": ("import fake_absent_module", "ModuleNotFoundError", "fake_absent_module"),
    "raises": ("raise RuntimeError('out of\\ncheese')", "RuntimeError: out of cheese", "pip install --upgrade"),
    "syntax": ("def f(:", "SyntaxError", "pip install --upgrade"),
    "exits": ("import sys; sys.exit(3)", "sys.exit(3)", "pip uninstall"),
    "interrupts": ("raise KeyboardInterrupt", "KeyboardInterrupt (", "pip uninstall"),
    "odd exception": ("class Odd(BaseException): pass\nraise Odd('x')", "Odd: x", "pip uninstall"),
    "bad component": (offering("latent Upper fake:A"), "lower-case", ""),
    "bad kind": (offering("Latent upper fake:A"), "a kind is lower-case words", ""),
    "no hook": ("x = 1", "no hook; expected at least @hookimpl def si_components", ""),
    "unmarked": ("def si_components(): return []", "not marked with @hookimpl", ""),
    "misspelt": (HEAD + "@hookimpl\ndef si_component(): return []", "unknown hook 'si_component'", ""),
    "far misspelt": (HEAD + "@hookimpl\ndef wombat(): return []", "hooks are si_components", ""),
    "signature": (HEAD + "@hookimpl\ndef si_components(kind): return []", "wrong signature (kind)", ""),
    "event signature": (HEAD + "@hookimpl\ndef si_event(*, event): pass", "wrong signature (*, event)", ""),
    "coroutine": (HEAD + "@hookimpl\nasync def si_event(event): pass", "coroutine", ""),
    "generator": (HEAD + "@hookimpl\ndef si_components():\n    yield 1", "generator", ""),
    "returns dict": (HEAD + "@hookimpl\ndef si_components(): return {}", "returned dict; expected", ""),
    "returns items": (HEAD + "@hookimpl\ndef si_components(): return ['a']", "returned list with str in it", ""),
    "returns nothing": (HEAD + "@hookimpl\ndef si_components(): pass", "returned None", ""),
    "recipes relative": (HEAD + "@hookimpl\ndef si_recipes(): return 'recipes'", "'recipes'; expected", ""),
    "recipes number": (HEAD + "@hookimpl\ndef si_recipes(): return 3", "returned int", ""),
    "extensions text": (HEAD + "@hookimpl\ndef si_extensions(): return 'a.b'", "returned str; expected", ""),
    "twice": (offering("latent a fake:A", "latent a fake:B"), "offers latent 'a' twice", ""),
    "looks up": ("from si_core.discovery.lookup import find\nfind('latent', 'x')", "while it is being imported", ""),
}


HANGS = {
    "waits": "import time\ntime.sleep(60)",
    "loops": "while True: pass",
    "catches everything": "import time\nfor _ in range(3):\n    try: time.sleep(60)\n    except BaseException: pass",
}


@pytest.mark.fault(68)
@pytest.mark.parametrize("case", HANGS)
def test_a_plugin_that_hangs_is_left_after_its_time(monkeypatch, install, plugin_of, case):
    monkeypatch.setenv("SI_PLUGIN_SECONDS", "0.3")
    install("si-hangs", HANGS[case] + "\n" + HEAD)
    install("si-good", GOOD)
    plugin = plugin_of("si-hangs")
    assert plugin.status == "broken"
    if case != "catches everything":  # that one goes on until it has nothing more to say
        assert "did not finish within 0.3 s" in plugin.cause
        assert "SI_PLUGIN_SECONDS" in plugin.fix
        assert "fake_si_hangs.py:" in plugin.cause
    assert plugin.seconds < 5
    assert plugin_of("si-good").status == "ready"


@pytest.mark.parametrize("value", ["0", "soon", "inf", "-1", "nan"])
def test_a_time_limit_is_seconds(monkeypatch, install, value):
    install("si-good", GOOD)
    monkeypatch.setenv("SI_PLUGIN_SECONDS", value)
    with pytest.raises(UsageError, match="SI_PLUGIN_SECONDS: no time limit"):
        installed_plugins()


def test_the_alarm_of_the_program_is_left_alone(install, plugin_of):
    signal.setitimer(signal.ITIMER_REAL, 1000)
    try:
        install("si-good", GOOD)
        assert plugin_of("si-good").ready
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 900
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.mark.fault(67)
@pytest.mark.parametrize("module", ["random", "numpy", "torch"])
def test_global_generators_are_put_back(install, plugin_of, caplog, module):
    draw = {
        "random": "import random; random.seed(1)",
        "numpy": "import numpy.random; numpy.random.seed(1)",
        "torch": "import torch; torch.manual_seed(1)",
    }
    numpy.random.seed(5)
    before = torch.get_rng_state(), random.getstate(), numpy.random.get_state()[1].tolist()
    install("si-seeds", draw[module] + "\n" + textwrap.dedent(GOOD))
    assert plugin_of("si-seeds").ready
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert numpy.random.get_state()[1].tolist() == before[2]
    assert f"it changed the global generator of {module}; that is put back" in caplog.text


@pytest.mark.fault(63, 66)
@pytest.mark.parametrize("case", BROKEN)
def test_broken_plugin_names_cause_and_fix_and_spares_the_others(install, plugin_of, case):
    source, cause, fix = BROKEN[case]
    install("si-bad", source)
    install("si-good", GOOD)
    plugin = plugin_of("si-bad")
    assert plugin.status == "broken"
    assert cause in plugin.cause
    assert fix in plugin.fix
    assert plugin.fix
    assert "\n" not in plugin.detail
    assert plugin_of("si-good").status == "ready"


def test_cause_says_where_in_the_plugin(install, plugin_of):
    install("si-bad", "x = 1\nraise RuntimeError('boom')")
    assert "fake_si_bad.py:2" in plugin_of("si-bad").cause


def test_components_of_a_plugin_with_a_broken_later_hook_stay_known(install, plugin_of):
    install("si-bad", textwrap.dedent(GOOD) + "\n@hookimpl\ndef si_recipes(): return '/nowhere/at/all'\n")
    plugin = plugin_of("si-bad")
    assert plugin.status == "broken"
    assert [c.name for c in plugin.components] == ["fake-good"]


def test_damaged_entry_points_are_one_broken_plugin(install, plugin_of):
    install("si-bad", "", entry="[si_core.plugins]\nwithout an equals sign\n")
    install("si-good", GOOD)
    assert plugin_of("si-bad").status == "broken"
    assert plugin_of("si-good").status == "ready"


@pytest.mark.fault(65)
@pytest.mark.parametrize(
    ("requires", "word"),
    [
        (("si-core>=0.0.1,<0.0.2",), "needs si-core <0.0.2,>=0.0.1, you have"),
        (("SI_core>=99",), "needs si-core >=99, you have"),
        (("si-core >=,<",), "can't be read"),
    ],
)
def test_incompatible_plugin_is_not_imported(install, plugin_of, requires, word):
    install("si-old", "raise RuntimeError('imported')", requires=requires)
    plugin = plugin_of("si-old")
    assert plugin.status == "incompatible"
    assert word in plugin.cause
    assert "si-core" in plugin.fix
    assert "fake_si_old" not in sys.modules


@pytest.mark.fault(65)
@pytest.mark.parametrize(
    ("requires", "word"),
    [
        ((), "no si-core range"),
        (("torch>=2",), "no si-core range"),
        (("si-core",), "no si-core range"),
        (("si-core>=0.1; extra == 'test'",), "no si-core range"),
        (("si-core>=0.0.1",), "si-core >=0.0.1 without an upper bound"),
        (("si-core!=0.0.7",), "without an upper bound"),
    ],
)
def test_plugin_without_an_upper_bound_is_ready_with_a_remark(install, plugin_of, capsys, requires, word):
    install("si-loose", GOOD, requires=requires)
    plugin = plugin_of("si-loose")
    assert (plugin.status, plugin.cause) == ("ready", "")
    assert word in plugin.remark
    assert suggested_bound(core_version()) in plugin.remark
    assert main(["plugins"]) == 0
    assert plugin.remark in capsys.readouterr().out


def test_plugin_with_bounds_has_no_remark(install, plugin_of):
    install("si-good", GOOD)
    assert plugin_of("si-good").remark == ""


def test_bound_of_the_present_version_fits_development_versions_too():
    assert unfit("si-x", (suggested_bound("1.4.2"),), "1.4.2") is None
    assert unfit("si-x", (suggested_bound("1.4.2"),), "1.4.3.dev1") is None
    assert unfit("si-x", (suggested_bound("1.4.2"),), "1.5.0") is not None
    assert unfit("si-x", (suggested_bound(core_version()),), core_version()) is None


@pytest.mark.fault(67)
def test_prints_of_an_import_are_captured_and_attributed(install, plugin_of, capsys):
    install("si-loud", "print('hello from the import')\n" + textwrap.dedent(GOOD))
    plugin = plugin_of("si-loud")
    assert plugin.status == "ready"
    assert plugin.printed == "hello from the import"
    assert capsys.readouterr().out == ""


def test_interruption_passes_and_says_what_was_going_on(install):
    install("si-slow", "import signal\nsignal.raise_signal(signal.SIGINT)")
    with pytest.raises(KeyboardInterrupt) as caught:
        installed_plugins()
    assert "plugin 'slow' of si-slow 1.0 was being imported" in caught.value.__notes__[0]


def test_stdout_is_restored_when_a_plugin_replaces_it():
    before = sys.stdout

    def replace_it() -> None:
        sys.stdout = io.StringIO()

    guard.contained(replace_it, "test")
    assert sys.stdout is before


@pytest.mark.parametrize(
    ("setting", "ready"),
    [
        ("", set()),
        ("one", {"si-one"}),
        ("si-Two , one", {"si-one", "si-two"}),
        ("-three", {"si-one", "si-two"}),
        ("-si-Three, -two", {"si-one"}),
        ("one,two,-two,three,-three", {"si-one"}),
    ],
)
def test_filter_disables_all_others_without_importing_them(install, plugin_of, monkeypatch, setting, ready):
    for name in ("si-one", "si-two", "si-three"):
        install(name, offering(f"latent {name} fake:A"))
    monkeypatch.setenv("SI_PLUGINS", setting)
    states = {name: plugin_of(name).status for name in ("si-one", "si-two", "si-three")}
    assert states == {name: "ready" if name in ready else "disabled" for name in states}
    assert all(f"fake_{name.replace('-', '_')}" not in sys.modules for name in states if name not in ready)
    assert "SI_PLUGINS" in plugin_of("si-three").detail


@pytest.mark.fault(64)
def test_clash_names_both_and_does_not_depend_on_the_order(install, plugin_of):
    for name in ("si-zeta", "si-alpha"):
        install(name, offering("latent fake-same fake:A"))
    assert plugin_of("si-zeta").status == plugin_of("si-alpha").status == "clash"
    assert plugin_of("si-zeta").clashes[0].others == ("si-alpha",)
    assert plugin_of("si-alpha").clashes[0].others == ("si-zeta",)
    distributions = [plugin.distribution for plugin in installed_plugins()]
    assert distributions == sorted(distributions)


def test_one_distribution_found_twice_is_one_plugin(install, plugin_of, tmp_path, monkeypatch):
    install("si-good", GOOD)
    copy = write_distribution(tmp_path / "build", "si_good", GOOD, version="0.9", module="fake_si_good")
    monkeypatch.syspath_prepend(copy)
    reset()
    plugin = plugin_of("si-good")
    assert (plugin.status, plugin.version) == ("ready", "0.9")


def test_two_entries_for_one_class_are_no_clash(install):
    entry = "[si_core.plugins]\ngood = fake_si_good\nbetter = fake_si_good\n"
    install("si-good", GOOD, entry=entry)
    found = [plugin for plugin in installed_plugins() if plugin.distribution == "si-good"]
    assert [(plugin.name, plugin.status) for plugin in found] == [("better", "ready"), ("good", "ready")]


def test_an_object_may_be_the_plugin(install, plugin_of):
    source = HEAD + (
        "class Plugin:\n    @hookimpl\n    def si_components(self):\n"
        "        return [Component('latent', 'fake-object', 'fake:A')]\nplugin = Plugin()\n"
    )
    install("si-object", source, entry="[si_core.plugins]\nobject = fake_si_object:plugin\n")
    assert plugin_of("si-object").detail == ""
    assert plugin_of("si-object").components[0].name == "fake-object"


def test_discovery_is_kept_until_reset(install):
    assert installed_plugins() is installed_plugins()
    before = installed_plugins()
    install("si-good", GOOD)
    assert len(installed_plugins()) == len(before) + 1


def test_recipes_folder(install, plugin_of, tmp_path: Path):
    install("si-book", HEAD + f"@hookimpl\ndef si_recipes(): return {str(tmp_path)!r}\n")
    assert plugin_of("si-book").recipes == tmp_path


def test_discovery_warns_of_nothing(install):
    install("si-good", GOOD, requires=(FITS, "not a requirement at all ,,,"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert all(not isinstance(plugin.error, PluginError) for plugin in installed_plugins())
