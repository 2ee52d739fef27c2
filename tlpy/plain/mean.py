"""The same answer for everybody."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tlpy.metrics.formulas import Array
from tlpy.plain.base import Cases, PlainBaseline, Question
from tlpy.records import BINARY, MULTILABEL, REGRESSION, Head


@dataclass(kw_only=True)
class Mean(PlainBaseline):
    """the training part's mean; of classes, how frequent each is there: the most frequent is called"""

    noun = "mean of the training labels"
    noun_for_classes = "majority class"

    def fit(self, question: Question, train: Cases, val: Cases) -> None:  # noqa: ARG002
        true = question.truth(train)
        self._answer = true.mean() if question.head.type == REGRESSION else shares(true, question.head)
        if question.head.type == BINARY:
            self._answer = self._answer[1]

    def predict(self, cases: Cases) -> Array:
        return np.broadcast_to(self._answer, (len(cases), *np.shape(self._answer))).copy()

    def parameters(self) -> int:
        return int(np.size(self._answer))


def shares(true: Array, head: Head) -> Array:
    """How frequent each class is, (classes,); of several labels each, among the cases that know it."""
    if head.type == MULTILABEL:
        known = np.isfinite(true)
        found: Array = np.where(known, true, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        return found
    counts = np.bincount(true.astype(int), minlength=len(head.names))
    return counts / counts.sum()
