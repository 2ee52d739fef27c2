"""What PLAN writes: `plan.json` and `variants.tsv` for people and RANK, `tasks.json` for Nextflow."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory

from tlpy import words
from tlpy.errors import InputError, Problem
from tlpy.files import write_json, write_table
from tlpy.metrics.combining import RULES
from tlpy.plan.data.caches import Cache
from tlpy.plan.data.covariates import FOLDER as COVARIATES
from tlpy.plan.data.covariates import write_covariates
from tlpy.plan.data.filters import in_words
from tlpy.plan.data.split_tables import PUBLISHED
from tlpy.plan.overlap import overlaps
from tlpy.plan.plain import plain_names, plain_tasks
from tlpy.plan.plan_records import (
    FORMAT,
    CacheFacts,
    Counts,
    DatasetFacts,
    ExternalTask,
    Inferred,
    LeftOut,
    Plan,
    PlannedPack,
    PrepareTask,
    Sharing,
    Software,
    Tasks,
    TrainTask,
)
from tlpy.plan.planner import Planned
from tlpy.plan.working import DataSet, SubjectTable
from tlpy.privacy.people import PEOPLE, write_people
from tlpy.records import BY_IMAGE, BY_SUBJECT, Component, Pack, Stage
from tlpy.version import __version__


def write_plan(plan: Planned, out: Path) -> None:
    """Write all files of a plan below `out`.

    Raises:
        InputError: the written tables have somebody in two parts of what is trained together.
    """
    out.mkdir(parents=True, exist_ok=True)
    document = plan_record(plan).to_json()
    write_json(out / "plan.json", document, lines=True)
    write_json(out / "tasks.json", tasks_of(plan).to_json(), lines=True)
    _write_variants(plan, out / "variants.tsv")
    _write_tables(plan, out)
    write_covariates(plan.datasets, plan.units, out)
    write_people(plan.people, out / PEOPLE)
    found = overlaps(out, document)
    if found:
        raise InputError(found)


def check_written(plan: Planned) -> None:
    """Check the splits as `write_plan` does, where nothing is to be kept of what it writes."""
    with TemporaryDirectory() as aside:
        _write_tables(plan, Path(aside))
        found = overlaps(Path(aside), plan_record(plan).to_json())
    if found:
        raise InputError(found)


def _write_tables(plan: Planned, out: Path) -> None:
    """Write who is in which part: what trainings read, and what is published."""
    (out / "subjects").mkdir(exist_ok=True)
    for key, table in plan.subjects.items():
        table.write(out / "subjects" / f"{key}.tsv")
    (out / "splits").mkdir(exist_ok=True)
    for name in plan.datasets:
        write_table(out / "splits" / f"{name}.tsv", PUBLISHED, plan.published(name))


def write_problems(problems: Iterable[Problem], out: Path) -> None:
    """Write the files of a plan that could not be made: the workflow stops with all of `problems`."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "subjects").mkdir(exist_ok=True)
    for folder in ("splits", COVARIATES):
        shutil.rmtree(out / folder, ignore_errors=True)
    told = tuple(str(problem) for problem in problems)
    write_json(out / "plan.json", {"format": FORMAT, "problems": list(told)})
    write_json(out / "tasks.json", Tasks(told, (), (), (), (), ()).to_json())
    (out / "variants.tsv").write_text("variant\n")


def plan_record(plan: Planned) -> Plan:
    """The content of `plan.json`."""
    return Plan(
        format=FORMAT,
        tlpy=Software(__version__, plan.code),
        components=plan.components,
        seed=plan.seed,
        params=plan.params,
        metric=plan.metric,
        datasets={
            name: _dataset(data, plan.base_subjects[name], plan.equal.get(name, 0))
            for name, data in plan.datasets.items()
        },
        caches={key: _cache(cache, plan) for key, cache in plan.caches.items()},
        stages=plan.stages,
        variants=tuple(plan.variants),
        packs=tuple(plan.packs),
        sharing=sharing(plan),
        inferred=tuple(inferred(plan)),
        normalised=tuple(plan.normalised),
        warnings=tuple(plan.warnings),
        external=plan.external,
        plain=tuple(plan.plain.variants),
        plain_fits=plan.plain.fits,
    )


def sharing(plan: Planned) -> Sharing:
    """How many stage runs and epochs sharing and the store saved."""
    to_train = [stage for stage in plan.stages.values() if not stage.stored]
    return Sharing(
        variants=len(plan.variants),
        stage_runs=plan.stage_runs,
        distinct=len(plan.stages),
        stored=len(plan.stages) - len(to_train),
        to_train=len(to_train),
        epochs_unshared=plan.epochs_unshared,
        epochs_distinct=sum(stage.training.epochs for stage in plan.stages.values()),
        epochs_to_train=sum(stage.training.epochs for stage in to_train),
    )


def tasks_of(plan: Planned) -> Tasks:
    """The content of `tasks.json`: what Nextflow is to run."""
    needed = {cache for pack in plan.packs for stage in pack.stages for cache in plan.stages[stage].caches}
    stored_shards = [shard for key in sorted(plan.stored_caches) for shard in plan.caches[key].shard_ids()]
    in_packs = {stage for pack in plan.packs for stage in pack.stages}
    return Tasks(
        problems=(),
        summary=tuple(summary(plan)),
        prepare=tuple(
            PrepareTask(shard_id, cache.request["path"], _absolute(cache.request["reader"]), request)
            for key, cache in plan.caches.items()
            # The report shows the quality of every data set, so a cache that no pack needs is still made.
            if key in needed or key not in plan.stored_caches
            for shard_id, request in cache.requests().items()
            if shard_id not in stored_shards
        ),
        packs=tuple(_train_task(plan, pack, in_packs) for pack in plan.packs),
        stored_stages=tuple(sorted(key for key, stage in plan.stages.items() if stage.stored)),
        stored_prepared=tuple(stored_shards),
        external=tuple(_external_tasks(plan)),
        plain=plain_tasks(plan.plain, {key: cache.shard_ids() for key, cache in plan.caches.items()}),
    )


def _external_tasks(plan: Planned) -> Iterator[ExternalTask]:
    """One task for each external data set, whatever is chosen."""
    for one in {one.name: one for one in plan.external}.values():
        targets = {other.target_cache for other in plan.external if other.name == one.name}
        threads = [s.training.threads or 1 for s in plan.stages.values() if s.cache in targets]
        yield ExternalTask(
            id=one.name,
            cpus=max(threads, default=1),
            prepared=tuple(plan.caches[one.cache].shard_ids()),
            subjects=one.subjects,
        )


def _absolute(reader: Component) -> tuple[str, ...]:
    """Arguments of a reader that are absolute paths: they may be inputs of their own (a table's `images`)."""
    return tuple(
        value for value in reader.values() if isinstance(value, str) and PurePath(value).is_absolute()
    )


def _train_task(plan: Planned, pack: PlannedPack, in_packs: set[str]) -> TrainTask:
    stages = tuple(plan.stages[stage] for stage in pack.stages)
    caches = sorted({cache for stage in stages for cache in stage.caches})
    parents = sorted({stage.parent for stage in stages if stage.parent})
    return TrainTask(
        id=pack.id,
        role=pack.role,
        depth=pack.depth,
        cpus=pack.cpus,
        caches=tuple(caches),
        prepared=tuple(shard for cache in caches for shard in plan.caches[cache].shard_ids()),
        subjects=tuple(sorted({source.subjects for stage in stages for source in stage.sources})),
        parents=tuple(parent for parent in parents if parent in in_packs),
        stored_parents=tuple(parent for parent in parents if parent not in in_packs),
        weights=_weights(plan, stages),
        pack=Pack(pack.id, pack.role, pack.cpus, stages, plan.execution),
    )


def _weights(plan: Planned, stages: Iterable[Stage]) -> tuple[str, ...]:
    """The user's files of weights that stages start from, and the contracts that they came with."""
    weights = {stage.weights for stage in stages if stage.weights}
    return tuple(sorted(weights | {plan.contracts[path] for path in weights if path in plan.contracts}))


def _dataset(data: DataSet, base: SubjectTable, equal: int) -> DatasetFacts:
    return DatasetFacts(
        reader=data.cache.request["reader"],
        path=data.spec["path"],
        heads=data.heads,
        n=Counts(all=sum(base.counts.values()), **base.counts),
        groups=Counts(all=sum(base.groups.values()), **base.groups),
        cache=data.cache.id,
        channels=data.channels,
        size=data.size,
        left_out=tuple(LeftOut(problem.where, problem.message) for problem in data.left_out),
        official_split=data.has_official_split,
        filter=data.spec["filter"] if data.filtered else None,
        # Whoever the run has was taken out of an external set, but not out of its cache.
        images=tuple(r.image for r in data.records) if data.filtered or data.external else None,
        split_by=data.grouped_by,
        within=data.within,
        own_people=data.own_people,
        people_named=data.people_named,
        equal=equal,
        split_given=data.given.shown if data.given else None,
        external=data.external,
        confounds=data.confounds.heads,
        score_by=data.answers.by,
        combine=data.answers.combine,
        repeated=data.repeated,
        vectors=data.vectors,
    )


def _cache(cache: Cache, plan: Planned) -> CacheFacts:
    request = {key: value for key, value in cache.request.items() if key != "cache"}
    return CacheFacts(
        datasets=tuple(name for name, data in plan.datasets.items() if data.cache.id == cache.id),
        **{**request, "size": tuple(request["size"])},
        images=cache.images,
        shards=cache.shards,
        stored=cache.id in plan.stored_caches,
    )


def inferred(plan: Planned) -> list[Inferred]:
    """What was not said in the params file and how it was settled: nothing is guessed silently."""
    found = []
    for name, data in plan.datasets.items():
        where = f"datasets.{name}"
        if data.filtered:
            kept = f"{len(data.filtered.records)} of {data.filtered.of} images"
            found.append(Inferred(f"{where} filter", kept, in_words(data.spec["filter"])))
        if data.tasks and not data.label_said:
            found.append(Inferred(f"{where}.label", data.label, "the reader's own"))
        for label, task in data.tasks.items():
            classes = f" ({', '.join(task.classes)})" if task.classes else ""
            known = sum(any(r.labels.get(c) for c in task.head(label).columns) for r in data.records)
            why = "as said" if data.spec.get("task") else f"from the {known} values of '{label}'"
            why = "as of its target" if data.external else why
            what = f"{where}.task" if len(data.tasks) == 1 else f"{where}.task of {label}"
            found.append(Inferred(what, f"{task.type}{classes}", why))
        if not data.tasks:
            found.append(Inferred(f"{where}.task", "none", "no label is named"))
        channels = f", {data.channels} channels" if data.channels > 1 else ""
        if data.vectors:
            found.append(Inferred(f"{where} input", words.count(data.size[0], "feature"), "from the matrix"))
        else:
            shape = f"{words.size(data.size)}{channels}"
            found.append(Inferred(f"{where} input", shape, "from the headers and preprocessing"))
        base = plan.base_subjects[name]
        if data.external:
            targets = words.joined([f"'{one.target}'" for one in plan.external if one.name == name])
            what = f"all {base.counts['test']} images; none trains, validates or chooses"
            found.append(Inferred(f"{where} part", what, f"external, scored once for {targets}"))
            continue
        parts = " / ".join(str(base.counts[part]) for part in ("train", "val", "test"))
        why = (
            f"as given ({data.spec['split']})"
            if data.given
            else "official parts"
            + (f" ({data.spec['split']})" if isinstance(data.spec.get("split"), str) else "")
            if data.has_official_split
            else f"by {data.grouped_by}"
            + (f", stratified by {data.label}" if data.tasks else "")
            + f", seed {plan.seed}"
        ) + (", within subjects: its parts share people" if data.within else "")
        found.append(Inferred(f"{where} split", f"{parts} (train / val / test)", why))
        if data.confounds.said or data.confounds.tasks:
            why = "as said" if data.confounds.said else "columns beside the label"
            found.append(Inferred(f"{where} confounds", data.confounds.in_words(), why))
        found += [Inferred(f"{where} confounds", note, "the table") for note in data.confounds.notes]
        if data.tasks and data.repeated:
            found.append(_scoring(data, f"{where} scoring"))
        found += [Inferred(where, note, "the reader") for note in data.notes]
    found += plan.external_notes
    found += plan.shared_people
    found += plan.starts
    found += _joint(plan)
    found += plan.expansions
    for target in sorted({variant.target for variant in plan.variants}):
        metric = next(variant.metric for variant in plan.variants if variant.target == target)
        why = "as said" if plan.metric else "the default for this task"
        found.append(Inferred(f"metric for {target}", metric, why))
    return found


def _scoring(data: DataSet, what: str) -> Inferred:
    """What is one answer, where that is a question: some subject has several images."""
    why = f"{words.count(data.repeated, 'subject')} with several images"
    by, combine = data.answers.by, data.answers.combine
    if by == BY_IMAGE:
        said = "as said" if data.spec.get("score_by") else "split within subjects"
        return Inferred(what, "one answer an image", f"{said}, {why}")
    how = RULES[combine].words
    if by == BY_SUBJECT:
        said = f"{why}: of those with one value of the label {how}"
        return Inferred(what, "one answer a subject", said)
    said = f"as said, {why}: of those with one value of '{by}' and of the label {how}"
    return Inferred(what, f"one answer for each '{by}' of a subject", said)


def _joint(plan: Planned) -> list[Inferred]:
    """What stages with several data sets or labels learn from each, and what images without labels do."""
    found = set()
    for stage in plan.stages.values():
        if len(stage.sources) == 1 and len(stage.heads) == 1:
            continue
        learnt = [f"{', '.join(one.labels)} of {one.dataset}" for one in stage.sources if one.labelled]
        seen = bool(stage.unlabelled_ratio) or not learnt
        for source in stage.sources:
            if source.labelled:
                continue
            scored = f"scored by {', '.join(source.labels)}" if source.labels else "not scored"
            use = "training images" if seen else "no images, since no term of the objective looks at them,"
            if stage.training.adabn and not seen:
                use = "the statistics alone of training images"
            learnt.append(f"{use} of {source.dataset}" + (f" ({scored})" if stage.heads else ""))
        value = f"{stage.scenario['name']}: {'; '.join(learnt)}"
        found.add(Inferred(f"stage {stage.name}", value, "from its data sets and labels"))
    return sorted(found, key=lambda item: (item.what, item.value))


# Images left out that the log names, of each data set.
_TOLD = 5


def summary(plan: Planned) -> list[str]:
    """The plan in a few lines, for the log."""
    saved = sharing(plan)
    searched = len(plan.variants) - plan.baselines
    lines = [f"{item.what}: {item.value} ({item.why})" for item in inferred(plan)]
    lines.append(
        f"{searched} variants and {plan.baselines} from-scratch baselines: {saved.stage_runs} stage runs, "
        f"{saved.distinct} of them distinct, {saved.stored} in the store, {saved.to_train} to train "
        f"in {len(plan.packs)} tasks"
    )
    if plan.plain.variants:
        lines.append(f"plain baselines: {words.joined(plain_names(plan.plain))}")
    lines += [f"{item.what} has no effect: {item.why}" for item in plan.normalised]
    lines += [f"warning: {warning}" for warning in plan.warnings]
    told: set[Problem] = set()
    for name, data in plan.datasets.items():
        left_out = [problem for problem in data.left_out if problem not in told]
        told.update(left_out)
        lines += [f"warning: left out: {problem.where}: {problem.message}" for problem in left_out[:_TOLD]]
        if len(left_out) > _TOLD:
            rest = len(left_out) - _TOLD
            lines.append(f"warning: left out: and {rest} more of {name}; plan.json and the report list them")
    return lines


def _write_variants(plan: Planned, file: Path) -> None:
    paths = list(dict.fromkeys(path for variant in plan.variants for path in variant.settings))
    first, last = ["variant", "label", "target", "baseline"], ["seed", "fold", "stages"]
    shown = [f"setting:{path}" if path in (*first, *last) else path for path in paths]
    header = [*first, *shown, *last]
    rows = [
        [
            variant.id,
            variant.label,
            variant.target,
            str(variant.baseline).lower(),
            *(variant.settings.get(path) for path in paths),
            replicate.seed,
            replicate.fold,
            ",".join(replicate.stages),
        ]
        for variant in plan.variants
        for replicate in variant.replicates
    ]
    write_table(file, header, rows)
