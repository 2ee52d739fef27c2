"""What the plan worked out, and the methods in words, ready for a paper."""

from __future__ import annotations

from typing import Any

from tlpy import words
from tlpy.architectures.registry import ARCHITECTURES
from tlpy.data.augmentation.registry import AUGMENTATIONS
from tlpy.evaluation.outcomes import Outcome
from tlpy.evaluation.ranking import Ranking
from tlpy.evaluation.results import Run
from tlpy.metrics.combining import RULES
from tlpy.objectives.registry import TERMS
from tlpy.optimizers.registry import OPTIMIZERS
from tlpy.plan.plan_records import DatasetFacts
from tlpy.records import BY_IMAGE, BY_SUBJECT, REGRESSION, Stage
from tlpy.report.cited import called, citations, known_facts
from tlpy.report.external_words import external_method
from tlpy.report.interval_words import how_intervals_were_made
from tlpy.report.plain import plain_methods
from tlpy.report.prepared import prepared_as
from tlpy.report.sections import Section, bullets, escape, html_table, paragraph
from tlpy.report.splitting import how_split
from tlpy.report.starts import noticed


def inferred(run: Run) -> Section:
    """What was not in the params file: inferred, without effect, warned of."""
    plan = run.plan
    parts = ["<h5>Inferred</h5>"]
    rows = [[escape(item.what), escape(item.value), escape(item.why)] for item in plan.inferred]
    parts.append(html_table(("What", "Value", "Why"), rows) if rows else paragraph("Nothing."))
    if plan.normalised:
        parts.append("<h5>Settings without effect</h5>")
        rows = [[escape(item.what), escape(item.why)] for item in plan.normalised]
        parts.append(html_table(("Setting", "Why it was dropped"), rows))
    warnings = [escape(warning) for warning in (*plan.warnings, *noticed(run), *_left_out(run))]
    parts.append("<h5>Warnings</h5>" + (bullets(warnings) if warnings else paragraph("None.")))
    text = "Nothing is guessed silently: this is what the pipeline settled that the params file did not say."
    return Section("inferred", "Inferred settings and warnings", text, "html", "".join(parts))


def _left_out(run: Run) -> list[str]:
    """How many images of each data set take no part."""
    return [
        f"{words.count(len(facts.left_out), 'image')} of '{name}' left out: see the section on these"
        for name, facts in run.plan.datasets.items()
        if facts.left_out
    ]


def methods(run: Run, rankings: list[Ranking]) -> Section:
    """Paragraphs to copy, and what to cite."""
    body = [_data(run), _training(run), _search(run, rankings), plain_methods(run)]
    body = [*filter(None, body), _scoring(run, rankings) + _answers(run), _software(run)]
    text = "A draft from what was really run. Check it against your study before it goes into a paper."
    content = (
        "".join(paragraph(part) for part in body)
        + "<h5>To cite</h5>"
        + bullets(map(escape, citations(run.plan)))
    )
    return Section("methods", "Methods in words", text, "html", f'<div class="tlimb-methods">{content}</div>')


def _data(run: Run) -> str:
    sentences = []
    for name, facts in run.plan.datasets.items():
        n, people = facts.n, facts.groups
        served = words.joined([f"{_kind(head.type)} of {head.label}" for head in facts.heads])
        of = f" of {_people(people.all, facts.split_by)}" if people.all != n.all else ""
        parts = f"{n.train:,} for training, {n.val:,} for validation, {n.test:,} for testing"
        sentences.append(
            f"Data set '{escape(name)}' comprised {words.count(n.all, _noun(run, facts))}{of} "
            f"({'all for external testing' if facts.external else parts}) and "
            + (f"served {escape(served)}. " if served else "was used without labels. ")
            + _prepared(run, name, facts)
        )
    return " ".join([*sentences, how_split(run.plan, past=True)])


def _people(number: int, split_by: str) -> str:
    """`12 subjects`; of what else a split keeps whole, `7 groups by run`."""
    if split_by == "subject":
        return words.count(number, "subject")
    return f"{words.count(number, 'group')} by {escape(split_by)}"


def _noun(run: Run, facts: DatasetFacts) -> str:
    """What a data set is made of."""
    if facts.vectors:
        return "vector"
    return "window" if run.plan.caches[facts.cache].preprocessing.get("window") else "image"


def _kind(kind: str) -> str:
    return kind if kind == REGRESSION else f"{kind} classification"


def _prepared(run: Run, name: str, facts: DatasetFacts) -> str:
    """What was done to its images, in the words of their contract."""
    vectors = facts.vectors
    size = words.size((facts.channels, *facts.size))
    shape = words.count(facts.size[0], "feature") if vectors else f"arrays of {size}"
    steps = prepared_as(run, name)
    if not steps:
        return ""
    return f"Its {_noun(run, facts)}s were prepared so: {escape(steps)}; {shape}."


def _training(run: Run) -> str:
    groups: dict[str, list[Stage]] = {}
    for stage in run.plan.stages.values():
        groups.setdefault(stage.role, []).append(stage)
    sentences = []
    for role in ("pretrain", "adapt", "finetune"):
        stages = groups.get(role)
        if not stages:
            continue
        nets = _values(called(ARCHITECTURES, stage.architecture["name"]) for stage in stages)
        data = _values(_named(stage) for stage in stages)
        epochs = _values(stage.training.epochs for stage in stages)
        rates = _values(words.number(stage.training.lr) for stage in stages)
        batches = _values(stage.training.batch_size for stage in stages)
        optimizers = _values(called(OPTIMIZERS, stage.training.optimizer["name"]) for stage in stages)
        losses = _values(called(TERMS, next(iter(stage.objective))) for stage in stages)
        losses += _beside(stages)
        kept = " The epoch best on validation was kept." if stages[0].training.keep == "best" else ""
        doing = {"pretrain": "Pretraining", "adapt": "Adaptation", "finetune": "Fine-tuning"}[role]
        sentences.append(
            f"{doing} of {nets} on {data} ran for at most {epochs} epochs with {optimizers} (learning rate "
            f"{rates}, batch size {batches}), minimising {losses}.{kept}"
        )
    changes = [
        called(AUGMENTATIONS, step["name"])
        for stage in run.plan.stages.values()
        for step in stage.training.augmentation or ()
    ]
    if changes:
        sentences.append(f"Training images were augmented at random: {_values(changes, 'and')}.")
    if any(stage.training.adabn for stage in run.plan.stages.values()):
        sentences.append(
            "Where AdaBN was used, data sets without labels were scored with statistics of batch "
            "normalisation that were measured on their own training images."
        )
    pulls = [term for stage in run.plan.stages.values() for term in stage.objective if _pulls_back(term)]
    if pulls:
        used = _values((called(TERMS, term) for term in pulls), "or")
        sentences.append(f"Where {used} was used, weights were drawn to their pretrained values.")
    return " ".join(sentences)


def _named(stage: Stage) -> str:
    """The data sets of a stage: jointly trained ones, and those of which only the images were used."""
    if not stage.learnt:
        return f"{words.joined(stage.blind)} (images only)"
    beside = f" with images of {words.joined(stage.blind)}" if stage.blind and stage.unlabelled_ratio else ""
    return f"{words.joined(stage.learnt)}{beside}"


def _beside(stages: list[Stage]) -> str:
    """The terms after the first, but for those that have a sentence of their own."""
    rest = [term for stage in stages for term in list(stage.objective)[1:] if not _pulls_back(term)]
    return f", beside it {_values((called(TERMS, term) for term in rest), 'and')}" if rest else ""


def _pulls_back(term: str) -> bool:
    """Whether a term draws weights to those that the stage started from."""
    facts = known_facts(TERMS, term)
    return facts is not None and facts.needs_start and facts.decays


def _values(items: Any, word: str = "or") -> str:
    return escape(words.joined(list(dict.fromkeys(str(item) for item in items)), word))


def _search(run: Run, rankings: list[Ranking]) -> str:
    space = (run.plan.params.get("search") or {}).get("space") or {}
    outcomes = [outcome for ranking in rankings for outcome in ranking.outcomes]
    scratch = sum(outcome.baseline for outcome in outcomes)
    replicates = max((len(outcome.replicates) for outcome in outcomes), default=1)
    folds = any(r.fold is not None for outcome in outcomes for r in outcome.replicates)
    text = (
        f"The search over {escape(words.joined([words.path(path) for path in space]))} gave "
        if space
        else "There was "
        if len(outcomes) == 1
        else "There were "
    )
    text += words.count(len(outcomes) - scratch or scratch, "variant")
    if scratch == len(outcomes):
        text += ", trained from scratch"
    elif scratch:
        baselines = words.count(scratch, "baseline")
        text += f", compared with {baselines} trained from scratch with the same settings of the last stage"
        if _as_long(outcomes):
            text += ", for its own epochs and for those of the whole chain"
    text += "."
    if replicates > 1:
        how = "over folds" if folds else "with different seeds"
        text += f" Each was trained {replicates} times ({how}), scores being averaged."
    failed = sum(outcome.status == "failed" for outcome in outcomes)
    return text + (
        f" {words.count(failed, 'variant')} failed and took no part in the ranking." if failed else ""
    )


def _as_long(outcomes: list[Outcome]) -> bool:
    """Whether there are baselines beside the twins: those that train for the whole chain's epochs."""
    twins = {outcome.record.scratch for outcome in outcomes}
    return any(outcome.baseline and outcome.id not in twins for outcome in outcomes)


def _answers(run: Run) -> str:
    """What was one answer, of the data sets in which some subject has several images; starts with a space."""
    text = ""
    for name, facts in run.plan.datasets.items():
        if not (facts.repeated and facts.heads):
            continue
        if facts.score_by == BY_IMAGE:
            answer = "image"
        else:
            of = "" if facts.score_by == BY_SUBJECT else f" and each of its '{escape(facts.score_by)}'"
            how = RULES[facts.combine].words
            answer = f"subject{of}: of the images with one value of the label, {how}"
        text += f" Of data set '{escape(name)}' one answer was scored for each {answer}."
    return text


def _scoring(run: Run, rankings: list[Ranking]) -> str:
    metrics = words.joined(list(dict.fromkeys(ranking.metric.in_sentence for ranking in rankings)))
    return (
        f"Variants were ranked by {escape(metrics)} on the validation set; the test set was scored once "
        f"per variant and decided nothing. {escape(how_intervals_were_made(rankings))} Differences to the "
        "best variant were tested likewise, p values corrected after Holm. The gain of transfer is the "
        "difference to the best variant trained from scratch, chosen on validation as well, with the sign "
        "turned for errors; in percent, 100 · (M − M<sub>scratch</sub>) / |M<sub>scratch</sub>|."
        f"{_folds(rankings)}{external_method(run)}"
    )


def _folds(rankings: list[Ranking]) -> str:
    if not any(ranking.in_folds for ranking in rankings):
        return ""
    return (
        " Over folds, the variant was chosen inside each fold by its own validation part (nested "
        "cross-validation), and the chosen variants' test scores were averaged."
    )


def _software(run: Run) -> str:
    versions: dict[str, str] = {}
    devices: set[str] = set()
    seconds = 0.0
    for stage in run.stages.values():
        versions |= {str(k): str(v) for k, v in (stage.metrics_file.get("versions") or {}).items()}
        if stage.metrics_file.get("device"):
            devices.add(str(stage.metrics_file["device"]))
        seconds += stage.seconds if stage.done and stage.seconds == stage.seconds else 0.0
    named = [f"tlpy {run.plan.tlpy.version} (code {run.plan.tlpy.digest[:8]})"]
    named += [f"{name} {version}" for name, version in sorted(versions.items()) if name != "tlpy"]
    on = f" on {escape(words.joined(sorted(devices)))}" if devices else ""
    return (
        f"The pipeline TLIMB ran on Nextflow with {escape(words.joined(named))}; training took "
        f"{words.duration(seconds)}{on}. The seed was {run.plan.seed}."
    )
