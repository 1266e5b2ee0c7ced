"""What happens to folders of runs: damage by disks and copies, and by strangers who know the formats."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from si_core.errors import SIError
from si_core.storage.tensors import load_tensors, save_tensors

Chance = random.Random
HOSTILE: list[Any] = [None, True, False, 0, -1, 1, 1.5, 1e308, 2**31, 2**63, 10**400, "", "x", "nan", "\x1b[31m\0"]
HOSTILE += [[], {}]
HOSTILE += [[[]], {"a": 1}, [1, "a", None], "x" * 5000, "../../outside", "/dev/zero", list(range(300)), {"": {"": {}}}]
TEXTS = [b"", b"NaN", b"[Infinity]", b'{"a": NaN}', b"null", b"[]", b"{}", b"0", b'"x"', b"[" * 100_000]
TEXTS += [b"\xff\xfe\x00"]
TEXTS += [b"{" * 5000, b"9" * 10_000, b"1e999", b"[" + b"0," * 300_000 + b"0]", b'{"a": 1, "a": 2}', b"\0" * 4096]
TEXTS += [b"\x80\x04\x95\x10", b"PK\x03\x04" + b"\0" * 40, b"\x93NUMPY\x01\x00", b"\x1b]0;x\x07\n" * 3, b"a: &a [*a]\n"]
NAMES = [b"\x1b[31mred", b"\xff\xfe.json", b"a\nb", b"\x07", b"layout.json", b"clock.json", b"diffusion.json"]
NAMES += [b"weights.npy"]
NAMES += [b".lock", b"step-00000099", b"step-99999999999999999999", b"x.pt2", b"model.pt", b"damaged-step-00000012-1"]
NAMES += [b".model.safetensors.tmp-0123456789ab", b"x" * 255, b"SAMPLES.NPY", b"plots", b"README.md"]
NAMES += ["\u202egnp.html".encode()]


def files_below(folder: Path) -> list[Path]:
    """All that is no folder, in one order; links to folders among it."""
    return sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


def states(folder: Path) -> dict[str, tuple[int, bytes | str]]:
    """What every name below a folder is: its kind, and its bytes or where it leads."""
    found: dict[str, tuple[int, bytes | str]] = {}
    for path in sorted(folder.rglob("*")):
        kind = stat.S_IFMT(path.lstat().st_mode)
        what: bytes | str = b""
        if kind == stat.S_IFLNK:
            what = os.readlink(path)
        elif kind == stat.S_IFREG:
            what = path.read_bytes()
        found[str(path.relative_to(folder))] = kind, what
    return found


def _plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _bytes(path: Path, chance: Chance) -> None:
    data = bytearray(path.read_bytes() if _plain(path) else b"")
    size = max(len(data), 1)
    at = chance.randrange(min(size, 300) if chance.random() < 0.4 else size)
    length = chance.choice([1, 1, 4, 64])
    match chance.randrange(6):
        case 0:
            data[at : at + 1] = bytes([(data[at] if data else 0) ^ (1 << chance.randrange(8))])
        case 1:
            del data[at:]
        case 2:
            data.clear()
        case 3:
            del data[at : at + length]
        case 4:
            data[at:at] = data[at : at + length] * chance.choice([1, 5])
        case _:
            data[at : at + length] = chance.randbytes(length)
    _put(path, bytes(data))


def _put(path: Path, data: bytes) -> None:
    if _plain(path):
        path.write_bytes(data)


def _text(path: Path, chance: Chance) -> None:
    _put(path, chance.choice(TEXTS))


def _lines(path: Path, chance: Chance) -> None:
    """A line gone, twice, elsewhere, or another's."""
    if not _plain(path):
        return
    lines = path.read_bytes().split(b"\n")
    at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    match chance.randrange(4):
        case 0:
            del lines[at]
        case 1:
            lines.insert(other, lines[at])
        case 2:
            lines[at], lines[other] = lines[other], lines[at]
        case _:
            key, colon, _ = lines[at].partition(b":")
            lines[at] = key + colon + b" " + json.dumps(chance.choice(HOSTILE)).encode()
    path.write_bytes(b"\n".join(lines))


def _removed(path: Path, chance: Chance) -> None:
    path.unlink()


def _renamed(path: Path, chance: Chance) -> None:
    target = path.with_name(os.fsdecode(chance.choice(NAMES)))
    if not os.path.lexists(target):
        path.rename(target)


def _folder(path: Path, chance: Chance) -> None:
    path.unlink()
    path.mkdir()
    if chance.random() < 0.5:
        (path / "x").write_bytes(b"x")


def _pipe(path: Path, chance: Chance) -> None:
    path.unlink()
    os.mkfifo(path)


def _exchanged(value: Any, chance: Chance) -> Any:
    """The value with one entry, at any depth, put in place, taken out, or added."""
    if isinstance(value, (dict, list)) and value and chance.random() < 0.85:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = chance.choice(list(keys))
        draw = chance.random()
        if draw < 0.1:
            del value[key]
        elif draw < 0.2 and isinstance(value, dict):
            value[chance.choice(["x", "", "\x1b[2J", "use", "options"])] = chance.choice(HOSTILE)
        else:
            value[key] = _exchanged(value[key], chance)
        return value
    return chance.choice(HOSTILE)


def _json(path: Path, chance: Chance) -> None:
    """JSON of another content, which is still JSON."""
    if not _plain(path):
        return None
    try:
        lines = path.read_bytes().splitlines() if path.suffix == ".jsonl" else [path.read_bytes()]
        at = chance.randrange(len(lines))
        lines[at] = json.dumps(_exchanged(json.loads(lines[at]), chance)).encode()
    except (ValueError, IndexError):
        return _text(path, chance)
    path.write_bytes(b"\n".join([*lines, b""]))
    return None


def _digests(path: Path) -> None:
    """Let all that vouches for a file vouch for what it holds now: whoever does damage on purpose does that, too."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    model, sums, manifest = (path.with_name(name) for name in ("model.safetensors", "SHA256SUMS", "manifest.json"))
    try:
        if path.name == "frame.json":
            tensors, metadata = load_tensors(model)
            save_tensors(model, tensors, {**metadata, "frame": digest})
            _digests(model)
        if sums.is_file():
            lines = sums.read_text().splitlines()
            sums.write_text(
                "".join(f"{digest if line[66:] == path.name else line[:64]}  {line[66:]}\n" for line in lines)
            )
        if manifest.is_file():
            value = json.loads(manifest.read_bytes())
            value["files"][path.name] = {"size": path.stat().st_size, "sha256": digest}
            manifest.write_bytes(json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n")
    except (SIError, OSError, ValueError, KeyError, TypeError, IndexError):
        return  # something else is damaged there already


def _tensors(path: Path, chance: Chance) -> None:
    """Other tensors, or other words about them, in a file that is whole."""
    try:
        tensors, metadata = load_tensors(path)
    except SIError:
        return
    name = chance.choice(sorted(tensors)) if tensors else "x"
    value = tensors.get(name, torch.zeros(3))
    match chance.randrange(9):
        case 0:
            tensors.pop(name, None)
        case 1:
            tensors[chance.choice(["x", "\x1b[31m", "network.0", ""]) + name] = tensors.pop(name, value)
        case 2:
            tensors[name] = value.to(chance.choice([torch.float64, torch.int32, torch.bool, torch.float16]))
        case 3:
            tensors[name] = value.flatten()[: chance.choice([0, 1])]
        case 4:
            tensors[name] = value.reshape(1, *value.shape)
        case 5:
            tensors[name] = torch.full_like(
                value, chance.choice([float("nan"), float("inf"), 1e30]) if value.is_floating_point() else 1
            )
        case 6 if metadata:
            metadata[chance.choice(sorted(metadata))] = chance.choice(
                ["", "x", "-1", "nan", "9" * 5000, "\x1b[31m", "null", "[" * 9999]
            )
        case 7 if metadata:
            metadata.pop(chance.choice(sorted(metadata)))
        case _:
            metadata[chance.choice(["x", "\x1b[31m", "frame", "recipe", "step"])] = chance.choice(
                ["", "\x1b[31m", "{}", "1e9"]
            )
    save_tensors(path, tensors, metadata)


def on_purpose(folder: Path, chance: Chance) -> None:
    """Change one file that others vouch for, and let them vouch for it again."""
    wanted = [path for path in files_below(folder) if _plain(path) and path.suffix in (".json", ".safetensors", ".npy")]
    if not wanted:
        return
    path = chance.choice(wanted)
    if path.suffix == ".safetensors":
        _tensors(path, chance)
    elif path.suffix == ".json":
        _json(path, chance)
    else:
        _bytes(path, chance)
    _digests(path)


IN_PLACE: list[Callable[[Path, Chance], object]] = [_bytes, _bytes, _bytes, _text, _lines, _json, _json, _removed]
IN_PLACE += [_renamed, _folder, _pipe]


def by_chance(folder: Path, outside: Path, chance: Chance) -> None:
    """One thing that happens to one file, or between two; ``outside`` are files that are none of the run's."""
    files = files_below(folder)
    if not files:
        return
    first = [path for path in files if path.parent == folder] or files
    path, other = chance.choice(first if chance.random() < 0.5 else files), chance.choice(files)
    draw = chance.random()
    if draw < 0.7:
        chance.choice(IN_PLACE)(path, chance)
    elif draw < 0.76 and _plain(path) and _plain(other):
        one, two = path.read_bytes(), other.read_bytes()
        path.write_bytes(two)
        if chance.random() < 0.7:
            other.write_bytes(one)
    elif draw < 0.82:
        target = chance.choice(
            [*files_below(outside), outside, path, other, folder, Path("/dev/zero"), Path("/dev/null"), folder / "no"]
        )
        path.unlink()
        path.symlink_to(target)
    elif draw < 0.87 and _plain(path):
        kept = outside / "moved"
        shutil.move(path, kept)
        path.symlink_to(kept)
    elif draw < 0.95:
        new = chance.choice([folder, path.parent]) / os.fsdecode(chance.choice(NAMES))
        if not os.path.lexists(new):
            source = path.read_bytes() if _plain(path) and chance.random() < 0.5 else chance.choice(TEXTS)
            new.write_bytes(source)
    else:
        below = sorted(each for each in folder.rglob("*") if each.is_dir() and not each.is_symlink())
        if below:
            gone = chance.choice(below)
            shutil.rmtree(gone)
            draw = chance.random()
            if draw < 0.3:
                gone.symlink_to(outside)
            elif draw < 0.6:
                gone.write_bytes(b"x")
