"""Simulations as a distribution: the target theta, given the observation x, from files or from a simulator."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from si_core import Largest, Nested, UsageError
from si_distributions.datasets.bounded import bounds_of
from si_distributions.files.read import read
from si_distributions.options import Precision, whole
from si_inference.arrays import ArraySimulations
from si_inference.simulator import Simulator, check_told

__all__ = ["Simulations"]

_WHERE = "simulations"


class Simulations(ArraySimulations):
    """Pairs of parameters and observations: of two files, or as many as are asked for of a simulator.

    A model of this target has the posterior: given an observation that nobody simulated with known parameters, its
    samples are those of ``p(theta | x)``. For arrays in memory there is :class:`si_inference.arrays.ArraySimulations`.

    Args:
        simulator: draws the pairs, and says names and bounds of the parameters and which points are exchangeable.
        number: of pairs that it draws, those that are held out among them.
        seed: of these.
        parameters: a file of parameters, a row each: .npy, .npz with one array, .csv, .tsv, .txt, .parquet, or what an
            installed reader knows, such as .zarr.
        names: of the parameters, one for each column of their file, where it names none or others.
        observations: a file of observations, in the same order; arrays of any shape (N, ...).
        bounds: of the prior's parameters, by name or number: ``{rate: [0, null], angle: [-1, 1]}``, null for none;
            where left out those of the simulator.
        exchangeable: into how many points an observation falls, in equal parts one after the other, whose order says
            nothing; where left out as the simulator says.
        standardise: whether each parameter gets mean 0 and variance 1.
        held_out: the fraction of the pairs kept from training, for estimators.
        split_seed: which pairs are held out.
        dtype: of the draws.

    Raises:
        UsageError: neither a simulator nor both files, or all of them; names beside a simulator, or others in number
            than parameters.
        DataError: as for files of ``array``; files of unequal length; parameters outside their bounds.
    """

    def __init__(
        self,
        simulator: Annotated[Simulator | None, Nested("simulator")] = None,
        number: Annotated[int, Field(ge=2, le=Largest.POINTS)] = 10_000,
        seed: Annotated[int, Field(ge=0, le=Largest.SEED)] = 0,
        parameters: Path | None = None,
        observations: Path | None = None,
        names: Annotated[list[str], Field(min_length=1, max_length=Largest.DIMENSIONS)] | None = None,
        bounds: dict[str, tuple[float | None, float | None]] | None = None,
        exchangeable: Annotated[int, Field(ge=0, le=Largest.DIMENSIONS)] | None = None,
        standardise: bool = True,
        held_out: Annotated[float, Field(ge=0, lt=1)] = 0.05,
        split_seed: Annotated[int, Field(ge=0, le=Largest.SEED)] = 0,
        dtype: Precision = "float32",
    ) -> None:
        files = (parameters, observations)
        if (simulator is None) == (files == (None, None)) or (simulator is None and None in files):
            raise UsageError(
                "simulations come from a simulator, or from two files",
                where=_WHERE,
                got=", ".join(_given(simulator, parameters, observations)) or "neither",
                allowed="simulator: NAME, or parameters: FILE and observations: FILE",
            )
        own, points, where, columns = None, 0, _WHERE, None
        if simulator is not None:
            check_told(simulator)
            generator = torch.Generator().manual_seed(whole(seed, "seed", _WHERE, 0))
            theta = simulator.prior(whole(number, "number", _WHERE, 2), generator)
            x = simulator.simulate(theta, generator)
            own, points, columns = simulator.bounds, simulator.exchangeable, simulator.names
            rows: tuple[np.ndarray, np.ndarray] = (theta.numpy(), x.numpy())
        else:
            where = f"{parameters} with {observations}"
            first, second = (read(str(path), None, None, None, ()) for path in files)
            rows, columns = (first.loaded(where), second.loaded(where)), first.names
        if names is not None:
            columns = _named(names, simulator, rows[0])
        if bounds is not None:
            own = bounds_of(bounds, rows[0].shape[1:], columns, where)
        super().__init__(
            *rows,
            columns,
            own,
            points if exchangeable is None else exchangeable,
            standardise,
            held_out,
            split_seed,
            dtype,
            where,
        )


def _named(names: list[str], simulator: Simulator | None, theta: np.ndarray) -> tuple[str, ...]:
    count = math.prod(theta.shape[1:])
    if simulator is not None or len(set(names)) != len(names) or len(names) != count:
        raise UsageError(
            "parameters of a file have a name each",
            where=f"{_WHERE}: names",
            got=", ".join(names) + ("" if simulator is None else " beside a simulator, which has names of its own"),
            allowed=f"{count} names, all different, with parameters: FILE",
        )
    return tuple(names)


def _given(simulator: Simulator | None, parameters: Path | None, observations: Path | None) -> list[str]:
    given = {"simulator": simulator, "parameters": parameters, "observations": observations}
    return [name for name, value in given.items() if value is not None]
