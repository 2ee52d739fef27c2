"""One answer a subject: what a network says of a person's images is taken together before it is scored.

Two scans of a person are not two pieces of evidence. An *answer* is a subject with one true value: what is
predicted of its images that have the same value of the label is averaged (probabilities, or numbers in the
label's units). Where the value differs between visits, as an age does, each value stays an answer of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tlpy.metrics.formulas import Array

_MULTILABEL = "multilabel"
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Answers:
    """What is scored.

    Attributes:
        true, score: as metrics take them (`metrics.registry.compute`), a row an answer.
        image: (answers,) the place of an image of each answer, each another one.
        images: (answers,) how many images each stands for.
    """

    true: Array
    score: Array
    image: Places
    images: Places

    def __len__(self) -> int:
        return len(self.image)


def by_image(true: ArrayLike, score: ArrayLike) -> Answers:
    """Every image is an answer of its own."""
    known, given = np.asarray(true, dtype=np.float64), np.asarray(score, dtype=np.float64)
    return Answers(known, given, np.arange(len(known)), np.ones(len(known), dtype=np.intp))


def by_subject(task_type: str, subjects: Sequence[str], true: ArrayLike, score: ArrayLike) -> Answers:
    """The answers of images in one part of one data set, in the order of their first images.

    Of a multilabel task each column is answered by itself: a subject has as many rows as a column of it has
    values, and a column that has fewer is unknown (NaN) in the others.

    Args:
        task_type: regression, binary, multiclass or multilabel.
        subjects: (n,) whose image it is.
        true, score: (n, …) as metrics take them.
    """
    each = by_image(true, score)
    if len(set(subjects)) == len(subjects):
        return each
    if task_type == _MULTILABEL:
        return _by_column(subjects, each.true, each.score)
    index: dict[tuple[str, float], int] = {}
    pairs = zip(subjects, each.true.tolist(), strict=True)
    of = np.array([index.setdefault(pair, len(index)) for pair in pairs], dtype=np.intp)
    image = np.unique(of, return_index=True)[1]
    counts = np.bincount(of)
    total = np.zeros((len(index), *each.score.shape[1:]))
    np.add.at(total, of, each.score)
    score_ = total / counts.reshape(-1, *[1] * (total.ndim - 1))
    return Answers(each.true[image], score_, image, counts)


def _by_column(subjects: Sequence[str], true: Array, score: Array) -> Answers:
    places: dict[str, list[int]] = {}
    for place, subject in enumerate(subjects):
        places.setdefault(subject, []).append(place)
    known, given, image, counts = [], [], [], []
    for own in places.values():
        values = [list(dict.fromkeys(column[np.isfinite(column)].tolist())) for column in true[own].T]
        rows = max(1, *map(len, values))
        # A column that has no such value is masked by its NaN; its score only has to be a number.
        true_ = np.full((rows, true.shape[1]), np.nan)
        score_ = np.repeat(score[own].mean(axis=0)[None], rows, axis=0)
        for column, found in enumerate(values):
            for row, value in enumerate(found):
                true_[row, column] = value
                score_[row, column] = score[own, column][true[own, column] == value].mean()
        known.append(true_)
        given.append(score_)
        image += own[:rows]
        counts += [len(own) - rows + 1, *[1] * (rows - 1)]
    return Answers(np.concatenate(known), np.concatenate(given), np.array(image), np.array(counts))


def whole_groups(subjects: Sequence[str], groups: Sequence[str]) -> tuple[str, ...]:
    """The groups of images, those that share a subject as one: no answer is of two of them."""
    of: dict[str, str] = {}

    def first(group: str) -> str:
        while of.setdefault(group, group) != group:
            group = of[group]
        return group

    met: dict[str, str] = {}
    for subject, group in zip(subjects, groups, strict=True):
        one, other = sorted((first(group), first(met.setdefault(subject, group))))
        of[other] = one
    return tuple(first(group) for group in groups)
