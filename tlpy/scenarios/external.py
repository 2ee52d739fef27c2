"""Scoring finished stages on a data set that took no part: the test of a training, on other images."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tlpy import machine
from tlpy.architectures.build import build
from tlpy.data.contract import compare
from tlpy.data.dataset import ImageSource, JointDataset, PreparedDataset
from tlpy.data.subjects import SubjectRow, TargetScaling, encode, read_subjects
from tlpy.errors import InputError, Problem
from tlpy.files import read_json, write_json
from tlpy.objectives.build import build_objective
from tlpy.objectives.heads import outputs_of
from tlpy.records import ExternalRequest, Source, Stage
from tlpy.scenarios import outputs
from tlpy.scenarios.device import (
    choose_accelerator,
    configure,
    device_name,
    is_out_of_memory,
    memory_format,
    seed_everything,
    use_threads,
)
from tlpy.scenarios.execution import Execution
from tlpy.scenarios.loop import test
from tlpy.scenarios.material import Material, load
from tlpy.scenarios.opened import OpenedFolders
from tlpy.scenarios.scores import all_metrics
from tlpy.scenarios.sequential import SequentialScenario
from tlpy.scenarios.stage import divide_batch, make_scenario
from tlpy.store import check
from tlpy.transfer.groups import ParameterGroups
from tlpy.weights.read import WEIGHTS, read_weights


def score_external(
    request: ExternalRequest,
    caches: Path,
    subjects: Path,
    stages: Path,
    out: Path,
    accelerator: str = "auto",
    attempt: int = 1,
) -> dict[str, str]:
    """Score stages on a data set, into `out/<name>/<stage id>/`: metrics.json and predictions.csv.

    A stage that cannot be scored fails alone: its metrics.json says why.

    Args:
        request: which stages, on what.
        caches: holds a folder for each PREPARE request.
        subjects: holds `<subjects id>.tsv`.
        stages: holds the folders of the stages, by id.
        out: where to write.
        accelerator: `auto`, `cpu` or `gpu`.
        attempt: 1, or which retry this is: each halves the batch once more.

    Returns:
        Status (`done`, `failed`) by stage id.

    Raises:
        InputError: a GPU was asked for and there is none; the prepared images are not among `caches`.
        MemoryError: a retry with a smaller batch makes sense.
        MachineError: the machine failed (a full disk, a damaged file): nothing that is told of it counts.
    """
    execution = Execution(choose_accelerator(accelerator))
    configure(execution.accelerator)
    folders = OpenedFolders(caches, subjects)
    images, preprocessing = folders.images(request.cache)
    status = {}
    for one in request.stages:
        folder = out / request.name / one.id
        folder.mkdir(parents=True, exist_ok=True)
        try:
            check([stages / one.id])
            stage = Stage.from_json(read_json(stages / one.id / "stage.json"))
            source = Source(
                *(request.name, request.cache, request.subjects, one.labels),
                labelled=True,
                score_by=request.score_by,
                combine=request.combine,
            )
            columns = [c for head in stage.heads_of(source) for c in head.columns]
            rows = read_subjects(subjects / f"{request.subjects}.tsv", columns)
            found = score_stage(
                stage, stages / one.id, source, images, rows, folder, execution, preprocessing, attempt - 1
            )
        except Exception as error:
            if is_out_of_memory(error):
                raise MemoryError(f"stage {one.id} on {request.name}: {error}") from error
            trouble = machine.trouble(error, {"work folder": out})
            if trouble:
                raise trouble from error
            found = {"status": "failed", "reason": f"{type(error).__name__}: {error}".strip()}
            traceback.print_exc()
        found = {"id": one.id, "dataset": request.name, **found}
        write_json(folder / "metrics.json", found)
        status[one.id] = str(found["status"])
        print(f"{one.id} on {request.name}: {found['status']}", flush=True)
    return status


def score_stage(
    stage: Stage,
    finished: Path,
    source: Source,
    images: ImageSource,
    rows: Sequence[SubjectRow],
    folder: Path,
    execution: Execution,
    preprocessing: Mapping[str, Any],
    halvings: int = 0,
) -> dict[str, Any]:
    """Score one finished stage on images of another data set, and write predictions.csv.

    On one machine type the predictions are, bit for bit, those that its training gives of the same images in
    its test part.

    Args:
        stage: its record.
        finished: its folder.
        source: the data set, with the labels that it is scored by.
        images: its cache.
        rows: who is scored; images that were left out are passed over.
        folder: where to write.
        execution: the device.
        preprocessing: the contract that PREPARE wrote of the images.
        halvings: how often to halve the batch on the device.

    Returns:
        What metrics.json holds.

    Raises:
        InputError: no image is left, or a label is none of the stage's classes.
    """
    began = time.perf_counter()
    contract = read_json(finished / "contract.json")
    scaling = {label: TargetScaling(**found) for label, found in contract["targets"].items()}
    kept = [row for row in rows if row.image in images]
    if not kept:
        raise InputError([Problem(f"datasets.{source.dataset}", f"all {len(rows)} images were left out")])
    use_threads(stage.training.threads or 1)
    seed_everything(stage.seed)
    scenario, parts = _restored(stage, finished, images, kept, scaling, execution)
    batch = read_json(finished / "metrics.json").get("physical_batch") or stage.training.batch_size
    data = load(stage, parts, divide_batch(int(batch), halvings)[0], execution.accelerator == "gpu")
    predicted = {"test": test(scenario, data, stage, execution)}
    # Heads of labels that this data set lacks are not scored on it.
    scored = replace(stage, sources=(source,), heads=stage.heads_of(source))
    outputs.write_predictions(folder, scored, {"test": kept}, predicted)
    return {
        "status": "done",
        "reason": None,
        **all_metrics(scored, {"test": kept}, predicted),
        "n": {"test": len(kept)},
        "differences": [str(one) for one in compare(contract["images"], preprocessing)],
        "seconds": {"total": time.perf_counter() - began},
        "device": device_name(execution.accelerator),
        "versions": outputs.versions(),
    }


def _restored(
    stage: Stage,
    finished: Path,
    images: ImageSource,
    rows: Sequence[SubjectRow],
    scaling: Mapping[str, TargetScaling],
    execution: Execution,
) -> tuple[SequentialScenario, Material]:
    """The stage's scenario as it was when its training had ended, and the rows as its material."""
    sizes = {head.label: outputs_of(head, stage.objective) for head in stage.heads}
    network = build(stage.architecture, stage.input.channels, stage.input.size, sizes)
    network.layout = memory_format(stage.architecture["name"], len(stage.input.size), execution.accelerator)
    network.to(memory_format=network.layout)
    targets = encode(rows, stage.heads, scaling)
    several = len(stage.sources) > 1 or len(stage.heads) > 1
    given = JointDataset([images], rows, targets) if several else PreparedDataset(images, rows, targets)
    # A data module has a training part; nothing is trained here.
    material = Material({"test": list(rows)}, [], dict(scaling), {"train": given, "test": given})
    objective = build_objective(stage.objective, stage.heads)
    scenario = make_scenario(stage, network, objective, ParameterGroups(()), material)
    scenario.restore(read_weights(finished / WEIGHTS))
    return scenario, material
