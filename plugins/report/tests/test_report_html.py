"""The report as a whole: which files it writes, that they are the same twice, and what it refuses."""

import subprocess
import sys

import matplotlib
import numpy as np
import pytest
import torch
from si_report import HtmlReport

from si_core import DataError, Report, StorageError, Trajectory, UsageError

FILES = {
    (): ["samples", "trajectories", "losses"],
    (1,): ["samples", "trajectories", "losses"],
    (2,): ["samples", "trajectories", "marginals", "log_density", "losses"],
    (1, 8, 8): ["samples", "trajectories", "losses"],
    (3, 6, 8): ["samples", "trajectories", "losses"],
    (13,): ["samples", "correlations", "losses"],
    (70,): ["samples", "correlations", "losses"],
    (4, 2, 2): ["samples", "correlations", "losses"],
}
PNG = b"\x89PNG\r\n\x1a\n"

events = pytest.mark.parametrize("event", FILES, ids=lambda event: "x".join(map(str, event)) or "scalar")
report = HtmlReport(dpi=50, resolution=8)


@events
def test_every_shape_of_event_gets_its_plots_and_the_page_comes_first(make_view, tmp_path, event):
    written = report.write(make_view(event))
    assert isinstance(report, Report)
    assert written == [tmp_path / "report.html", *(tmp_path / "plots" / f"{name}.png" for name in FILES[event])]
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == set(written)
    assert all(path.read_bytes().startswith(PNG) for path in written[1:])


@events
def test_equal_views_give_equal_bytes_and_leave_global_state_alone(make_view, tmp_path, event):
    settings, numpy_state, torch_state = (
        dict(matplotlib.rcParams),
        np.random.get_state()[1].copy(),
        torch.get_rng_state(),
    )
    first, second = (report.write(make_view(event, directory=tmp_path / name)) for name in "ab")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert dict(matplotlib.rcParams) == settings
    assert np.array_equal(np.random.get_state()[1], numpy_state)
    assert torch.equal(torch.get_rng_state(), torch_state)


def test_a_users_matplotlib_settings_do_not_change_a_plot(make_view, tmp_path):
    plain = report.write(make_view(directory=tmp_path / "plain"))
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "text.usetex": True}):
        styled = report.write(make_view(directory=tmp_path / "styled"))
    assert [path.read_bytes() for path in plain] == [path.read_bytes() for path in styled]


@events
@pytest.mark.parametrize("number", [1, 2])
def test_one_or_two_draws_and_nothing_else_make_a_report(make_view, event, number):
    view = make_view(
        event,
        number,
        trajectory=None,
        log_density=None,
        true_log_density=None,
        metrics=(),
        estimates=(),
        environment={},
    )
    names = [path.name for path in report.write(view)]
    assert names == ["report.html", "samples.png"]


@events
def test_constant_draws_and_a_trajectory_that_stands_still_make_a_report(make_view, event):
    still = torch.ones(5, *event)
    view = make_view(
        event,
        source=still,
        target=still,
        samples=still,
        trajectory=Trajectory(torch.tensor([1.0, 0.0]), still[:2, None], 1),
    )
    if len(event) == 3:
        view = make_view(event, source=still, target=still, samples=still, conditions=None)
    assert report.write(view)[0].name == "report.html"


def test_many_draws_become_a_density_and_take_little_memory(make_view):
    import tracemalloc

    view = make_view((2,), number=1_000_000, trajectory=None, log_density=None, true_log_density=None)
    tracemalloc.start()
    report.write(view)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 120e6


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.uint8])
def test_draws_of_any_real_dtype_make_a_report(make_view, dtype):
    view = make_view((1, 8, 8), number=12)
    sets = {name: (getattr(view, name) * 50 + 100).clamp(0, 255).to(dtype) for name in ("source", "target", "samples")}
    assert report.write(make_view((1, 8, 8), number=12, **sets))


def test_draws_that_need_gradients_make_a_report(make_view):
    assert report.write(make_view((2,), samples=torch.randn(9, 2).requires_grad_()))


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
    with pytest.raises(StorageError, match="can't write"):
        report.write(make_view())


def test_a_second_report_replaces_the_first_and_leaves_no_scratch_files(make_view, tmp_path):
    before = report.write(make_view())
    after = report.write(make_view(title="Another"))
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
