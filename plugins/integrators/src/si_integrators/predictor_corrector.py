"""The exponential predictor-corrector: multistep methods of Adams type at one evaluation a step, ODE and SDE.

    predict    ``X' = gain X_r + sum_j V_j m_j + sqrt(q) w``                   ``order - 1`` values, the latest m_r
    evaluate   ``m_t = m(t, X')``
    correct    ``X_t = gain X_r + W_t m_t + sum_j W_j m_j + sqrt(q) w``        the same, and m_t

with what :mod:`si_integrators.exponential` says of gains, weights and noise. The value m_t is kept for the steps after
it; it is not evaluated anew at the corrected state (PEC). A prediction errs by ``O(h^order)`` in a step, and with it
m_t, which enters the next states with a factor h: so the method is of the order that it is named by. The first steps
have fewer values, and errors O(h^3), which few steps may have up to order 3. For order 4 the value after the first step
is evaluated anew, and this step is taken again by the values at three times.

**SDE**, order 2: the same noise w in both. Mean and covariance of a step must be right up to O(h^3)
(:mod:`si_integrators.stochastic_heun`). The value kept is that at ``X' = X_t + O(h^(3/2))``, where the difference has
the mean O(h^2) and the covariance O(h^2) with X_t; with the factor h both enter at O(h^3). So it has weak order 2 for
noise that does not depend on the state, with one evaluation a step. Where the drift decays fast within a step it is
less stable than stochastic Heun, which evaluates anew.

In kind it is UniPC (Zhao et al., arXiv 2302.04867) and SA-Solver (Xue et al., arXiv 2309.05019), which take logarithms
of signal to noise for time and are for diffusion; Hairer, Norsett and Wanner, *Solving Ordinary Differential Equations
I*, 1993, section III.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from torch import Tensor

from si_integrators.linear_steps import LinearSteps, Remainder

__all__ = ["corrected"]


def corrected(
    linear: LinearSteps, remainder: Remainder, x: Tensor, order: int, noise: Callable[[], Tensor | None]
) -> Iterator[Tensor]:
    """The states after each step.

    Args:
        linear: the scalars of the steps.
        remainder: the values ``drift - rate x``.
        x: the initial state; it is not changed.
        order: 2, 3 or 4.
        noise: draws standard normal numbers, shape of x; None for an ODE.
    """
    start, history = x, dict[int, Tensor]()
    for k in range(linear.steps):
        if k not in history:
            history = {k: remainder(k, x), **history}
        drawn, before = noise(), dict(islice(history.items(), order - 1))
        used = before
        # An end that says nothing is left out, and its state is the predicted one.
        if linear.sees_end(k):
            used = {k + 1: remainder(k + 1, linear.prediction(k, x, before, drawn)), **before}
        if order == 4 and k == 1:
            x = linear.state(0, start, used, None)
            yield x
        x = linear.state(k, x, used, drawn)
        if order < 4 or k > 0 or linear.steps == 1:
            history = {**used, **history}
            yield x
        history.pop(k - order + 1, None)
