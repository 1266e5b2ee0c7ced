"""Arrays, tensors and images in files that other programs read: written in pieces, they are what is written whole."""

from __future__ import annotations

import io

import numpy as np
import pytest
import safetensors.numpy

from si_core.errors import StorageError
from si_core.storage.growing_array import GrowingArray, RowForm, rows_of
from si_core.storage.png import png_of
from si_core.storage.tensor_stream import TensorStream, stream_tensors
from si_core.storage.tensors import load_tensors

RNG = np.random.default_rng(0)
ROWS = {
    "numbers": RNG.normal(size=(50, 3)).astype(np.float32),
    "images": RNG.integers(0, 255, (50, 1, 4, 3), dtype=np.uint8),
    "truth": RNG.normal(size=(50, 2)) > 0,
    "text": RNG.choice(["oak", "elm", ""], 50),
    "days": RNG.integers(0, 99, 50).astype("datetime64[D]"),
    "double": RNG.normal(size=50),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_grown_array_is_the_file_that_numpy_saves(tmp_path, name):
    rows = ROWS[name]
    whole = io.BytesIO()
    np.save(whole, rows)
    form = RowForm.of(rows)
    grown = GrowingArray(tmp_path / "x.npy", 50, form)
    for first in (0, 20):
        grown.append(rows[first : first + 20])
    grown.sync()
    # Of what a kill left behind the 20th row nothing stays.
    grown.close()
    grown = GrowingArray(tmp_path / "x.npy", 50, form, 20)
    grown.append(rows[20:])
    grown.close()
    assert (tmp_path / "x.npy").read_bytes() == whole.getvalue()
    assert np.array_equal(np.concatenate(list(rows_of(tmp_path / "x.npy", 50, form))), rows)


def test_rows_that_are_gone_and_links_are_refused(tmp_path):
    form = RowForm.of(ROWS["double"])
    (tmp_path / "x.npy").write_bytes(form.header(50) + bytes(8 * 9))
    with pytest.raises(StorageError, match="not there"):
        GrowingArray(tmp_path / "x.npy", 50, form, 10)
    with pytest.raises(StorageError, match="cut"):
        list(rows_of(tmp_path / "x.npy", 50, form))
    (tmp_path / "y.npy").symlink_to(tmp_path / "x.npy")
    with pytest.raises(StorageError, match="link"):
        GrowingArray(tmp_path / "y.npy", 50, form)


def test_tensors_in_pieces_are_read_by_us_and_by_others(tmp_path):
    kept = {name: ROWS[name] for name in ("images", "numbers", "double", "truth")}
    streams = [
        TensorStream(name, 50, RowForm.of(rows), lambda rows=rows: iter([rows[:7], rows[7:]]))
        for name, rows in kept.items()
    ]
    path = tmp_path / "x.safetensors"
    stream_tensors(path, streams, {"classes.kind": '["oak"]'})
    ours, theirs = load_tensors(path), safetensors.numpy.load_file(path)
    assert ours.metadata == {"classes.kind": '["oak"]'}
    for name, rows in kept.items():
        assert np.array_equal(theirs[name], rows)
        assert np.array_equal(ours.tensors[name].numpy(), rows)
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(StorageError, match="checksum"):
        load_tensors(path)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (2, "LA"), (3, "RGB"), (4, "RGBA")])
def test_another_program_sees_the_pixels_of_an_image(channels, mode):
    pillow = pytest.importorskip("PIL.Image")
    image = RNG.integers(0, 256, (channels, 5, 7), dtype=np.uint8)
    with pillow.open(io.BytesIO(png_of(image))) as read:
        assert (read.mode, read.size) == (mode, (7, 5))
        assert np.array_equal(np.asarray(read).reshape(5, 7, channels), image.transpose(1, 2, 0))
