"""The classifier two-sample test of the benchmark of simulation-based inference.

    ``C2ST = P(h(Z) = label)``,    h fitted to 4/5 of labelled samples of both laws and asked about the rest, five times

It is 1/2 for equal laws, and 1 for laws that h tells apart. As in sbibm (arXiv 2101.04653): columns z-scored by the
reference; a perceptron of two hidden layers of ten units a dimension, relu, adam; five folds, shuffled. The fewer
samples there are, the less h learns: 1,000 against 1,000 reads lower than 10,000 against 10,000.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

__all__ = ["c2st"]

_FOLDS, _UNITS, _ITERATIONS = 5, 10, 10_000


def c2st(reference: NDArray[np.float64], samples: NDArray[np.float64], seed: int) -> float:
    """The mean accuracy over the folds.

    Args:
        reference: shape (m, d).
        samples: shape (n, d).
        seed: of the folds and of the classifier's weights.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import KFold, cross_val_score
    from sklearn.neural_network import MLPClassifier

    scale = reference.std(0, ddof=1)
    scale[scale == 0] = 1.0  # a column that the reference holds fixed is looked at as it is
    rows = (np.concatenate([reference, samples]) - reference.mean(0)) / scale
    labels = np.repeat([0, 1], [len(reference), len(samples)])
    units = _UNITS * rows.shape[1]
    classifier = MLPClassifier(
        activation="relu",
        hidden_layer_sizes=(units, units),
        max_iter=_ITERATIONS,
        solver="adam",
        random_state=seed,
    )
    folds = KFold(n_splits=_FOLDS, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return float(cross_val_score(classifier, rows, labels, cv=folds, scoring="accuracy").mean())
