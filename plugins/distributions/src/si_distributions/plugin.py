"""The components of this plugin, named without importing them, and the kind ``reader``."""

from __future__ import annotations

from si_core import Component, Kind, hookimpl

__all__ = ["si_components", "si_extensions", "si_kinds"]

_DISTRIBUTIONS = (
    ("gaussian", "gaussian:Gaussian", "N(mean, covariance); by default the standard normal"),
    ("gaussian-mixture", "gaussian_mixture:GaussianMixture", "sum_k weight_k N(mean_k, covariance_k)"),
    (
        "random-gaussian-mixture",
        "random_gaussian_mixture:RandomGaussianMixture",
        "random means and covariances in many dimensions",
    ),
    ("eight-gaussians", "eight_gaussians:EightGaussians", "eight equal Gaussians on a circle"),
    ("checkerboard", "checkerboard:Checkerboard", "uniform on the dark cells of a square board"),
    ("two-moons", "two_moons:TwoMoons", "two interleaved half circles with Gaussian noise"),
    ("swiss-roll", "swiss_roll:SwissRoll", "a spiral with Gaussian noise"),
    ("point-mass", "point_mass:PointMass", "all mass at one point"),
    ("array", "datasets.array:Array", "rows of a .npy, .npz, .csv or .parquet file"),
    (
        "shards",
        "datasets.shards:Shards",
        "rows of a folder of files, streamed: .npy, .npz, .parquet, .safetensors, .tar",
    ),
    ("in-memory", "datasets.in_memory:InMemory", "rows of an array in memory, as si.fit takes them"),
    ("table", "datasets.table:Table", "real tables: wine, breast-cancer, iris, diabetes"),
    ("digits", "datasets.digits:Digits", "1,797 handwritten digits of 8x8 pixels"),
    ("photos", "datasets.photos:Photos", "patches of two photographs"),
    ("images", "datasets.images:Images", "a folder of images of one size, or fitted to one"),
)
_COUPLINGS = (
    ("independent", "independent:Independent", "nu = rho0 x rho1"),
    ("mirror", "mirror:Mirror", "x0 = x1"),
    ("paired", "paired:Paired", "rows of two data sets with the same index"),
    ("correlated", "correlated:CorrelatedGaussians", "two Gaussians with a given Cov(x0, x1)"),
    ("rectified", "rectified:Rectified", "source draws with the ends of a finished run's ODE"),
)


@hookimpl
def si_kinds() -> list[Kind]:
    """What makes data files of further suffixes readable."""
    return [
        Kind(
            "reader",
            "si_distributions.files.reader:Reader",
            "reads data files of a suffix, which is its name",
            conformance="si_distributions.files.reader_checks:ReaderChecks",
        )
    ]


@hookimpl
def si_components() -> list[Component]:
    """The distributions and couplings."""
    return [
        Component(kind, name, f"si_distributions.{target}", summary=summary)
        for kind, family in (("distribution", _DISTRIBUTIONS), ("coupling", _COUPLINGS))
        for name, target, summary in family
    ]


@hookimpl
def si_extensions() -> list[str]:
    """The closed forms of processes between Gaussian mixtures."""
    return ["si_distributions.gaussian_fields"]
