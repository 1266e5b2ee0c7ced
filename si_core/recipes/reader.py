"""The strict YAML reader of every recipe: text to nodes with positions.

Built from PyYAML's events alone: no constructor, no resolver, no recursion. Refused while reading, before the rest is
looked at: tags, aliases, merge keys, a second document, equal keys, keys that are no text, and anything over the
limits. So no text can build an object, expand into a bomb or exhaust the stack.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from si_core.errors import RecipeError
from si_core.recipes import limits
from si_core.recipes.nodes import Entry, Mapping, Node, Scalar, Sequence, Where
from si_core.recipes.scalars import scalar
from si_core.recipes.syntax import syntax_error

__all__ = ["read"]

_SURROGATE = re.compile("[\ud800-\udfff]")
_EXTENDS = "write the values out, or share them through `extends: other.yaml`"


def read(text: str, source: str, *, argument: bool = False) -> Node | None:
    """Read one YAML document; None when it holds nothing.

    Args:
        text: decoded text, see :func:`si_core.recipes.text.decode`.
        source: the file name for positions, or the words for a command-line argument.
        argument: the text is the value of an argument: positions are the argument alone, and only one scalar, a
            ``[...]`` or a ``{...}`` is allowed, with nothing after it.

    Raises:
        RecipeError: bad syntax, or something a recipe may not hold.
    """
    reader = _Reader(text, source, argument)
    parser = yaml.BaseLoader(text)
    try:
        while parser.check_event():
            reader.take(parser.get_event())  # type: ignore[no-untyped-call]
    except yaml.MarkedYAMLError as error:
        raise syntax_error(error, text, source, argument) from None
    except (ValueError, OverflowError):
        # PyYAML converts the number of an escape or a directive unchecked.
        problem = "bad YAML: a character code or version number that does not exist"
        raise reader.error(parser.get_mark(), problem) from None
    finally:
        parser.dispose()
    if reader.anchor is not None:
        raise reader.error(reader.anchor, "anchors and aliases are not allowed", fix=_EXTENDS)
    return reader.root


class _Reader:
    """Takes events and builds the tree on an explicit stack."""

    def __init__(self, text: str, source: str, argument: bool) -> None:
        self.text, self.source, self.argument = text, source, argument
        self.root: Node | None = None
        self.stack: list[Mapping | Sequence] = []
        self.keys: list[tuple[str, Where] | None] = []
        self.anchor: Any = None
        self.documents = self.nodes = 0

    def where(self, mark: Any) -> Where:
        return Where(self.source) if self.argument else Where(self.source, mark.line + 1, mark.column + 1)

    def error(self, mark: Any, problem: str, **details: Any) -> RecipeError:
        return RecipeError(problem, where=str(self.where(mark)), **details)

    def take(self, event: Any) -> None:
        """One event of the stream."""
        mark = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            anchor = f", anchored on line {self.anchor.line + 1}" if self.anchor else ""
            raise self.error(mark, "aliases are not allowed", got=f"*{event.anchor}{anchor}", fix=_EXTENDS)
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise self.error(mark, "a recipe is one document; here a second one starts", fix="remove this `---`")
            if event.tags:
                raise self.error(mark, "tags are not allowed", got="a %TAG directive", fix="remove the directive")
        elif isinstance(event, yaml.CollectionEndEvent):
            self.stack.pop()
            self.keys.pop()
            self.finish(event)
        elif isinstance(event, yaml.NodeEvent):
            self.begin(event, mark)

    def begin(self, event: Any, mark: Any) -> None:
        """A key, a value, or the start of a mapping or list."""
        tag = event.tag
        if tag is not None:
            raise self.error(
                mark, "tags are not allowed", got=_clip(tag), fix="remove the tag; select a component with `use: name`"
            )
        if event.anchor is not None and self.anchor is None:
            # The first alias is the better place to point at, so reading goes on; nothing is ever expanded.
            self.anchor = mark
        self.nodes += 1
        if self.nodes > limits.NODES:
            allowed = f"at most {limits.NODES} keys, items and values"
            raise self.error(mark, "the recipe has too many values", allowed=allowed, fix="keep data in a data file")
        if self.stack and isinstance(self.stack[-1], Mapping) and self.keys[-1] is None:
            self.keys[-1] = self.key(event, mark, self.stack[-1])
        elif isinstance(event, yaml.ScalarEvent):
            self.place(self.scalar(event, mark))
            self.finish(event)
        else:
            self.open(event, mark)

    def open(self, event: Any, mark: Any) -> None:
        """The start of a mapping or list."""
        if len(self.stack) >= limits.DEPTH:
            problem = "mappings and lists are nested too deeply"
            raise self.error(mark, problem, allowed=f"at most {limits.DEPTH} levels")
        if self.argument and not event.flow_style:
            fix = "write a mapping as {key: value} and a list as [a, b]"
            raise self.error(mark, "the value of an argument stands on one line, in brackets", fix=fix)
        node = Mapping(self.where(mark)) if isinstance(event, yaml.MappingStartEvent) else Sequence(self.where(mark))
        self.place(node)
        self.stack.append(node)
        self.keys.append(None)

    def place(self, node: Node) -> None:
        """Put a finished or just opened node where it belongs."""
        if not self.stack:
            self.root = node
        elif isinstance(parent := self.stack[-1], Sequence):
            parent.items.append(node)
        elif (key := self.keys[-1]) is not None:
            parent.entries[key[0]] = Entry(key[1], node)
            self.keys[-1] = None

    def key(self, event: Any, mark: Any, parent: Mapping) -> tuple[str, Where]:
        """A key of a mapping: text, and not there already."""
        if not isinstance(event, yaml.ScalarEvent):
            kind = "a mapping" if isinstance(event, yaml.MappingStartEvent) else "a list"
            raise self.error(mark, "a key must be text", got=kind, allowed="a word such as `steps`")
        if _is_plain(event) and event.value == "<<":
            raise self.error(mark, "merge keys are not allowed", got="<<", fix=_EXTENDS)
        value = self.scalar(event, mark).value
        if not isinstance(value, str):
            raise self.error(mark, "a key must be text", got=_shown(event), fix=f"quote it: '{_clip(event.value)}'")
        if len(value) > limits.KEY:
            allowed = f"at most {limits.KEY} characters"
            raise self.error(mark, "the key is too long", got=f"{len(value)} characters", allowed=allowed)
        if value in parent.entries:
            first = parent.entries[value].where
            also = f" (first on line {first.line}, again on line {mark.line + 1})" if first.line else ""
            raise self.error(mark, f"the key '{value}' stands twice in one mapping{also}", fix="keep one of them")
        return value, self.where(mark)

    def scalar(self, event: Any, mark: Any) -> Scalar:
        """A value, in the types of YAML 1.2."""
        if _SURROGATE.search(event.value):
            fix = r"write the character itself, or \UXXXXXXXX"
            raise self.error(mark, "an escape that is half a character", fix=fix)
        if not _is_plain(event):
            return Scalar(self.where(mark), event.value, event.value)
        try:
            return Scalar(self.where(mark), scalar(event.value), event.value)
        except ValueError as error:
            raise self.error(mark, str(error), got=_clip(event.value)) from None

    def finish(self, event: Any) -> None:
        """After the root of an argument, refuse a rest that YAML would drop as a comment."""
        if self.argument and not self.stack and (rest := self.text[event.end_mark.index :].strip()).startswith("#"):
            fix = "quote the value if '#' belongs to it"
            raise self.error(event.end_mark, "YAML takes the end of this value as a comment", got=_clip(rest), fix=fix)


def _is_plain(event: Any) -> bool:
    return event.style is None


def _shown(event: Any) -> str:
    return _clip(event.value) or "nothing"


def _clip(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
