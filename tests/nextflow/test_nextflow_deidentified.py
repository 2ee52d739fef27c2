"""`deidentify` through Nextflow: no id in what is published, and the scores of the run with ids."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "privacy"))
import hidden_people

Run = Callable[..., CompletedProcess[str]]
pytestmark = [pytest.mark.pipeline, pytest.mark.slow]


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines, delimiter="," if file.suffix == ".csv" else "\t"))


def scores(outdir: Path) -> list[dict[str, str]]:
    told = rows(outdir / "ranking/leaderboard.tsv")
    return [{key: cell for key, cell in row.items() if "seconds" not in key} for row in told]


def test_nothing_published_holds_an_id(nextflow: Run, checkout: Path, tmp_path: Path) -> None:
    hidden_people.write(tmp_path)

    def run(outdir: str, **more: Any) -> CompletedProcess[str]:
        (tmp_path / f"{outdir}.json").write_text(hidden_people.params(outdir, store="store", **more))
        return nextflow(tmp_path, "run", str(checkout), "-params-file", f"{outdir}.json", "-resume")

    plain = run("plain")
    assert plain.returncode == 0, plain.stdout + plain.stderr
    assert hidden_people.told(tmp_path / "plain", hidden_people.secrets()), "the search finds what is there"
    assert hidden_people.pictures(tmp_path / "plain"), "the search finds what is there"

    hidden = run("hidden", deidentify=True)
    assert hidden.returncode == 0, hidden.stdout + hidden.stderr
    key = (tmp_path / "store/deidentify.key").read_text().strip()
    assert len(key) == 64
    assert hidden_people.told(tmp_path / "hidden", hidden_people.secrets() | {key}) == []
    assert scores(tmp_path / "hidden") == scores(tmp_path / "plain")
    published = {path.name for path in (tmp_path / "plain").iterdir()}
    assert {path.name for path in (tmp_path / "hidden").iterdir()} == published
    stages = {path.name for path in (tmp_path / "plain/stages").iterdir()}
    assert {path.name for path in (tmp_path / "hidden/stages").iterdir()} == stages
    submitted = [line for line in hidden.stdout.splitlines() if "Submitted process" in line]
    assert not [line for line in submitted if "PREPARE" in line or "FINETUNE" in line], "nothing is trained"
    assert hidden_people.pictures(tmp_path / "hidden"), "there are pictures until they are not wanted"

    # One person, one pseudonym: in both data sets, in the splits and in predictions.
    subjects = {name: {row["subject"] for row in rows(tmp_path / f"hidden/splits/{name}.tsv")} for name in
                ("scans", "cohort")}  # fmt: skip
    assert len(subjects["scans"] & subjects["cohort"]) >= hidden_people.PEOPLE - 6
    predicted = [row for file in (tmp_path / "hidden/stages").glob("*/predictions.csv") for row in rows(file)]
    assert {row["subject"] for row in predicted} <= subjects["scans"] | subjects["cohort"]

    # Given back under the same key, they split as before, so that nothing is trained again.
    same = json.loads(json.dumps(hidden_people.SETTINGS["datasets"]))
    for name, spec in same.items():
        spec["split"] = f"hidden/splits/{name}.tsv"
    quiet = run("quiet", deidentify=True, datasets=same, report_pictures=False)
    assert quiet.returncode == 0, quiet.stdout + quiet.stderr
    assert hidden_people.told(tmp_path / "quiet", hidden_people.secrets() | {key}) == []
    assert hidden_people.pictures(tmp_path / "quiet") == []
    assert scores(tmp_path / "quiet") == scores(tmp_path / "plain")
    assert subjects["scans"] == {row["subject"] for row in rows(tmp_path / "quiet/splits/scans.tsv")}

    # Under another key, or none, they are refused; so is a folder with ids in it.
    (tmp_path / "other.key").write_text("0123456789abcdef" * 2)
    other = run("other", deidentify=True, datasets=same, deidentify_key="other.key")
    assert other.returncode != 0
    assert "pseudonyms made under another key" in other.stdout
    assert not hidden_people.told(tmp_path / "other", hidden_people.secrets())
    without = run("without", datasets=same)
    assert "there is no key" in without.stdout
    again = run("plain", deidentify=True)
    assert "holds results of a run without deidentify" in again.stdout
