"""Recipes as strangers write them: a good one, its text, its bytes or its tree of keys and values changed at random."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import yaml

__all__ = ["HOSTILE", "KEYS", "hostile_overrides", "hostile_recipe"]

Chance = random.Random
WORDS = r"""
~ null true off -1 0 1e999 .nan -.inf 0x10 1_000 12:30:45 2001-01-01 "" ' " [ ] {} {{}} [[[[]]]] [1,[2]] &a *a <<: | >
- -- --- ... : ? # % @ ` \x1b "\e[31m" "\0" "\u202e" "\ud800" !!python/object:os.system ../../../etc/passwd ~/x
/dev/zero si-distributions/gaussian a.b.c gaussian mlp none auto gamma
"""
HOSTILE = WORDS.split()
HOSTILE += ["{a: {b: c}}", "{use: }", "{use: gaussian, dim: -1}", "<<: *a", "\u202e", "\xa0", "\U0001f600"]
HOSTILE += ["9" * 50, "9" * 5000, "x" * 200, "x" * 50_000, "[" * 100, "{a: " * 100, "- " * 200, "\x1b]0;x\x07", "\0"]
HOSTILE += ["\r"]
KEYS = ["source", "target", "interpolant", "latent", "coupling", "objectives", "network", "train", "sample"]
KEYS += ["train.steps", "train.optimizer", "train.optimizer.lr", "train.process.lr", "train.times", "network.width"]
KEYS += ["sample.integrator", "sample.epsilon", "objectives.0", "objectives.-1", "objectives.99", "seed", "title"]
KEYS += ["schema", "extends", "base", "init", "use", "estimators", "meta.x"]
KEYS += ["", ".", "..", "a", "a.b.c.d", "train.", ".train", "\x1b[2J", "é"]
BORDERS: list[Any] = [-1, 0, 1, 2, 0.5, -0.0, 1e-320, 1e308, float("nan"), float("inf"), -float("inf"), True, False]
BORDERS += [None]
BORDERS += [2**31 - 1, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63), 10**30, "", " ", "none", "auto", "x"]
BORDERS += [[], {}, [[]], [None], [1, 2, 3], {"use": None}, {"use": []}, {"use": "none"}, {"a": {"b": [1]}}]
BORDERS += [["x"] * 50]
BORDERS += ["\x1b[31m", "\0", "\u202e", "\ud800", "é" * 50, "x" * 3000, "../../x", "/etc/passwd", "a\nb", "1e5"]
BORDERS += ["0x10", "🙂"]
CHARACTERS = [0, 7, 27, 0x85, 0xA0, 0x2028, 0x202E, 0xFEFF, 0x10FFFF]
NAMES = ["use", "steps", "dim", "lr", "x", "", "0", "a.b", "\x1b[2J", "Steps", "step", "path", "meta", "extends"]
NAMES += ["<<", "é"]


def hostile_recipe(texts: list[str], chance: Chance) -> bytes:
    """The bytes of a recipe: one in four is a good one, for the overrides."""
    text, draw = chance.choice(texts), chance.random()
    if draw < 0.3:
        return _text_edited(text, chance).encode("utf-8", "surrogatepass")
    if draw < 0.4:
        return _bytes_edited(text.encode(), chance)
    if draw < 0.75:
        tree = copy.deepcopy(_tree(text))
        for _ in range(chance.choice([1, 1, 1, 3])):
            tree = _tree_edited(tree, texts, chance)
        return json.dumps(tree, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    return text.encode()


def hostile_overrides(texts: list[str], chance: Chance) -> list[str]:
    """Arguments ``KEY=VALUE``: keys of recipes or hostile ones, values likewise; now and then no such thing."""
    given = []
    for _ in range(chance.choice([0, 0, 0, 0, 1, 1, 2, 5])):
        tree = _tree(chance.choice(texts))
        path, draw = chance.choice(_paths(tree)), chance.random()
        key = ".".join(map(str, path)) if chance.random() < 0.7 else chance.choice(KEYS)
        value = json.dumps(_at(tree, path) if draw < 0.4 else chance.choice(BORDERS), ensure_ascii=draw < 0.7)
        value = chance.choice(HOSTILE) if draw > 0.8 else value
        plain = chance.random() < 0.97
        given.append(f"{key}={value}" if plain else chance.choice([key, value, f"{key}={key}={value}"]))
    return given


_trees: dict[str, Any] = {}


def _tree(text: str) -> Any:
    if text not in _trees:
        _trees[text] = yaml.safe_load(text)
    return _trees[text]


def _paths(tree: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The places of all values below the root."""
    entries = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [place for key, value in entries for place in [(*path, key), *_paths(value, (*path, key))]]


def _at(tree: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        tree = tree[step]
    return tree


def _tree_edited(tree: Any, texts: list[str], chance: Chance) -> Any:
    """The tree with one value exchanged, taken out, added, wrapped, doubled, or taken from another recipe."""
    places = _paths(tree)
    if not places:
        return chance.choice(BORDERS)
    path = chance.choice(places)
    parent, key = _at(tree, path[:-1]), path[-1]
    match chance.randrange(9):
        case 0 | 1 | 2:
            parent[key] = copy.deepcopy(chance.choice(BORDERS))
        case 3:
            del parent[key]
        case 4:
            other = _tree(chance.choice(texts))
            parent[key] = copy.deepcopy(_at(other, chance.choice(_paths(other))))
        case 5 if isinstance(parent, dict):
            parent[chance.choice(NAMES)] = copy.deepcopy(
                parent[key] if chance.random() < 0.5 else chance.choice(BORDERS)
            )
        case 5:
            parent.insert(0, copy.deepcopy(parent[key]))
        case 6:
            parent[key] = [parent[key]] if chance.random() < 0.5 else {chance.choice(NAMES): parent[key]}
        case 7:
            for _ in range(chance.choice([3, 30, 100])):
                parent[key] = {"use": parent[key]} if chance.random() < 0.5 else [parent[key]]
        case _:
            other = chance.choice(places)
            if path[: len(other)] != other and other[: len(path)] != path:
                beside = _at(tree, other[:-1])
                parent[key], beside[other[-1]] = beside[other[-1]], parent[key]
            else:
                tree = {chance.choice(NAMES): tree}
    return tree


def _bytes_edited(data: bytes, chance: Chance) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice([1, 1, 3, 20])):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(5):
            case 0:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del changed[at : at + chance.choice([1, 10, 10_000])]
            case 2:
                changed[at:at] = chance.randbytes(chance.choice([1, 2, 50]))
            case 3:
                changed[:0] = chance.choice(
                    [b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\0", b"%YAML 1.2\n---\n", b"\r\n"]
                )
            case _:
                changed[at:at] = changed[max(0, at - 30) : at] * chance.choice([1, 3])
    return bytes(changed)


def _text_edited(text: str, chance: Chance) -> str:
    """The text after one to three edits."""
    for _ in range(chance.choice([1, 1, 2, 3])):
        lines = text.split("\n")
        at, line = chance.randrange(len(text) + 1), chance.randrange(len(lines))
        match chance.randrange(7):
            case 0:
                text = text[:at] + chance.choice(HOSTILE) + text[at:]
            case 1:
                text = text[:at] + text[at + chance.choice([1, 3, 20]) :]
            case 2:
                text = _with(lines, line, lines[line].partition(":")[0] + ": " + chance.choice(HOSTILE))
            case 3:
                text = _with(lines, line, f"{chance.choice(KEYS)}: {chance.choice(HOSTILE)}", lines[line])
            case 4:
                text = _with(lines, line, " " * chance.choice([1, 2, 4]) + lines[line])
            case 5:
                text = _with(lines, line, lines[line], lines[chance.randrange(len(lines))])
            case _:
                text = text[:at] + chr(chance.choice(CHARACTERS)) + text[at:]
    return text


def _with(lines: list[str], line: int, *new: str) -> str:
    """The text with other lines in the place of one."""
    return "\n".join([*lines[:line], *new, *lines[line + 1 :]])
