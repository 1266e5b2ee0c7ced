"""The rooms of the core: each imports only from the rooms below it, imports for types and late ones included."""

from __future__ import annotations

import ast
from pathlib import Path

CORE = Path(__file__).parents[2] / "si_core"

FLOORS = (
    ("errors",),
    ("contract", "discovery", "storage"),
    ("recipes", "process"),
    ("fields",),
    ("transport",),
    ("models",),
    ("training",),
    ("runs",),
    ("memory",),
    ("cli",),
    ("public",),
)
"""The rooms from the ground up; those of one floor do not know each other."""

FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
FILES = sorted(CORE.rglob("*.py"))
DOORS = {"__init__", "__main__"}
"""The public names, and ``python -m si_core``: they open every room."""


def room_of(path: Path) -> str:
    return path.relative_to(CORE).parts[0].removesuffix(".py")


def rooms_known(path: Path) -> list[tuple[str, int]]:
    """The rooms that a file imports from, with the line."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: a relative import hides the room"
            names = [node.module or ""]
            if node.module == "si_core":
                names = [f"si_core.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found += [(name.split(".")[1], node.lineno) for name in names if name.startswith("si_core.")]
    return found


def test_every_folder_is_a_room() -> None:
    assert {room_of(path) for path in FILES} - DOORS == set(FLOOR)


def test_a_room_knows_only_rooms_below() -> None:
    problems = []
    for path in FILES:
        own = room_of(path)
        for other, line in () if own in DOORS else rooms_known(path):
            if other not in FLOOR:
                problems.append(f"{path}:{line}: si_core.{other} is no room")
            elif other != own and FLOOR[other] >= FLOOR[own]:
                problems.append(f"{path}:{line}: {own} knows {other}, which is not below it")
    assert not problems, "\n".join(problems)
