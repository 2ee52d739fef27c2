"""Whatever a params file holds, planning gives a plan or says what is wrong; it runs nothing that is named.

`TLIMB_FUZZ_SECONDS` says for how long, in other examples each time (`make fuzz`).
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile import ForbiddenError, mutated, nothing_is_run
from hypothesis import HealthCheck, given, seed, settings

from tlpy.components.sources import sources
from tlpy.errors import InputError
from tlpy.params.schema import Schema
from tlpy.plan.documents import plan_record, tasks_of
from tlpy.plan.planner import Planner

ASKED = os.environ.get("TLIMB_FUZZ_SECONDS")
SECONDS = float(ASKED or 12)
SCHEMA = Schema.read()

PARAMS: dict[str, Any] = {
    "outdir": "results",
    "datasets": {
        "source": {"reader": "table", "path": "source/people.csv", "label": "age"},
        "target": {"reader": {"name": "table"}, "path": "target/people.csv", "label": ["sex", "age"]},
        "far": {"reader": "table", "path": "far/people.csv", "people": "own", "split": {"test": 1}},
    },
    "external": ["far"],
    "architecture": {"name": "resnet10", "filters": 4},
    "epochs": 2,
    "lr": 0.01,
    "optimizer": {"name": "adamw", "weight_decay": 0.01},
    "schedule": {"name": "cosine", "warmup": 1},
    "augmentation": ["flip", {"name": "noise", "p": 0.5}],
    "datamodule": "base",
    "replicates": {"seeds": 1},
    "baseline": False,
    "seed": 1,
    "stages": [
        {"name": "pretrain", "dataset": "source", "objective": {"mse": 1.0}, "scenario": "sequential"},
        {
            "name": "finetune",
            "dataset": "target",
            "unlabelled": "source",
            "transfer": {"name": "freeze", "up_to": "layer1"},
            "objective": {"multitask": {}, "fixmatch": {"strong": [{"name": "noise"}]}, "coral": 0.1},
            "train_size": 0.5,
        },
    ],
    "search": {
        "method": {"name": "random", "seed": 1},
        "trials": 2,
        "space": {
            "finetune.lr": {"min": 0.001, "max": 0.1, "log": True},
            "finetune.transfer": ["full", "head"],
            "finetune.augmentation": [None, "brain", [{"name": "flip"}]],
        },
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tables of tiny images, and a package that tells when it is imported or called."""
    root = tmp_path_factory.mktemp("fuzz")
    for name, first in (("source", 0), ("target", 100), ("far", 200)):
        (root / name).mkdir()
        lines = ["image,subject,age,sex"]
        for person in range(first, first + 16):
            image = np.random.default_rng(person).normal(size=(8, 8)).astype(np.float32)
            np.save(root / name / f"p{person:03d}.npy", image)
            lines.append(f"p{person:03d}.npy,p{person:03d},{20.5 + person},{'FM'[person % 2]}")
        (root / name / "people.csv").write_text("\n".join(lines) + "\n")
    (root / "site").mkdir()
    (root / "site/trap.py").write_text(
        "import pathlib\nmark = pathlib.Path(__file__).with_name('called').touch\nmark()\n"
        "class Other:\n    def __init__(self, *given, **more): mark()\n"
        "def function(*given, **more): mark()\n"
    )
    return root


def plan(params: Any) -> str:
    """Plan, and write down the plan; what is wrong, or nothing."""
    roots = {f"{name}/people.csv": Path(f"{name}/people.csv") for name in ("source", "target", "far")}
    try:
        planned = Planner(params, SCHEMA, roots).plan()
    except InputError as error:
        return str(error) or "nothing"
    plan_record(planned).to_json()
    tasks_of(planned).to_json()
    return ""


def test_any_params_give_a_plan_or_say_what_is_wrong(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder / "site")
    assert plan(PARAMS) == ""
    # The sources stay what they are, and reading them anew is most of a plan's time.
    monkeypatch.setattr(sources, "use", lambda *_: None)
    end, seen = time.monotonic() + SECONDS, {"planned": 0, "refused": 0}

    @settings(max_examples=50, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(mutated(PARAMS))
    def any_params(params: dict[str, Any]) -> None:
        if time.monotonic() > end:
            return
        try:
            with nothing_is_run(seconds=10):
                told = plan(params)
        except ForbiddenError as error:
            pytest.fail(str(error))
        assert told != "nothing"
        seen["refused" if told else "planned"] += 1
        assert "trap" not in sys.modules

    # In turns, so that it ends in time. The same ones each time, where no longer search is asked for.
    turn = int(time.time()) if ASKED else 0
    while time.monotonic() < end:
        seed(turn)(any_params)()
        turn += 1
    assert min(seen.values()) > 0, seen
