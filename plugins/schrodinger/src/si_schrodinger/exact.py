"""Exact fields between two Gaussians for the couplings of this plugin, as they are for the laws themselves.

A coupling of finite batches pairs only nearly as the laws do, and iterative fitting only comes near its limit. What is
given here is the population's answer, in which x0 and x1 are jointly Gaussian:

=====================  =========================================================================================
coupling               ``Cov(x0, x1)``
=====================  =========================================================================================
``entropic``           that of the bridge at the coupling's epsilon, whose plan is entropic optimal transport's
``markovian``          that of the bridge at the coupling's epsilon, to which the rounds converge
``optimal-transport``  ``A H``, H the optimal map: the limit of the bridge as epsilon goes to 0
=====================  =========================================================================================

With the linear interpolant and ``gamma = sqrt(2 epsilon t(1-t))`` the first two are the bridge itself: their forward
drift at epsilon is its drift.
"""

from __future__ import annotations

import torch

from si_core import Fields, StochasticInterpolant, exact_fields
from si_distributions.gaussian import Gaussian
from si_distributions.gaussian_fields import GaussianMixtureFields
from si_schrodinger.entropic import Entropic
from si_schrodinger.gaussian_bridge import entropic_map
from si_schrodinger.markovian import Markovian
from si_schrodinger.optimal_transport import OptimalTransport

__all__: list[str] = []


@exact_fields.method
def _entropic(source: Gaussian, target: Gaussian, coupling: Entropic, process: StochasticInterpolant) -> Fields:
    return _jointly_gaussian(source, target, coupling.epsilon, process)


@exact_fields.method
def _markovian(source: Gaussian, target: Gaussian, coupling: Markovian, process: StochasticInterpolant) -> Fields:
    return _jointly_gaussian(source, target, coupling.epsilon, process)


@exact_fields.method
def _optimal(source: Gaussian, target: Gaussian, coupling: OptimalTransport, process: StochasticInterpolant) -> Fields:
    return _jointly_gaussian(source, target, 0.0, process)


def _jointly_gaussian(
    source: Gaussian, target: Gaussian, epsilon: float, process: StochasticInterpolant
) -> GaussianMixtureFields:
    # The fields are those of the given process: its own coupling is the one that draws from them.
    cross = source.covariances @ entropic_map(source.covariances[0], target.covariances[0], epsilon)
    ends = (source.means, target.means, source.covariances, target.covariances)
    return GaussianMixtureFields(process, torch.ones(1), *ends, cross)
