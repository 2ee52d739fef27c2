"""Finished stages of a plan, by the pipeline's own writers; only the network's answers are made up."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tlpy.data.subjects import PARTS, SubjectRow, read_subjects, truth
from tlpy.evaluation.ranking import Ranking, rank
from tlpy.evaluation.results import Run, read_run
from tlpy.files import write_json
from tlpy.plan.documents import plan_record, write_plan
from tlpy.plan.planner import Planned
from tlpy.records import BINARY, MULTILABEL, REGRESSION, Head, Stage
from tlpy.scenarios.outputs import write_predictions
from tlpy.scenarios.scores import all_metrics, scored_rows

# What a stage would predict of rows that all have the label, as metrics take it.
Predict = Callable[[Stage, Head, list[SubjectRow]], np.ndarray]


def seed_of(*parts: object) -> int:
    return int(hashlib.blake2b(repr(parts).encode(), digest_size=4).hexdigest(), 16)


def fairly_well(stage: Stage, head: Head, rows: list[SubjectRow]) -> np.ndarray:
    """Right more often than not; follows from the settings and the image, not from what things are called."""
    known, settings = truth(rows, head), (stage.training.lr, stage.parent is None, stage.seed)
    noise = np.array([np.random.default_rng(seed_of(row.image, settings)).normal() for row in rows])
    if head.type == REGRESSION:
        return known + 5 * noise
    strength = 0.6 - 4 * stage.training.lr
    if head.type == BINARY:
        return 1 / (1 + np.exp(-(strength * (2 * known - 1) + noise)))
    if head.type == MULTILABEL:
        return 1 / (1 + np.exp(-(strength * (2 * np.nan_to_num(known) - 1) + noise[:, None])))
    shown = np.exp(strength * np.eye(len(head.names))[known] + 0.3 * noise[:, None])
    return shown / shown.sum(axis=1, keepdims=True)


def finish(plan: Planned, folder: Path, predict: Predict = fairly_well) -> tuple[Run, list[Ranking]]:
    """Write a plan and its stages below `folder`, and rank them."""
    write_plan(plan, folder)
    for stage in plan.stages.values():
        write_stage(stage, folder / "subjects", folder / "stages" / stage.id, predict)
    run = read_run(plan_record(plan), folder / "stages")
    return run, rank(run, resamples=200)


def write_stage(stage: Stage, subjects: Path, folder: Path, predict: Predict = fairly_well) -> None:
    """What TRAIN leaves of a stage, as far as ranking reads it."""
    folder.mkdir(parents=True)
    rows: list[SubjectRow] = []
    for number, source in enumerate(stage.sources):
        columns = [column for head in stage.heads_of(source) for column in head.columns]
        rows += read_subjects(subjects / f"{source.subjects}.tsv", columns, number)
    parts = {part: [row for row in rows if row.split == part] for part in PARTS}
    predicted: dict[str, dict[str, np.ndarray]] = {}
    for part in ("val", "test"):
        predicted[part] = {}
        for head in stage.heads:
            several = head.type not in (REGRESSION, BINARY)
            shape = (len(parts[part]), len(head.names)) if several else len(parts[part])
            predicted[part][head.label] = np.full(shape, 0.5)
            for number in range(len(stage.sources)):
                chosen = scored_rows(head, parts[part], number)
                given = predict(stage, head, [parts[part][at] for at in chosen])
                predicted[part][head.label][chosen] = given
    write_predictions(folder, stage, parts, predicted)
    done = {"status": "done", "seconds": {"total": 1.0}, "parameters": {"trainable": 9}}
    write_json(folder / "metrics.json", {**done, **all_metrics(stage, parts, predicted)})
