"""One answer a subject, or a study: what is said of its images is taken together before it is scored.

Two scans of a person are not two pieces of evidence. An *answer* is a subject with one true value: what is
predicted of its images that have the same value of the label is averaged (probabilities, or numbers in the
label's units). Where the value differs between visits, as an age does, each value stays an answer of its own.
A column may divide subjects into answers (studies), and another rule may combine their images.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
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


def by_subject(
    task_type: str,
    subjects: Sequence[Hashable],
    true: ArrayLike,
    score: ArrayLike,
    combine: str = "mean",
) -> Answers:
    """The answers of images in one part of one data set, in the order of their first images.

    Of a multilabel task each column is answered by itself: a subject has as many rows as a column of it has
    values, and a column that has fewer is unknown (NaN) in the others.

    Args:
        task_type: regression, binary, multiclass or multilabel.
        subjects: (n,) whose image it is, or of which study.
        true, score: (n, …) as metrics take them.
        combine: one of `tlpy.metrics.combining.RULES`.
    """
    each = by_image(true, _calls(task_type, np.asarray(score, dtype=np.float64), combine))
    if len(set(subjects)) == len(subjects):
        return each
    if task_type == _MULTILABEL:
        return _by_column(subjects, each.true, each.score, combine)
    index: dict[tuple[Hashable, float], int] = {}
    pairs = zip(subjects, each.true.tolist(), strict=True)
    of = np.array([index.setdefault(pair, len(index)) for pair in pairs], dtype=np.intp)
    image = np.unique(of, return_index=True)[1]
    counts = np.bincount(of)
    if combine in _LARGEST:
        score_ = np.full((len(index), *each.score.shape[1:]), -np.inf)
        np.maximum.at(score_, of, each.score)
        score_ = score_ / score_.sum(axis=1, keepdims=True) if score_.ndim > 1 else score_
    else:
        total = np.zeros((len(index), *each.score.shape[1:]))
        np.add.at(total, of, each.score)
        score_ = total / counts.reshape(-1, *[1] * (total.ndim - 1))
    return Answers(each.true[image], score_, image, counts)


_LARGEST = ("max", "any")


def _calls(task_type: str, score: Array, combine: str) -> Array:
    """What each image says under a rule that counts calls: 1 for the class it would be called, else 0."""
    if combine not in ("any", "vote"):
        return score
    if task_type != "multiclass":
        # Half goes to the second class, as in the metrics.
        return (score >= 0.5).astype(np.float64)
    return np.eye(score.shape[1])[score.argmax(axis=1)]


def _by_column(subjects: Sequence[Hashable], true: Array, score: Array, combine: str) -> Answers:
    over = np.max if combine in _LARGEST else np.mean
    places: dict[Hashable, list[int]] = {}
    for place, subject in enumerate(subjects):
        places.setdefault(subject, []).append(place)
    known, given, image, counts = [], [], [], []
    for own in places.values():
        values = [list(dict.fromkeys(column[np.isfinite(column)].tolist())) for column in true[own].T]
        rows = max(1, *map(len, values))
        # A column that has no such value is masked by its NaN; its score only has to be a number.
        true_ = np.full((rows, true.shape[1]), np.nan)
        score_ = np.repeat(over(score[own], axis=0)[None], rows, axis=0)
        for column, found in enumerate(values):
            for row, value in enumerate(found):
                true_[row, column] = value
                score_[row, column] = over(score[own, column][true[own, column] == value])
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
