"""The report on a made-up run: every section, in order, safe HTML, and a real MultiQC page."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from fake_run import FakeRun

from tlpy.evaluation.ranking import Ranking, rank
from tlpy.evaluation.results import Run, read_run
from tlpy.plan.plan_records import Plan
from tlpy.report.score_figures import _sortable
from tlpy.report.sections import GROUPS
from tlpy.report.summary import caveats
from tlpy.report.write import write_report

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "assets" / "multiqc_config.yml"
LARGER = {"phantoms": (280, 60, 60), "brains": (300, 60, 64), "clinic": (90, 30, 30)}
ALWAYS = {"summary", "leaderboard", "datasets", "left_out", "inferred", "methods"}


def ranked(root: Path) -> tuple[Run, list[Ranking]]:
    plan = Plan.from_json(json.loads((root / "plan.json").read_text()))
    run = read_run(plan, root / "stages", root / "prepared", covariates=root / "covariates")
    return run, rank(run)


def report_of(root: Path, **settings: Any) -> dict[str, dict[str, Any]]:
    FakeRun(root, **settings).write()
    run, rankings = ranked(root)
    write_report(run, rankings, root / "report")
    return sections(root / "report")


def sections(folder: Path) -> dict[str, dict[str, Any]]:
    def refuse(value: str) -> None:
        raise AssertionError(f"{value} is no JSON")

    return {
        file.name.removesuffix("_mqc.json"): json.loads(file.read_text(), parse_constant=refuse)
        for file in sorted(folder.iterdir())
    }


def test_every_section_of_a_whole_run(tmp_path: Path) -> None:
    found = report_of(tmp_path)
    expected = {name for _, _, names in GROUPS.values() for name in names}
    assert set(found) == expected - {"curves_adapt", "predicted", "rates", "external"}
    assert len(found["leaderboard"]["data"]) == 18
    assert found["cost"]["categories"].keys() == {"own", "shared"}
    assert found["roc"]["section_name"] == "ROC curves"
    assert "29 %" in found["sharing"]["data"]
    assert found["pictures"]["data"].count("data:image/png;base64,") == 8
    assert "augmented at random: flip and bias field." in found["methods"]["data"]


def test_what_is_not_split_by_subject_is_said(tmp_path: Path) -> None:
    found = report_of(tmp_path / "plain")

    def plain(text: str) -> str:
        return text.replace("&#39;", "'").replace("&#x27;", "'")

    assert plain(found["datasets"]["description"]).startswith(
        "Data set 'phantoms' is split by subject, stratified by age. Data set 'brains' is split by subject, "
        "stratified by sex. Splits are joint over all data sets, so that nobody trained on in one is tested "
        "on in another. Look"
    )
    assert "so that nobody trained on in one was tested on in another.<" in found["methods"]["data"]
    FakeRun(tmp_path / "odd").write()
    plan = json.loads((tmp_path / "odd/plan.json").read_text())
    plan["datasets"]["brains"] |= {"within": True, "split_by": "run", "equal": 24, "split_given": "parts.tsv"}
    (tmp_path / "odd/plan.json").write_text(json.dumps(plan))
    run, rankings = ranked(tmp_path / "odd")
    write_report(run, rankings, tmp_path / "odd/report")
    found = sections(tmp_path / "odd/report")
    assert (
        "Data set 'brains' is split as a table gave it (its parts share people). Splits are joint over all "
        "data sets: people who are named alike fall into one part. Equal images under several ids (24) "
        "fall into one part. Look"
    ) in plain(found["datasets"]["description"])
    assert "(given)" in found["datasets"]["data"]
    assert (
        "Data set 'brains' was split as a table gave it (its parts share people)" in found["methods"]["data"]
    )
    assert "nobody trained on" not in found["methods"]["data"]


def test_the_config_orders_every_section() -> None:
    config = yaml.safe_load(CONFIG.read_text())
    assert config["custom_content"]["order"] == [f"tlimb_{group}" for group in GROUPS]
    order = config["report_section_order"]
    for _, _, names in GROUPS.values():
        places = [order[f"tlimb_{name}"]["order"] for name in names]
        assert places == sorted(places)
    assert len(order) == sum(len(names) for _, _, names in GROUPS.values())


@pytest.mark.parametrize(
    "settings",
    [
        {"task": "regression", "seeds": 3, "sizes": LARGER},
        {"task": "multiclass", "targets": ("brains", "clinic"), "folds": 3, "sizes": LARGER},
        {"everything_fails": True},
        {"baseline": False},
    ],
)
def test_other_searches(tmp_path: Path, settings: dict[str, Any]) -> None:
    found = report_of(tmp_path, **settings)
    assert set(found) >= ALWAYS
    assert ("gain" in found) == (not settings.get("everything_fails") and settings.get("baseline", True))
    classified = not settings.get("everything_fails") and settings.get("task") != "regression"
    assert ("confusion" in found) == ("roc" in found) == classified
    assert ("predicted" in found) == (settings.get("task") == "regression")


def test_nothing_prepared_nothing_trained(tmp_path: Path) -> None:
    FakeRun(tmp_path).write()
    shutil.rmtree(tmp_path / "stages")
    shutil.rmtree(tmp_path / "prepared")
    run, rankings = ranked(tmp_path)
    write_report(run, rankings, tmp_path / "report")
    assert set(sections(tmp_path / "report")) == ALWAYS | {"sharing", "confounds"}


def test_text_of_users_is_escaped(tmp_path: Path) -> None:
    FakeRun(tmp_path).write()
    plan = json.loads((tmp_path / "plan.json").read_text())
    evil = "<script>alert(1)</script>"
    plan["variants"][0]["label"] = plan["warnings"][0] = evil
    plan["variants"][0]["settings"]["architecture"] = {"name": evil}
    plan["datasets"]["brains"]["left_out"] = [{"where": evil, "reason": evil}]
    failed = plan["variants"][1]["replicates"][0]["stages"][0]
    reason = {"id": failed, "status": "failed", "reason": evil}
    (tmp_path / "stages" / failed / "metrics.json").write_text(json.dumps(reason))
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    run, rankings = ranked(tmp_path)
    write_report(run, rankings, tmp_path / "report")
    for file in (tmp_path / "report").iterdir():
        assert "<script" not in file.read_text()


def test_caveats_speak_of_what_is_there(tmp_path: Path) -> None:
    FakeRun(tmp_path / "small").write()
    run, (ranking,) = ranked(tmp_path / "small")
    text = " ".join(caveats(run, ranking))
    assert "The test set is small (7 subjects)" in text
    assert "Variants were ranked on only 7 validation subjects or groups: another draw" in text
    assert "share the best validation score of 7 subjects" in text
    assert "71 % of the test cases are 'F'" in text
    assert "was trained once" in text
    assert "1 variant failed" in text
    FakeRun(tmp_path / "age", task="regression", seeds=2, sizes=LARGER).write()
    run, (ranking,) = ranked(tmp_path / "age")
    text = " ".join(caveats(run, ranking))
    assert "Always guessing the median" in text
    assert "means of 2 trainings" in text
    assert "misleads" not in text
    assert "ranked on only" not in text


def test_a_baseline_that_wins_is_said_to_win(tmp_path: Path) -> None:
    FakeRun(tmp_path, failed=False, sizes=LARGER).write()
    _, (ranking,) = ranked(tmp_path)
    assert ranking.best_scratch is not None
    last = ranking.best_scratch.replicates[0].stages[-1]
    file = tmp_path / "stages" / last / "metrics.json"
    metrics = json.loads(file.read_text())
    metrics["metrics"]["val"] = {"auroc": 1.0, "log_loss": 0.0}
    file.write_text(json.dumps(metrics))
    run, (ranking,) = ranked(tmp_path)
    assert ranking.best is not None
    assert ranking.best.baseline
    assert "transfer did not help" in caveats(run, ranking)[0]


def test_a_search_without_transfer_is_not_said_to_transfer_badly(tmp_path: Path) -> None:
    FakeRun(tmp_path, failed=False, sizes=LARGER).write()
    plan = json.loads((tmp_path / "plan.json").read_text())
    plan["variants"] = [variant for variant in plan["variants"] if variant["baseline"]]
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    run, (ranking,) = ranked(tmp_path)
    assert "transfer" not in " ".join(caveats(run, ranking))
    write_report(run, [ranking], tmp_path / "report")
    assert "variants, all from scratch" in (tmp_path / "report/summary_mqc.json").read_text()


def test_settings_stand_in_their_natural_order() -> None:
    values = ["resnet101", "vit", 0.1, "resnet18", 0.01, "densenet121", True, "resnet18, dropout 0.2"]
    in_order = sorted(values, key=_sortable)
    assert in_order[:2] == [0.01, 0.1]
    names = [value for value in in_order if isinstance(value, str)]
    assert names == ["densenet121", "resnet18", "resnet18, dropout 0.2", "resnet101", "vit"]


def test_roc_keeps_its_vertical_steps(tmp_path: Path) -> None:
    lines = report_of(tmp_path, sizes=LARGER)["roc"]["data"]
    scratch = next(points for name, points in lines.items() if name.startswith("best from scratch"))
    assert len({x for x, _ in scratch}) == len(scratch) > 10
    assert scratch[0][1] == 0
    assert scratch[-1][1] == 1
    assert 0.999 < scratch[-1][0] <= 1


def run_script(root: Path) -> subprocess.CompletedProcess[str]:
    arguments = ["--plan", "plan.json", "--stages", "stages", "--prepared", "prepared", "--out", "ranking"]
    command = [sys.executable, "-X", "importtime", str(ROOT / "bin" / "rank.py"), *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def test_the_script_writes_both_folders_without_heavy_imports(tmp_path: Path) -> None:
    FakeRun(tmp_path).write()
    done = run_script(tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    imported = set(re.findall(r"\|\s+(\w+)\n", done.stderr))
    assert not imported & {"torch", "pandas", "sklearn", "PIL", "nibabel"}
    assert (tmp_path / "ranking" / "leaderboard.tsv").exists()
    assert (tmp_path / "report" / "summary_mqc.json").exists()


@pytest.mark.slow
def test_multiqc_makes_one_page(tmp_path: Path) -> None:
    multiqc = Path(sys.executable).with_name("multiqc")
    if not multiqc.exists():
        pytest.skip("multiqc is not installed beside this Python")
    report_of(tmp_path)
    command = [str(multiqc), "report", "--strict", "-c", str(CONFIG), "-n", "multiqc_report.html"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    output = (done.stdout + done.stderr).replace("will give warnings if", "").lower()
    assert "warning" not in output, output
    page = tmp_path / "multiqc_report.html"
    assert not (tmp_path / "multiqc_data").exists()
    assert page.stat().st_size < 10_000_000
    text = page.read_text()
    headings = ["Summary", "Leaderboard", "Test scores", "Gain over scratch", "ROC curves", "Cost"]
    headings += ["Data sets", "Prepared images", "Methods in words"]
    places = [text.index(f"{heading}</a>") for heading in headings]
    assert places == sorted(places)
    assert not re.search(r'<(script|link)[^>]+(src|href)="https?://', text)
