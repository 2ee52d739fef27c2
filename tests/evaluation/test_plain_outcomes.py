"""Plain baselines in the ranking: beside it, without a rank, compared with the winner on the same cases."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_run import FakeRun, prediction_rows, simulate, write_csv

from tlpy.evaluation.leaderboard import write_ranking
from tlpy.evaluation.ranking import Ranking, rank
from tlpy.evaluation.results import Run, read_run
from tlpy.metrics.registry import compute
from tlpy.plain.fits import PlainFit
from tlpy.plan.plan_records import PlainVariant, Plan, Replicate
from tlpy.report.plain import on_plain, plain_methods
from tlpy.report.write import write_report

SIZES = {"phantoms": (280, 60, 60), "brains": (60, 40, 120)}
WORDS = {"weak": "majority class", "good": "logistic regression on down-sampled images"}
NAMES = {"weak": "mean", "good": "linear_images"}


class PoorRun(FakeRun):
    """One whose networks leave something to be done better."""

    def _stage(self, *settings: Any) -> str:
        id_ = super()._stage(*settings)
        self.quality[id_] /= 2
        return id_


def make(folder: Path, failed: tuple[str, ...] = (), **settings: Any) -> Run:
    """A made-up run with two baselines: `weak` as good as guessing, `good` of the quality that is said.

    Args:
        failed: which of them failed.
        settings: `quality`, and those of `FakeRun`.
    """
    quality = {"weak": 0.0, "good": settings.pop("quality", 0.3)}
    fake = PoorRun(folder, **{"sizes": SIZES, **settings})
    fake.write()
    plan = json.loads((folder / "plan.json").read_text())
    last = [r for v in Plan.from_json(plan).variants[:1] for r in v.replicates]
    variants, fits = [], {}
    for name in ("weak", "good"):
        replicates = []
        for replicate in last:
            stage = fake.stages[replicate.stages[-1]]
            id_ = f"{name}-{replicate.fold}"
            component = {"name": NAMES[name]}
            fits[id_] = PlainFit(id_, component, stage.sources, stage.heads, stage.metric, 0)
            _leave(folder / "plain" / id_, fits[id_], fake, replicate.fold, quality[name], name in failed)
            replicates.append(Replicate(replicate.seed, replicate.fold, (id_,)))
        label = f"plain: {WORDS[name]}"
        variants.append(
            PlainVariant(name, label, "brains", component, {}, stage.metric, tuple(replicates)).to_json()
        )
    plan |= {"plain": variants, "plain_fits": {key: fit.to_json() for key, fit in fits.items()}}
    return read_run(Plan.from_json(plan), folder / "stages", folder / "prepared", folder / "plain")


def _leave(
    folder: Path, fit: PlainFit, fake: FakeRun, fold: int | None, quality: float, failed: bool
) -> None:
    """What a fit leaves, on the cases that `FakeRun` tests its stages on."""
    folder.mkdir(parents=True)
    if failed:
        content = {"id": fit.id, "status": "failed", "reason": "RuntimeError: no idea"}
        (folder / "metrics.json").write_text(json.dumps(content))
        return
    (head,), (_, n_val, n_test) = fit.heads, fake.sizes["brains"]
    rng, found, rows = np.random.default_rng(5), {}, []
    for part, first, n in (("val", 300, n_val), ("test", 400, n_test)):
        people = np.random.default_rng([n, first, fold or 0])
        shift = fold if part == "test" and fold is not None else 0
        ids = [f"sub-{first + 1000 * shift + i}" for i in range(n)]
        true, score = simulate(head, quality, n, people, rng)
        if not quality:
            score = np.full_like(score, true.mean(), dtype=float)
        found[part] = compute(head.type, true, score)
        rows += prediction_rows(head, ids, part, true, score)
    write_csv(folder / "predictions.csv", rows)
    done = {"id": fit.id, "status": "done", "reason": None, "metrics": found, "seconds": {"total": 0.1}}
    (folder / "metrics.json").write_text(json.dumps(done | {"parameters": {"total": 5, "trainable": 5}}))


def board(run: Run, rankings: list[Ranking], folder: Path) -> list[dict[str, str]]:
    write_ranking(rankings, run.plan.params, folder)
    with (folder / "leaderboard.tsv").open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_they_stand_after_the_ranked_ones_without_a_rank(tmp_path: Path) -> None:
    run = make(tmp_path)
    (found,) = rank(run)
    assert all(not outcome.plain for outcome in found.outcomes)
    assert [outcome.id for outcome in found.plain] == ["good", "weak"]
    rows = board(run, [found], tmp_path / "ranking")
    kinds = [row["kind"] for row in rows]
    ranked = len(found.ranked)
    assert kinds[ranked : ranked + 2] == ["plain", "plain"]
    assert "plain" not in kinds[:ranked] + kinds[ranked + 2 :]
    assert [row["rank"] for row in rows[ranked:]] == [""] * (len(rows) - ranked)
    good, best = rows[ranked], rows[0]
    assert good["label"] == "plain: logistic regression on down-sampled images"
    assert float(good["to_best"]) == pytest.approx(float(good["test"]) - float(best["test"]), abs=1e-5)
    assert float(good["test_low"]) < float(good["test"]) < float(good["test_high"])
    assert good["gain"] == ""
    best_params = (tmp_path / "ranking" / "best_params.yaml").read_text()
    assert "plain:" not in best_params.split("\n", 1)[0]


def test_ranks_and_differences_of_the_variants_stay_as_they_were(tmp_path: Path) -> None:
    run = make(tmp_path)
    with_plain, without = rank(run)[0], rank(Run(run.plan, run.stages))[0]
    assert without.plain == []
    for one, other in zip(with_plain.ranked, without.ranked, strict=True):
        assert (one.id, one.rank, one.test_interval) == (other.id, other.rank, other.test_interval)
        np.testing.assert_equal(one.p_to_best, other.p_to_best)


@pytest.mark.parametrize(
    ("quality", "verdict"),
    [(0.1, "beats"), (3.0, "is worse than"), (0.55, "is not shown better than")],
)
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_the_summary_says_whether_the_network_earned_its_keep(
    tmp_path: Path, quality: float, verdict: str, task: str
) -> None:
    run = make(tmp_path, quality=quality, task=task)
    (found,) = rank(run)
    best, plain = found.headline.best, found.headline.plain
    assert best is not None
    assert plain is not None
    turn = -1 if found.metric.lower_is_better else 1
    assert found.headline.over_plain.value == pytest.approx(turn * (best.mean("test") - plain.mean("test")))
    text = on_plain(found)
    assert text is not None
    assert f"<strong>{verdict}</strong>" in text
    assert f"({plain.label.removeprefix('plain: ')};" in text
    write_report(run, [found], tmp_path / "report")
    assert text in json.loads((tmp_path / "report/summary_mqc.json").read_text())["data"]
    table = json.loads((tmp_path / "report/leaderboard_mqc.json").read_text())["data"]
    assert {"plain 1", "plain 2"} < set(table)
    scores = json.loads((tmp_path / "report/scores_mqc.json").read_text())
    assert "plain: majority class" in scores["data"]
    assert "Orange, below: plain baselines" in scores["description"]


def test_too_few_people_show_nothing(tmp_path: Path) -> None:
    (found,) = rank(make(tmp_path, quality=0.1, sizes={**SIZES, "brains": (34, 7, 7)}))
    text = on_plain(found)
    assert text is not None
    assert "On 7 independent subjects or groups the network <strong>is not shown better than</strong>" in text


def test_over_folds_the_baseline_is_chosen_inside_each(tmp_path: Path) -> None:
    (found,) = rank(make(tmp_path, folds=4))
    assert found.headline.plain is not None
    assert set(found.headline.plain.picks) == {0, 1, 2, 3}
    assert found.headline.over_plain.known


def test_one_that_failed_is_listed_with_its_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    run = make(tmp_path, failed=("good",))
    (found,) = rank(run)
    assert found.headline.plain is not None
    assert found.headline.plain.id == "weak"
    rows = {row["variant"]: row for row in board(run, [found], tmp_path / "ranking")}
    assert (rows["good"]["status"], rows["good"]["reason"]) == ("failed", "RuntimeError: no idea")
    assert "logistic" not in plain_methods(run)
    assert "majority class" in plain_methods(run)
    (nothing,) = rank(make(tmp_path / "all", failed=("good", "weak")))
    text = on_plain(nothing)
    assert text is not None
    assert text.startswith("No plain baseline finished (RuntimeError: no idea)")
    assert nothing.best is not None


def test_without_plain_baselines_nothing_is_said(tmp_path: Path) -> None:
    run = make(tmp_path)
    assert on_plain(rank(Run(run.plan, run.stages))[0]) is None
