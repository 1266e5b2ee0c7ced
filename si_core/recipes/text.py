"""The text of a recipe file: UTF-8, with or without a byte order mark, with any line ends, of a bounded size."""

from __future__ import annotations

import codecs
import os
import re
import stat
from pathlib import Path

from si_core.discovery.suggest import nearest
from si_core.errors import RecipeError
from si_core.recipes import limits

__all__ = ["decode", "read_text", "unprintable"]

# The characters YAML 1.2 allows in a stream (section 5.1), negated.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_text(path: Path) -> str:
    """The text of a recipe file.

    Raises:
        RecipeError: a file that is missing, a directory, no regular file, unreadable, too large or no UTF-8 text.
    """
    try:
        # Opening a pipe would wait for a writer, so the type is asked for first.
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            problem = "a directory, where a recipe file is wanted"
            raise RecipeError(problem, got=_both(path), fix=_near(path))
        if not stat.S_ISREG(mode):
            raise RecipeError("not a regular file", got=_both(path), fix="copy it to a file first")
        with open(path, "rb") as file:
            data = file.read(limits.BYTES + 1)
    except FileNotFoundError:
        raise RecipeError("no such recipe file", got=_both(path), fix=_near(path)) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise RecipeError(f"can't read the recipe: {reason}", got=_both(path)) from None
    if len(data) > limits.BYTES:
        raise RecipeError(
            "the recipe is too large",
            where=str(path),
            got=f"{max(path.stat().st_size, len(data))} bytes",
            allowed=f"at most {limits.BYTES} bytes",
            fix="keep data in a data file and name it in the recipe",
        )
    return decode(data, str(path))


def decode(data: bytes, source: str) -> str:
    """The text of these bytes, without a byte order mark.

    Raises:
        RecipeError: bytes that are no UTF-8, or a character YAML does not allow; with the byte offset and the line.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise _bad(data, 0, source, "UTF-16 or UTF-32 text")
    body = data.removeprefix(codecs.BOM_UTF8)
    shift = len(data) - len(body)
    nul = body.find(b"\0")
    if nul >= 0:
        raise _bad(data, shift + nul, source, "a NUL byte")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _bad(data, shift + error.start, source, f"byte 0x{body[error.start]:02x} is not UTF-8") from None
    index = unprintable(text)
    if index is not None:
        offset = shift + len(text[:index].encode())
        raise _bad(data, offset, source, f"control character U+{ord(text[index]):04X}")
    return text


def unprintable(text: str) -> int | None:
    """The index of the first character that YAML does not allow, or None."""
    found = _UNPRINTABLE.search(text)
    return found.start() if found else None


def _bad(data: bytes, offset: int, source: str, what: str) -> RecipeError:
    line = len(re.findall(rb"\r\n|\r|\n", data[:offset])) + 1
    return RecipeError(
        "not plain UTF-8 text",
        where=f"{source}:{line}",
        got=f"{what} at byte offset {offset}",
        allowed="UTF-8 text, with or without a byte order mark",
        fix="save the file as UTF-8",
    )


def _both(path: Path) -> str:
    """The path as given and, where it differs, as resolved."""
    given = str(path)
    try:
        resolved = os.path.realpath(path)
    except (OSError, ValueError):
        resolved = given
    shown = given.encode("unicode_escape").decode() if not given.isprintable() else given
    return f"'{shown}'" if given == resolved or "\0" in given else f"'{shown}' (resolved: '{resolved}')"


def _near(path: Path) -> str | None:
    """A suggestion from the recipe files beside the wanted one (or inside it, if it is a directory)."""
    folder = path if os.path.isdir(path) else path.parent
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.name.endswith((".yaml", ".yml")))
    except OSError:
        return f"there is no directory '{folder}'"
    if folder == path:
        chosen = names[:3]
    else:
        stems = {name.rsplit(".", 1)[0]: name for name in names}
        chosen = nearest(path.name, names, count=3) or [stems[stem] for stem in nearest(path.stem, stems, count=3)]
    return "did you mean " + " or ".join(f"'{folder / name}'" for name in chosen) + "?" if chosen else None
