"""The errors a user can meet.

Every error says where it happened, what is wrong, what was got, what is allowed, and what to do next; each class
carries the exit code of the command line:

======================  ====  ==============================
class                   code  cause
======================  ====  ==============================
:class:`UsageError`     2     a command line or a call
:class:`RecipeError`    2     a recipe, with its position
:class:`DataError`      3     data that can't be used
:class:`NumericsError`  3     a calculation that failed
:class:`StorageError`   4     a checkpoint or a file
:class:`PluginError`    5     an installed plugin
======================  ====  ==============================

What errors quote may come from strangers: a message escapes control characters, and each of its parts has a longest
length, whatever was found.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = [
    "DataError",
    "NumericsError",
    "PluginError",
    "RecipeError",
    "SIError",
    "StorageError",
    "UsageError",
    "name_owners",
    "one_line",
    "owned",
    "printable",
    "shortened",
    "too_large",
    "words_of",
]

_FRAMES = ("Exception raised from ", "frame #0:", "C++ CapturedTraceback")
"""Where torch begins to list the frames of its C++ code in a message, which help nobody."""

_TOO_LARGE = (
    *("can't allocate memory", "not enough memory", "DefaultCPUAllocator", "out of memory"),
    *("Storage size calculation overflowed", "multiplication overflow", "Overflow when unpacking long"),
    *("to type int64_t without overflow", "too large to convert to C", "cannot fit 'int' into"),
    *("array is too big", "Maximum allowed dimension exceeded"),
)
"""Words of torch, numpy and Python, beside ``MemoryError``, by which they refuse to make what is too large."""


def words_of(error: BaseException) -> str:
    """What an error that is not meant for a user says, on one line, without frames of C++."""
    text = str(error)
    for mark in _FRAMES:
        text = text.partition(mark)[0]
    return " ".join(text.split())


_LONGEST = {"where": 1000, "problem": 4000, "got": 1000, "allowed": 1500, "fix": 1500}
"""Letters of each part of a message."""


_owners: list[Callable[[object], str | None]] = []


def name_owners(label_of: Callable[[object], str | None]) -> None:
    """Let errors name the plugin of a component: discovery, which knows them, says how.

    Args:
        label_of: the plugin that a component is of, such as ``si-cubic 1.0``; None for nobody's.
    """
    _owners[:] = [label_of]


def owned(component: object, method: str | None = None) -> str:
    """A component as the place of an error, with its plugin: ``si-cubic 1.0: Cubic.alpha``."""
    labels = [label for label_of in _owners if (label := label_of(component)) is not None]
    name = type(component).__name__
    return ": ".join([*labels, name if method is None else f"{name}.{method}"])


def one_line(error: BaseException, longest: int | None = None) -> str:
    """What an error that is not meant for a user is and says, on one line; of its words at most so many letters."""
    return f"{type(error).__name__}: {words_of(error)[:longest]}"


def too_large(error: BaseException) -> bool:
    """Whether an error, the user's own excepted, is for want of memory, or of numbers that count so many bytes."""
    if isinstance(error, SIError):
        return False
    known = isinstance(error, RuntimeError | ValueError | OverflowError | TypeError)
    return isinstance(error, MemoryError) or (known and any(text in str(error) for text in _TOO_LARGE))


def printable(text: str) -> str:
    """The text with escapes, such as ``\\x1b``, for all that is no visible character, space, tab or end of a line.

    Names of files, columns and tensors come from strangers: none of them may steer a terminal, turn the direction of
    writing around or fake a line. An escaped text stays as it is.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else _escaped(c) for c in text)


def shortened(value: object, longest: int = 1000) -> str:
    """A value's text, cut: a list ends in ``... (N)`` for all N entries, other text in ``... (N characters)``.

    Args:
        value: a text, which may be a list with ``, `` between its entries, or anything else that has one.
        longest: about how many letters to keep.
    """
    text = str(value)
    if len(text) <= longest:
        return text
    head = text[:longest]
    if head.count(", ") >= 3 and ", " in head[longest // 2 :]:
        return f"{head[: head.rindex(', ')]}, ... ({text.count(', ') + 1})"
    return f"{head}... ({len(text)} characters)"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


class SIError(Exception):
    """Base of all errors that are meant for a user.

    Args:
        problem: what is wrong, in one sentence without a full stop.
        where: ``file:line:column``, a call or a component; comes first in the message.
        got: the value found, as the user wrote it.
        allowed: what is allowed there.
        fix: what to type next.
    """

    code = 1

    def __init__(
        self,
        problem: str,
        *,
        where: str | None = None,
        got: object = None,
        allowed: object = None,
        fix: str | None = None,
    ) -> None:
        self.problem, self.where, self.got, self.allowed, self.fix = problem, where, got, allowed, fix
        super().__init__(problem)

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions are pickled by their arguments, and these are keywords.
        return _restored, (type(self), self.problem, self.where, self.got, self.allowed, self.fix)

    def __str__(self) -> str:
        details = [
            f"{label} {shortened(text, _LONGEST[label.rstrip(':')])}"
            for label, text in (("got", self.got), ("allowed", self.allowed), ("fix:", self.fix))
            if text is not None
        ]
        first = shortened(self.problem, _LONGEST["problem"])
        if self.where:
            first = f"{shortened(self.where, _LONGEST['where'])}: {first}"
        return printable(first + (f"\n  {'; '.join(details)}" if details else ""))


def _restored(
    kind: type[SIError], problem: str, where: str | None, got: object, allowed: object, fix: str | None
) -> SIError:
    return kind(problem, where=where, got=got, allowed=allowed, fix=fix)


class UsageError(SIError):
    """A command line or a call that can't be carried out as written."""

    code = 2


class RecipeError(SIError):
    """A recipe that can't be carried out as written; ``where`` is ``file:line:column``."""

    code = 2


class DataError(SIError):
    """Data that is missing, damaged or of the wrong form."""

    code = 3


class NumericsError(SIError):
    """A calculation that left the finite numbers or did not converge."""

    code = 3


class StorageError(SIError):
    """A checkpoint or another file of a run that can't be written or read."""

    code = 4


class PluginError(SIError):
    """An installed plugin that is broken, incompatible or in conflict with another."""

    code = 5
