"""Linear models of what a table says of people, without any image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlpy.metrics.formulas import Array
from tlpy.plain.base import Cases, Question
from tlpy.plain.linear import LinearBaseline
from tlpy.records import REGRESSION, Head


@dataclass(kw_only=True)
class LinearCovariates(LinearBaseline):
    """ridge or logistic regression on the confounds alone: age, sex, site, or what `confounds` names

    A category is one column of 0 and 1 for each of its values in the training part; of another value, or of
    none, all of these are 0. A number that is missing is the training part's mean. Where the training part
    lacks some values of a confound, a further column says of whom.
    """

    covariates = True
    noun = "ridge regression on the confounds alone"
    noun_for_classes = "logistic regression on the confounds alone"

    def fit(self, question: Question, train: Cases, val: Cases) -> None:
        self._columns = [_Column.of(head, texts_of(train, head)) for head in train.confounds]
        super().fit(question, train, val)

    def features(self, cases: Cases) -> Array:
        found = [column.features(texts_of(cases, column.head)) for column in self._columns]
        return np.concatenate(found, axis=1) if found else np.empty((len(cases), 0))


@dataclass(frozen=True)
class _Column:
    """A confound as features, by the training part.

    Attributes:
        mean: of a number.
        values: of a category.
        lacking: whether the training part lacks some.
    """

    head: Head
    mean: float = 0.0
    values: tuple[str, ...] = ()
    lacking: bool = False

    @classmethod
    def of(cls, head: Head, texts: Sequence[str]) -> _Column:
        known = [text for text in texts if text]
        lacking = len(known) < len(texts)
        if head.type == REGRESSION:
            return cls(head, float(np.mean([float(text) for text in known])) if known else 0.0, (), lacking)
        return cls(head, 0.0, tuple(sorted(set(known))), lacking)

    def features(self, texts: Sequence[str]) -> Array:
        """(n, columns)."""
        if self.head.type == REGRESSION:
            columns = [[float(text) if text else self.mean for text in texts]]
        else:
            columns = [[float(text == value) for text in texts] for value in self.values]
        if self.lacking:
            columns.append([float(not text) for text in texts])
        return np.array(columns, np.float64).reshape(len(columns), len(texts)).T


def texts_of(cases: Cases, head: Head) -> list[str]:
    """What a confound says of each case; "" where it says nothing."""
    tables = cases.covariates
    return [
        tables[row.source].get(row.image, {}).get(head.label, "") if row.source < len(tables) else ""
        for row in cases.rows
    ]
