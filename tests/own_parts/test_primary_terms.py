# ruff: noqa: E501 - messages are in one line each
"""An own term says by plain attributes what it is for; planning reads them without torch."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

import tlpy
from tlpy.cli import main
from tlpy.errors import InputError
from tlpy.params.schema import Schema
from tlpy.plan.planner import Planned, Planner

TERMS = """
from losses import Brier, Pinball
from tlpy.objectives.base import Term
from tlpy.objectives.cross_entropy import CrossEntropy
from tlpy.objectives.elastic_penalty import ElasticPenalty
from tlpy.objectives.simclr import SimCLR

NUMBERS = ("regression",)

class Near(Term):
    primary = True
    tasks = NUMBERS
    def forward(self, step): ...

class Nearer(Near):
    dims = (3,)

class Sharper(CrossEntropy):
    pass

class Softer(ElasticPenalty):
    pass

class Views(SimCLR):
    pass

class Away(Term):
    needs_unlabelled = True
    def forward(self, step): ...

class Sums(Term):
    primary = bool(1)
    tasks = ("classification",)
    def forward(self, step): ...
"""


@pytest.fixture
def terms(page: Path) -> Path:
    (page / "own/terms.py").write_text(TERMS)
    return page


def planned(page: Path, objective: Any, stage: int = 0) -> Planned:
    params = yaml.safe_load((page / "own.yaml").read_text()) | {"baseline": False}
    params["stages"][stage]["objective"] = objective
    return Planner(params, Schema.read(), {}, components=page / "own").plan()


def objective_of(plan: Planned, name: str) -> dict[str, Any]:
    return dict(next(record.objective for record in plan.stages.values() if record.name == name))


@pytest.mark.parametrize(
    ("objective", "completed"),
    [
        ("terms.Near", {"terms.Near": {"weight": 1.0}}),
        ({"terms.Near": {"weight": 2}}, {"terms.Near": {"weight": 2.0}}),
        ({"losses.Pinball": {"tau": 0.9}}, {"losses.Pinball": {"weight": 1.0, "tau": 0.9}}),
        ({"terms.Pinball": 1}, {"terms.Pinball": {"weight": 1.0, "tau": 0.5}}),
        ({"terms.Near": 1, "mae": 1}, {"terms.Near": {"weight": 1.0}, "mae": {"weight": 1.0}}),
        ({"terms.Near": 0}, {"mse": {"weight": 1.0}}),
        ({"terms.Softer": 0.1}, {"mse": {"weight": 1.0}}),
    ],
)
def test_the_class_says_whether_it_is_the_primary_one(
    terms: Path, objective: Any, completed: dict[str, Any]
) -> None:
    assert objective_of(planned(terms, objective), "pretrain") == completed


def test_a_subclass_is_for_what_its_base_is_for(terms: Path) -> None:
    assert list(objective_of(planned(terms, {"terms.Sharper": {}}, 1), "finetune")) == ["terms.Sharper"]
    plan = planned(terms, {"terms.Softer": 0.1}, 1)
    assert objective_of(plan, "finetune")["terms.Softer"] == {"alpha": 0.1, "beta": 0.01}
    plan = planned(terms, "terms.Views")
    assert next(r.task_type for r in plan.stages.values() if r.name == "pretrain") == "none"


@pytest.mark.parametrize(
    ("objective", "stage", "said"),
    [
        ("terms.Near", 1, "stages[1].objective.terms.Near: terms.Near (own/terms.py, line 10) is for regression, the task is binary (use cross_entropy or focal)"),
        ({"losses.Pinball": {"tau": 0.9}}, 1, "losses.Pinball (own/losses.py, line 7) is for regression, the task is binary"),
        ("losses.Brier", 0, "losses.Brier (own/losses.py, line 19) is for binary, the task is regression (use mse or mae or huber or soft_bins"),
        ("terms.Sharper", 0, "terms.Sharper (own/terms.py, line 18) is for binary or multiclass or multilabel, the task is regression"),
        ("terms.Nearer", 0, "terms.Nearer (own/terms.py, line 15) is for images with 3 axes, these have 2"),
        ({"terms.Away": 1}, 0, "terms.Away (own/terms.py, line 27) needs images without labels"),
        ({"terms.Sums": 1}, 0, "terms.Sums (own/terms.py, line 31): `primary` is what only running it would tell, expected true or false (planning reads the file without running it: write the value out)"),
        ({"terms.Sums": 1}, 0, "terms.Sums (own/terms.py, line 31): `tasks` is ('classification',), expected a tuple of 'regression', 'binary', 'multiclass', 'multilabel'"),
    ],
)  # fmt: skip
def test_wrong_use_names_file_class_and_what_is_expected(
    terms: Path, objective: Any, stage: int, said: str
) -> None:
    params = yaml.safe_load((terms / "own.yaml").read_text())
    params["stages"][stage]["objective"] = objective
    with pytest.raises(InputError) as caught:
        Planner(params, Schema.read(), {}, components=terms / "own").plan()
    told = [str(problem) for problem in caught.value.problems]
    assert any(said in line for line in told), told


def test_an_edited_class_is_read_anew(terms: Path) -> None:
    assert list(objective_of(planned(terms, "terms.Near"), "pretrain")) == ["terms.Near"]
    file = terms / "own/terms.py"
    file.write_text(file.read_text().replace("primary = True", "primary = False"))
    assert list(objective_of(planned(terms, "terms.Near"), "pretrain")) == ["mse", "terms.Near"]


def test_a_path_into_a_term_that_stands_alone_keeps_it(terms: Path) -> None:
    params = yaml.safe_load((terms / "own.yaml").read_text()) | {"baseline": False}
    params["stages"][1]["objective"] = "losses.Brier"
    params["search"] = {"space": {"finetune.objective.elastic_penalty": [0, 0.1]}}
    plan = Planner(params, Schema.read(), {}, components=terms / "own").plan()
    found = sorted(list(r.objective) for r in plan.stages.values() if r.name == "finetune")
    assert found == [["losses.Brier"], ["losses.Brier", "elastic_penalty"]]


def test_an_own_primary_term_learns(page: Path) -> None:
    """The quantile 0.9 of the noise around a label lies above its mean: the term, not mse, was minimised."""
    params = {
        "outdir": "quantiles",
        "components": "own",
        "datasets": {
            "clinic": {"reader": "clinic.Clinic", "path": "clinic", "label": "age"},
            "sexes": {"reader": "clinic.Clinic", "path": "clinic", "label": ["sex", "age"]},
        },
        "architecture": {"name": "nets.TwoLayers", "width": 8},
        "epochs": 4,
        "lr": 0.01,
        "keep": "last",
        "baseline": False,
        "stages": [{"dataset": "clinic", "objective": {"losses.Pinball": {"tau": 0.9}}}],
        "search": {"space": {"finetune.objective": [{"losses.Pinball": {"tau": t}} for t in (0.1, 0.9)]}},
    }
    found = tlpy.run(params, threads=1, accelerator="cpu")
    assert found.failed == {}
    errors = {}
    for file in (page / "quantiles/stages").glob("*/stage.json"):
        tau = json.loads(file.read_text())["objective"]["losses.Pinball"]["tau"]
        rows = list(csv.DictReader((file.parent / "predictions.csv").open()))
        errors[tau] = sum(float(row["prediction"]) > float(row["true"]) for row in rows) / len(rows)
    assert errors[0.1] < 0.5 < errors[0.9]

    both = {**params, "outdir": "both", "search": {}, "epochs": 1}
    both["stages"] = [{"dataset": "sexes", "objective": {"losses.Brier": 1, "losses.Pinball": {}}}]
    found = tlpy.run(both, threads=1, accelerator="cpu")
    assert found.failed == {}
    names = next((page / "both").rglob("history.csv")).read_text().splitlines()[0].split(",")
    assert {"losses.Brier", "losses.Pinball"} <= set(names), "each learns the label that it is for"


def test_the_command_line_trains_an_own_primary_term(page: Path) -> None:
    params = yaml.safe_load((page / "own.yaml").read_text()) | {"epochs": 1, "baseline": False}
    params["stages"] = [{"dataset": "sexes", "objective": "losses.Brier"}]
    (page / "brier.yaml").write_text(yaml.safe_dump(params))
    words = [
        "train",
        "brier.yaml",
        "--variant",
        "from scratch: finetune",
        "--threads",
        "1",
        "--accelerator",
        "cpu",
    ]
    told = CliRunner().invoke(main, words, catch_exceptions=False)
    assert told.exit_code == 0, told.output
    history = next((page / "results").rglob("history.csv")).read_text().splitlines()[0].split(",")
    assert "losses.Brier" in history
    assert "cross_entropy" not in history
