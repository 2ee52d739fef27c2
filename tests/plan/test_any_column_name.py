"""A user's columns may be called like ours: each name, in each role, from plan to ranking."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_stages import finish

from tlpy.components.sources import sources
from tlpy.errors import InputError
from tlpy.evaluation.leaderboard import write_ranking
from tlpy.files import write_table
from tlpy.params.schema import Schema
from tlpy.plan.planner import Planner

# Columns of the tables that tasks hand on, of predictions.csv, the leaderboard, splits and histories.
OURS = (
    *("image", "subject", "session", "run", "group", "site", "split", "part", "label", "true", "prediction"),
    *("fold", "unit", "source", "target", "dataset", "version", "seed", "variant", "rank", "metric", "test"),
    *("validation", "train", "val", "status", "index", "file", "epoch", "lr", "loss", "id", "path", "labels"),
    *("head", "p:case", "label:group", "setting:lr", "target_mae", "a+b", "a.b", "ein Wort", "Größe", "0"),
)
PLAIN = "observed"
PEOPLE = 90


@pytest.fixture(autouse=True)
def _components_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are no own ones here: what a plan reads of the code need not be read anew for each."""
    sources.use(None)
    monkeypatch.setattr(type(sources), "use", lambda *_: None)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for person in range(PEOPLE):
        np.save(folder / f"i{person:03d}.npy", np.random.default_rng(person).normal(size=(6, 6)))
    return folder


def table(images: Path, name: str, role: str, ids: tuple[str, str] = ("picture", "who")) -> Path:
    """Two people a family at three hospitals; the column of the role goes by `name`."""
    roles = ("label", "group", "site", "filter")
    columns = {PLAIN if one == role else f"x_{one}": one for one in roles}
    rows = []
    for person in range(PEOPLE):
        draw = np.random.default_rng(seed := person // 2)
        cells = {
            "label": ("control", "case")[int(np.random.default_rng(person + 500).integers(2))],
            "group": f"family {seed}",
            "site": ("A", "B", "C")[int(draw.integers(3))],
            "filter": "no" if person % 9 == 8 else "yes",
        }
        rows.append([f"i{person:03d}.npy", f"p{person:03d}", *(cells[one] for one in columns.values())])
    file = images / "people.csv"
    write_table(file, [*ids, *(name if column == PLAIN else column for column in columns)], rows)
    return file


def params(file: Path, name: str, role: str, columns: dict[str, str] | None = None) -> dict[str, Any]:
    theirs = {one: name if one == role else f"x_{one}" for one in ("label", "group", "site", "filter")}
    return {
        "outdir": "results",
        "datasets": {
            "people": {
                "reader": "table",
                "path": str(file),
                "label": theirs["label"],
                "group": theirs["group"],
                "filter": {theirs["filter"]: "yes"},
                "columns": {"image": "picture", "subject": "who"} if columns is None else columns,
                "split": {"val": 0.2, "test": 0.4},
            }
        },
        "stages": [{"dataset": "people"}],
        "search": {"space": {"lr": [0.01, 0.1]}},
    }


def outcome(given: dict[str, Any], folder: Path) -> tuple[list[tuple[str, ...]], list[dict[str, str]]]:
    """Who is where with which label, and the leaderboard but for ids."""
    plan = Planner(given, Schema.read(), {}).plan()
    rows = plan.base_subjects["people"].rows
    _, rankings = finish(plan, folder)
    write_ranking(rankings, given, folder / "ranking")
    with (folder / "ranking/leaderboard.tsv").open(newline="") as file:
        board = [{**row, "variant": ""} for row in csv.DictReader(file, delimiter="\t")]
    return list(rows), board


@pytest.mark.parametrize("role", ["label", "group", "site", "filter"])
def test_each_of_our_names_is_a_column_like_any_other(images: Path, tmp_path: Path, role: str) -> None:
    def found(name: str, folder: str) -> Any:
        given = params(table(images, name, role), name, role)
        if role == "site":
            given["datasets"]["people"]["columns"]["site"] = name
        return outcome(given, tmp_path / folder)

    rows, board = found(PLAIN, "plain")
    best = board[0]
    assert 0.02 < float(best["test_high"]) - float(best["test_low"]) < 0.6
    assert {row[4] for row in rows} == {"train", "val", "test"}
    assert {row[3] for row in rows} == ({"A", "B", "C"} if role == "site" else {""})
    for number, name in enumerate(OURS):
        given, shown = found(name, str(number))
        if name == "site" != role:  # our site is a column of that name, whatever else it is
            given = [(*row[:3], "", *row[4:]) for row in given]
        assert (given, shown) == (rows, board), name


def test_a_label_that_is_taken_for_the_subjects_ids_is_told(images: Path, tmp_path: Path) -> None:
    """Where nothing is said of columns, ours are found by their names; one for both is told."""
    file = table(images, "subject", "label", ids=("path", "participant_id"))
    with pytest.raises(InputError) as caught:
        outcome(params(file, "subject", "label", {}), tmp_path / "told")
    told = "datasets.people.label: 'subject' is taken for the subjects' ids: it can't be learnt"
    assert f"{told} (say which column holds the ids: `columns: {{subject: …}}`)" in str(caught.value)
    rows, board = outcome(params(file, "subject", "label", {"subject": "participant_id"}), tmp_path / "said")
    file = table(images, PLAIN, "label", ids=("path", "participant_id"))
    assert (rows, board) == outcome(params(file, PLAIN, "label", {}), tmp_path / "plain")


def test_the_users_own_column_comes_before_what_columns_says_of_our_name(images: Path) -> None:
    """With `columns: {site: x_site}` and a column `site`: label, group and filter `site` are that."""
    for role in ("label", "group", "filter"):
        told = []
        for name in (PLAIN, "site"):
            given = params(table(images, name, role), name, role)
            given["datasets"]["people"]["columns"]["site"] = "x_site"
            plan = Planner(given, Schema.read(), {}).plan()
            told.append(plan.base_subjects["people"].rows)
        assert told[0] == told[1], role
        assert {row[3] for row in told[0]} == {"A", "B", "C"}


def test_a_column_split_that_names_no_parts_is_a_column_like_any_other(images: Path) -> None:
    given = params(table(images, "split", "site"), "split", "site")
    data = Planner(given, Schema.read(), {}).plan().datasets["people"]
    assert not data.has_official_split


ODD = ("a,b", 'say "no"', "p:x", "Größe 1\t2", "-")


def test_a_label_called_target_and_classes_of_odd_spelling(images: Path, tmp_path: Path) -> None:
    """Further labels stand beside the score on a target, of which no label was learnt."""
    rows = [
        [f"i{person:03d}.npy", f"p{person:03d}", ODD[person % 5], 20 + person % 40, "FM"[person % 2]]
        for person in range(PEOPLE)
    ]
    file, other = images / "odd.csv", images / "other.csv"
    write_table(file, ["picture", "who", "group", "target", "balanced"], rows)
    write_table(other, ["picture", "who", "group"], [row[:3] for row in rows])
    given = params(file, PLAIN, "site")
    spec = given["datasets"]["people"]
    del spec["group"], spec["filter"]
    spec["label"] = ["group", "target", "balanced"]
    given["datasets"]["clinic"] = {**spec, "path": str(other), "label": "group", "people": "own"}
    given["stages"] = [{"dataset": "people", "unlabelled": "clinic"}]
    plan = Planner(given, Schema.read(), {}).plan()
    run, rankings = finish(plan, tmp_path)
    result = next(iter(run.stages.values()))
    cases = result.predictions("test")
    assert cases is not None
    assert result.record.heads[0].names == tuple(sorted(ODD))
    (table_,) = [one for one in plan.subjects.values() if one.columns == ("group", "target", "balanced")]
    labels = dict(zip((row[0] for row in table_.rows), (row[5] for row in table_.rows), strict=True))
    found = [sorted(ODD)[int(index)] for index in cases.true]
    assert found == [labels[image] for image in cases.images]
    write_ranking(rankings, given, tmp_path / "ranking")
    with (tmp_path / "ranking/leaderboard.tsv").open(newline="") as stream:
        header, *board = csv.reader(stream, delimiter="\t")
    assert len(set(header)) == len(header)
    scores = dict(zip(header, board[0], strict=True))
    best = rankings[0].best
    assert best is not None
    metrics = run.stages[best.done[0].stages[-1]].metrics_file
    for column, expected in {
        "test_target_auroc": metrics["metrics"]["target"]["auroc"],
        "test_label:target_mae": metrics["metrics_by_label"]["target"]["test"]["mae"],
        "test_balanced_auroc": metrics["metrics_by_label"]["balanced"]["test"]["auroc"],
    }.items():
        assert float(scores[column]) == pytest.approx(expected, rel=1e-4)


def test_a_column_of_a_multilabel_head_may_be_called_like_another_head(images: Path, tmp_path: Path) -> None:
    rows = [[f"i{p:03d}.npy", f"p{p:03d}", p % 2, p // 2 % 2] for p in range(PEOPLE)]
    write_table(images / "two.csv", ["picture", "who", "a", "b"], rows)
    spec = params(images / "two.csv", PLAIN, "site")["datasets"]["people"]
    del spec["group"], spec["filter"]
    sets = {"one": {**spec, "label": ["a", "b"], "task": "multilabel"}, "two": {**spec, "label": "a"}}
    given = {"outdir": "r", "datasets": sets, "stages": [{"dataset": ["one", "two"]}]}
    run, _ = finish(Planner(given, Schema.read(), {}).plan(), tmp_path)
    (result,) = run.stages.values()
    several, single = (result.predictions("test", head.label) for head in result.record.heads)
    assert several is not None
    assert single is not None
    assert several.true.shape == (len(single), 2)
    assert len(set(single.images)) == len(single)
