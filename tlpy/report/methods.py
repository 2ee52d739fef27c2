"""What the plan worked out, and the methods in words, ready for a paper."""

from __future__ import annotations

from typing import Any

from tlpy.architectures.registry import ARCHITECTURES
from tlpy.components.registry import Registry
from tlpy.data.readers.registry import READERS
from tlpy.errors import InputError
from tlpy.evaluation.intervals import RESAMPLES
from tlpy.evaluation.ranking import Ranking
from tlpy.evaluation.results import Run
from tlpy.plan.records import DatasetFacts
from tlpy.records import REGRESSION, Stage
from tlpy.report.cited import CITED, LOSSES
from tlpy.report.sections import (
    Section,
    bullets,
    count,
    duration,
    escape,
    html_table,
    joined,
    paragraph,
    words,
)
from tlpy.report.splitting import are_people_apart, exceptions

_NORMALISED = {
    "zscore": "standardised to zero mean and unit variance per image",
    "zscore_foreground": "standardised to zero mean and unit variance of the foreground per image",
    "percentile": "scaled between percentiles per image",
    "minmax": "scaled between minimum and maximum per image",
    "mean": "divided by their mean per image",
}


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
    warnings = [escape(warning) for warning in plan.warnings]
    parts.append("<h5>Warnings</h5>" + (bullets(warnings) if warnings else paragraph("None.")))
    text = "Nothing is guessed silently: this is what the pipeline settled that the params file did not say."
    return Section("inferred", "Inferred settings and warnings", text, "html", "".join(parts))


def methods(run: Run, rankings: list[Ranking]) -> Section:
    """Paragraphs to copy, and what to cite."""
    body = [_data(run), _training(run), _search(run, rankings), _scoring(rankings), _software(run)]
    text = "A draft from what was really run. Check it against your study before it goes into a paper."
    content = "".join(paragraph(part) for part in body) + "<h5>To cite</h5>" + bullets(_citations(run))
    return Section("methods", "Methods in words", text, "html", f'<div class="tlimb-methods">{content}</div>')


def _data(run: Run) -> str:
    sentences = []
    for name, facts in run.plan.datasets.items():
        n, people = facts.n, facts.groups
        served = joined([f"{_kind(head.type)} of {head.label}" for head in facts.heads])
        of = (
            f" of {count(people.all, 'subject or group', 'subjects or groups')}"
            if people.all != n.all
            else ""
        )
        sentences.append(
            f"Data set '{escape(name)}' comprised {count(n.all, 'image')}{of} ({n.train:,} for "
            f"training, {n.val:,} for validation, {n.test:,} for testing) and "
            + (f"served {escape(served)}. " if served else "was used without labels. ")
            + _preprocessing(run, facts)
        )
    official = any(facts.official_split and not facts.split_given for facts in run.plan.datasets.values())
    sentences.append(
        "Splits were made by subject (or the named group), stratified by the label"
        + (", official splits being kept" if official else "")
        + ", and jointly over all data sets"
        + (
            ", so that no subject trained on in one was tested on in another."
            if are_people_apart(run.plan)
            else "."
        )
        + exceptions(run.plan, past=True)
    )
    return " ".join(sentences)


def _kind(kind: str) -> str:
    return kind if kind == REGRESSION else f"{kind} classification"


def _preprocessing(run: Run, facts: DatasetFacts) -> str:
    settings = run.plan.caches[facts.cache].preprocessing
    steps = []
    if settings["orient"]:
        steps.append(f"oriented to {escape(settings['orient'])}")
    if settings["spacing"]:
        steps.append(f"resampled to {escape(_by(settings['spacing']))} mm")
    if settings["size"]:
        steps.append(f"cropped or padded to {escape(_by(settings['size']))} voxels")
    if settings["normalise"] in _NORMALISED:
        steps.append(_NORMALISED[settings["normalise"]])
    cut = settings["slice"]
    if cut:
        steps.append(
            f"reduced to {count(cut['count'], cut['plane'] + ' slice')} at "
            f"{100 * cut['position']:.0f} % of the axis"
        )
    shape = " × ".join(map(str, (facts.channels, *facts.size)))
    return f"Images were {joined(steps)} into arrays of {shape}." if steps else ""


def _by(value: Any) -> str:
    return " × ".join(str(side) for side in value) if isinstance(value, list) else str(value)


def _training(run: Run) -> str:
    groups: dict[str, list[Stage]] = {}
    for stage in run.plan.stages.values():
        groups.setdefault(stage.role, []).append(stage)
    sentences = []
    for role in ("pretrain", "adapt", "finetune"):
        stages = groups.get(role)
        if not stages:
            continue
        nets = _values(stage.architecture["name"] for stage in stages)
        data = _values(_named(stage) for stage in stages)
        epochs = _values(stage.training.epochs for stage in stages)
        rates = _values(f"{stage.training.lr:g}" for stage in stages)
        batches = _values(stage.training.batch_size for stage in stages)
        optimizers = _values(stage.training.optimizer["name"] for stage in stages)
        losses = _values(LOSSES.get(term, term) for term in (next(iter(stage.objective)) for stage in stages))
        losses += _beside(stages)
        kept = " The epoch best on validation was kept." if stages[0].training.keep == "best" else ""
        doing = {"pretrain": "Pretraining", "adapt": "Adaptation", "finetune": "Fine-tuning"}[role]
        sentences.append(
            f"{doing} of {nets} on {data} ran for at most {epochs} epochs with {optimizers} (learning rate "
            f"{rates}, batch size {batches}), minimising {losses}.{kept}"
        )
    changes = [
        str(step["name"]).replace("_", " ")
        for stage in run.plan.stages.values()
        for step in stage.training.augmentation or ()
    ]
    if changes:
        sentences.append(f"Training images were augmented at random: {_values(changes, 'and')}.")
    if any("elastic_penalty" in stage.objective for stage in run.plan.stages.values()):
        sentences.append(
            "Where an elastic penalty was used, weights were drawn to their pretrained values (L2-SP)."
        )
    return " ".join(sentences)


def _named(stage: Stage) -> str:
    """The data sets of a stage: jointly trained ones, and those of which only the images were used."""
    if not stage.learnt:
        return f"{joined(stage.blind)} (images only)"
    beside = f" with images of {joined(stage.blind)}" if stage.blind and stage.unlabelled_ratio else ""
    return f"{joined(stage.learnt)}{beside}"


def _beside(stages: list[Stage]) -> str:
    """The terms after the first, the elastic penalty apart."""
    rest = [term for stage in stages for term in list(stage.objective)[1:] if term != "elastic_penalty"]
    return f", beside it {_values((LOSSES.get(term, term) for term in rest), 'and')}" if rest else ""


def _values(items: Any, word: str = "or") -> str:
    return escape(joined(list(dict.fromkeys(str(item) for item in items)), word))


def _search(run: Run, rankings: list[Ranking]) -> str:
    space = (run.plan.params.get("search") or {}).get("space") or {}
    outcomes = [outcome for ranking in rankings for outcome in ranking.outcomes]
    scratch = sum(outcome.baseline for outcome in outcomes)
    replicates = max((len(outcome.replicates) for outcome in outcomes), default=1)
    folds = any(r.fold is not None for outcome in outcomes for r in outcome.replicates)
    text = (
        f"The search over {escape(joined([words(path) for path in space]))} gave " if space else "There were "
    )
    text += count(len(outcomes) - scratch, "variant")
    if scratch:
        baselines = count(scratch, "baseline")
        text += f", compared with {baselines} trained from scratch with the same settings of the last stage"
    text += "."
    if replicates > 1:
        how = "over folds" if folds else "with different seeds"
        text += f" Each was trained {replicates} times ({how}), scores being averaged."
    failed = sum(outcome.status == "failed" for outcome in outcomes)
    return text + (f" {count(failed, 'variant')} failed and took no part in the ranking." if failed else "")


def _scoring(rankings: list[Ranking]) -> str:
    metrics = joined(list(dict.fromkeys(ranking.metric.in_sentence for ranking in rankings)))
    classify = any(ranking.task_type != REGRESSION for ranking in rankings)
    return (
        f"Variants were ranked by {escape(metrics)} on the validation set; the test set was scored once "
        f"per variant and decided nothing. Intervals are 95 % percentile intervals of {RESAMPLES:,} "
        f"bootstrap resamples of test subjects{' (stratified by class)' if classify else ''}. Differences "
        "to the best variant were tested on the same resamples, p values corrected after Holm. The gain "
        "of transfer is 100 · (M − M<sub>scratch</sub>) / M<sub>scratch</sub>, with the sign turned for "
        "errors."
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
    on = f" on {escape(joined(sorted(devices)))}" if devices else ""
    return (
        f"The pipeline TLIMB ran on Nextflow with {escape(joined(named))}; training took "
        f"{duration(seconds)}{on}. The seed was {run.plan.seed}."
    )


def _citations(run: Run) -> list[str]:
    stages = list(run.plan.stages.values())
    asked: list[tuple[Registry[Any], str]] = [
        *((ARCHITECTURES, stage.architecture["name"]) for stage in stages),
        *((READERS, facts.reader["name"]) for facts in run.plan.datasets.values()),
    ]
    terms = {term: given for stage in stages for term, given in stage.objective.items()}
    keys = ["tlimb", "nextflow", "pytorch", "multiqc", "bootstrap", "gain"]
    keys += ["uncertainty"] if terms.get("multitask", {}).get("weights") == "uncertainty" else []
    keys += sorted(set(terms) & set(CITED))
    texts = [CITED[key] for key in keys]
    texts += [text for registry, name in asked for text in _cites(registry, name)]
    return [escape(text) for text in dict.fromkeys(texts)]


def _cites(registry: Registry[Any], name: str) -> tuple[str, ...]:
    """What a component asks to be cited; nothing where an own one is no longer there."""
    try:
        return tuple(registry.facts(name).cites)
    except InputError:
        return ()
