"""Versions: every place that states one is found, told by file and line where it differs, and moved with the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.errors import ReleaseError
from release.versions import bump, check, differing, range_of, statements

from .conftest import FILES, ROOT


def contents(tree: Path) -> dict[str, str]:
    return {str(path.relative_to(tree)): path.read_text() for path in sorted(tree.rglob("*")) if path.is_file()}


def test_this_tree_is_in_step() -> None:
    assert not differing(ROOT)


def test_the_places(tree: Path) -> None:
    assert check(tree) == "0.2.0"
    places = [(str(each.path.relative_to(tree)), each.is_range) for each in statements(tree)]
    versions = ["CITATION.cff", "plugins/one/pyproject.toml", "plugins/two/pyproject.toml", "pyproject.toml"]
    assert sorted(path for path, is_range in places if not is_range) == sorted([*versions, "si_core/__init__.py"])
    ranges = {path: sum(path == each for each, is_range in places if is_range) for path, _ in places}
    assert {path: number for path, number in ranges.items() if number} == {
        "plugins/one/pyproject.toml": 1,
        "plugins/one/README.md": 1,
        "plugins/two/pyproject.toml": 3,
        "registry.yaml": 1,
        "docs/page.md": 2,
    }


def test_each_place_that_differs_is_named(tree: Path) -> None:
    """All but the root's own version, which is what the others are held to: of that everything else differs."""
    for each in statements(tree):
        text = each.path.read_text()
        lines = text.splitlines(keepends=True)
        line = lines[each.line - 1]
        other = ">=0.1,<0.2" if each.is_range else "0.1.0"
        lines[each.line - 1] = line[: each.start] + other + line[each.end :]
        each.path.write_text("".join(lines))
        place = f"{each.path.relative_to(tree)}:{each.line}: {other}"
        if each.path == tree / "pyproject.toml":
            assert len(differing(tree)) == len(statements(tree)) - 1
        else:
            with pytest.raises(ReleaseError, match="not in step") as caught:
                check(tree)
            assert place in str(caught.value)
            assert "python .ci/release version 0.2.0" in str(caught.value)
        each.path.write_text(text)
    assert not differing(tree)


def test_a_requirement_without_a_range_is_named(tree: Path) -> None:
    path = tree / "plugins/one/pyproject.toml"
    path.write_text(path.read_text().replace("si-core>=0.2,<0.3", "si-core"))
    (problem,) = differing(tree)
    assert problem.startswith("plugins/one/pyproject.toml:12: no range")
    bump(tree, "0.2.0")
    assert contents(tree) == FILES


def test_all_move_and_come_back(tree: Path) -> None:
    before = contents(tree)
    changed = {str(path.relative_to(tree)) for path in bump(tree, "0.3.0")}
    after = contents(tree)
    assert changed == set(before) - {"plugins/one/src/si_one/__init__.py", "plugins/two/src/si_two/__init__.py"}
    assert check(tree) == "0.3.0"
    assert not any("0.2.0" in text or ">=0.2,<0.3" in text for text in after.values())
    assert 'OLD = "si-core>=7,<8"' in after["plugins/two/tests/test_two.py"]
    assert "si-other>=0.1,<0.9" in after["docs/page.md"]
    bump(tree, "0.2.0")
    assert contents(tree) == before


def test_a_patch_keeps_the_range(tree: Path) -> None:
    bump(tree, "0.2.7")
    assert check(tree) == "0.2.7"
    assert all(each.text == ">=0.2,<0.3" for each in statements(tree) if each.is_range)


@pytest.mark.parametrize("version", ["0.3", "0.3.0rc1", "v0.3.0", "", "0.3.0 "])
def test_no_other_form_of_a_version(tree: Path, version: str) -> None:
    with pytest.raises(ReleaseError, match="three numbers"):
        bump(tree, version)
    assert contents(tree) == FILES


@pytest.mark.parametrize("version", ["0.2.0", "0.9.12", "0.12.0", "1.0.0", "3.4.5"])
def test_the_range_is_what_the_core_advises(version: str) -> None:
    from si_core.discovery.compatibility import suggested_bound

    assert suggested_bound(version) == "si-core" + range_of(version)


def test_outside_of_a_tree(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"no pyproject\.toml of si-core"):
        check(tmp_path)
