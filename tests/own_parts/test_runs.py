"""Own parts in training, by `tlpy train` and `tlpy.run`; both give the numbers of the pipeline's tasks."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

import tlpy
from tlpy.cli import main
from tlpy.plan.plan_records import Plan
from tlpy.records import Pack

ROOT = Path(__file__).parents[2]
SAME = ("history.csv", "predictions.csv", "learning_rates.csv")


def command(*words: str) -> Result:
    return CliRunner().invoke(main, list(words), catch_exceptions=False)


def test_a_whole_search_with_every_part_of_the_page(page: Path) -> None:
    found = tlpy.run("own.yaml", threads=1, accelerator="cpu")
    assert found.failed == {}
    assert {row["status"] for row in found.leaderboard} == {"done"}
    networks = [row for row in found.leaderboard if row["kind"] != "plain"]
    assert [row["rank"] for row in networks] == list(range(1, len(networks) + 1))
    assert {row["label"] for row in found.leaderboard[len(networks) :]} == {
        "plain: majority class",
        "plain: logistic regression on the middle's mean",
    }
    assert found.best_params is not None
    assert found.best_params["components"] == "own"
    assert (page / "results/ranking/leaderboard.tsv").is_file()
    assert len(list(page.glob("results/splits/*.tsv"))) == len(
        json.loads((page / "results/plan/plan.json").read_text())["datasets"]
    )
    stages = {
        json.loads(file.read_text())["name"]: file.parent for file in page.glob("results/stages/*/stage.json")
    }
    rates = list(csv.DictReader((stages["pretrain"] / "learning_rates.csv").open()))
    assert [float(row["lr"]) for row in rates if row["group"] == "encoder"] == [0.001, 0.0005, 0.00025]
    names = (stages["finetune"] / "history.csv").read_text().splitlines()[0].split(",")
    assert "confident.Confident" in names
    names = (stages["pretrain"] / "history.csv").read_text().splitlines()[0].split(",")
    assert "losses.Pinball" in names
    assert "mse" not in names, "a primary term trains the label alone"
    # Nothing is left to do, and one variant's chain is found in the store.
    before = sorted(page.glob("work/tlpy/stages/*"))
    again = tlpy.run("own.yaml", threads=1, outdir="again")
    assert again.leaderboard == found.leaderboard
    assert sorted(page.glob("work/tlpy/stages/*")) == before


def test_the_pages_way_of_transfer(page: Path) -> None:
    params = yaml.safe_load((page / "own.yaml").read_text()) | {"plain": None, "baseline": False, "epochs": 2}
    params["stages"][1]["transfer"] = {"name": "ways.Agreeing", "slowest": 0.5}
    (page / "own.yaml").write_text(yaml.safe_dump(params))
    found = tlpy.run("own.yaml", threads=1, accelerator="cpu")
    assert found.failed == {}
    (held,) = page.glob("results/stages/*/held_back.tsv")
    assert len(held.read_text().splitlines()) > 1
    rates = list(csv.DictReader((held.parent / "learning_rates.csv").open()))
    assert len({row["group"] for row in rates}) > 2
    assert {float(row["lr"]) for row in rates} <= {0.001, 0.0005}


def task(*words: str | Path, cwd: Path) -> None:
    """A task of the pipeline, as its module calls it."""
    places = [str(ROOT), str(cwd / "own")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(places), "OMP_NUM_THREADS": "1"}
    environment["TLPY_COMPONENTS"] = places[1]
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_one_variant_has_the_numbers_of_the_tasks(page: Path) -> None:
    listed = command("train", "own.yaml", "--list").output
    variant = next(line.split()[0] for line in listed.splitlines() if line.endswith("pretrain → finetune"))
    told = command("train", "own.yaml", "--variant", variant[:6], "--threads", "1", "--accelerator", "cpu")
    assert told.exit_code == 0, told.output
    assert "pretrain (" in told.output
    assert "validation auroc" in told.output

    params = yaml.safe_load((page / "own.yaml").read_text())
    (page / "params.json").write_text(json.dumps(params))
    (page / "data.json").write_text(json.dumps({"clinic": "clinic"}))
    task(
        ROOT / "bin/plan.py", "--params", "params.json", "--schema", ROOT / "nextflow_schema.json", "--data",
        "data.json", "--components", "own", "--out", "plan", cwd=page,
    )  # fmt: skip
    tasks = json.loads((page / "plan/tasks.json").read_text())
    assert tasks["problems"] == []
    for entry in tasks["prepare"]:
        (page / "request.json").write_text(json.dumps(entry["request"]))
        task(
            ROOT / "bin/prepare.py", "--request", "request.json", "--data", entry["source"], "--out",
            page / "caches" / entry["id"], cwd=page,
        )  # fmt: skip
    chain = json.loads((page / "plan/plan.json").read_text())
    record: dict[str, Any] = next(v for v in chain["variants"] if v["id"] == variant)
    ids = record["replicates"][0]["stages"]
    plan = Plan.from_json(chain)
    pack = Pack("p", "finetune", 1, tuple(plan.stages[stage] for stage in ids))
    (page / "pack.json").write_text(json.dumps(pack.to_json()))
    task(
        ROOT / "bin/train.py", "--pack", "pack.json", "--caches", "caches", "--subjects", "plan/subjects",
        "--parents", "parents", "--checkpoints", "checkpoints", "--accelerator", "cpu", cwd=page,
    )  # fmt: skip
    for stage in ids:
        here = page / "results/variants" / variant / "stages" / stage
        assert (page / "stages" / stage / "weights.safetensors").read_bytes() == (
            here / "weights.safetensors"
        ).read_bytes()
        for name in SAME:
            assert (page / "stages" / stage / name).read_text() == (here / name).read_text(), name


def test_a_stage_that_fails_shows_its_traceback(page: Path) -> None:
    noisy = page / "own/noisy.py"
    noisy.write_text(noisy.read_text().replace("images, labels = batch", "images, labels = batch.taken()"))
    label = "pretrain → finetune"
    told = command("train", "own.yaml", "--variant", label, "--threads", "1", "--debug")
    assert told.exit_code == 1
    assert "AttributeError" in told.output
    assert "noisy.py" in told.output, "the line of the user's code"
    quiet = command("train", "own.yaml", "--variant", label, "--threads", "1")
    assert "Traceback" not in quiet.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--variant", "zzz"], "there is no variant 'zzz'"),
        (
            ["--variant", "pretrain → finetune", "--seed", "7"],
            "there is no such replicate (there are: seed 0)",
        ),
        ([], "give --variant ID; --list shows them"),
    ],
)
@pytest.mark.usefixtures("page")
def test_a_variant_that_is_not_there(words: list[str], said: str) -> None:
    told = command("train", "own.yaml", *words)
    assert told.exit_code == 2
    assert said in told.output


def test_importing_the_module_is_light() -> None:
    script = "import sys, tlpy\nassert not {'numpy', 'torch', 'yaml'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
