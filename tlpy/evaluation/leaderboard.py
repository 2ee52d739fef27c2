"""What the ranking hands on: the leaderboard, its replicates, and the winner as a params file that runs."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import Any

from tlpy import words
from tlpy.evaluation.difference import NAN, Difference
from tlpy.evaluation.outcomes import Outcome
from tlpy.evaluation.ranking import Headline, Ranking
from tlpy.evaluation.results import LABEL
from tlpy.files import write_json, write_table
from tlpy.metrics.registry import METRICS, names

_BY_IMAGE = "test_by_image"
# Of a number in a table.
_DIGITS = 6
_BEFORE: dict[str, Callable[[Outcome], Any]] = {
    "rank": lambda o: o.rank,
    "variant": lambda o: o.id,
    "label": lambda o: o.label,
    "target": lambda o: o.record.target,
    "kind": lambda o: o.kind,
}
_AFTER: dict[str, Callable[[Outcome], Any]] = {
    "metric": lambda o: o.metric,
    "validation": lambda o: o.mean("val"),
    "validation_sd": lambda o: o.spread("val"),
    "test": lambda o: o.mean("test"),
    "test_low": lambda o: o.test_interval[0],
    "test_high": lambda o: o.test_interval[1],
    "test_sd": lambda o: o.spread("test"),
    "gain": lambda o: o.gain.value,
    "gain_low": lambda o: o.gain.low,
    "gain_high": lambda o: o.gain.high,
    "p_gain": lambda o: o.p_gain,
    "gain_percent": lambda o: o.gain_percent,
    "gain_to_twin": lambda o: o.twin_gain.value,
    "gain_to_twin_low": lambda o: o.twin_gain.low,
    "gain_to_twin_high": lambda o: o.twin_gain.high,
    "gain_to_twin_percent": lambda o: o.twin_gain_percent,
    "to_best": lambda o: o.to_best.value,
    "to_best_low": lambda o: o.to_best.low,
    "to_best_high": lambda o: o.to_best.high,
    "p_to_best": lambda o: o.p_to_best,
}
_LAST: dict[str, Callable[[Outcome], Any]] = {
    "n_test": lambda o: o.n_test,
    "replicates": lambda o: f"{len(o.done)}/{len(o.replicates)}",
    "seconds": lambda o: o.seconds,
    "seconds_shared": lambda o: o.shared_seconds,
    "parameters_trainable": lambda o: o.trainable,
    "status": lambda o: o.status,
    "reason": lambda o: o.reason,
}


def searched(outcomes: Sequence[Outcome]) -> list[str]:
    """The searched paths, in the order in which the variants first name them."""
    return list(dict.fromkeys(path for outcome in outcomes for path in outcome.settings))


def write_ranking(rankings: list[Ranking], params: dict[str, Any], out: Path) -> None:
    """Write leaderboard.tsv, replicates.tsv, best_variants.json and best_params.yaml into `out`.

    With several targets, the first target's winner is best_params.yaml and each target has a
    best_params_<target>.yaml too. Where every variant failed there is no params file to write.
    """
    out.mkdir(parents=True, exist_ok=True)
    _write_leaderboard(rankings, out / "leaderboard.tsv")
    _write_replicates(rankings, out / "replicates.tsv")
    write_json(out / "best_variants.json", [_summary(ranking) for ranking in rankings])
    winners = [(ranking, ranking.best) for ranking in rankings if ranking.best is not None]
    for number, (ranking, best) in enumerate(winners):
        content = best_params_text(params, ranking, best)
        if number == 0:
            (out / "best_params.yaml").write_text(content, encoding="utf-8")
        if len(rankings) > 1:
            (out / f"best_params_{ranking.target}.yaml").write_text(content, encoding="utf-8")


def best_params(params: dict[str, Any], best: Outcome) -> dict[str, Any]:
    """The user's params with the winner's settings in place of the search; it runs as it is.

    A from-scratch winner keeps only its own last stage. Settings without effect on it stay as they were.
    """
    from tlpy.params.assignment import variant_params

    space = (params.get("search") or {}).get("space") or {}
    settings = {
        path: value
        for path, value in best.settings.items()
        if value is not None or None in (space.get(path) or [])
    }
    result = copy.deepcopy(variant_params(params, settings))
    stages = result.get("stages")
    if best.baseline and isinstance(stages, list) and stages:
        start = {key: value for key, value in stages[-1].items() if key not in ("weights", "transfer")}
        result["stages"] = [start]
    # Not the folder of the search, nor that of another search's winner.
    result["outdir"] = f"{_outdir(params)}/best_{best.id}"
    return result


def _outdir(params: dict[str, Any]) -> str:
    return str(params.get("outdir") or "results").rstrip("/")


def best_params_text(params: dict[str, Any], ranking: Ranking, best: Outcome) -> str:
    """`best_params` as YAML, with a header that says where it comes from."""
    import yaml

    shown, metric = ranking.metric.show, ranking.metric
    header = [
        f"The best variant of a TLIMB search for '{ranking.target}': {best.label} ({best.id}).",
        f"Chosen on validation: {metric.label} {shown(best.mean('val'))} ({metric.direction}); "
        f"on test: {shown(best.mean('test'))}.",
        "Paths are relative to where the search was started; run it from there, naming this file:",
        "  nextflow run . -params-file <outdir of the search>/ranking/best_params.yaml",
    ]
    body = yaml.safe_dump(best_params(params, best), sort_keys=False, allow_unicode=True, width=110)
    return "".join(f"# {line}\n" for line in header) + body


def _summary(ranking: Ranking) -> dict[str, Any]:
    def brief(outcome: Outcome | None) -> dict[str, Any] | None:
        if outcome is None:
            return None
        return {
            "variant": outcome.id,
            "label": outcome.label,
            "from_scratch": outcome.baseline,
            "settings": outcome.settings,
            "validation": outcome.mean("val"),
            "test": outcome.mean("test"),
            "test_interval": outcome.test_interval,
            "gain": _difference(outcome.gain, outcome.p_gain),
            "gain_percent": outcome.gain_percent,
            "stages": [{"seed": r.seed, "fold": r.fold, "stages": list(r.stages)} for r in outcome.done],
        }

    return {
        "target": ranking.target,
        "metric": ranking.metric.name,
        "direction": ranking.metric.direction,
        "selected_on": "validation",
        "tied_on_validation": ranking.tied,
        "headline": _headline(ranking.headline),
        "best": brief(ranking.best),
        "best_transfer": brief(ranking.best_transfer),
        "best_scratch": brief(ranking.best_scratch),
    }


def _headline(headline: Headline) -> dict[str, Any] | None:
    """What the variants that were chosen reach; over folds, chosen inside each."""
    if headline.best is None:
        return None
    return {
        "test": headline.best.mean("test"),
        "test_interval": headline.best.test_interval,
        "chosen_in_folds": headline.best.picks or None,
        "over_chance": _difference(headline.over_chance, headline.over_chance.p),
        "gain": _difference(headline.gain, headline.gain.p),
        "gain_percent": headline.gain_percent,
    }


def _difference(found: Difference, p: float) -> dict[str, float] | None:
    return {"value": found.value, "low": found.low, "high": found.high, "p": p} if found.known else None


def other_metrics(rankings: Sequence[Ranking]) -> list[str]:
    """The metrics beside the one each target is ranked by."""
    found = [name for ranking in rankings for name in names(ranking.task_type)]
    only = {ranking.metric.name for ranking in rankings} if len(rankings) == 1 else set()
    return [name for name in dict.fromkeys(found) if name not in only and name in METRICS]


def other_scores(outcomes: Sequence[Outcome]) -> list[str]:
    """The columns of further labels and of targets, as any variant has them."""
    return list(dict.fromkeys(name for o in outcomes for r in o.done for name in r.others))


def _column(score: str, taken: Container[str]) -> str:
    """The column of a further label's test score: without `label:` unless it could be another one."""
    bare = f"test_{score.removeprefix(LABEL)}"
    clear = score.startswith(LABEL) and bare not in taken and not bare.startswith("test_target_")
    return bare if clear else f"test_{score}"


def _write_leaderboard(rankings: list[Ranking], path: Path) -> None:
    outcomes = [outcome for ranking in rankings for outcome in ranking.rows]
    settings, others, beside = searched(outcomes), other_metrics(rankings), other_scores(outcomes)
    fixed = {*_BEFORE, *_AFTER, *_LAST, _BY_IMAGE, *(f"test_{name}" for name in METRICS)}
    scores = [_column(name, fixed) for name in beside]
    images = [_BY_IMAGE] if any(math.isfinite(o.test_by_image) for o in outcomes) else []
    header = [
        *_BEFORE,
        *(f"setting:{name}" if name in {*fixed, *scores} else name for name in settings),
        *_AFTER,
        *images,
        *(f"test_{name}" for name in others),
        *scores,
        *_LAST,
    ]
    rows = []
    for outcome in outcomes:
        row = [get(outcome) for get in _BEFORE.values()]
        row += [words.setting(outcome.settings.get(name)) for name in settings]
        row += [get(outcome) for get in _AFTER.values()]
        row += [outcome.test_by_image for _ in images]
        row += [outcome.mean("test", name) for name in others]
        row += [outcome.other(name) for name in beside]
        row += [get(outcome) for get in _LAST.values()]
        rows.append(row)
    write_table(path, header, rows, _DIGITS)


def _write_replicates(rankings: list[Ranking], path: Path) -> None:
    header = ["rank", "variant", "label", "target", "seed", "fold", "status", "reason", "metric"]
    header += ["validation", "test", "gain", "stages"]
    rows: list[list[Any]] = []
    for ranking in rankings:
        name = ranking.metric.name
        turn = -1.0 if ranking.metric.lower_is_better else 1.0
        best = ranking.best_scratch
        scratch = {r.key: r.test.get(name, NAN) for r in best.done} if best else {}
        for outcome in ranking.rows:
            for r in outcome.replicates:
                gain = (
                    NAN
                    if outcome.kind != "transfer"
                    else turn * (r.test.get(name, NAN) - scratch.get(r.key, NAN))
                )
                values = [r.val.get(name, NAN), r.test.get(name, NAN), gain]
                status = "done" if r.reason is None else "failed"
                who = [outcome.rank, outcome.id, outcome.label, ranking.target, r.seed, r.fold]
                rows.append([*who, status, r.reason or "", name, *values, ",".join(r.stages)])
    write_table(path, header, rows, _DIGITS)
