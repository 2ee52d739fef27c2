"""What the plan worked out, and the methods in words, ready for a paper."""

from __future__ import annotations

from typing import Any

from tlpy.architectures.registry import ARCHITECTURES
from tlpy.data.readers.registry import READERS
from tlpy.errors import InputError
from tlpy.evaluation.intervals import RESAMPLES
from tlpy.evaluation.ranking import Ranking
from tlpy.evaluation.results import Run
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
    rows = [[escape(i["what"]), escape(i["value"]), escape(i["why"])] for i in plan.get("inferred") or []]
    parts.append(html_table(("What", "Value", "Why"), rows) if rows else paragraph("Nothing."))
    normalised = plan.get("normalised") or []
    if normalised:
        parts.append("<h5>Settings without effect</h5>")
        rows = [[escape(item["what"]), escape(item["why"])] for item in normalised]
        parts.append(html_table(("Setting", "Why it was dropped"), rows))
    warnings = [escape(warning) for warning in plan.get("warnings") or []]
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
    for name, facts in run.plan["datasets"].items():
        task, n = facts["task"], facts["n"]
        heads = facts.get("tasks") or [{**task, "label": label} for label in task["labels"]]
        served = joined([f"{_kind(str(head['type']))} of {head['label']}" for head in heads])
        people = facts.get("groups") or n
        of = (
            f" of {count(people['all'], 'subject or group', 'subjects or groups')}"
            if people["all"] != n["all"]
            else ""
        )
        sentences.append(
            f"Data set '{escape(name)}' comprised {count(n['all'], 'image')}{of} ({n['train']:,} for "
            f"training, {n['val']:,} for validation, {n['test']:,} for testing) and "
            + (f"served {escape(served)}. " if served else "was used without labels. ")
            + _preprocessing(run, facts)
        )
    official = any(facts.get("official_split") for facts in run.plan["datasets"].values())
    sentences.append(
        "Splits were made by subject (or the named group), stratified by the label"
        + (", official splits being kept" if official else "")
        + ", and jointly over all data sets, so that no subject trained on in one was tested on in another."
    )
    return " ".join(sentences)


def _kind(task_type: str) -> str:
    return "regression" if task_type == "regression" else f"{task_type} classification"


def _preprocessing(run: Run, facts: dict[str, Any]) -> str:
    settings = (run.plan.get("caches", {}).get(facts["cache"]) or {}).get("preprocessing") or {}
    steps = []
    if settings.get("orient"):
        steps.append(f"oriented to {escape(settings['orient'])}")
    if settings.get("spacing"):
        steps.append(f"resampled to {escape(_by(settings['spacing']))} mm")
    if settings.get("size"):
        steps.append(f"cropped or padded to {escape(_by(settings['size']))} voxels")
    if settings.get("normalise") in _NORMALISED:
        steps.append(_NORMALISED[settings["normalise"]])
    cut = settings.get("slice")
    if cut:
        number = int(cut.get("count", 1))
        steps.append(
            f"reduced to {count(number, str(cut.get('plane', 'axial')) + ' slice')} at "
            f"{100 * float(cut.get('position', 0.5)):.0f} % of the axis"
        )
    size = " × ".join(str(side) for side in facts.get("size") or [])
    into = f" into arrays of {facts.get('channels', 1)} × {size}" if size else ""
    return f"Images were {joined(steps)}{into}." if steps else ""


def _by(value: Any) -> str:
    return " × ".join(str(side) for side in value) if isinstance(value, list) else str(value)


def _training(run: Run) -> str:
    groups: dict[str, list[dict[str, Any]]] = {}
    for stage in run.plan["stages"].values():
        groups.setdefault(str(stage["role"]), []).append(stage)
    sentences = []
    for role in ("pretrain", "adapt", "finetune"):
        stages = groups.get(role)
        if not stages:
            continue
        nets = _values(stage["architecture"]["name"] for stage in stages)
        data = _values(_named(stage) for stage in stages)
        epochs = _values(stage["training"]["epochs"] for stage in stages)
        rates = _values(f"{stage['training']['lr']:g}" for stage in stages)
        batches = _values(stage["training"]["batch_size"] for stage in stages)
        optimizers = _values(stage["training"]["optimizer"]["name"] for stage in stages)
        losses = _values(LOSSES.get(term, term) for term in (next(iter(s["objective"])) for s in stages))
        losses += _beside(stages)
        kept = (
            " The epoch best on validation was kept." if stages[0]["training"].get("keep") == "best" else ""
        )
        doing = {"pretrain": "Pretraining", "adapt": "Adaptation", "finetune": "Fine-tuning"}[role]
        sentences.append(
            f"{doing} of {nets} on {data} ran for at most {epochs} epochs with {optimizers} (learning rate "
            f"{rates}, batch size {batches}), minimising {losses}.{kept}"
        )
    changes = [
        str(step["name"]).replace("_", " ")
        for stage in run.plan["stages"].values()
        for step in stage["training"]["augmentation"] or []
    ]
    if changes:
        sentences.append(f"Training images were augmented at random: {_values(changes, 'and')}.")
    if any("elastic_penalty" in stage["objective"] for stage in run.plan["stages"].values()):
        sentences.append(
            "Where an elastic penalty was used, weights were drawn to their pretrained values (L2-SP)."
        )
    return " ".join(sentences)


def _named(stage: dict[str, Any]) -> str:
    """The data sets of a stage: jointly trained ones, and those of which only the images were used."""
    sources = stage.get("sources") or [{"dataset": stage["dataset"], "labelled": True}]
    learnt = [str(source["dataset"]) for source in sources if source["labelled"]]
    blind = [str(source["dataset"]) for source in sources if not source["labelled"]]
    if not learnt:
        return f"{joined(blind)} (images only)"
    beside = (
        f" with images of {joined(blind)}" if blind and stage["scenario"].get("unlabelled_ratio", 1.0) else ""
    )
    return f"{joined(learnt)}{beside}"


def _beside(stages: list[dict[str, Any]]) -> str:
    """The terms after the first, the elastic penalty apart."""
    rest = [term for stage in stages for term in list(stage["objective"])[1:] if term != "elastic_penalty"]
    return f", beside it {_values((LOSSES.get(term, term) for term in rest), 'and')}" if rest else ""


def _values(items: Any, word: str = "or") -> str:
    return escape(joined(list(dict.fromkeys(str(item) for item in items)), word))


def _search(run: Run, rankings: list[Ranking]) -> str:
    space = (run.plan["params"].get("search") or {}).get("space") or {}
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
    classify = any(ranking.task["type"] != "regression" for ranking in rankings)
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
    tlpy = run.plan.get("tlpy") or {}
    named = [f"tlpy {tlpy.get('version', '')} (code {str(tlpy.get('digest', ''))[:8]})"]
    named += [f"{name} {version}" for name, version in sorted(versions.items()) if name != "tlpy"]
    on = f" on {escape(joined(sorted(devices)))}" if devices else ""
    return (
        f"The pipeline TLIMB ran on Nextflow with {escape(joined(named))}; training took "
        f"{duration(seconds)}{on}. The seed was {run.plan.get('seed', 0)}."
    )


def _citations(run: Run) -> list[str]:
    nets = {str(stage["architecture"]["name"]) for stage in run.plan["stages"].values()}
    always = ["tlimb", "nextflow", "pytorch", "multiqc", "bootstrap", "gain"]
    # The source of an own network may not be in sight here.
    networks = [
        text for net in ARCHITECTURES.names() if net in nets for text in ARCHITECTURES.facts(net).cites
    ]
    terms = {term: given for s in run.plan["stages"].values() for term, given in s["objective"].items()}
    wanted = ["uncertainty"] if terms.get("multitask", {}).get("weights") == "uncertainty" else []
    wanted += sorted(set(terms) & set(CITED))
    readers = {str((facts.get("reader") or {}).get("name")) for facts in run.plan["datasets"].values()}
    texts = [CITED[key] for key in always] + networks + [CITED[key] for key in wanted]
    texts += [text for name in sorted(readers) for text in _cited_for(name)]
    return [escape(text) for text in dict.fromkeys(texts)]


def _cited_for(reader: str) -> tuple[str, ...]:
    """What a reader asks to be cited; nothing where an own one is no longer there."""
    try:
        return READERS.facts(reader).cites
    except InputError:
        return ()
