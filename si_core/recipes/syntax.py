"""YAML syntax errors in plain words, with the source line and a caret."""

from __future__ import annotations

import re

import yaml

from si_core.errors import RecipeError

__all__ = ["syntax_error"]

_WIDTH = 100

# What the scanner and parser of PyYAML say -> what is wrong, what to do. {line} is where the construct began.
_WORDS = (
    (r"found character '\\t'", "a tab where YAML wants spaces", "replace the tab by spaces"),
    (
        r"mapping values are not allowed",
        "a second ': ' in one line, a line indented too far, or a line before it without ': '",
        "put text that holds ': ' in quotes, or align the line with its neighbours",
    ),
    (r"could not find expected ':'", "a key without ': ' after it", "write `key: value`, with a space after the colon"),
    (r"expected ',' or '\]'", "the list that opens on line {line} is not closed", "add the missing ']' or ','"),
    (r"expected ',' or '\}'", "the mapping that opens on line {line} is not closed", "add the missing '}}' or ','"),
    (
        r"(while parsing a flow|expected the node content)",
        "a bracket that opens or closes alone",
        "check the brackets before this place",
    ),
    (
        r"while scanning a quoted scalar.*(end of stream|document separator)",
        "the quoted text that starts on line {line} has no end",
        "add the closing quote",
    ),
    (
        r"while scanning a (quoted|double-quoted) scalar",
        "an unknown escape in double quotes",
        "use single quotes, or write the backslash twice",
    ),
    (
        r"(expected <block end>|block sequence entries|block mapping keys|did not find expected '-')",
        "this line does not fit the indentation around it (block from line {line})",
        "align it with the lines it belongs to, and check the brackets and quotes before it",
    ),
    (r"cannot start any token", "a character that can't start a value", "put the text in quotes"),
    (r"while scanning (an anchor|an alias|a tag)", "'&', '*' or '!' at the start of a value", "put the text in quotes"),
    (r"directive", "a line that starts with '%'", "remove the line, or put the text in quotes"),
    (r"expected '<document start>'", "text after the end of the document", "check the indentation and the brackets"),
    (r"while scanning a block scalar", "a bad block of text after '|' or '>'", "start the text on the next line"),
)


def syntax_error(error: yaml.MarkedYAMLError, text: str, source: str, argument: bool) -> RecipeError:
    """The error of PyYAML as ours: ``file:line:column``, the words for it, the line and a caret below."""
    mark = error.problem_mark or error.context_mark
    said = f"{error.context or ''} {error.problem or ''}"
    began = error.context_mark.line + 1 if error.context_mark else mark.line + 1 if mark else 1
    problem, fix = f"YAML can't be read here: {error.problem}", None
    for pattern, words, advice in _WORDS:
        if re.search(pattern, said, re.DOTALL):
            problem, fix = words.format(line=began), advice.format(line=began)
            break
    line, column = (mark.line, mark.column) if mark else (0, 0)
    where = source if argument else f"{source}:{line + 1}:{column + 1}"
    return RecipeError(f"bad YAML: {problem}\n{_pointer(text, line, column)}", where=where, fix=fix)


def _pointer(text: str, line: int, column: int) -> str:
    """The source line, cut around the column when it is long, and a caret under the column."""
    lines = re.split("\r\n|[\r\n\x85\u2028\u2029]", text)
    shown = lines[line] if line < len(lines) else ""
    start = max(0, column - _WIDTH // 2)
    return f"    {shown[start : start + _WIDTH]}".replace("\t", " ") + f"\n    {' ' * (column - start)}^"
