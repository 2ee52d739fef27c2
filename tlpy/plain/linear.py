"""Ridge or logistic regression on a few features of each image."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from tlpy.components.rules import POSITIVE, list_of
from tlpy.metrics.formulas import Array
from tlpy.plain.base import Cases, PlainBaseline, Question
from tlpy.plain.linear_models import LinearModel, Standardised, logistic_path, ridge_path
from tlpy.plain.mean import shares
from tlpy.records import BINARY, MULTILABEL, REGRESSION

# Where nothing can be chosen on validation.
DEFAULT_STRENGTH = 1.0

Strengths = Annotated[Sequence[float], list_of(POSITIVE, 1)]


@dataclass(kw_only=True)
class LinearBaseline(PlainBaseline):
    """Ridge regression of a number, logistic regression of classes, on features of each image.

    Features are standardised by the training part. A strength s is a penalty α = s · (number of features), in
    the α of scikit-learn's `Ridge` and the 1/C of its `LogisticRegression`: with 1 the features are expected
    to explain half of the variance, with 0.1 ten parts in eleven, with 10 one in eleven (Hoerl and Kennard
    1970; the BLUP of many small effects). The one best on validation by the target's metric is taken; equal
    ones are told apart by squared error or log loss, then the strongest counts. Where there are no validation
    images, or the metric has no value there, the strength is 1.

    A subclass says which features.

    Args:
        strengths: those that are tried.
        balanced: classes count alike in the loss, however many images each has.
    """

    penalised = True
    cites = (
        "Hoerl AE, Kennard RW. Ridge regression: biased estimation for nonorthogonal problems. "
        "Technometrics 1970; 12:55–67.",
        "Pedregosa F, et al. Scikit-learn: machine learning in Python. JMLR 2011; 12:2825–2830.",
    )

    strengths: Strengths = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0, 10000.0)
    balanced: bool = False

    @abstractmethod
    def features(self, cases: Cases) -> Array:
        """(n, features) float64, finite, of each case in order; the same features for whatever cases."""

    def fit(self, question: Question, train: Cases, val: Cases) -> None:
        self._question = question
        features, true = self.features(train), question.truth(train)
        self._scaling = Standardised.by(features)
        features = self._scaling(features)
        self._shares = shares(true, question.head) if question.head.type != REGRESSION else np.empty(0)
        chosen = self._chosen(features, true, val) if len(val) else None
        self.strength, self._on_validation = chosen or DEFAULT_STRENGTH, chosen is not None
        (self._models,) = self._paths(features, true, [self.strength])

    def _chosen(self, features: Array, true: Array, val: Cases) -> float | None:
        """The strength that is best on validation, the strongest of equal ones; None where none is."""
        seen, wanted = self._scaling(self.features(val)), self._question.truth(val)
        strengths = sorted({float(strength) for strength in self.strengths}, reverse=True)
        best, chosen = (np.inf, np.inf), None
        for strength, models in zip(strengths, self._paths(features, true, strengths), strict=True):
            cost = self._question.cost(wanted, self._answers(models, seen))
            if np.isfinite(cost[0]) and cost < best:
                best, chosen = cost, strength
        return chosen

    def predict(self, cases: Cases) -> Array:
        return self._answers(self._models, self._scaling(self.features(cases)))

    def settled(self) -> dict[str, float | str]:
        chosen_on = "validation" if self._on_validation else "default"
        return {"strength": self.strength, "chosen_on": chosen_on, "features": self._scaling.varying}

    def parameters(self) -> int:
        models = [model for model in self._models if model is not None]
        return sum((self._scaling.varying + 1) * len(model.intercept) for model in models)

    def _paths(
        self, features: Array, true: Array, strengths: Sequence[float]
    ) -> Iterator[tuple[LinearModel | None, ...]]:
        """For each strength one model, of several labels one each; None for a label of one class only."""
        kind = self._question.head.type
        penalties = [strength * max(1, self._scaling.varying) for strength in strengths]
        if kind == REGRESSION:
            yield from zip(ridge_path(features, true, penalties), strict=True)
        elif kind != MULTILABEL:
            yield from zip(logistic_path(features, true, penalties, self.balanced), strict=True)
        else:
            paths = [self._column(features, column, penalties) for column in true.T]
            yield from zip(*paths, strict=True)

    def _column(
        self, features: Array, column: Array, penalties: Sequence[float]
    ) -> Iterator[LinearModel | None]:
        known = np.isfinite(column)
        if len(np.unique(column[known])) < 2:
            return iter([None] * len(penalties))
        return logistic_path(features[known], column[known], penalties, self.balanced)

    def _answers(self, models: Sequence[LinearModel | None], features: Array) -> Array:
        """Outputs as metrics take them."""
        kind = self._question.head.type
        if kind == MULTILABEL:
            return np.stack(
                [
                    np.full(len(features), share) if model is None else _sigmoid(model(features)[:, 0])
                    for model, share in zip(models, self._shares, strict=True)
                ],
                axis=1,
            )
        (model,) = models
        if model is None:
            raise AssertionError("only a label among several may be without a model")
        outputs = model(features)
        if kind == REGRESSION:
            return outputs[:, 0]
        if kind == BINARY:
            return _sigmoid(outputs[:, 0])
        return self._of_classes(outputs)

    def _of_classes(self, outputs: Array) -> Array:
        """(n, classes) probabilities; a class that nobody trained on has none."""
        present = np.flatnonzero(self._shares)
        if outputs.shape[1] == 1:
            outputs = np.concatenate([np.zeros_like(outputs), outputs], axis=1)
        found = np.zeros((len(outputs), len(self._question.head.names)))
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        found[:, present] = powers / powers.sum(axis=1, keepdims=True)
        return found


def _sigmoid(values: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow."""
    small = np.exp(-np.abs(values))
    found: Array = np.where(values >= 0, 1 / (1 + small), small / (1 + small))
    return found
