"""The five outcomes of a look-up, and what importing a component's class may meet."""

from __future__ import annotations

import pytest

from si_core.discovery.build import build
from si_core.discovery.lookup import available, find, load
from si_core.errors import NumericsError, PluginError, SIError, UsageError

from .conftest import offering

CLASSES = """
    import torch
    from si_core.contract.latent import Latent
    from si_core.errors import NumericsError

    class Bump(Latent):
        '''A bump.

        Args:
            scale: its height.
        '''

        def __init__(self, scale: float = 1.0):
            if scale == 3:
                raise NumericsError("three is odd")
            self.scale = 1 / scale if scale == 0 else scale

        def gamma(self, t):
            return self.scale * t * (1 - t)

    class Abstract(Latent):
        pass

    class Stranger:
        pass

    function = len

    class Net(torch.nn.Module):
        def __init__(self, shape: "Unknown", width: int = 3, *, heads=("a",)):
            super().__init__()
            self.shape, self.width, self.heads = shape, width, heads
"""


def install_classes(install, name: str = "si-bump") -> None:
    prefix = f"fake_{name.replace('-', '_')}_classes"
    classes = ("bump Bump", "abstract Abstract", "stranger Stranger", "function function", "absent Absent")
    pairs = [item.split() for item in classes]
    offers = [f"latent fake-{word} {prefix}:{attribute}" for word, attribute in pairs]
    offers += ["latent fake-moduleless fake_nowhere.at_all:A", f"network fake-net {prefix}:Net"]
    install(name, offering(*offers), **{prefix: CLASSES})


def test_found_by_name_and_by_distribution(install):
    install_classes(install)
    for name in ("fake-bump", "si-bump/fake-bump", "si_Bump/fake-bump"):
        found = find("latent", name)
        assert (found.component.name, found.plugin.distribution) == ("fake-bump", "si-bump")
    assert load("latent", "fake-bump").__name__ == "Bump"


def test_available_is_sorted(install):
    install_classes(install)
    names = [item.component.name for item in available("latent")]
    assert names == sorted(names)
    assert "fake-bump" in names


@pytest.mark.fault(6)
def test_known_but_not_installed_repeats_the_catalogue_verbatim(listed):
    listed("si-elsewhere", "integrator", "fake-rk99")
    with pytest.raises(UsageError) as caught:
        find("integrator", "fake-rk99")
    assert "integrator 'fake-rk99' is provided by si-elsewhere: pip install 'si-elsewhere>=1'" in str(caught.value)


def test_deprecated_provider_names_its_successor(listed):
    listed("si-elsewhere", "integrator", "fake-rk99", "deprecated", "  replaced_by: si-newer\n")
    with pytest.raises(UsageError, match="prefer si-newer"):
        find("integrator", "fake-rk99")


@pytest.mark.fault(6, 63, 65)
@pytest.mark.parametrize(
    ("source", "requires", "setting", "state"),
    [
        ("import fake_absent_module", "si-core>=0.2,<0.3", None, "broken"),
        ("x = 1", "si-core>=99", None, "incompatible"),
        ("x = 1", "si-core>=0.2,<0.3", "", "disabled"),
    ],
)
def test_offered_by_a_plugin_that_is_not_ready(install, listed, monkeypatch, source, requires, setting, state):
    listed("si_bad", "latent", "fake-bad")
    install("si-bad", source, requires=(requires,))
    if setting is not None:
        monkeypatch.setenv("SI_PLUGINS", setting)
    with pytest.raises(PluginError) as caught:
        find("latent", "fake-bad")
    assert f"si-bad 1.0, which is {state}" in str(caught.value)
    assert caught.value.fix
    assert caught.value.code == 5
    if state == "broken":
        assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_broken_plugin_answers_for_the_components_it_named(install):
    offer = offering("latent fake-half fake:A")
    install("si-half", offer + "\n    @hookimpl\n    def si_recipes(): return '/nowhere/at/all'\n")
    with pytest.raises(PluginError, match=r"si-half 1\.0, which is broken"):
        find("latent", "fake-half")


@pytest.mark.fault(64)
def test_clash_names_both_and_is_settled_by_the_distribution(install):
    for name in ("si-zeta", "si-alpha"):
        install(name, offering(f"latent fake-same fake_{name[3:]}:A"))
    with pytest.raises(PluginError) as caught:
        find("latent", "fake-same")
    assert "si-alpha and si-zeta" in str(caught.value)
    assert "si-alpha/fake-same or si-zeta/fake-same" in str(caught.value)
    assert find("latent", "si-zeta/fake-same").component.target == "fake_zeta:A"


def test_clash_inside_a_distribution(install):
    entry = "[si_core.plugins]\none = fake_one\ntwo = fake_two\n"
    offers = {f"fake_{n}": offering(f"latent fake-same fake_{n}:A") for n in ("one", "two")}
    install("si-twin", "", entry=entry, **offers)
    with pytest.raises(PluginError, match="several plugins of si-twin") as caught:
        find("latent", "fake-same")
    assert "SI_PLUGINS=one" in str(caught.value)


def test_unknown_suggests_and_lists(install):
    install_classes(install)
    install("si-bad", "raise RuntimeError")
    with pytest.raises(UsageError) as caught:
        find("latent", "fake-bmup")
    text = str(caught.value)
    assert "unknown latent 'fake-bmup'" in text
    assert "did you mean 'fake-bump'" in text
    assert "fake-abstract" in text
    assert "si-bad (broken)" in text
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("kind", "name", "hint"),
    [
        ("network", "fake-bump", "is a kind of latent"),
        ("latent", "si-other/fake-bump", "installed: si-bump/fake-bump"),
        ("latnet", "fake-bump", "did you mean 'latent'"),
        ("latent", "", "allowed"),
        ("latent", "os:system", "unknown latent 'os:system'"),
        ("latent", "/", "unknown latent '/'"),
    ],
)
def test_other_unknown_names(install, kind, name, hint):
    install_classes(install)
    with pytest.raises(UsageError) as caught:
        find(kind, name)
    assert hint in str(caught.value)


@pytest.mark.fault(66)
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("fake-abstract", "lacks gamma"),
        ("fake-stranger", "its class is no Latent"),
        ("fake-function", "is no class"),
        ("fake-absent", "can't be imported: AttributeError"),
        ("fake-moduleless", "install what provides the module 'fake_nowhere'"),
    ],
)
def test_component_that_is_no_proper_class(install, name, words):
    install_classes(install)
    with pytest.raises(PluginError) as caught:
        load("latent", name)
    assert words in str(caught.value)
    assert "si-bump 1.0" in str(caught.value)


def test_build_validates_and_constructs(install):
    install_classes(install)
    assert build("latent", "fake-bump", scale=2).scale == 2.0
    with pytest.raises(UsageError, match="unknown option 'scael'") as caught:
        build("latent", "fake-bump", scael=2.0)
    assert "did you mean 'scale'" in str(caught.value)
    with pytest.raises(NumericsError, match="three is odd"):
        build("latent", "fake-bump", scale=3.0)
    with pytest.raises(PluginError, match="constructor failed: ZeroDivisionError") as failed:
        build("latent", "fake-bump", scale=0.0)
    assert isinstance(failed.value.__cause__, ZeroDivisionError)


def test_build_supplies_the_context_and_keeps_it_out_of_the_options(install):
    install_classes(install)
    net = build("network", "fake-net", context={"shape": (2,), "classes": 7}, width=5)
    assert (net.shape, net.width, net.heads) == ((2,), 5, ("a",))
    assert build("network", "fake-net", shape=(3,), heads=("b",)).shape == (3,)
    with pytest.raises(UsageError, match="needs 'shape'"):
        build("network", "fake-net")
    with pytest.raises(UsageError, match="unknown option 'shape'"):
        build("network", "fake-net", context={"shape": (2,)}, shape=(3,))


def test_every_failure_is_ours(install):
    install_classes(install)
    for name in ("fake-abstract", "fake-absent", "nothing", "x/y/z", "si-bump/"):
        with pytest.raises(SIError):
            build("latent", name)
