"""The table of faults and the tests that show its rows are one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_ROW = re.compile(r"^\| (\d+) \|(.+)\|(.+)\|(.+)\|$", re.MULTILINE)
_ABSENT = "does not occur"
"""What a row without tests says of what happens, with the reason."""


def rows() -> dict[int, tuple[str, str, str]]:
    """What the table says: fault, what happens and exit codes, by number."""
    text = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")
    return {int(row[1]): (row[2].strip(), row[3].strip(), row[4].strip()) for row in _ROW.finditer(text)}


def marks() -> Iterator[int]:
    """The numbers that tests carry, in all test files."""
    for path in [*ROOT.glob("tests/**/test_*.py"), *ROOT.glob("plugins/*/tests/**/test_*.py")]:
        source = path.read_text(encoding="utf-8")
        if "mark.fault(" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "fault":
                yield from (ast.literal_eval(argument) for argument in node.args)


def test_every_fault_has_a_row() -> None:
    assert sorted(rows()) == list(range(1, 72))


def test_every_row_has_a_test_or_says_why_it_does_not_occur() -> None:
    shown = set(marks())
    assert shown <= set(rows()), sorted(shown - set(rows()))
    absent = {number for number, (_, happens, _) in rows().items() if _ABSENT in happens}
    assert sorted(set(rows()) - shown - absent) == []
    assert sorted(absent & shown) == []


def test_codes_are_those_that_are_documented() -> None:
    for number, (_, _, codes) in rows().items():
        found = re.findall(r"\d+", codes)
        assert found, number
        assert set(found) <= {"0", "1", "2", "3", "4", "5", "130", "143"}, number
