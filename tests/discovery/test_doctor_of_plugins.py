"""`si doctor` names every plugin that is not ready, with the remedy that `si plugins` has."""

from __future__ import annotations

from si_core.cli.examining.installed import plugins

from .conftest import offering


def test_states_and_fixes(install, plugin_of, monkeypatch):
    install("si-bad", "import fake_absent_module")
    install("si-old", "", requires=("si-core<0.0.1",))
    install("si-one", offering("latent fake-same fake:A"))
    install("si-two", offering("latent fake-same fake:A"))
    found = {finding.name: finding for finding in plugins()}
    assert {name: found[name].state for name in ("si-bad", "si-old", "si-one", "si-two")} == {
        "si-bad": "wrong",
        "si-old": "wrong",
        "si-one": "note",
        "si-two": "note",
    }
    assert {finding.code for finding in found.values() if finding.state == "wrong"} == {5}
    assert found["si-bad"].fix == plugin_of("si-bad").fix
    assert all(finding.fix for finding in found.values() if finding.state != "ok")
    monkeypatch.setenv("SI_PLUGINS", "-si-bad")
    assert {finding.name: finding.state for finding in plugins()}["si-bad"] == "note"
