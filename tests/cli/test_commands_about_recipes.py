"""The commands that tell and check: on a terminal for people, with ``--json`` for programs; and ``si report``."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys

import pytest

from si_core.discovery.commands import all_commands, load_command


def told(si, *words):
    done = si(*words, "--json")
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


def test_list_and_show(si):
    entries = told(si, "list")
    assert {"kind", "name", "summary", "distribution", "version", "target", "clash"} == set(entries[0])
    for entry in entries:
        shown = told(si, "show", entry["kind"], entry["name"])
        assert shown["summary"] == entry["summary"]
        assert all(option["description"] for option in shown["options"].values()), entry["name"]
    assert "scale" in told(si, "show", "latent", "brownian")["options"]
    assert "gamma = sqrt" in si("show", "latent", "brownian").out


def test_plugins(si):
    entries = told(si, "plugins")
    assert {entry["state"] for entry in entries} == {"ready"}
    assert {"si-interpolants", "si-recipes"} <= {entry["distribution"] for entry in entries}
    assert told(si, "--no-plugins", "list") == []


def test_recipes_are_valid(si):
    for recipe in told(si, "recipes"):
        answer = told(si, "validate", recipe["name"])
        assert answer["ok"]
        assert {need["kind"] for need in answer["needs"]} >= {"distribution", "network", "objective"}


def test_validate_tells_what_a_recipe_needs(si):
    done = si("validate", "r.yaml", "latent=none")
    assert done.code == 0
    assert done.out.startswith("r.yaml: ok\n")
    assert "gaussian-mixture  si-distributions" in done.out


def test_validate_with_build_finds_what_does_not_fit_together(si, tmp_path):
    misfit = ("validate", "r.yaml", "sample.integrator=rk4")
    assert si(*misfit).code == 0
    done = si(*misfit, "--build")
    assert done.code == 2
    assert "'rk4' solves ODEs" in done.err
    missing = ("validate", "r.yaml", "target={use: array, path: none.csv}")
    assert si(*missing).code == 0
    answer = si(*missing, "--build", "--json")
    assert answer.code == 3
    assert json.loads(answer.out)["code"] == 3
    assert si("validate", "r.yaml", "--build").code == 0
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["r.yaml"]


def test_the_schema_goes_to_standard_output_or_a_file(si, tmp_path):
    schema = json.loads(si("schema").out)
    assert schema["title"] == "si recipe"
    assert "brownian" in schema["$defs"]["select-latent"]["anyOf"][0]["enum"]
    assert si("schema", "--out", "s.json").code == 0
    assert json.loads((tmp_path / "s.json").read_text()) == schema


def test_report_makes_the_page_again(si, tmp_path):
    assert si("run", "r.yaml", "train.steps=2", "--out", "run").code == 0
    done = si("report", "run")
    assert (done.code, done.out) == (0, "report: run/report.html\n")
    page = (tmp_path / "run" / "report.html").read_bytes()
    assert b"Two Gaussians" in page
    assert b"energy-distance" in page
    assert si("report", "run").code == 0
    assert (tmp_path / "run" / "report.html").read_bytes() == page
    assert si("report", "r.yaml").code == 4
    done = si("report", "run", SI_PLUGINS="recipes")
    assert done.code == 2
    assert "fix: pip install si-report" in done.err


def test_python_m_is_the_command(si, tmp_path):
    settings = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "si_core", "run", "r.yaml", "train.steps=2", "--out", "run"]
    done = subprocess.run(command, cwd=tmp_path, env=settings, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "run" / "samples.npy").exists()
    command[3:] = ["show"]
    done = subprocess.run(command, cwd=tmp_path, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("si: error: si show: the following arguments are required: KIND")


@pytest.mark.parametrize("name", all_commands())
def test_help_has_a_sentence_on_the_command_and_on_every_argument(si, name):
    parser = argparse.ArgumentParser()
    load_command(all_commands()[name]).add_arguments(parser)
    assert parser.description
    assert parser.description[0].isupper()
    for action in parser._actions:
        assert action.help, action.dest
        # Metavariables say what is meant; the name of an attribute does not.
        assert action.nargs == 0 or action.metavar or action.option_strings, action.dest
    done = si(name, "--help")
    assert (done.code, done.err) == (0, "")
    assert f"usage: si {name}" in done.out
