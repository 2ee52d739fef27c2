"""Confounds of a whole run: the tables of the ranking, the section, and the summary's word."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from fake_run import FakeRun
from sklearn.metrics import roc_auc_score

from tlpy.evaluation.by_confound import group_scores
from tlpy.evaluation.confounds import confounding, write_confounds
from tlpy.evaluation.ranking import Ranking, rank
from tlpy.evaluation.results import Run, read_run
from tlpy.plan.plan_records import Plan
from tlpy.report.confounds import confounds
from tlpy.report.summary import caveats

LARGE = {"phantoms": (280, 60, 60), "brains": (200, 60, 64)}


def ranked(root: Path) -> tuple[Run, list[Ranking]]:
    plan = Plan.from_json(json.loads((root / "plan.json").read_text()))
    run = read_run(plan, root / "stages", root / "prepared", covariates=root / "covariates")
    return run, rank(run)


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def test_a_site_that_goes_with_the_label_is_warned_of(tmp_path: Path) -> None:
    FakeRun(tmp_path, sizes=LARGE).write()
    run, rankings = ranked(tmp_path)
    found = {one.covariate.name: one for one in confounding(run, "brains")}
    assert [name for name, one in found.items() if one.is_worth_a_warning] == ["site"]
    assert set(found) == {"weight", "site", "foreground volume", "mean intensity", "spread of intensity"}
    section = confounds(run, rankings)
    assert section is not None
    assert "sex goes with site (Cramér&#x27;s V 0." in section.data
    assert "a network may learn the scanner instead of sex." in section.data
    (line,) = [text for text in caveats(run, rankings[0]) if "goes with" in text]
    assert "the network may have learnt the scanner instead of sex. See Confounds." in line
    write_confounds(run, rankings, tmp_path / "ranking")
    table = {
        row["covariate"]: row
        for row in rows(tmp_path / "ranking/confounds.tsv")
        if row["dataset"] == "brains"
    }
    assert table["site"]["measure"] == "Cramér's V"
    assert float(table["site"]["low"]) > 0.4
    assert float(table["site"]["p_holm"]) == pytest.approx(5 * float(table["site"]["p"]))
    assert (table["weight"]["from"], table["mean intensity"]["from"]) == ("table", "images")


def test_chance_is_not_warned_of(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, sizes=LARGE)
    fake.write()
    file = tmp_path / "covariates/brains.tsv"
    table = rows(file)
    for at, row in enumerate(table):
        row["confound:site"] = "AB"[at * 7919 % 104729 % 2]
    file.write_text(
        "\n".join("\t".join(row) for row in [list(table[0]), *(row.values() for row in table)]) + "\n"
    )
    run, rankings = ranked(tmp_path)
    assert not any(one.is_worth_a_warning for one in confounding(run, "brains"))
    assert not [text for text in caveats(run, rankings[0]) if "goes with" in text]
    section = confounds(run, rankings)
    assert section is not None
    assert "brains</strong>: sex" not in section.data


def test_scores_by_site_are_those_of_its_own_cases(tmp_path: Path) -> None:
    FakeRun(tmp_path, sizes=LARGE).write()
    run, (ranking,) = ranked(tmp_path)
    site = {row["image"]: row["confound:site"] for row in rows(tmp_path / "covariates/brains.tsv")}
    cases = ranking.best.done[0].cases if ranking.best else None
    assert cases is not None
    found = group_scores(run, ranking)
    assert [(one.confound, one.category) for one in found] == [("site", "A"), ("site", "B")]
    for one in found:
        kept = [at for at, image in enumerate(cases.images) if site[image] == one.category]
        assert one.score == pytest.approx(roc_auc_score(cases.true[kept], cases.score[kept]))
        assert one.interval[0] <= one.score <= one.interval[1]
        assert one.subjects == len(kept)
    assert sum(one.subjects for one in found) == 64


def test_few_of_a_site_have_no_score(tmp_path: Path) -> None:
    FakeRun(tmp_path).write()
    run, (ranking,) = ranked(tmp_path)
    found = group_scores(run, ranking)
    assert sum(one.subjects for one in found) == 7
    assert all(one.score != one.score and one.interval[0] != one.interval[0] for one in found)
    section = confounds(run, [ranking])
    assert section is not None
    assert "below 10" in section.data


@pytest.mark.parametrize(
    "settings", [{"folds": 3}, {"seeds": 3}, {"task": "multiclass"}, {"task": "regression"}], ids=str
)
def test_other_searches_have_them_too(tmp_path: Path, settings: dict) -> None:
    FakeRun(tmp_path, sizes=LARGE, **settings).write()
    run, rankings = ranked(tmp_path)
    write_confounds(run, rankings, tmp_path / "ranking")
    scores = rows(tmp_path / "ranking/by_confound.tsv")
    assert len(scores) == 2
    assert all(float(row["test_low"]) <= float(row["test"]) <= float(row["test_high"]) for row in scores)


def test_without_tables_there_is_nothing_to_say(tmp_path: Path) -> None:
    FakeRun(tmp_path).write()
    plan = Plan.from_json(json.loads((tmp_path / "plan.json").read_text()))
    run = read_run(plan, tmp_path / "stages", tmp_path / "prepared")
    rankings = rank(run)
    assert confounds(run, rankings) is None
    write_confounds(run, rankings, tmp_path / "ranking")
    assert rows(tmp_path / "ranking/confounds.tsv") == []
