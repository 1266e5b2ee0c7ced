"""Networks of other libraries as components: what they are given, what comes back, what is refused."""

from __future__ import annotations

import math

import pytest
import torch

import si_core as si

NAMES = ("diffusers-unet", "diffusers-transformer", "torchcfm-unet")
SMALL: dict[str, dict[str, object]] = {
    "diffusers-unet": {"channels": [8, 16], "blocks": 1, "attention": [1], "groups": 4},
    "diffusers-transformer": {"depth": 1, "attention_heads": 2, "head_channels": 8},
    "torchcfm-unet": {"width": 32, "blocks": 1, "multipliers": [1, 2], "attention": [4], "attention_heads": 2},
}
LABEL = {"species": si.ConditionSpec(classes=("ash", "elm", "oak"))}
EVENT = (2, 8, 8)


def built(name, event=EVENT, heads=None, conditions=None, **options):
    more = {} if name == "torchcfm-unet" else {"heads": heads}
    context = {"shape": event, "conditions": conditions or {}, **more}
    return si.build("network", name, context=context, **{**SMALL[name], **options})


@pytest.mark.usefixtures("no_libraries")
@pytest.mark.parametrize("name", NAMES)
def test_without_the_library_it_says_what_to_install(name):
    library = name.partition("-")[0]
    with pytest.raises(si.UsageError, match=f"fix: pip install {library}") as caught:
        built(name)
    assert name in str(caught.value)


@pytest.mark.usefixtures("libraries")
@pytest.mark.parametrize("name", NAMES)
def test_fields_have_the_shape_of_states_and_times_their_own_units(name):
    scale = 1.0 if name == "torchcfm-unet" else 1000.0
    for event in (EVENT, (8, 8)):
        network = built(name, event)
        x, t = torch.randn(5, *event), torch.rand(5)
        assert network(t, x).shape == x.shape
        assert torch.equal(network.network.times, scale * t)
        one = network(t[0], x)
        assert torch.equal(one, network(t[0].expand(5), x))
        if name != "torchcfm-unet":
            assert built(name, event, heads=3)(t, x).shape == (5, 3, *event)
    assert torch.equal(_times(built(name, time_scale=7.0), 0.5), torch.full((5,), 3.5))


def _times(network, t):
    network(torch.tensor(t), torch.zeros(5, *EVENT))
    return network.network.times


@pytest.mark.usefixtures("libraries")
@pytest.mark.parametrize("name", NAMES)
def test_a_label_that_is_left_out_is_a_class_of_its_own(name):
    network = built(name, conditions=LABEL).eval()
    x, t = torch.randn(1, *EVENT).expand(5, *EVENT), torch.tensor(0.3)
    outputs = network(t, x, {"species": torch.tensor([0, 1, 2, -1, 0])})
    assert len(torch.unique(outputs.flatten(1), dim=0)) == 4
    assert torch.equal(outputs[0], outputs[4])
    for_all = network(t, x, {"species": torch.tensor([-1])})
    assert torch.equal(for_all, outputs[3].expand_as(for_all))
    for wrong in (None, {"kind": torch.zeros(5, dtype=torch.int64)}):
        with pytest.raises(si.UsageError):
            network(t, x, wrong)
    # What leaves labels out is the recipe alone.
    assert all(getattr(module, "dropout_prob", 0) == 0 for module in network.modules())


@pytest.mark.usefixtures("libraries")
@pytest.mark.parametrize(
    ("name", "event", "options", "message"),
    [
        *((name, (3,), {}, "it takes images") for name in NAMES),
        ("diffusers-unet", (2, 8, 9), {}, "can't be halved so often"),
        ("diffusers-unet", EVENT, {"groups": 3}, "groups that don't divide"),
        ("diffusers-unet", EVENT, {"attention": [2]}, "no such level"),
        ("diffusers-transformer", (2, 8, 6), {}, "square images"),
        ("diffusers-transformer", EVENT, {"patch": 3}, "square images"),
        ("torchcfm-unet", (2, 8, 6), {}, "square images"),
        ("torchcfm-unet", EVENT, {"width": 48}, "a multiple of 32"),
    ],
)
def test_refusals(name, event, options, message):
    with pytest.raises(si.UsageError, match=message):
        built(name, event, **options)


@pytest.mark.usefixtures("libraries")
@pytest.mark.parametrize("name", NAMES)
def test_conditions_that_are_no_label_are_refused(name):
    for conditions in ({"dose": si.ConditionSpec()}, {**LABEL, "other": si.ConditionSpec(classes=("a", "b"))}):
        with pytest.raises(si.UsageError, match="one label at most"):
            built(name, conditions=conditions)
    with pytest.raises(si.UsageError, match="another shape"):
        built(name)(torch.tensor(0.5), torch.zeros(5, 2, 4, 4))


@pytest.mark.usefixtures("libraries")
def test_options_reach_the_library_in_its_words():
    unet = built("diffusers-unet", channels=[8, 16, 16], attention=[2]).network.made_with
    assert unet["down"] == ("DownBlock2D", "DownBlock2D", "AttnDownBlock2D")
    assert unet["up"] == ("AttnUpBlock2D", "UpBlock2D", "UpBlock2D")
    assert unet["attention"] is True
    assert built("torchcfm-unet", attention=[8, 4]).network.made_with == {"attention": "8,4", "multipliers": [1, 2]}
    with pytest.raises(si.UsageError, match="single precision"):
        built("torchcfm-unet").double()(torch.tensor(0.5), torch.zeros(1, *EVENT, dtype=torch.float64))


@pytest.mark.parametrize("name", NAMES)
def test_the_real_network_is_called_as_it_expects(name):
    """With the library itself: finite fields of the right shape that hear times, states and labels, and gradients."""
    pytest.importorskip("torchcfm.models.unet" if name == "torchcfm-unet" else "diffusers")
    torch.manual_seed(0)
    heads = None if name == "torchcfm-unet" else 2
    network = built(name, heads=heads, conditions=LABEL)
    with torch.no_grad():
        for parameter in network.parameters():  # some begin at zero
            parameter.add_(0.05 * torch.randn_like(parameter))
    x, labels = torch.randn(4, *EVENT), {"species": torch.tensor([0, 1, 2, -1])}
    output = network(torch.rand(4), x, labels)
    assert output.shape == (4, *([] if heads is None else [heads]), *EVENT)
    assert math.isfinite(float(output.detach().square().sum()))
    output.square().mean().backward()
    assert any(parameter.grad is not None for parameter in network.parameters())
    network.eval()
    with torch.no_grad():
        same, one = x[:1].expand(4, *EVENT), torch.tensor([0])
        assert len(torch.unique(network(torch.rand(4), same, {"species": one}).flatten(1), dim=0)) == 4
        assert len(torch.unique(network(torch.tensor(0.5), same, labels).flatten(1), dim=0)) == 4
        assert torch.equal(network(torch.tensor(0.5), x, labels), network(torch.full((4,), 0.5), x, labels))
