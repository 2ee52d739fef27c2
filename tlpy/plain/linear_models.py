"""Ridge and logistic regression over a range of strengths.

Both minimise a loss plus a penalty α/2 · |w|² on standardised features, the intercept free. Neither changes
when features are rotated, so that where there are more features than cases both are solved in the space that
the cases span.

Hoerl and Kennard 1970, "Ridge regression"; the path over strengths by one decomposition: Hastie, Tibshirani
and Friedman, The Elements of Statistical Learning, 2nd edition, eq. 3.47.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tlpy.metrics.formulas import Array

# scikit-learn's own tolerance leaves weak penalties several percent of probability off.
_TOLERANCE, _ITERATIONS = 1e-6, 1000
# Of what a feature's spread may be lost to rounding, in units of its size.
_FLAT = 1e-6


@dataclass(frozen=True)
class Standardised:
    """Features brought to mean 0 and standard deviation 1 by those of the training part.

    Attributes:
        mean, sd: (features,); of a feature that is the same for all, an sd of infinity: it says nothing.
    """

    mean: Array
    sd: Array

    @classmethod
    def by(cls, features: Array) -> Standardised:
        """By the mean and (population) standard deviation of `features` (n, features)."""
        mean, sd = features.mean(axis=0), features.std(axis=0)
        flat = sd <= _FLAT * np.maximum(np.abs(mean), np.finfo(float).tiny)
        return cls(mean, np.where(flat, np.inf, sd))

    @property
    def varying(self) -> int:
        """How many features differ between cases."""
        return int(np.isfinite(self.sd).sum())

    def __call__(self, features: Array) -> Array:
        scaled: Array = (features - self.mean) / self.sd
        return scaled


@dataclass(frozen=True)
class LinearModel:
    """A linear predictor of standardised features.

    Attributes:
        weights: (features, outputs).
        intercept: (outputs,).
    """

    weights: Array
    intercept: Array

    def __call__(self, features: Array) -> Array:
        """Outputs (n, outputs)."""
        found: Array = features @ self.weights + self.intercept
        return found


def ridge_path(features: Array, target: Array, penalties: Sequence[float]) -> Iterator[LinearModel]:
    """Ridge regression for each penalty α: Σ (y − xw − b)² + α |w|².

    The same as scikit-learn's `Ridge(alpha=α)`, all from one decomposition.

    Args:
        features: (n, features), each of mean 0.
        target: (n,).
        penalties: each above 0.
    """
    intercept = target.mean()
    wide = features.shape[1] > len(features)
    gram = features @ features.T if wide else features.T @ features
    values, vectors = np.linalg.eigh(gram)
    centred = target - intercept
    rotated = vectors.T @ (centred if wide else features.T @ centred)
    for penalty in penalties:
        solved = vectors @ (rotated / (np.maximum(values, 0.0) + penalty))
        weights = features.T @ solved if wide else solved
        yield LinearModel(weights[:, None], np.array([intercept]))


def logistic_path(
    features: Array, classes: Array, penalties: Sequence[float], balanced: bool = False
) -> Iterator[LinearModel]:
    """Logistic regression (multinomial for more than two classes) for each penalty α, by scikit-learn.

    The loss is Σ −log p(class) + α/2 · |w|², scikit-learn's with `C = 1/α`.

    Args:
        features: (n, features).
        classes: (n,) indices, at least two different ones.
        penalties: each above 0; from strong to weak is fastest, as each starts from the one before.
        balanced: whether each class counts alike, however many cases it has.

    Yields:
        One output for two classes, the logit of the second; else one for each class that occurs.
    """
    from sklearn.linear_model import LogisticRegression

    rotation = None
    if features.shape[1] > len(features):
        left, sizes, rotation = np.linalg.svd(features, full_matrices=False)
        features = left * sizes
    model = LogisticRegression(
        max_iter=_ITERATIONS, tol=_TOLERANCE, warm_start=True, class_weight="balanced" if balanced else None
    )
    for penalty in penalties:
        model.set_params(C=1.0 / penalty)
        with warnings.catch_warnings():
            # Of the weakest penalties some need more steps than are worth taking.
            warnings.simplefilter("ignore")
            model.fit(features, classes)
        weights = model.coef_.T if rotation is None else rotation.T @ model.coef_.T
        yield LinearModel(weights.copy(), model.intercept_.copy())
