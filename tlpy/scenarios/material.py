"""What a stage trains on: the rows of its parts over all its data sets, their targets, its data module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tlpy.data.augmentation.pipeline import build_augmentation
from tlpy.data.dataset import ImageSource, JointDataset, PreparedDataset
from tlpy.data.feature_scale import FeatureScale, ScaledSource, row_batches
from tlpy.data.held_back import hold_back
from tlpy.data.module import HELD_BACK, UNLABELLED, BaseDataModule
from tlpy.data.modules.build import build_datamodule
from tlpy.data.preprocessing import BY_FEATURE
from tlpy.data.subjects import (
    PARTS,
    SubjectRow,
    TargetScaling,
    check_variety,
    encode,
    fit_scaling,
    is_known,
    split_rows,
)
from tlpy.errors import InputError, Problem, Problems
from tlpy.records import REGRESSION, Head, Source, Stage

_NO_VAL = "the epoch to keep is chosen by it: give one, or set keep: last and no early_stopping"


@dataclass(frozen=True)
class Opened:
    """One data set of a stage, opened.

    Attributes:
        images: its cache.
        rows: its subjects; `SubjectRow.source` is its number among the stage's.
        preprocessing: the contract that PREPARE wrote.
    """

    images: ImageSource
    rows: Sequence[SubjectRow]
    preprocessing: Mapping[str, Any]


@dataclass(frozen=True)
class Material:
    """All that a stage learns from and is judged by.

    Attributes:
        parts: the rows of train, val and test, in the order of their loaders. The test part ends with the
            labelled test rows of data sets that no label is learnt from.
        unlabelled: the training rows whose images alone are used.
        scaling: of each regression label.
        sets: the data set of each part, of `unlabelled` and of `held_back`.
        held_back: the training rows that a way of transfer keeps for itself; `train` lacks them.
        features: of vectors, the scale that their features are brought to; None: they are used as stored.
    """

    parts: dict[str, list[SubjectRow]]
    unlabelled: list[SubjectRow]
    scaling: dict[str, TargetScaling]
    sets: dict[str, PreparedDataset]
    features: FeatureScale | None = None
    held_back: Sequence[SubjectRow] = ()

    def counts(self, sources: Sequence[Source]) -> dict[str, int]:
        """Images by part; where there are such, those without labels, those that are held back, and those of
        a target's test part.
        """
        learnt = {number for number, source in enumerate(sources) if source.labelled}
        every = not learnt
        found = {
            part: sum(every or row.source in learnt for row in self.parts.get(part, ())) for part in PARTS
        }
        others = {
            UNLABELLED: len(self.unlabelled),
            HELD_BACK: len(self.held_back),
            "target": len(self.parts.get("test", ())) - found["test"],
        }
        return {**found, **{name: count for name, count in others.items() if count}}


def gather(stage: Stage, opened: Sequence[Opened], held_back: float = 0.0) -> Material:
    """The rows, targets and data sets of a stage.

    Of a data set without labels only the training part is trained on, so that nobody is tested on whose
    images were seen, and only the test part is scored.

    Args:
        stage: the record.
        opened: its data sets, in the order of its sources.
        held_back: the share of the training part that its way of transfer keeps for itself.

    Raises:
        InputError: a part is empty, or a label holds one class only in it.
    """
    sources, training = stage.sources, stage.training
    problems = Problems()
    split = [
        split_rows(one.rows, one.images, source.dataset, problems)
        for one, source in zip(opened, sources, strict=True)
    ]
    learnt = [number for number, source in enumerate(sources) if source.labelled or not stage.heads]
    beside = [number for number in range(len(sources)) if number not in learnt]
    parts = {part: [row for number in learnt for row in split[number][part]] for part in PARTS}
    _check(stage, opened, split, problems)
    problems.raise_if_any()
    if not parts["val"] and (training.keep == "best" or training.early_stopping):
        raise InputError([Problem(f"datasets.{stage.dataset}", "there is no validation part", _NO_VAL)])
    for number in beside:
        heads = stage.heads_of(sources[number])
        tested = split[number]["test"]
        parts["test"] += [row for row in tested if any(is_known(row, head) for head in heads)]
    used = beside if stage.unlabelled_ratio > 0 or training.adabn else []
    unlabelled = [row for number in used for row in split[number]["train"]]
    parts = {part: rows for part, rows in parts.items() if rows}
    numbers = [head.label for head in stage.heads if head.type == REGRESSION]
    scaling = {label: fit_scaling(parts["train"], label) for label in numbers}

    features = _feature_scale(opened, parts["train"])
    images = [ScaledSource(one.images, features) if features else one.images for one in opened]

    def made(rows: Sequence[SubjectRow], heads: Sequence[Head]) -> PreparedDataset:
        targets = encode(rows, heads, scaling)
        if len(sources) == 1 and len(stage.heads) <= 1:
            return PreparedDataset(images[0], rows, targets)
        return JointDataset(images, rows, targets)

    held = _hold_back(stage, opened, parts, held_back)
    sets = {part: made(rows, stage.heads) for part, rows in parts.items()}
    if unlabelled:
        sets[UNLABELLED] = made(unlabelled, ())
    if held:
        sets[HELD_BACK] = made(held, stage.heads)
    return Material(parts, unlabelled, scaling, sets, features, held)


def _hold_back(
    stage: Stage, opened: Sequence[Opened], parts: dict[str, list[SubjectRow]], share: float
) -> list[SubjectRow]:
    """Take the rows that a way of transfer keeps for itself out of the training part."""
    if share <= 0:
        return []
    images = [one.images for one in opened]
    problems = Problems()
    parts["train"], held = hold_back(parts["train"], images, stage.heads, share, stage.seed, problems)
    problems.raise_if_any()
    return held


def _feature_scale(opened: Sequence[Opened], rows: Sequence[SubjectRow]) -> FeatureScale | None:
    """The scale of each feature over the training part of the data sets that are learnt from.

    It is of the stage, not of the data: another split, or fewer people, give another. Data sets whose labels
    are not learnt have no say in it, lest adapting to them began here.
    """
    # What was made without PREPARE has no contract.
    if (opened[0].preprocessing.get("preprocessing") or {}).get("normalise") != BY_FEATURE:
        return None
    images = {number: [row.image for row in rows if row.source == number] for number in range(len(opened))}
    return FeatureScale.of(
        batch
        for number, names in images.items()
        if names
        for batch in row_batches(opened[number].images, opened[number].images.rows(names))
    )


def _check(
    stage: Stage,
    opened: Sequence[Opened],
    split: Sequence[Mapping[str, list[SubjectRow]]],
    problems: Problems,
) -> None:
    """Add what keeps a label from being learnt, or the stage from being judged by its primary one."""
    sources = stage.sources
    for place, head in enumerate(stage.heads):
        own = stage.judged_on(head.label)
        named = [n for n, source in enumerate(sources) if source.labelled and head.label in source.labels]
        for part in PARTS if place == 0 else PARTS[:1]:
            used = named if part == "train" else [own]
            rows = [row for number in used for row in split[number][part]]
            planned = sum(row.split == part for number in used for row in opened[number].rows)
            lost = planned - len(rows)
            problems.extend(check_variety(rows, head, part, sources[own].dataset, lost))


def load(stage: Stage, material: Material, batch_size: int, pin_memory: bool = False) -> BaseDataModule:
    """The stage's data module.

    Args:
        stage: the record.
        material: what `gather` gave.
        batch_size: images at once on the device.
        pin_memory: for copies to a GPU.
    """
    training = stage.training
    sets = dict(material.sets)
    others = {role: {"train": sets.pop(role)} for role in (UNLABELLED, HELD_BACK) if role in sets}
    shares = {UNLABELLED: stage.unlabelled_ratio, HELD_BACK: 0.0}
    more = {"others": others, "shares": {role: shares[role] for role in others}} if others else {}
    return build_datamodule(
        training.datamodule,
        (stage.input.channels, *stage.input.size),
        parts=sets,
        batch_size=batch_size,
        seed=stage.seed,
        sampling="balanced" if stage.scenario.get("mixing") == "balanced" else training.sampling,
        pin_memory=pin_memory,
        augmentation=build_augmentation(training.augmentation, stage.seed),
        **more,
    )
