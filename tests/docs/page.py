"""A page of the documentation as its reader carries it out: in an empty folder, block after block, nothing added.

===========================  ==========================================================================================
block                        what is done with it
===========================  ==========================================================================================
``python``                   run, in one namespace for the whole page
``bash``                     run, line by line
any, begun by ``# NAME.xy``  written into that file: recipes, modules, files of a package
``yaml`` without a name      a recipe or a part of one: it is read as YAML
others                       shown to the reader
===========================  ==========================================================================================

A comment on the line before says more, and is not seen on the page:

    <!-- quick: train.steps=3000 -> train.steps=20; another -> one -->    what is smaller in the default tests
    <!-- slow -->                                                        left out of these
    <!-- shown: it needs a GPU -->                                       never run, and why

A notebook is a page whose blocks are its cells (:mod:`.notebook`).
"""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import shlex
import subprocess
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .notebook import cells_of, executed

__all__ = ["Block", "blocks_of", "carry_out"]

_BLOCK = re.compile(
    r"(?:^<!-- (?P<note>(?:quick|slow|shown)\b.*?) -->\n+)?"
    r"^(?P<fence>`{3,})(?P<language>[\w-]*)[^\n]*\n(?P<text>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
_NAMED = re.compile(r"(?:#|//) ([\w./-]+\.\w+)\n")
_SHELL = set("|><&;$`*")


@dataclass(frozen=True)
class Block:
    """A block of code.

    Args:
        language: the word after its fence.
        text: what stands in it.
        line: where it begins.
        note: the comment before it.
    """

    language: str
    text: str
    line: int
    note: str = ""

    @property
    def path(self) -> str | None:
        """The file that it is written to; None for none."""
        named = _NAMED.match(self.text)
        return named[1] if named else None

    def of_size(self, quick: bool) -> str | None:
        """The text to run; None where it is not run."""
        kind, _, rest = self.note.partition(":")
        if kind == "shown" or (kind == "slow" and quick):
            return None
        text = self.text
        for change in rest.split(";") if kind == "quick" and quick else ():
            before, arrow, after = (part.strip() for part in change.partition("->"))
            if not arrow or before not in text:
                raise ValueError(f"line {self.line}: nothing to make smaller by {change.strip()!r}")
            text = text.replace(before, after)
        return text


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page, in order; of a notebook the line is the number of the cell."""
    if page.suffix == ".ipynb":
        return [Block("cell", text, number, note) for number, text, note in cells_of(page)]
    text = page.read_text(encoding="utf-8")
    return [
        Block(found["language"], found["text"], text.count("\n", 0, found.start("fence")) + 1, found["note"] or "")
        for found in _BLOCK.finditer(text)
    ]


def carry_out(page: Path, quick: bool) -> None:
    """Do in the current folder what a page says.

    Raises:
        AssertionError: a command failed; says the line of the page.
        Exception: whatever code of the page raises.
    """
    if page.suffix == ".ipynb":
        importlib.import_module("matplotlib").use("Agg")
    with _as_script() as names:
        _carry_out(page, quick, names)


@contextlib.contextmanager
def _as_script() -> Iterator[dict[str, Any]]:
    """The names of a script's module, which is ``__main__`` meanwhile: its classes are found there when pickled."""
    before, module = sys.modules["__main__"], types.ModuleType("__main__")
    sys.modules["__main__"] = module
    try:
        yield vars(module)
    finally:
        sys.modules["__main__"] = before


def _carry_out(page: Path, quick: bool, names: dict[str, Any]) -> None:
    for block in blocks_of(page):
        text = block.of_size(quick)
        if text is None:
            continue
        where = f"{page.name}:{block.line}"
        if block.path is not None:
            Path(block.path).parent.mkdir(parents=True, exist_ok=True)
            Path(block.path).write_text(text, encoding="utf-8")
        elif block.language == "cell":
            executed(text, f"{page}, cell {block.line}", names)
        elif block.language == "python":
            exec(compile("\n" * block.line + text, str(page), "exec"), names)
        elif block.language == "bash":
            for line in text.replace("\\\n", " ").splitlines():
                _command(line.partition(" #")[0].strip(), where)
        elif block.language == "yaml":
            yaml.safe_load(text)


def _command(line: str, where: str) -> None:
    """A line of a shell; those of ``si`` alone in this process, for each import of torch takes seconds."""
    if not line or line.startswith("#"):
        return
    words = shlex.split(line) if not _SHELL & set(line) else []
    if words[:1] == ["si"]:
        from si_core.cli.main import main

        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            code = main(words[1:])
    else:
        folder = Path(sys.executable).parent
        done = subprocess.run(
            ["bash", "-c", f'export PATH="{folder}:$PATH"; {line}'], capture_output=True, text=True, check=False
        )
        code, out = done.returncode, io.StringIO(done.stdout + done.stderr)
    assert code == 0, f"{where}: {line}\n{out.getvalue()[-3000:]}"
