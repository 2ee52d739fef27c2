"""What a user types: help, version, types on the command line, and every fault in one message."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml

from tlpy.params.schema import Schema

Run = Callable[..., CompletedProcess[str]]
pytestmark = pytest.mark.pipeline

STAGES = "[{name: pretrain, dataset: a}, {name: finetune, dataset: a}]"
# The weights of a term are no file, those of a stage are one.
SEARCH = "{space: {finetune.objective: [{multitask: {weights: uncertainty}}], pretrain.weights: [gone.pt]}}"
DATASETS = "{a: {reader: bids, path: data, label: age}}"


def test_version_and_help_run_nothing(nextflow: Run, checkout: Path, tmp_path: Path) -> None:
    version = nextflow(tmp_path, "run", str(checkout), "--version")
    assert version.returncode == 0, version.stdout
    assert "tlimb/tlimb 0.1.0" in version.stdout
    text = nextflow(tmp_path, "run", str(checkout), "--help").stdout
    assert "--batch_size" in text
    assert "--publish_dir_mode" not in text
    assert "--outdir" in text
    assert {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")} <= {"work"}


@pytest.mark.parametrize("parser", ["v1", "v2"])
def test_all_faults_are_told_at_once(nextflow: Run, checkout: Path, tmp_path: Path, parser: str) -> None:
    run = nextflow(
        tmp_path,
        *("run", str(checkout), "--outdir", "out", "--stages", STAGES, "--datasets", DATASETS),
        *("--epochs", "5.5", "--lr", "-1", "--batch-size", "3", "--precison", "16"),
        *("--keep", "bset", "--components", "nowhere", "--search", SEARCH, "--store"),
        parser=parser,
    )
    assert run.returncode != 0
    for line in (
        "batchSize: unknown param (did you mean 'batch_size'?)",
        "precison: unknown param (did you mean 'precision'?)",
        "epochs: expected integer, found 5.5",
        "lr: -1 must be above 0",
        "keep: 'bset' is not one of best, last (did you mean 'best'?)",
        "components: 'nowhere' does not exist",
        "store: expected string, found true (was its value forgotten?)",
        "datasets.a.path: 'data' does not exist",
        "search.space.pretrain.weights: 'gone.pt' does not exist",
    ):
        assert line in run.stdout, run.stdout
    assert "9 params are not right" in run.stdout


@pytest.mark.parametrize("parser", ["v1", "v2"])
def test_what_is_no_value_and_no_path_is_told(
    nextflow: Run, checkout: Path, tmp_path: Path, parser: str
) -> None:
    (tmp_path / "x\ny.csv").touch()
    text = """
outdir: ""
lr: .nan
seed: .inf
optimizer: {name: adam, eps: -.inf}
datasets: {a: {reader: table, path: "x\\ny.csv", label: " "}}
stages: [{dataset: a}]
"""
    (tmp_path / "params.yaml").write_text(text)
    run = nextflow(tmp_path, "run", str(checkout), "-params-file", "params.yaml", parser=parser)
    assert run.returncode != 0
    told = sorted(line[4:] for line in run.stdout.splitlines() if line.startswith("  * "))
    assert told == [
        "datasets.a.label: is empty text (leave it out, or say null)",
        "datasets.a.path: 'x\\ny.csv' holds a line break or another control character; "
        "rename it, or link to it under another name",
        "lr: is .nan, expected a number that is finite",
        "optimizer.eps: is -.inf, expected a number that is finite",
        "outdir: is empty text (leave it out, or say null)",
        "seed: is .inf, expected a number that is finite",
    ], run.stdout
    problems = Schema.read().problems(yaml.safe_load(text))
    assert sorted(str(problem) for problem in problems) == [line for line in told if "path" not in line]


@pytest.mark.parametrize("parser", ["v1", "v2"])
def test_paths_are_what_the_schema_calls_paths(
    nextflow: Run, checkout: Path, tmp_path: Path, parser: str
) -> None:
    reader = {"name": "table", "images": "/nowhere/images", "path": "no path of ours"}
    params = {
        "outdir": "out",
        "datasets": {
            "a": {"reader": reader, "path": "a.csv", "label": "age"},
            "b": {"reader": {"name": "table", "images": "beside"}, "path": "b.csv", "label": "age"},
        },
        "stages": [
            {"name": "pretrain", "weights": "c.pt", "objective": {"multitask": {"weights": [1, 2]}}},
            {"name": "finetune", "dataset": "a"},
        ],
        "search": {
            "space": {
                "datasets.a.path": ["a.csv", "d.csv"],
                "datasets.b.reader": ["bids", {"name": "table", "images": "/nowhere/more"}],
                "pretrain": ["none", {"dataset": "a", "weights": "e.pt"}],
                "finetune.objective.multitask.weights": ["uncertainty"],
                "finetune.weights": [{"file": "g.pt", "at_least": 0.9}],
                "finetune.architecture": [{"weights": "f.pt"}],
            }
        },
    }
    (tmp_path / "params.json").write_text(json.dumps(params))
    run = nextflow(tmp_path, "run", str(checkout), "-params-file", "params.json", parser=parser)
    assert run.returncode != 0
    told = [line.split(" does not exist")[0] for line in run.stdout.splitlines() if "  * " in line]
    assert told == [
        "  * datasets.a.reader.images: '/nowhere/images'",
        "  * search.space.datasets.b.reader[1].images: '/nowhere/more'",
        "  * datasets.a.path, search.space.datasets.a.path: 'a.csv'",
        "  * datasets.b.path: 'b.csv'",
        "  * stages[0].weights: 'c.pt'",
        "  * search.space.datasets.a.path: 'd.csv'",
        "  * search.space.pretrain[1].weights: 'e.pt'",
        "  * search.space.finetune.weights[0].file: 'g.pt'",
    ], run.stdout


@pytest.mark.parametrize("parser", ["v1", "v2"])
def test_values_of_the_command_line_have_the_schemas_types(
    nextflow: Run, checkout: Path, tmp_path: Path, parser: str
) -> None:
    (tmp_path / "search.yaml").write_text("space: {lr: [1e-4, 0.01]}\n")
    run = nextflow(
        tmp_path,
        *("run", str(checkout), "-stub", "--outdir", "out", "--stages", STAGES, "--datasets", DATASETS),
        *("--epochs", "5", "--lr", "1e-3", "--validate_params", "false", "--baseline", "false"),
        *(
            "--precision",
            "32",
            "--multiqc_title",
            "2026",
            "--search",
            "search.yaml",
            "--trace_report_suffix",
            "x",
        ),
        parser=parser,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    values = json.loads((tmp_path / "out/pipeline_info/params_x.json").read_text())
    assert values["epochs"] == 5
    assert values["lr"] == 0.001
    assert values["validate_params"] is False
    assert values["baseline"] is False
    assert values["precision"] == "32"
    assert values["multiqc_title"] == "2026"
    assert values["search"] == {"space": {"lr": [0.0001, 0.01]}}
    assert values["stages"][0] == {"name": "pretrain", "dataset": "a"}
    for name in ("multiqc/multiqc_report.html", "ranking/leaderboard.tsv", "plan/plan.json", "stages/last"):
        assert (tmp_path / "out" / name).exists()
