"""Reports that are there because they are installed stop no run; those that a recipe names are held to their word."""

from __future__ import annotations

import pytest

import si_core as si
from si_core.runs.pipeline import start_run

for plugin in ("si_interpolants", "si_distributions", "si_integrators", "si_objectives", "si_networks", "si_report"):
    pytest.importorskip(plugin)

RECIPE = """\
    source: {use: gaussian, dim: 1}
    target: {use: gaussian, dim: 1}
    objectives: [velocity]
    network: {use: mlp, width: 8, depth: 1}
    train: {steps: 2, batch: 16}
    sample: {number: 20, integrator: {use: heun, steps: 2}, epsilon: 0}
    """
BROKEN = {
    "its class": "class Page:\n    pass\n",
    "its constructor": """
        import si_core as si

        class Page(si.Report):
            def __init__(self):
                raise RuntimeError("no")

            def write(self, view):
                return []
        """,
    "its write": """
        import si_core as si

        class Page(si.Report):
            def write(self, view):
                raise RuntimeError("no")
        """,
}


class Told:
    """A console that keeps its warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def line(self, text: str) -> None:
        pass

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def progress(self, step: int, steps: int, text: str = "") -> None:
        pass


def test_broken_reports_that_nobody_named_are_told_and_stop_nothing(recipe, stranger, tmp_path):
    """By other names than ours and by the same one."""
    names = ("page", "html", "sheet")
    for name, source in zip(names, BROKEN.values(), strict=True):
        stranger("report", name, "Page", source)
    console, folder = Told(), tmp_path / "run"
    start_run(recipe(RECIPE), console=console, out=folder)
    assert (folder / "report.html").is_file(), "others are written"
    assert '"finished"' in (folder / "STATUS.json").read_text(encoding="utf-8")
    assert len(console.warnings) == len(names)
    for name in names:
        assert [f"si-stranger/{name}" in warning for warning in console.warnings].count(True) == 1


@pytest.mark.parametrize("source", BROKEN.values(), ids=BROKEN)
def test_a_broken_report_that_the_recipe_names_is_an_error(recipe, stranger, tmp_path, source):
    stranger("report", "page", "Page", source)
    with pytest.raises(si.PluginError, match="si-stranger"):
        start_run(recipe(RECIPE, "report=page"), console=Told(), out=tmp_path / "run")


def test_a_report_that_would_write_over_its_own_files_is_refused_before_training(recipe, tmp_path):
    asked = recipe(RECIPE, "report=[html, {use: si-report/html, dpi: 80}]")
    with pytest.raises(si.RecipeError, match=r"'html' is selected twice"):
        start_run(asked, console=Told(), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
