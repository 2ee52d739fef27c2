"""The answer in words: the best variant, how sure that is, and what to be careful about."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tlpy import words
from tlpy.evaluation.curves import confusion
from tlpy.evaluation.external import ExternalScore
from tlpy.evaluation.intervals import FEWEST
from tlpy.evaluation.outcomes import Outcome
from tlpy.evaluation.ranking import Ranking
from tlpy.evaluation.results import Predictions, Run, counted
from tlpy.records import REGRESSION, Stage
from tlpy.report.confounds import confound_caveats
from tlpy.report.external_words import outside_in_short
from tlpy.report.plain import on_plain
from tlpy.report.sections import Section, bullets, escape, paragraph
from tlpy.report.verdicts import on_a_scratch_winner, on_chance, on_folds, on_transfer, on_twin

FEW = 100
"""Below this many test subjects, the report warns that intervals are wide."""
FEW_TO_RANK_BY = 50
"""Below this many validation subjects or groups, it warns that another draw of them could rank otherwise."""

STYLE = """<style>
#mqc_welcome,#page_title .multiqc-logo-wrapper{display:none!important}
.tlimb-card{border:1px solid rgba(128,128,128,.35);border-left:4px solid #2f6690;border-radius:4px;
  padding:14px 18px 4px;margin:0 0 18px;max-width:1100px}
.tlimb-card h4{margin:0 0 8px;font-size:1.15rem}
.tlimb-tiles{display:flex;flex-wrap:wrap;gap:12px 30px;margin:6px 0 12px}
.tlimb-tiles b{display:block;font-size:1.7rem;line-height:1.2;font-weight:600}
.tlimb-tiles span{font-size:.84rem;opacity:.75}
.tlimb-table{width:auto;min-width:420px;max-width:1100px;font-size:.9rem}
.tlimb-table td,.tlimb-table th{padding:.25rem 1.1rem .25rem .3rem;vertical-align:top}
.tlimb-table th{white-space:nowrap}
.tlimb-number{text-align:right;font-variant-numeric:tabular-nums}
.tlimb-svg{width:100%;max-width:1100px;height:auto;display:block;font-size:13px}
.tlimb-svg text{fill:currentColor}.tlimb-svg .tlimb-head{font-weight:600}
.tlimb-svg .tlimb-grid{stroke:currentColor;stroke-opacity:.12}
.tlimb-svg .tlimb-reference{stroke:currentColor;stroke-opacity:.55;stroke-dasharray:4 3}
.tlimb-row{display:flex;flex-wrap:wrap;gap:16px 36px;margin-bottom:14px}
.tlimb-row figure{margin:0}.tlimb-row figcaption{font-size:.85rem;opacity:.8;max-width:260px}
.tlimb-row img{display:block;height:190px;width:auto;background:#000;image-rendering:auto}
.tlimb-confusion td,.tlimb-confusion th{border:1px solid rgba(128,128,128,.3);padding:8px 14px;
  text-align:center}
.tlimb-methods{max-width:900px;line-height:1.55}
</style>"""


def summary(run: Run, rankings: list[Ranking], outside: Sequence[ExternalScore] = ()) -> Section:
    """The first section: a card per target."""
    cards = [_card(run, ranking, outside) for ranking in rankings]
    return Section(
        "summary",
        "Summary",
        "Variants are chosen by their validation score. The test set was scored once per variant, at the "
        "end.",
        "html",
        STYLE + "".join(cards),
    )


def describe(run: Run, outcome: Outcome) -> str:
    """`resnet18, lr 0.001, elastic_penalty 0, pretrained on phantoms` or `…, from scratch`; HTML."""
    chain = [run.stages[id_].record for id_ in outcome.replicates[0].stages]
    before = list(dict.fromkeys(_trained_on(stage) for stage in chain[:-1]))
    start = chain[0].weights
    text = escape(outcome.label)
    if outcome.baseline and "scratch" not in outcome.label:
        text += ", from scratch"
    elif start:
        text += f", starting from {escape(start.rsplit('/', 1)[-1])}"
    if before:
        text += f", pretrained on {escape(words.joined(before, 'then'))}"
    return text


def _trained_on(stage: Stage) -> str:
    """The data sets of a stage, those of which only the images were used apart."""
    return " + ".join(stage.learnt or stage.blind)


def _card(run: Run, ranking: Ranking, outside: Sequence[ExternalScore]) -> str:
    primary = [head.label for head in ranking.heads[:1]]
    doing = f"predicting {escape(words.joined(primary))}" if primary else "learning without labels"
    title = f"{escape(ranking.target)}: {doing}"
    best = ranking.best
    if best is None:
        reasons = dict.fromkeys(escape(outcome.reason) for outcome in ranking.outcomes)
        failed = paragraph(
            f"No variant finished, so there is nothing to rank. {len(reasons)} different reasons:"
        )
        return f'<div class="tlimb-card"><h4>{title}</h4>{failed}{bullets(list(reasons)[:10])}</div>'
    verdicts = [on_chance(ranking), on_transfer(ranking), on_plain(ranking)]
    said = f"Best on validation: <strong>{describe(run, best)}</strong>."
    intro = "".join(paragraph(text) for text in (verdicts[0], said, *verdicts[1:]) if text)
    return (
        f'<div class="tlimb-card"><h4>{title}</h4>{intro}{_tiles(run, ranking, best)}'
        f"{outside_in_short(ranking, outside)}"
        f"{paragraph('Keep in mind:')}{bullets(caveats(run, ranking))}</div>"
    )


def _unlearnt(run: Run, outcome: Outcome) -> str:
    """The data sets whose labels score its last stage, without being learnt from."""
    sources = run.stages[outcome.done[0].stages[-1]].record.sources
    return escape(
        words.joined([source.dataset for source in sources if source.labels and not source.labelled])
    )


def _tiles(run: Run, ranking: Ranking, best: Outcome) -> str:
    metric = ranking.metric
    unit = f" ({metric.direction})"
    headline = ranking.headline.best or best
    test = (
        f"{metric.label} on test{unit}<br>{_range(ranking, headline)}, {best.tested}{_beside(ranking, best)}"
    )
    chosen = "<br>chosen inside each fold" if ranking.in_folds else ""
    tiles = [(metric.show(headline.mean("test")), test + chosen)]
    how = "what was chosen by in each fold" if chosen else "what it was chosen by"
    tiles.append((metric.show(headline.mean("val")), f"{metric.label} on validation<br>{how}"))
    elsewhere = best.other(f"target_{metric.name}")
    if math.isfinite(elsewhere):
        where = f"{metric.label} on test of {_unlearnt(run, best)}<br>no label of which was learnt"
        tiles.append((metric.show(elsewhere), where))
    gain = ranking.headline.gain
    if gain.known:
        whose = "gain" if ranking.best_transfer is best else "gain of the best transfer"
        between = (
            f"95 % interval {metric.signed(gain.low)} to {metric.signed(gain.high)}"
            if math.isfinite(gain.low)
            else "no interval"
        )
        share = ranking.headline.gain_percent
        beside = f"; {words.percent(share)}" if math.isfinite(share) else ""
        over = f"{whose} in {metric.in_sentence} over the best from scratch"
        tiles.append((metric.signed(gain.value), f"{over}<br>{between}{beside}"))
    done = len(ranking.ranked)
    scratch = sum(outcome.baseline for outcome in ranking.outcomes)
    searched = words.count(len(ranking.outcomes) - scratch, "variant")
    beside = f", {scratch:,} from scratch" if scratch else ""
    if scratch == len(ranking.outcomes):
        searched, beside = words.count(scratch, "variant"), ", all from scratch"
    tiles.append((f"{done} of {len(ranking.outcomes)}", f"finished<br>{searched}{beside}"))
    return (
        '<div class="tlimb-tiles">'
        + "".join(f"<div><b>{big}</b><span>{small}</span></div>" for big, small in tiles)
        + "</div>"
    )


def _beside(ranking: Ranking, outcome: Outcome) -> str:
    """The score by image, where an answer stands for several of them."""
    score = outcome.test_by_image
    return f"<br>{ranking.metric.show(score)} by image" if math.isfinite(score) else ""


def _range(ranking: Ranking, outcome: Outcome) -> str:
    low, high = outcome.test_interval
    if not math.isfinite(low):
        return "no interval"
    return f"95 % interval {ranking.metric.show(low)} to {ranking.metric.show(high)}"


def caveats(run: Run, ranking: Ranking) -> list[str]:
    """What a careful reader would ask about the winner, answered from the results; HTML."""
    best = ranking.best
    if best is None:
        return []
    found = [
        *filter(None, (on_a_scratch_winner(ranking), on_twin(ranking), on_folds(ranking))),
        *_on_adaptation(run, ranking, best),
        *_on_size(run, ranking, best),
        *_on_balance(ranking, best),
        *confound_caveats(run, ranking),
    ]
    indistinct = [o for o in ranking.ranked[1:] if math.isfinite(o.p_to_best)]
    same = sum(o.p_to_best >= 0.05 for o in indistinct)
    if indistinct:
        found.append(
            f"On the test set, {same} of the {len(indistinct)} other variants can't be told from the best "
            "(paired bootstrap, Holm-corrected p ≥ 0.05)."
        )
    if len(best.replicates) == 1:
        found.append(
            "Each variant was trained once: how much another seed would change a score is not known. "
            "<code>replicates: {seeds: 3}</code> shows it."
        )
    else:
        spread = ranking.metric.show(best.spread("test"))
        found.append(
            f"Scores are means of {len(best.replicates)} trainings; for the best they vary by {spread} (sd)."
        )
    troubled = [outcome for outcome in ranking.outcomes if outcome.status != "done"]
    if troubled:
        found.append(
            f"{words.count(len(troubled), 'variant')} failed in whole or in part: see the leaderboard."
        )
    return found


def _on_adaptation(run: Run, ranking: Ranking, best: Outcome) -> list[str]:
    metric = ranking.metric
    scored = [(outcome.other(f"target_{metric.name}"), outcome.label) for outcome in ranking.ranked]
    scored = [pair for pair in scored if math.isfinite(pair[0])]
    scored.sort(key=lambda pair: pair[0], reverse=not metric.lower_is_better)
    if len(scored) < 2:
        return []
    first, last = (f"{metric.show(score)} ({escape(label)})" for score, label in (scored[0], scored[-1]))
    return [
        f"Variants are chosen by {escape(ranking.target)}. On {_unlearnt(run, best)}, whose labels chose "
        f"nothing, test scores go from {first} to {last}."
    ]


def _on_size(run: Run, ranking: Ranking, best: Outcome) -> list[str]:
    found = []
    if best.n_test < FEW:
        text = f"The test set is small ({best.tested}), so its scores are uncertain"
        if best.n_groups < FEWEST:
            text += (
                f"; it holds {best.n_groups} subjects or groups that are independent, and below {FEWEST} no "
                "interval and no p value means anything: none is given"
            )
        found.append(text + ".")
    judges = _judges(run, best)
    if 0 < judges < FEW_TO_RANK_BY and len(ranking.ranked) > 1:
        who = words.count(judges, "validation subject or group", "validation subjects or groups")
        found.append(
            f"Variants were ranked on only {who}: another draw of people could rank them in another order."
        )
    validation = run.stages[best.done[0].stages[-1]].predictions("val")
    if ranking.tied > 1:
        on = f" of {counted([validation])}" if validation else ""
        found.append(
            f"{ranking.tied} variants share the best validation score{on}; a finer score (log loss or "
            "squared error on validation) decided between them."
        )
    return found


def _judges(run: Run, best: Outcome) -> int:
    """How many independent subjects or groups the winner was chosen by, over all folds."""
    stages = {replicate.stages[-1] for replicate in best.done}
    parts = (run.stages[stage].predictions("val") for stage in stages)
    return len({group for cases in parts if cases is not None for group in cases.groups})


def _on_balance(ranking: Ranking, best: Outcome) -> list[str]:
    cases = first_cases(best)
    if cases is None:
        return []
    if ranking.task_type == REGRESSION:
        guess = float(np.abs(cases.true - np.median(cases.true)).mean())
        text = f"Always guessing the median would give a mean absolute error of {guess:.2f}."
        if best.mean("test", "r2") <= 0:
            text += " R² is not above zero: <strong>no better than guessing the mean</strong>."
        return [text]
    if not (ranking.heads and ranking.heads[0].is_classification):
        return []
    classes = ranking.heads[0].names
    counts = np.bincount(cases.true.astype(int), minlength=len(classes))
    share = counts.max() / counts.sum()
    found = []
    found += _on_calls(best, classes)
    if share >= 0.6:
        most = escape(classes[int(counts.argmax())])
        found.append(
            f"{100 * share:.0f} % of the test cases are '{most}': always guessing that gives an accuracy of "
            f"{share:.2f}, so accuracy alone misleads. Balanced accuracy is "
            f"{best.mean('test', 'balanced_accuracy'):.2f} (guessing: {1 / len(classes):.2f})."
        )
    return found


def _on_calls(best: Outcome, classes: Sequence[str]) -> list[str]:
    """Whether trainings, each by itself, call all their test cases by one class."""
    trained = [replicate.cases for replicate in best.done if replicate.cases is not None]
    alone: list[str] = []
    for cases in trained:
        called = np.flatnonzero(confusion(cases.true, cases.score, len(classes)).sum(axis=0))
        alone += [classes[int(called[0])]] if len(called) == 1 else []
    if not alone:
        return []
    names = words.joined([f"'{escape(name)}'" for name in dict.fromkeys(alone)], "or")
    some = "" if len(alone) == len(trained) else f" in {len(alone)} of {len(trained)} trainings"
    return [
        f"At the usual threshold <strong>every test case is called {names}</strong>{some}: the ranking by "
        "score may be good, the calls are not yet of use."
    ]


def first_cases(outcome: Outcome) -> Predictions | None:
    """The test cases of the first seed; those of all its folds put together. None where there are none."""
    done = [replicate for replicate in outcome.done if replicate.cases is not None]
    parts = [
        replicate.cases
        for replicate in done
        if replicate.seed == done[0].seed and replicate.cases is not None
    ]
    if not parts:
        return None
    if done[0].fold is None:
        return parts[0]
    return Predictions(
        tuple(image for part in parts for image in part.images),
        tuple(subject for part in parts for subject in part.subjects),
        tuple(group for part in parts for group in part.groups),
        np.concatenate([part.true for part in parts]),
        np.concatenate([part.score for part in parts]),
        tuple(count for part in parts for count in part.answered.values()),
    )
