"""All benchmarks by name, in the order of the command."""

from __future__ import annotations

from .adaptive import adaptive_lines
from .divergences import divergence_lines
from .figures import Benchmark
from .gpu import COLUMNS, gpu_lines
from .growth import growth_lines
from .image_training import image_lines
from .importing import import_lines
from .likelihood import likelihood_lines
from .many_samples import many_lines
from .ode_accuracy import ode_accuracy_lines
from .ode_steps import ode_lines
from .reading import reading_lines
from .sde_accuracy import sde_accuracy_lines
from .sde_steps import sde_lines
from .setting_up import set_up_lines
from .training import joint_lines, training_lines

__all__ = ["BENCHMARKS"]

_STEP = ("step us", "added us")
_TRAINING = (*_STEP, "/ by hand")
_BIAS = ("calls", "sliced W2", "bias", "/ floor")
_SET_UP = ("first us", "again us", "solution us")
_LIKELIHOOD = ("steps", "rms error", "time ms", "/ flow_matching")
_MANY = ("us / sample", "samples / s", "rate / bare", "peak growth / size")
_ADAPTIVE = ("us / call", "added us / call", "/ own calls", "calls", "error / tolerance")

BENCHMARKS = {
    benchmark.name: benchmark
    for benchmark in (
        Benchmark("training", "a training step of one field", _TRAINING, training_lines),
        Benchmark("joint-training", "a step of two fields, two networks, pairs", _TRAINING, joint_lines),
        Benchmark("image-training", "a training step of networks for images", ("step ms", "/ bare"), image_lines),
        Benchmark("ode-step", "a step of an ODE, beside the network's calls", (*_STEP, "/ calls"), ode_lines),
        Benchmark("sde-step", "a step of an SDE, beside calls and noise", (*_STEP, "/ bare"), sde_lines),
        Benchmark("adaptive", "an adaptive ODE solution, tolerance 1e-5", _ADAPTIVE, adaptive_lines),
        Benchmark("set-up", "what happens once for a problem", _SET_UP, set_up_lines),
        Benchmark(
            "divergence", "a drift with its divergence", ("time us", "calls", "/ flow_matching"), divergence_lines
        ),
        Benchmark("likelihood", "the log-likelihood at equal accuracy", _LIKELIHOOD, likelihood_lines),
        Benchmark(
            "ode-accuracy", "errors of ODE solutions for their calls", ("calls", "rms error"), ode_accuracy_lines
        ),
        Benchmark(
            "sde-accuracy",
            "errors of SDE solutions for 32 calls",
            _BIAS,
            sde_accuracy_lines,
        ),
        Benchmark("import", "imports in a fresh process", ("time ms", "heavy packages"), import_lines),
        Benchmark("many-samples", "a million samples", _MANY, many_lines),
        Benchmark("reading", "files as distributions", ("time s", "/ peer", "peak / data"), reading_lines),
        Benchmark("growth", "the growth of times with sizes: exponents", ("exponent", "largest us"), growth_lines),
        Benchmark("gpu", "a step of sampling on a GPU, beside replayed calls of the network", COLUMNS, gpu_lines),
    )
}
