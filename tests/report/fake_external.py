"""An external test set for a made-up run, as PLAN and EXTERNAL leave it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from fake_run import FakeRun, digest, prediction_rows, simulate, write_csv

from tlpy.evaluation.external import choose
from tlpy.evaluation.ranking import rank
from tlpy.evaluation.results import Run, read_run
from tlpy.metrics.registry import compute
from tlpy.plan.plan_records import Counts, ExternalSet, Plan


def add_external(
    fake: FakeRun, name: str = "far", people: int = 60, worse: float = 0.3, differences: tuple[str, ...] = ()
) -> Run:
    """Write the run, add a set that is harder than the target's own test part, score what is chosen on it.

    Args:
        people: how many are in the set.
        worse: how much less good its predictions are.
        differences: of its preparation, as EXTERNAL tells them.
    """
    root = fake.write()
    plan = Plan.from_json(json.loads((root / "plan.json").read_text()))
    caches = {digest("cache", target): target for target in fake.targets}
    sets = tuple(
        ExternalSet(name, target, cache, digest("cache", name), "table", (fake.head_of(target).label,), ())
        for cache, target in caches.items()
    )
    facts = replace(
        plan.datasets[fake.targets[0]],
        n=Counts(people, 0, 0, people),
        groups=Counts(people, 0, 0, people),
        external=True,
        left_out=(),
    )
    plan = replace(plan, datasets={**plan.datasets, name: facts}, external=sets)
    (root / "plan.json").write_text(json.dumps(plan.to_json(), indent=1))
    run = read_run(plan, root / "stages", root / "prepared")
    for request in choose(plan, rank(run)).requests:
        for stage in request.stages:
            _score(fake, root / "external" / name / stage.id, stage.id, people, worse, differences)
    return run


def _score(
    fake: FakeRun, folder: Path, stage: str, people: int, worse: float, differences: tuple[str, ...]
) -> None:
    record = fake.stages[stage]
    (head,) = record.heads
    rng = np.random.default_rng([int(stage, 16) % 2**32, 7])
    true, score = simulate(head, fake.quality[stage] - worse, people, np.random.default_rng(people), rng)
    folder.mkdir(parents=True)
    ids = [f"far-{number}" for number in range(people)]
    write_csv(folder / "predictions.csv", prediction_rows(head, ids, "test", true, score))
    done = {
        "id": stage,
        "status": "done",
        "reason": None,
        "metrics": {"train": {}, "val": {}, "test": compute(head.type, true, score)},
        "n": {"test": people},
        "differences": list(differences),
        "seconds": {"total": 1.0},
    }
    (folder / "metrics.json").write_text(json.dumps(done))
