"""The report as a whole: which files it writes, that they are the same twice, and what it refuses."""

import re
import subprocess
import sys
import tracemalloc

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes

from si_core import DataError, Frame, Report, StorageError, Trajectory, UsageError
from si_report import HtmlReport

FILES = {
    (): ["samples", "trajectories", "losses"],
    (1,): ["samples", "trajectories", "losses"],
    (2,): ["samples", "trajectories", "marginals", "log_density", "losses"],
    (1, 8, 8): ["samples", "trajectories", "losses"],
    (3, 6, 8): ["samples", "trajectories", "losses"],
    (5,): ["samples", "correlations", "losses"],
    (2, 1, 2): ["samples", "classes", "correlations", "losses"],
}
PNG = b"\x89PNG\r\n\x1a\n"

events = pytest.mark.parametrize("event", FILES, ids=lambda event: "x".join(map(str, event)) or "scalar")
report = HtmlReport(dpi=50, resolution=8)


@events
def test_every_shape_gets_its_plots_the_same_twice_and_global_state_stays(make_view, tmp_path, event):
    settings, numpy_state, torch_state = (
        dict(matplotlib.rcParams),
        np.random.get_state()[1].copy(),
        torch.get_rng_state(),
    )
    # These have every picture between them.
    again = event in ((), (2,), (3, 6, 8), (2, 1, 2))
    first, *others = (report.write(make_view(event, directory=tmp_path / name)) for name in ("ab" if again else "a"))
    assert isinstance(report, Report)
    assert first == [
        tmp_path / "a" / "report.html",
        *(tmp_path / "a" / "plots" / f"{name}.png" for name in FILES[event]),
    ]
    assert {path for path in (tmp_path / "a").rglob("*") if path.is_file()} == set(first)
    assert all(path.read_bytes().startswith(PNG) for path in first[1:])
    for second in others:
        assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert dict(matplotlib.rcParams) == settings
    assert np.array_equal(np.random.get_state()[1], numpy_state)
    assert torch.equal(torch.get_rng_state(), torch_state)


def test_a_users_matplotlib_settings_do_not_change_a_plot(make_view, tmp_path):
    plain = report.write(make_view((1,), directory=tmp_path / "plain", metrics=()))
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "text.usetex": True}):
        styled = report.write(make_view((1,), directory=tmp_path / "styled", metrics=()))
    assert [path.read_bytes() for path in plain] == [path.read_bytes() for path in styled]


def test_a_wide_table_shows_its_first_columns_and_says_so(make_view, tmp_path):
    report.write(make_view((70,), metrics=()))
    page = (tmp_path / "report.html").read_text()
    assert "The first 16 of 70 columns." in page
    assert "The first 64 of 70 columns." in page


NOTHING = {
    "trajectory": None,
    "log_density": None,
    "true_log_density": None,
    "metrics": (),
    "estimates": (),
    "condition": None,
}


@events
def test_one_draw_and_nothing_else_make_a_report(make_view, event):
    names = [path.name for path in report.write(make_view(event, 1, environment={}, **NOTHING))]
    assert names == ["report.html", "samples.png"]


@events
def test_draws_of_ends_whose_data_are_gone_are_left_out(make_view, event):
    lost = ("source", "target") if event != (1,) else ("target",)
    written = report.write(make_view(event, 6, **dict.fromkeys(lost), metrics=(), notes=["The data are gone."]))
    assert [path.stem for path in written[1:]] == FILES[event][:-1]
    page = written[0].read_text()
    assert '<p class="note">The data are gone.</p>' in page
    for name in lost if event not in ((1, 8, 8), (3, 6, 8)) else ():
        assert not re.search(rf"<h3>[^<]*{name}", page, re.IGNORECASE)


def test_columns_and_pixels_are_those_of_the_file(make_view, monkeypatch):
    drawn, draw = [], Axes.set_xlabel
    monkeypatch.setattr(Axes, "set_xlabel", lambda ax, text, **how: (drawn.append(text), draw(ax, text, **how))[1])
    report.write(make_view((2,), 6, frame=Frame((2,), columns=("price in $", "size_m^2")), metrics=()))
    # Samples, paths, marginals and log-densities; on the other axis the second column.
    assert set(drawn) - {""} == {"price in $", "nats", "time t"}
    page = report.write(make_view((1, 8, 8), 6, frame=Frame((1, 8, 8), pixels=(0.0, 16.0))))[0].read_text()
    assert "Black is 0 and white 16 in every channel, those of the data" in page
    titles, title = [], Axes.set_title
    monkeypatch.setattr(Axes, "set_title", lambda ax, text, **how: (titles.append(text), title(ax, text, **how))[1])
    report.write(make_view((5,), 6, frame=Frame((5,), columns=("a", "$b$", "c\n", "d" * 99, "e")), metrics=()))
    assert titles[:5] == ["a", "$b$", "c?", f"{'d' * 27}…", "e"]


@events
def test_constant_draws_and_a_trajectory_that_stands_still_make_a_report(make_view, event):
    still = torch.ones(5, *event)
    backward = Trajectory(torch.tensor([1.0, 0.0]), torch.stack([still, still]), 1)
    sets = {"source": still, "target": still, "samples": still, "condition": None, "trajectory": backward}
    assert report.write(make_view(event, **sets, metrics=()))[1].name == "samples.png"


def test_many_draws_become_a_density_and_take_little_memory(make_view):
    view = make_view((2,), 1_000_000, **NOTHING)
    tracemalloc.start()
    report.write(view)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 120e6


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.uint8])
def test_draws_of_any_real_dtype_make_a_report(make_view, dtype):
    view = make_view((1, 8, 8), number=12)
    sets = {name: (getattr(view, name) * 50 + 100).clamp(0, 255).to(dtype) for name in ("source", "target", "samples")}
    assert report.write(make_view((1, 8, 8), number=12, metrics=(), **sets))


def test_draws_that_need_gradients_make_a_report(make_view):
    assert report.write(make_view((1,), samples=torch.ones(9, 1).requires_grad_(), metrics=()))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"samples": torch.zeros(0, 2)}, "at least one draw"),
        ({"samples": torch.zeros(5, 3)}, "different events"),
        ({"target": torch.full((5, 2), float("nan"))}, "finite"),
        ({"trajectory": Trajectory(torch.tensor([0.0, 1.0]), torch.full((2, 3, 2), float("inf")), 1)}, "finite"),
    ],
)
def test_draws_that_can_not_be_shown_are_refused_with_their_name(make_view, fields, words):
    with pytest.raises(DataError, match=words) as caught:
        report.write(make_view((2,), **fields))
    assert next(iter(fields)) in str(caught.value)


@pytest.mark.parametrize("options", [{"dpi": 10}, {"dpi": True}, {"resolution": 2.5}, {"resolution": 10**9}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(UsageError, match=next(iter(options))):
        HtmlReport(**options)


def test_a_folder_that_can_not_be_written_is_a_storage_error(make_view, tmp_path):
    (tmp_path / "plots").write_text("a file in the way")
    with pytest.raises(StorageError, match="a file is in the way"):
        report.write(make_view((1,), metrics=()))


def test_a_second_report_replaces_the_first_and_leaves_no_scratch_files(make_view, tmp_path):
    before = report.write(make_view((1,), metrics=()))
    after = report.write(make_view((1,), metrics=(), title="Another"))
    assert before == after
    assert "Another" in after[0].read_text()
    assert not [path for path in tmp_path.rglob("*") if "tmp" in path.suffix]


def test_the_entry_module_offers_the_report_and_imports_nothing_heavy():
    code = """
import sys, si_report, si_report.plugin as plugin
(component,) = plugin.si_components()
assert (component.kind, component.name, component.target) == ("report", "html", "si_report.report:HtmlReport")
heavy = {"torch", "numpy", "matplotlib", "pydantic"} & set(sys.modules)
assert not heavy, heavy
import si_report.report
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
