"""Nested states: an exact round trip through tensors and JSON."""

import json
import math
from collections import OrderedDict

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from si_core.errors import StorageError
from si_core.storage.checkpoint import flatten_state, load_checkpoint, save_checkpoint, unflatten_state

OPTIMIZERS = {
    "adam": lambda p: torch.optim.Adam(p, lr=1e-2),
    "adam amsgrad, two groups": lambda p: torch.optim.Adam(
        [{"params": p[:1]}, {"params": p[1:], "lr": 0.1}], amsgrad=True
    ),
    "adam, lr a tensor": lambda p: torch.optim.Adam(p, lr=torch.tensor(1e-2, dtype=torch.float64), capturable=False),
    "adamw": lambda p: torch.optim.AdamW(p, lr=1e-2, betas=(0.8, 0.95)),
    "sgd": lambda p: torch.optim.SGD(p, lr=1e-2),
    "sgd momentum": lambda p: torch.optim.SGD(p, lr=1e-2, momentum=0.9, nesterov=True),
}


def same(one, two):
    """Equal in every type and value, NaN equal to NaN."""
    if type(one) is not type(two):
        return False
    if isinstance(one, torch.Tensor):
        return one.dtype == two.dtype and one.shape == two.shape and torch.equal(one, two)
    if isinstance(one, dict):
        return list(one) == list(two) and all(same(a, b) for a, b in zip(one.items(), two.items(), strict=True))
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(same(a, b) for a, b in zip(one, two, strict=True))
    if isinstance(one, float):
        return one.hex() == two.hex()
    return one == two


def step(parameters, optimizer, seed):
    gen = torch.Generator().manual_seed(seed)
    for parameter in parameters:
        parameter.grad = torch.randn(parameter.shape, generator=gen)
    optimizer.step()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_goes_on_bit_by_bit(tmp_path, name):
    parameters = [torch.nn.Parameter(torch.ones(2, 3)), torch.nn.Parameter(torch.ones(()))]
    optimizer = OPTIMIZERS[name](parameters)
    for seed in range(3):
        step(parameters, optimizer, seed)
    state = optimizer.state_dict()
    tensors, rest = flatten_state(state)
    path = save_checkpoint(tmp_path, 3, {"optimizer": tensors}, {"optimizer": rest})
    found = load_checkpoint(path)
    restored = unflatten_state(found.tensors["optimizer"], found.state["optimizer"])
    assert same(restored, state)

    copies = [torch.nn.Parameter(parameter.detach().clone()) for parameter in parameters]
    other = OPTIMIZERS[name](copies)
    other.load_state_dict(restored)
    for seed in (3, 4):
        step(parameters, optimizer, seed)
        step(copies, other, seed)
    assert all(torch.equal(a, b) for a, b in zip(parameters, copies, strict=True))


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec="utf-8"), max_size=5)
keys = (
    st.integers(-3, 3) | st.text(st.characters(codec="utf-8"), max_size=3) | st.booleans() | st.floats(allow_nan=False)
)
leaves = scalars | st.sampled_from(
    [torch.tensor(1.5), torch.ones(2, dtype=torch.int16), torch.zeros(0, 3), torch.tensor(True)]
)
states = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3) | st.lists(inner, max_size=3).map(tuple)
    ),
    max_leaves=8,
)


@given(state=states)
def test_the_round_trip_through_json_is_exact(state):
    tensors, rest = flatten_state(state)
    text = json.dumps(rest, allow_nan=False)
    assert same(unflatten_state(tensors, json.loads(text)), state)


def test_names_of_tensors_are_readable_and_never_merge():
    state = {"state": {0: {"exp_avg": torch.ones(1)}, "0": {"exp_avg": torch.zeros(1)}}, "": [torch.ones(2)]}
    tensors, rest = flatten_state(state)
    assert "state.0.exp_avg" in tensors
    assert len(tensors) == 3
    assert same(unflatten_state(tensors, rest), state)


def test_ordered_dicts_become_dicts():
    assert unflatten_state(*flatten_state(OrderedDict(a=1))) == {"a": 1}


def test_other_values_are_named():
    with pytest.raises(StorageError, match=r"a\.1: set"):
        flatten_state({"a": [1, {2}]})
    deep = []
    deep.append(deep)
    with pytest.raises(StorageError, match="nested too deeply"):
        flatten_state(deep)


@pytest.mark.parametrize(
    "value",
    [{}, {"tensor": "x"}, {"tensor": []}, {"float": "1"}, {"dict": [1]}, {"tuple": 3}, {"a": 1}, {"dict": [], "b": 1}],
)
def test_json_of_another_form_is_refused(value):
    with pytest.raises(StorageError, match="not a state"):
        unflatten_state({}, value)


def test_numbers_that_are_not_finite_survive():
    found = unflatten_state(*flatten_state([math.inf, -math.inf, math.nan, -0.0]))
    assert [repr(value) for value in found] == ["inf", "-inf", "nan", "-0.0"]
