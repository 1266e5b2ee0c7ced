"""Tensor files: exact, checked, bounded; and weights that fit a network or leave it alone."""

import json
import os
import pickle
import resource
import time
from pathlib import Path

import pytest
import safetensors.torch
import torch

from si_core.errors import StorageError
from si_core.storage.checkpoint import load_into, load_tensors, save_tensors
from si_core.storage.tensors import MAX_HEADER

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.bool]
DTYPES += [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float8_e4m3fn]


def same(one, two):
    return (
        one.dtype == two.dtype and one.shape == two.shape and torch.equal(one.view(torch.uint8), two.view(torch.uint8))
    )


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3)])
def test_round_trip_is_exact(tmp_path, dtype, shape):
    value = (torch.randn(shape, generator=torch.Generator().manual_seed(1)) * 3).to(dtype)
    save_tensors(tmp_path / "t", {"x": value, "other": torch.ones(1)}, {"note": "é", "a": "b"})
    found = load_tensors(tmp_path / "t")
    assert found.metadata == {"note": "é", "a": "b"}
    assert sorted(found.tensors) == ["other", "x"]
    assert found.tensors["x"].shape == value.shape
    assert same(found.tensors["x"].reshape(-1), value.reshape(-1))


def test_views_shared_memory_and_parameters_are_stored_one_by_one(tmp_path):
    base = torch.arange(6.0).reshape(2, 3)
    tensors = {"base": base, "row": base[1], "transposed": base.T, "same": base, "parameter": torch.nn.Parameter(base)}
    save_tensors(tmp_path / "t", tensors)
    found = load_tensors(tmp_path / "t").tensors
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    found["base"].zero_()
    assert torch.equal(found["same"], base)
    assert not found["parameter"].requires_grad


def test_equal_input_gives_equal_bytes_that_others_can_read(tmp_path):
    notes = {f"key {i}": str(i) for i in range(8)}
    for i in range(6):
        save_tensors(tmp_path / str(i), {"b": torch.ones(3), "a": torch.zeros(2, dtype=torch.int64)}, notes)
    assert len({(tmp_path / str(i)).read_bytes() for i in range(6)}) == 1
    assert torch.equal(safetensors.torch.load_file(tmp_path / "0")["b"], torch.ones(3))


def test_files_of_other_programs_load(tmp_path):
    safetensors.torch.save_file({"x": torch.ones(2)}, tmp_path / "t", metadata={"format": "pt"})
    found = load_tensors(tmp_path / "t")
    assert found.metadata == {"format": "pt"}
    assert torch.equal(found.tensors["x"], torch.ones(2))


@pytest.mark.fault(43)
def test_any_cut_and_any_flipped_bit_is_found(tmp_path):
    path, value = tmp_path / "t", torch.arange(8.0)
    save_tensors(path, {"x": value}, {"note": "n"})
    good = path.read_bytes()
    for size in range(0, len(good), 7):
        path.write_bytes(good[:size])
        with pytest.raises(StorageError):
            load_tensors(path)
    path.write_bytes(good + b"\0")
    with pytest.raises(StorageError):
        load_tensors(path)
    unnoticed = 0
    for bit in range(8 * len(good)):
        data = bytearray(good)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(data))
        try:
            found = load_tensors(path)
        except StorageError:
            continue
        # A flip in the name of the checksum hides it; then the tensors themselves are right.
        unnoticed += 1
        assert torch.equal(found.tensors["x"], value)
        assert good.index(b'"sha256"') <= bit // 8 < good.index(b'"sha256"') + 8
    assert unnoticed < 64


class Canary:
    """Makes a file when unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.fault(45)
@pytest.mark.parametrize("form", ["torch", "pickle"])
def test_pickles_are_refused_and_not_run(tmp_path, form):
    path, canary = tmp_path / "t", tmp_path / "canary"
    if form == "torch":
        torch.save({"x": Canary(canary)}, path)
    else:
        path.write_bytes(pickle.dumps(Canary(canary)))
    with pytest.raises(StorageError, match=r"refused: not safetensors[\s\S]*safetensors.torch.save_file"):
        load_tensors(path)
    assert not canary.exists()


def entry(begin, end, dtype="F32", shape=None):
    return {"dtype": dtype, "shape": [(end - begin) // 4] if shape is None else shape, "data_offsets": [begin, end]}


def text(header):
    return json.dumps(header).encode()


HOSTILE = {
    "huge length": (b"", b"", 1 << 62),
    "large header": (b" " * (MAX_HEADER + 1), b"", None),
    "many tensors": (text(dict.fromkeys(map(str, range(100_000)), entry(0, 0))), b"", None),
    "overlap": (text({"a": entry(0, 8), "b": entry(4, 12)}), bytes(12), None),
    "gap": (text({"a": entry(0, 4), "b": entry(8, 12)}), bytes(12), None),
    "equal keys": (b'{"a":%b,"a":%b}' % (text(entry(0, 4)), text(entry(0, 4))), bytes(4), None),
    "backwards": (text({"a": entry(4, 0, shape=[1])}), bytes(4), None),
    "negative": (text({"a": entry(-4, 0)}), b"", None),
    "huge shape": (text({"a": entry(0, 4, shape=[2**40, 2**40])}), bytes(4), None),
    "huge empty shape": (text({"a": entry(0, 0, shape=[0, 2**62, 2**62])}), b"", None),
    "wrong shape": (text({"a": entry(0, 8, shape=[1])}), bytes(8), None),
    "float shape": (text({"a": entry(0, 4, shape=[1.0])}), bytes(4), None),
    "unknown type": (text({"a": entry(0, 4, dtype="F4X")}), bytes(4), None),
    "extra key": (text({"a": {**entry(0, 4), "b": 1}}), bytes(4), None),
    "list": (b"[]", b"", None),
    "metadata no text": (text({"__metadata__": {"a": 1}}), b"", None),
    "deep": (b"[" * 1_000_000, b"", None),
    "many lists": (b"[" + b"[]," * 1_390_000 + b"[]]", b"", None),
    "no text": (b"\xff" * 20, b"", None),
}


@pytest.mark.fault(46)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_headers_are_refused_in_little_time_and_memory(tmp_path, name):
    header, data, length = HOSTILE[name]
    (tmp_path / "t").write_bytes((length or len(header)).to_bytes(8, "little") + header + data)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + (400 << 20),) * 2)
            begin = time.process_time()
            with pytest.raises(StorageError):
                load_tensors(tmp_path / "t")
            code = 0 if time.process_time() - begin < 2.0 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.fault(46)
@pytest.mark.parametrize("name", ["overlap", "gap"])
def test_misplaced_tensors_are_named(tmp_path, name):
    header, data, _ = HOSTILE[name]
    (tmp_path / "t").write_bytes(len(header).to_bytes(8, "little") + header + data)
    with pytest.raises(StorageError, match=r"overlap or leave a gap[\s\S]*at b"):
        load_tensors(tmp_path / "t")


@pytest.mark.fault(46)
def test_a_huge_sparse_file_is_refused_before_it_is_read(tmp_path):
    with open(tmp_path / "t", "wb") as file:
        file.write((1 << 33).to_bytes(8, "little"))
        file.truncate(1 << 38)
    with pytest.raises(StorageError, match="too large a header"):
        load_tensors(tmp_path / "t")


def test_missing_files_and_pipes_are_errors(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("absent", "pipe", "."):
        with pytest.raises(StorageError, match="no such file"):
            load_tensors(tmp_path / name)


def test_metadata_is_text(tmp_path):
    for bad in ({"a": 1}, {"sha256": "x"}):
        with pytest.raises(StorageError):
            save_tensors(tmp_path / "t", {}, bad)


def net(width=3, dtype=torch.float32):
    return torch.nn.Sequential(torch.nn.Linear(2, width), torch.nn.BatchNorm1d(width)).to(dtype)


def test_weights_that_fit_are_loaded(tmp_path):
    one, two = net(), net()
    save_tensors(tmp_path / "t", one.state_dict())
    load_into(two, load_tensors(tmp_path / "t").tensors, "t")
    assert all(torch.equal(two.state_dict()[name], value) for name, value in one.state_dict().items())


@pytest.mark.fault(47)
def test_weights_that_do_not_fit_give_a_table_and_change_nothing():
    module = net()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    tensors = {name: value + 1 for name, value in net(4).state_dict().items()}
    del tensors["0.bias"]
    tensors["more"] = torch.ones(1)
    with pytest.raises(StorageError) as caught:
        load_into(module, tensors, "model.safetensors")
    message = str(caught.value)
    assert message.startswith("model.safetensors: ")
    assert "missing     0.bias: (3,) float32" in message
    assert "unexpected  more: (1,) float32" in message
    assert "mismatched  0.weight: (4, 2) float32 in the file, (3, 2) float32 in the network" in message
    assert all(torch.equal(module.state_dict()[name], value) for name, value in before.items())
    with pytest.raises(StorageError, match="float64 in the file"):
        load_into(module, net(dtype=torch.float64).state_dict(), "w")


@pytest.mark.fault(47)
def test_the_table_ends_after_ten():
    with pytest.raises(StorageError, match="and 15 more"):
        load_into(torch.nn.Identity(), {f"t{i}": torch.ones(1) for i in range(25)}, "w")


@pytest.mark.parametrize("length", [0x0280, 0x0480, 0x0580])
def test_a_header_whose_length_reads_like_a_pickle_is_still_one_of_tensors(tmp_path, length):
    """Lengths of 640, 1152 and 1408 bytes are stored as 0x80 0x02, 0x04 and 0x05: how pickles begin."""
    path = tmp_path / "t"
    save_tensors(path, {"x": torch.ones(3)}, {"padding": ""})
    missing = length - int.from_bytes(path.read_bytes()[:8], "little")
    save_tensors(path, {"x": torch.ones(3)}, {"padding": "." * missing})
    assert path.read_bytes()[:8] == length.to_bytes(8, "little")
    assert torch.equal(load_tensors(path).tensors["x"], torch.ones(3))
