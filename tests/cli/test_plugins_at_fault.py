"""A plugin that misbehaves in the middle of a run: the error is named as its own, and what is saved stays saved."""

from __future__ import annotations

import json
import shutil

import pytest

from .conftest import status

LAW = """
    import os, signal, sys
    import torch
    from si_core import Distribution

    class Law(Distribution):
        shape = (2,)

        def __init__(self, after: int = 10):
            {constructor}
            self.after, self.count = after, 0

        def sample(self, n, generator=None):
            self.count += 1
            if self.count > self.after:
                {draw}
            return torch.randn(n, 2, generator=generator)
"""


def law(draw: str = "pass", constructor: str = "pass") -> str:
    return LAW.format(draw=draw, constructor=constructor)


RUN = ("run", "r.yaml", "target={use: strange}", "--out", "run")


@pytest.mark.fault(67)
@pytest.mark.parametrize(
    ("draw", "words"),
    [
        ("raise KeyError('lost')", "KeyError: 'lost'"),
        ("sys.exit(0)", "called sys.exit(0)"),
        ("torch.ones(2) @ torch.ones(3)", "RuntimeError: "),
    ],
)
def test_what_it_raises_in_training_is_its_own(si, stranger, tmp_path, draw, words):
    done = si(*RUN, site=stranger("distribution", "strange", "Law", law(draw)))
    assert done.code == 5
    assert f"si-stranger 1.5: a component failed: {words}" in done.err
    assert "stranger_parts.py:" in done.err
    assert "report it to the authors of si-stranger" in done.err
    assert "Traceback" not in done.err
    assert "Traceback" in (tmp_path / "run" / "log.txt").read_text()
    found = status(tmp_path / "run")
    assert (found["state"], found["step"], found["exit_code"]) == ("failed", 6, 5)
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == ["step-00000006"]


@pytest.mark.fault(67)
@pytest.mark.parametrize("constructor", ["raise OSError('no licence')", "sys.exit('no')"])
def test_a_constructor_that_fails_leaves_no_folder(si, stranger, tmp_path, constructor):
    done = si(*RUN, site=stranger("distribution", "strange", "Law", law(constructor=constructor)))
    assert done.code == 5
    assert "its constructor failed" in done.err
    assert not (tmp_path / "run").exists()


CHANGES = {
    "the default dtype": "torch.set_default_dtype(torch.float64)",
    "the grad mode": "torch.set_grad_enabled(False)",
    "SIGTERM": "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "the current directory": "os.chdir('/')",
    "the number of threads": "torch.set_num_threads(3)",
    "the precision of float32 products": "torch.set_float32_matmul_precision('medium')",
    "the recursion limit": "sys.setrecursionlimit(5000)",
    "SI_PLUGINS": "os.environ['SI_PLUGINS'] = ''",
}


@pytest.mark.fault(67)
def test_what_all_share_is_put_back(si, stranger, tmp_path):
    site = stranger("distribution", "strange", "Law", law(constructor="; ".join(CHANGES.values())))
    done = si(*RUN, site=site, moment=("signal_after_step", 3, "SIGTERM"))
    assert done.code == 143
    told = done.err.partition("its constructor changed ")[2].partition("; that is put back")[0]
    assert set(told.split(", ")) == set(CHANGES)
    assert "si-stranger 1.5" in done.err
    assert status(tmp_path / "run")["step"] == 3
    assert json.loads((tmp_path / "run" / "environment.json").read_text())["torch"]["threads"] == 1


@pytest.mark.fault(67)
def test_what_all_share_is_put_back_after_an_import(si, stranger, tmp_path, finished, results):
    module = "\nimport os, signal\nos.chdir('/')\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    parts = law().replace("import torch", "import torch; torch.set_default_dtype(torch.float64)")
    site = stranger("distribution", "strange", "Law", parts, module)
    # The recipe doesn't need it, and finds its own file and its own numbers.
    assert si("run", "r.yaml", "--out", "run", site=site).code == 0
    assert results(tmp_path / "run") == results(finished)
    done = si("show", "distribution", "strange", site=site)
    assert done.code == 0
    for words in (
        "while plugin 'stranger' of si-stranger 1.5 was being imported, it changed SIGTERM, the current directory",
        "was being imported, it changed the default dtype; that is put back",
    ):
        assert words in done.err


# Other components stumble over a default dtype; nobody notices a signal handler, until there is a signal.
@pytest.mark.fault(67)
@pytest.mark.parametrize(("changed", "code"), [("the default dtype", 5), ("SIGTERM", 0)])
def test_what_all_share_is_put_back_after_a_run(si, stranger, changed, code):
    done = si(*RUN, site=stranger("distribution", "strange", "Law", law(CHANGES[changed])))
    assert done.code == code
    assert f"a component changed {changed} while it worked; that is put back" in done.err


@pytest.mark.fault(67)
def test_what_it_prints_does_not_mix_with_json(si, stranger, tmp_path):
    site = stranger(
        "distribution", "strange", "Law", law("print('hello')").replace("import torch", "import torch; print('hi')")
    )
    assert si(*RUN, "train.steps=2", "target.after=0", site=site).code == 0
    done = si("estimate", "run", "energy-distance", "--json", site=site)
    assert json.loads(done.out)["name"] == "energy-distance"
    assert "hello" in done.err


@pytest.mark.fault(67)
def test_it_fails_in_other_commands_as_in_a_run(si, stranger):
    site = stranger(
        "distribution", "strange", "Law", law("raise KeyError('lost')").replace("self.count >", "n == 2000 or n ==")
    )
    assert si(*RUN, "target.after=-1", "train.steps=2", "estimators=[]", site=site).code == 0
    done = si("estimate", "run", "log-likelihood", site=site)
    assert done.code == 5
    assert "si-stranger 1.5: a component failed: KeyError: 'lost'" in done.err


@pytest.mark.fault(62)
def test_a_logger_that_fails_gives_one_warning_and_hinders_nothing(si, stranger, tmp_path, finished, results):
    hook = """
        @hookimpl
        def si_event(event):
            if event.step > 4:
                raise ConnectionError("no network")
    """
    site = stranger("distribution", "strange", "Law", law(), hook)
    done = si("run", "r.yaml", "--out", "run", site=site)
    assert done.code == 0
    assert done.err.count("ConnectionError: no network") == 1
    assert "is switched off; the run goes on" in done.err
    assert results(tmp_path / "run") == results(finished)


@pytest.mark.fault(69)
@pytest.mark.parametrize(
    "words",
    [
        ("run", "run/resolved.yaml", "--out", "run", "--resume"),
        ("run", "run/resolved.yaml", "--out", "again"),
        ("validate", "run/resolved.yaml"),
        ("sample", "run"),
    ],
)
def test_a_plugin_that_is_gone_is_named_with_its_version(si, stranger, tmp_path, words):
    site = stranger("distribution", "strange", "Law", law())
    assert si(*RUN, "train.steps=2", site=site).code == 0
    shutil.rmtree(site)
    done = si(*words)
    assert done.code == 2
    assert "unknown distribution 'si-stranger/strange'" in done.err
    assert "a run made with si-stranger==1.5, not installed here: distribution 'strange' of si-stranger 1.5" in done.err
    assert "if you trust it: pip install si-stranger==1.5" in done.err


def test_names_that_are_none_are_not_advertised(si, stranger, tmp_path):
    site = stranger("distribution", "strange", "Law", law())
    assert si(*RUN, "train.steps=2", site=site).code == 0
    shutil.rmtree(site)
    path = tmp_path / "run" / "environment.json"
    recorded = json.loads(path.read_text())
    recorded["distributions"] = {"x; rm -rf ~": "1.0", "si-evil": "1.0 && curl", "si-none": None}
    path.write_text(json.dumps(recorded))
    done = si("sample", "run")
    assert done.code == 2
    assert "pip install" not in done.err
    assert "evil" not in done.err
