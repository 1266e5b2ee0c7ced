"""What strangers' files say is escaped and of a length to bear, and no other file is shown."""

from __future__ import annotations

import io
import logging
import sys
import warnings

import numpy as np
import pytest

import si_core as si
from si_core.cli.console import LineConsole
from si_core.cli.main import main
from si_core.cli.output import escaped_outputs
from si_core.cli.points import of_file
from si_core.errors import printable, shortened
from si_core.runs.log import RunLog

HOSTILE = "\x1b[31mred\x1b]0;title\x07 \0 \r \x9b2J \u202e \u2028 \udcff"


def harmless(text: str) -> bool:
    return all(c.isprintable() or c in "\n\t" for c in text)


def test_an_escaped_text_is_printable_and_stays_as_it_is():
    assert harmless(printable(HOSTILE))
    assert printable(printable(HOSTILE)) == printable(HOSTILE)
    plain = "Größe 5 µm\n\tβ = ½ 😀"
    assert printable(plain) == plain


SPEAKING = {
    "print": lambda: print(HOSTILE),
    "print to stderr": lambda: print(HOSTILE, file=sys.stderr),
    "warnings": lambda: sys.stderr.write(warnings.formatwarning(HOSTILE, UserWarning, HOSTILE, 1)),
    "logging": lambda: logging.lastResort.handle(logging.makeLogRecord({"msg": HOSTILE, "levelno": 40})),
    "lines": lambda: sys.stdout.writelines([HOSTILE, HOSTILE]),
    "a console": lambda: LineConsole().line(HOSTILE),
    "a warning": lambda: LineConsole().warn(HOSTILE),
    "an error": lambda: (_ for _ in ()).throw(si.DataError(HOSTILE, where=HOSTILE, got=HOSTILE)),
    "a bug": lambda: (_ for _ in ()).throw(RuntimeError(HOSTILE)),
    "a note": lambda: (_ for _ in ()).throw(_noted()),
    "a stop": lambda: (_ for _ in ()).throw(KeyboardInterrupt(HOSTILE)),
}


def _noted() -> si.DataError:
    error = si.DataError("x")
    error.add_note(HOSTILE)
    return error


@pytest.mark.parametrize("debug", [False, True], ids=["", "--debug"])
@pytest.mark.parametrize("speak", SPEAKING.values(), ids=SPEAKING)
def test_every_way_of_speaking_is_escaped(monkeypatch, capfd, speak, debug):
    monkeypatch.setattr("si_core.cli.list.installed_plugins", lambda: speak() or ())
    monkeypatch.setattr("si_core.cli.list.available", lambda *_: [])
    main(["list", *(["--debug"] if debug else [])])
    done = capfd.readouterr()
    assert "red" in done.out + done.err
    assert harmless(done.out + done.err)


COMMANDS = [["list", HOSTILE], [HOSTILE], ["show", "latent", HOSTILE], ["run", HOSTILE], ["list", "--" + HOSTILE]]


@pytest.mark.parametrize("words", COMMANDS, ids=range(len(COMMANDS)))
def test_words_of_the_command_line_are_escaped(capfd, words):
    assert main(words) == 2
    done = capfd.readouterr()
    assert harmless(done.out + done.err)


def test_outputs_are_as_before_afterwards(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    with pytest.raises(RuntimeError), escaped_outputs():
        assert not sys.stdout.isatty()
        print("a\r\nb")
        raise RuntimeError
    assert sys.stdout is stream
    assert stream.getvalue() == "a\nb\n"


def test_a_log_is_escaped_and_its_lines_can_be_borne(tmp_path):
    log = RunLog(tmp_path / "log.txt")
    log.warn(HOSTILE)
    log.line("x" * 10**6)
    log.close()
    text = (tmp_path / "log.txt").read_text(encoding="utf-8")
    assert harmless(text)
    assert len(text) < 150_000


@pytest.mark.parametrize("part", ["where", "got", "allowed", "fix", "problem"])
def test_no_part_of_a_message_is_longer_than_can_be_borne(part):
    parts = {"problem": "x", part: ", ".join(f"class {i}" for i in range(100_000))}
    message = str(si.DataError(parts.pop("problem"), **parts))
    assert len(message) < 5000
    assert "... (100000)" in message


def test_short_texts_stay_and_long_ones_tell_their_length():
    assert shortened("a" * 50, 50) == "a" * 50
    assert shortened("a" * 51, 50) == "a" * 50 + "... (51 characters)"
    assert shortened(("a", "b"), 50) == "('a', 'b')"


SECRETS = {
    "a list of users": "root:x:0:0:root:/root:/bin/bash\nsecret:x:1:1::/:/bin/sh\n",
    "bad YAML": "key: [secret\n",
    "a mapping": "password: secret\n",
    "an archive": "PK\x03\x04 secret",
}


@pytest.mark.fault(17)
@pytest.mark.parametrize("way", ["a path", "a link"])
@pytest.mark.parametrize("content", SECRETS.values(), ids=SECRETS)
def test_a_base_outside_that_is_no_recipe_is_not_shown(tmp_path, capfd, content, way):
    folder, other = tmp_path / "stranger", tmp_path / "private.yaml"
    folder.mkdir()
    other.write_text(content)
    (folder / "link.yaml").symlink_to(other)
    base = "../private.yaml" if way == "a path" else "link.yaml"
    (folder / "r.yaml").write_text(f"extends: {base}\ntarget: checkerboard\n")
    assert main(["validate", str(folder / "r.yaml")]) == 2
    said = capfd.readouterr().err
    assert "r.yaml:1:10: a file outside the recipe's folder that is no recipe" in said
    assert not any(word in said for word in ("secret", "password", "root:x"))


def test_a_base_outside_that_is_a_recipe_is_read(tmp_path):
    pytest.importorskip("si_distributions")
    folder = tmp_path / "below"
    folder.mkdir()
    (tmp_path / "base.yaml").write_text("target: checkerboard\nsource: gaussian\ntrain: {steps: 7}\n")
    (folder / "r.yaml").write_text("extends: ../base.yaml\n")
    assert si.load_recipe(folder / "r.yaml").train.steps == 7


@pytest.mark.parametrize("content", ["1,2\nsecret,3\n", '1,2\n"secret\n', "secret,b\n1\n", "1,\udcff"], ids=range(4))
def test_a_link_to_another_file_is_not_shown(tmp_path, content):
    pytest.importorskip("si_distributions")
    (tmp_path / "private").write_bytes(content.encode("utf-8", "surrogateescape"))
    (tmp_path / "x.csv").symlink_to(tmp_path / "private")
    with pytest.raises(si.DataError, match="nothing of it is shown") as caught:
        si.build("distribution", "array", path=str(tmp_path / "x.csv"))
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_link_to_a_table_is_read(tmp_path):
    pytest.importorskip("si_distributions")
    np.savetxt(tmp_path / "blob", np.arange(20.0).reshape(10, 2), delimiter=",")
    (tmp_path / "x.csv").symlink_to(tmp_path / "blob")
    assert si.build("distribution", "array", path=str(tmp_path / "x.csv"), held_out=0.0).size == 10


def test_errors_of_points_name_their_file():
    for where, shown in ((None, "x.npy: bad"), ("row 3", "x.npy: row 3: bad"), ("step 5", "step 5: bad")):
        with pytest.raises(si.DataError) as caught, of_file("x.npy"):
            raise si.DataError("bad", where=where)
        assert str(caught.value) == shown
