"""Every fault of a params file is named by its path, with what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tlpy.params.schema import Schema

EXAMPLES = Path(__file__).parents[2] / "assets" / "examples"
SCHEMA = Schema.read()


def _params() -> dict:
    return yaml.safe_load((EXAMPLES / "tlimb.yaml").read_text())


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_example_is_valid(example: Path) -> None:
    assert SCHEMA.problems(yaml.safe_load(example.read_text())) == []


def test_all_faults_are_told_at_once() -> None:
    params = _params()
    params["lr"] = "fast"
    params["epoch"] = 3
    params["stages"][0]["epochs"] = 0
    params["datasets"]["brains"]["lable"] = params["datasets"]["brains"].pop("label")
    params["datasets"]["phantoms"]["preprocessing"]["slice"] = "axail"
    told = [str(problem) for problem in SCHEMA.problems(params)]
    assert told == [
        "datasets.brains.lable: unknown key (did you mean 'label'?)",
        "datasets.phantoms.preprocessing.slice: got \"axail\" (did you mean 'axial'?)",
        "epoch: unknown param (did you mean 'epochs'?)",
        'lr: expected a number, got "fast"',
        "stages[0].epochs: expected at least 1, got 0",
    ]


def test_text_from_a_command_line_gets_the_schemas_type() -> None:
    coerced = SCHEMA.coerce({"epochs": "5", "baseline": "false", "replicates": {"seeds": "3"}, "outdir": "7"})
    assert coerced == {"epochs": 5, "baseline": False, "replicates": {"seeds": 3}, "outdir": "7"}


def test_numbers_that_yaml_reads_as_text_are_numbers() -> None:
    text = "lr: 1e-4\noptimizer: {name: adam, eps: 1e-6}\nsearch: {space: {lr: [1e-4, 1E-3], epochs: [8]}}"
    assert SCHEMA.coerce(yaml.safe_load(text)) == {
        "lr": 1e-4,
        "optimizer": {"name": "adam", "eps": 1e-6},
        "search": {"space": {"lr": [1e-4, 1e-3], "epochs": [8]}},
    }


def test_stage_overrides_and_training_defaults_are_one_definition() -> None:
    stage = SCHEMA.properties["stages"]["items"]["properties"]
    for name, entry in SCHEMA.group("training_options").items():
        assert SCHEMA.resolve(stage[name]) is entry


def test_what_is_no_number_and_no_text_is_named_by_its_path() -> None:
    text = """
lr: .nan
outdir: ""
seed: -.inf
optimizer: {name: adam, eps: .inf}
datasets: {a: {reader: bids, path: " ", label: age}}
search: {space: {lr: [1.0e-3, .nan], finetune.optimizer: [{name: ""}]}}
"""
    told = [str(problem) for problem in SCHEMA.problems({**_params(), **yaml.safe_load(text)})]
    expected = [
        "datasets.a.path: is empty text (leave it out, or say null)",
        "lr: is .nan, expected a number that is finite",
        "optimizer.eps: is .inf, expected a number that is finite",
        "outdir: is empty text (leave it out, or say null)",
        "search.space.finetune.optimizer[0].name: is empty text (leave it out, or say null)",
        "search.space.lr[1]: is .nan, expected a number that is finite",
        "seed: is -.inf, expected a number that is finite",
    ]
    assert [line for line in told if "finite" in line or "empty text" in line] == expected
    said_twice = [line for line in told if line.startswith(("lr", "outdir", "seed", "search.space.lr"))]
    assert set(said_twice) <= set(expected)
