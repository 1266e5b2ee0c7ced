"""Classifiers of scikit-learn, by name, that are good on small data."""

from __future__ import annotations

from typing import Any, Literal, get_args

from si_core import UsageError

__all__ = ["CLASSIFIERS", "ClassifierName", "new_classifier"]

ClassifierName = Literal["svm", "logistic-regression", "nearest-neighbours", "random-forest"]
CLASSIFIERS: tuple[str, ...] = get_args(ClassifierName)


def new_classifier(name: ClassifierName, where: str) -> Any:
    """A classifier of scikit-learn that is still to be fitted, to rows (N, d) and labels (N,).

    A support vector machine with a Gaussian kernel and logistic regression by standardised columns, the 5 nearest
    neighbours, or 300 random trees.

    Args:
        name: which.
        where: who asks, for the error.

    Raises:
        UsageError: scikit-learn is not installed.
    """
    try:
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.linear_model import LogisticRegression
        from sklearn.neighbors import KNeighborsClassifier
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import SVC
    except ImportError as error:
        fix = "pip install 'si-estimators[classifier]'"
        raise UsageError("classifiers need scikit-learn", where=where, fix=fix) from error
    if name == "svm":
        # Columns as they are: pixels at the rim of images hardly vary, and standardised they would be noise.
        return SVC(kernel="rbf", C=10.0, gamma="scale")
    if name == "logistic-regression":
        return make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    if name == "nearest-neighbours":
        return KNeighborsClassifier(n_neighbors=5)
    return RandomForestClassifier(n_estimators=300, random_state=0)
