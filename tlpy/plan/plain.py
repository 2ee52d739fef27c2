"""Which plain baselines stand beside each ranking: those that fit the data, on the splits of its variants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tlpy import words
from tlpy.data.readers.registry import READERS
from tlpy.digests import canonical, digest, plain_digest
from tlpy.errors import Problem
from tlpy.plain.facts import IMAGES, SERIES, VECTORS
from tlpy.plain.fits import CovariateTable, PlainFit, PlainPack
from tlpy.plain.registry import PLAIN, complete_plain, fits, title
from tlpy.plan.plan_records import ExternalSet, PlainTask, PlainVariant, Replicate, Variant
from tlpy.plan.variants import common_settings
from tlpy.plan.working import DataSet
from tlpy.records import Component, Head, Source, Stage

# What identifies a fit to people, but does not change its result.
_NOT_IN_ID = ("id",)


@dataclass
class PlainPlan:
    """The baselines beside the rankings, and what is to be fitted for them, by id."""

    variants: list[PlainVariant] = field(default_factory=list)
    fits: dict[str, PlainFit] = field(default_factory=dict)


@dataclass
class _Draft:
    """A baseline on one split of a target, and the settings of the variants that are on the same."""

    component: Component
    target: str
    head: Head
    metric: str
    replicates: tuple[Replicate, ...]
    settings: dict[str, Any]


def kind_of(data: DataSet) -> str:
    """What the images of a data set are, for `PlainFacts.data`."""
    if READERS.facts(data.cache.request["reader"]["name"]).vectors:
        return VECTORS
    return SERIES if len(data.size) == 1 else IMAGES


def plan_plain(
    value: Any,
    variants: Sequence[Variant],
    stages: Mapping[str, Stage],
    datasets: Mapping[str, DataSet],
    components: str | None,
    covariates: Callable[[str], CovariateTable],
    external: Sequence[ExternalSet] = (),
) -> PlainPlan:
    """The baselines of each target, on each of the splits that its variants are on.

    Args:
        value: `plain` of the params file.
        variants, stages: of the plan.
        datasets: by the name in the plan.
        components: the digest of the folder of own components.
        covariates: of the data set that a table of subjects is of, by that table's id.
        external: what took no part, and is scored at the end.
    """
    wanted, code = complete_plain(value), digest([plain_digest(), components])
    kinds = {(name.partition("#")[0], data.cache.id): kind_of(data) for name, data in datasets.items()}
    plan = PlainPlan()
    drafts: dict[str, _Draft] = {}
    for variant in variants:
        last = stages[variant.replicates[0].stages[-1]]
        if not last.heads:
            continue
        for component in wanted:
            if not fits(component, kinds[last.dataset, last.cache]):
                continue
            lasts = [(stages[r.stages[-1]], r.seed) for r in variant.replicates]
            made = [
                _fit(
                    component,
                    stage,
                    variant.metric,
                    seed,
                    code,
                    covariates,
                    _outside(external, variant.target, stage),
                )
                for stage, seed in lasts
            ]
            if PLAIN.facts(component["name"]).covariates and not made[0].confounds:
                continue
            plan.fits.update({fit.id: fit for fit in made})
            replicates = tuple(
                replace(r, stages=(fit.id,)) for r, fit in zip(variant.replicates, made, strict=True)
            )
            key = canonical([component, variant.target, [fit.id for fit in made]])
            known = drafts.get(key)
            if known is None:
                drafts[key] = _Draft(
                    component,
                    variant.target,
                    last.heads[0],
                    variant.metric,
                    replicates,
                    dict(variant.settings),
                )
            else:
                known.settings = common_settings(known.settings, variant.settings)
    plan.variants = [_record(draft, list(drafts.values())) for draft in drafts.values()]
    return plan


def unfitting(
    value: Any, variants: Sequence[Variant], stages: Mapping[str, Stage], datasets: Mapping[str, DataSet]
) -> list[Problem]:
    """Baselines that were asked for by name, but fit no target of the run."""
    if isinstance(value, bool):
        return []
    targets = {stages[variant.replicates[0].stages[-1]].cache for variant in variants}
    kinds = {kind_of(data) for data in datasets.values() if data.cache.id in targets}
    confounds = any(data.confounds.tasks for data in datasets.values() if data.cache.id in targets)
    problems = []
    for component in complete_plain(value):
        if PLAIN.facts(component["name"]).covariates and not confounds:
            message = f"{component['name']} needs confounds, and what is ranked has none"
            problems.append(Problem("plain", message, "name columns of its table: `confounds: [age, site]`"))
        if not any(fits(component, kind) for kind in kinds):
            name = component["name"]
            are, made_for = words.joined(sorted(kinds)), words.joined(PLAIN.facts(name).data, "or")
            fitting = [one for one in PLAIN.names() if any(fits({"name": one}, kind) for kind in kinds)]
            message = f"{name} is for {made_for}, but what is ranked are {are}"
            problems.append(Problem("plain", message, f"use one of: {', '.join(fitting)}"))
    return problems


def plain_names(plan: PlainPlan) -> list[str]:
    """What the baselines are called, each once, for the log."""
    heads = {v.id: plan.fits[v.replicates[0].stages[0]].heads[0] for v in plan.variants}
    return list(dict.fromkeys(title(variant.component, heads[variant.id]) for variant in plan.variants))


def plain_tasks(plan: PlainPlan, shards: Mapping[str, Sequence[str]]) -> tuple[PlainTask, ...]:
    """One task a target, with all its fits.

    Args:
        shards: the ids of the prepared images' shards by cache.
    """
    by_target: dict[str, dict[str, PlainFit]] = {}
    for variant in plan.variants:
        for replicate in variant.replicates:
            for fit in replicate.stages:
                by_target.setdefault(variant.target, {})[fit] = plan.fits[fit]
    tasks = []
    for target, found in by_target.items():
        caches = sorted(
            {cache for fit in found.values() for cache in (*fit.caches, *(s.cache for s in fit.external))}
        )
        tasks.append(
            PlainTask(
                id=target,
                prepared=tuple(shard for cache in caches for shard in shards[cache]),
                subjects=tuple(
                    sorted({s.subjects for fit in found.values() for s in (*fit.sources, *fit.external)})
                ),
                pack=PlainPack(target, tuple(found.values())),
            )
        )
    return tuple(tasks)


def _outside(external: Sequence[ExternalSet], target: str, stage: Stage) -> list[Source]:
    """The data sets that took no part which go with the version of the target that a stage ends on."""
    return [
        Source(one.name, one.cache, one.subjects, one.labels, labelled=True)
        for one in external
        if one.target == target and one.target_cache == stage.cache
    ]


def _fit(
    component: Component,
    stage: Stage,
    metric: str,
    seed: int,
    code: str,
    covariates: Callable[[str], CovariateTable],
    external: Sequence[Source],
) -> PlainFit:
    facts = PLAIN.facts(component["name"])
    # Images that nothing is learnt from or scored on are of no use without a network.
    sources = tuple(source for source in stage.sources if source.labels)
    fit = PlainFit(
        id="",
        component=component,
        sources=sources,
        heads=stage.heads,
        metric=metric,
        seed=seed if facts.draws else 0,
        covariates=tuple(covariates(source.subjects) for source in sources) if facts.covariates else (),
    )
    outside = [(source, covariates(source.subjects)) for source in external]
    if facts.covariates:
        # Where a confound is not told, an answer from confounds would be one from nothing.
        asked = {column.label for column in fit.confounds}
        outside = [(s, table) for s, table in outside if asked <= {column.label for column in table.columns}]
    fit = replace(
        fit,
        external=tuple(source for source, _ in outside),
        external_covariates=tuple(table for _, table in outside) if facts.covariates else (),
    )
    content = {key: value for key, value in fit.to_json().items() if key not in _NOT_IN_ID}
    for source in content["sources"]:
        del source["dataset"]
    for table in (*content["covariates"], *content["external_covariates"]):
        del table["name"]
    return replace(fit, id=digest({**content, "code": code}))


def _record(draft: _Draft, drafts: Sequence[_Draft]) -> PlainVariant:
    """As it is written down, with the settings that tell it from the same baseline on other splits."""
    alike = [one for one in drafts if (one.component, one.target) == (draft.component, draft.target)]
    settings = {
        path: value
        for path, value in draft.settings.items()
        if value is not None and any(canonical(one.settings.get(path)) != canonical(value) for one in alike)
    }
    return PlainVariant(
        id=digest([draft.component, [list(replicate.stages) for replicate in draft.replicates]]),
        label=", ".join(
            [_name(draft, drafts), *(f"{words.path(p)} {words.setting(v)}" for p, v in settings.items())]
        ),
        target=draft.target,
        component=draft.component,
        settings=settings,
        metric=draft.metric,
        replicates=draft.replicates,
    )


def _name(draft: _Draft, drafts: Sequence[_Draft]) -> str:
    """What it is called; where one is there with several arguments, with these."""
    noun = title(draft.component, draft.head)
    others = [one.component for one in drafts if one.component["name"] == draft.component["name"]]
    told = {
        key: value
        for key, value in draft.component.items()
        if any(canonical(other.get(key)) != canonical(value) for other in others)
    }
    return f"plain: {noun} ({words.setting(told)})" if told else f"plain: {noun}"
