"""A plugin distribution made of files, so that recipes can be tested without any real component."""

import sys

import pytest

from si_core.discovery import plugins

METADATA = "Metadata-Version: 2.1\nName: si-{name}\nVersion: 1.2.0\nRequires-Dist: si-core>=0.2,<0.3\n"

COMPONENTS = {
    ("distribution", "gaussian"): "Gaussian",
    ("distribution", "checkerboard"): "Checkerboard",
    ("coupling", "independent"): "Independent",
    ("coupling", "mirror"): "Mirror",
    ("interpolant", "linear"): "Linear",
    ("latent", "none"): "NoLatent",
    ("latent", "brownian"): "Brownian",
    ("latent", "lost"): "Lost",
    ("objective", "velocity"): "Velocity",
    ("objective", "denoiser"): "Denoiser",
    ("network", "mlp"): "MLP",
    ("diffusion", "constant"): "Constant",
    ("clock", "sine"): "Sine",
    ("integrator", "heun"): "Heun",
    ("estimator", "log-likelihood"): "LogLikelihood",
    ("estimator", "sliced"): "Sliced",
    ("optimizer", "adam"): "Adam",
    ("optimizer", "sgd"): "SGD",
    ("learning-rate", "constant"): "Steady",
    ("learning-rate", "cosine"): "Cosine",
}

MODULE = """
from typing import Annotated, Literal
import torch
from pydantic import Field
from si_core.contract.clock import Clock
from si_core.contract.coupling import Coupling
from si_core.contract.diffusion import Diffusion
from si_core.contract.distribution import Distribution
from si_core.contract.estimator import Estimator
from si_core.contract.integrator import Integrator
from si_core.contract.interpolant import Interpolant
from si_core.contract.latent import Latent
from si_core.contract.learning_rate import LearningRate
from si_core.contract.objective import Objective
from si_core.contract.optimizer import Optimizer

Rate = Annotated[float, Field(gt=0)]
class Gaussian(Distribution):
    def __init__(self, dim: int, mean: list[float] | None = None, tail: float = float("inf")) -> None: ...
class Checkerboard(Distribution): ...
class Independent(Coupling): ...
class Mirror(Coupling):
    source_is_target = True
class Linear(Interpolant): ...
class NoLatent(Latent): ...
class Brownian(Latent):
    def __init__(self, scale: Annotated[float, Field(gt=0)] = 1.0) -> None: ...
class Velocity(Objective): ...
class Denoiser(Objective): ...
class MLP(torch.nn.Module):
    def __init__(self, shape: tuple[int, ...], heads: int, conditions: dict | None = None, width: int = 64,
                 activation: Literal["silu", "tanh"] = "silu", spread: tuple[float, float] = (1e-5, 0.1)) -> None: ...
class Constant(Diffusion):
    def __init__(self, scale: float = 1.0) -> None: ...
class Sine(Clock):
    def __init__(self, start: bool = True, stop: bool = True) -> None: ...
class Heun(Integrator):
    def __init__(self, steps: int = 50) -> None: ...
class LogLikelihood(Estimator): ...
class Sliced(Estimator):
    def __init__(self, projections: int = 64) -> None: ...
class Adam(Optimizer):
    def __init__(self, lr: Rate = 1e-3, betas: tuple[float, float] = (0.9, 0.999)) -> None: ...
class SGD(Optimizer):
    def __init__(self, lr: Rate = 1e-2, momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0,
                 nesterov: bool = False) -> None: ...
class Steady(LearningRate):
    def __init__(self, warmup: Annotated[int, Field(ge=0)] = 0) -> None: ...
class Cosine(LearningRate):
    def __init__(self, warmup: Annotated[int, Field(ge=0)] = 0, final: float = 0.0) -> None: ...
for cls in (Gaussian, Checkerboard, Independent, Mirror, Linear, NoLatent, Brownian, Velocity, Denoiser, MLP, Constant,
            Sine, Heun, LogLikelihood, Sliced, Adam, SGD, Steady, Cosine):
    cls.__abstractmethods__ = frozenset()
"""


@pytest.fixture
def add_plugin(tmp_path, monkeypatch):
    """Install a plugin ``si-<name>`` from text: ``add_plugin(name, entry module, further modules)``."""
    site, names = tmp_path / "site", []
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def add(name, entry, **modules):
        info = site / f"si_{name}-1.2.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(METADATA.format(name=name))
        (info / "entry_points.txt").write_text(f"[si_core.plugins]\n{name} = si_{name}\n")
        (site / f"si_{name}.py").write_text(entry)
        for module, text in modules.items():
            (site / f"{module}.py").write_text(text)
        names.append(name)
        monkeypatch.setenv("SI_PLUGINS", ",".join(names))
        plugins.reset()
        return site

    yield add
    plugins.reset()
    for module in [module for module in sys.modules if module.split(".")[0] in {f"si_{name}" for name in names}]:
        del sys.modules[module]


@pytest.fixture
def fakes(add_plugin, tmp_path):
    """One plugin with a component of every kind, and built-in recipes in the folder that is returned."""
    sys.modules.pop("fake_recipe_parts", None)
    recipes = tmp_path / "shipped"
    recipes.mkdir()
    (recipes / "board.yaml").write_text("title: A board\nsource: {use: gaussian, dim: 2}\ntarget: checkerboard\n")
    listed = ",\n".join(
        f"Component({kind!r}, {name!r}, 'fake_recipe_parts:{cls}', summary='made for tests')"
        for (kind, name), cls in COMPONENTS.items()
    )
    entry = (
        "from si_core import Component, hookimpl\n"
        f"@hookimpl\ndef si_components():\n    return [{listed}]\n"
        f"@hookimpl\ndef si_recipes():\n    return {str(recipes)!r}\n"
    )
    add_plugin("fakes", entry, fake_recipe_parts=MODULE)
    return recipes


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write recipe files into the working directory: ``write("target: x\\n", "r.yaml")`` returns the name."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def write_file(text, name="r.yaml"):
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return name

    return write_file
