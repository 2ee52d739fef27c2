"""The plan: all variants, the distinct stages they need, and the packs that train them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from tlpy.components.sources import sources
from tlpy.digests import canonical, code_digest, digest, training_digest
from tlpy.errors import InputError, Problem, Problems
from tlpy.params.assignment import path_problems, variant_params
from tlpy.params.schema import Schema
from tlpy.params.space import space_problems
from tlpy.plain.fits import CovariateTable
from tlpy.plain.registry import plain_problems
from tlpy.plan.data.caches import Cache
from tlpy.plan.data.catalogue import Catalogue, reader_problems
from tlpy.plan.data.contract_preprocessing import fill_in, without_contract, written_out
from tlpy.plan.data.covariates import covariate_table
from tlpy.plan.data.external import Externals, ends, external_problems, named, open_externals
from tlpy.plan.data.split_notes import equal_counts, idle_fractions, shared_people, split_warnings
from tlpy.plan.data.split_tables import PublishedRow, SplitBook
from tlpy.plan.execution_settings import execution, execution_problems
from tlpy.plan.expansion import expand, inferred_expansions
from tlpy.plan.given_weights import GivenWeights
from tlpy.plan.packs import make_packs
from tlpy.plan.plain import PlainPlan, plan_plain, unfitting
from tlpy.plan.plan_records import Dropped, ExternalSet, Inferred, PlannedPack, Variant
from tlpy.plan.stages.book import StageBook
from tlpy.plan.stages.chain import ChainResolver, images_only, unknown_datasets
from tlpy.plan.stages.resolve import metric_problems
from tlpy.plan.starts import (
    Contracts,
    PlannedStart,
    inferred_starts,
    mismatch_problems,
    mismatch_warnings,
    planned_starts,
    stored_problems,
)
from tlpy.plan.stored import StoredWork
from tlpy.plan.variants import VariantBook
from tlpy.plan.warnings import plan_warnings
from tlpy.plan.working import DataSet, StageSpec, SubjectTable
from tlpy.privacy.people import Known
from tlpy.records import ExecutionSettings, Stage, contract_beside
from tlpy.search.registry import assignments
from tlpy.store import Store


@dataclass
class Planned:
    """What PLAN found out and decided, with the tables; `tlpy.plan.documents` writes it down."""

    params: dict[str, Any]
    seed: int
    metric: str | None
    datasets: dict[str, DataSet]
    caches: dict[str, Cache]
    subjects: dict[str, SubjectTable]
    base_subjects: dict[str, SubjectTable]
    stages: dict[str, Stage]
    variants: list[Variant]
    packs: list[PlannedPack]
    baselines: int
    stage_runs: int
    epochs_unshared: int
    stored_caches: set[str]
    code: str
    components: str | None
    execution: ExecutionSettings
    equal: dict[str, int]
    shared_people: list[Inferred]
    starts: list[Inferred]
    contracts: dict[str, str]
    published: Callable[[str], Iterable[PublishedRow]]
    units: Callable[[str], Mapping[str, str]]
    warnings: list[str]
    normalised: list[Dropped]
    plain: PlainPlan
    external: tuple[ExternalSet, ...] = ()
    external_notes: tuple[Inferred, ...] = ()
    people: frozenset[Known] = frozenset()
    expansions: tuple[Inferred, ...] = ()


class Planner:
    """Makes a plan from a params file.

    Args:
        params: the params, as the user gave them (nested parts inline, unset ones absent or None).
        schema: the params schema.
        roots: each data set's path as the user wrote it → where it lies on this machine.
        slots: how many tasks run side by side; 0 where that is unknown.
        store: the folder of finished work, or None.
        components: the folder of own components, or None.
    """

    def __init__(
        self,
        params: Mapping[str, Any],
        schema: Schema,
        roots: Mapping[str, Path],
        slots: int = 0,
        store: Path | None = None,
        components: Path | None = None,
    ) -> None:
        self.schema = schema
        self.given = schema.coerce({key: value for key, value in params.items() if value is not None})
        self.slots = slots
        self.store = Store(store) if store else None
        self.components = code_digest(components) if components else None
        self.code = digest([training_digest(), self.components])
        sources.use(components, params.get("components"))
        self.roots = roots
        self.stages: dict[str, Stage] = {}
        self.external = Externals()
        self.weights = GivenWeights(roots)
        self._taken: list[Inferred] = []
        self.expansions: list[Inferred] = []

    def plan(self) -> Planned:
        """The plan; raises `InputError` with every problem that can be known before training."""
        catalogue = Catalogue(self.roots, self._value("on_bad_image"), self.slots)
        self._check_params(catalogue)
        seed = int(self._value("seed"))
        settings = expand(self.given, assignments(self.given.get("search"), seed), self.schema)
        self.expansions = inferred_expansions(self.given, settings)
        try:
            chains = self._chains(settings)
        except InputError as error:
            problems = Problems()
            problems.extend(error.problems)
            self._add_data_problems(problems, catalogue)
            raise InputError(problems) from None
        datasets = self._datasets(chains, catalogue)
        targets = _targets(datasets)
        book = VariantBook()
        made = StageBook(SplitBook(seed), seed, self._value("metric"), self.code, self.roots)
        self.stages = made.stages
        problems = Problems()
        runs = epochs = 0
        for assignment, (params, chain) in zip(settings, chains, strict=True):
            opened = {
                name: datasets[canonical([name, spec])]
                for name, spec in params["datasets"].items()
                if canonical([name, spec]) in datasets
            }
            try:
                replicates = made.replicates(params, chain, opened)
            except InputError as error:
                problems.extend(error.problems)
                continue
            book.add(assignment, chain, targets[id(opened[chain[-1].dataset])], replicates)
            used = [stage for pair in replicates for stage in pair.replicate.stages]
            runs += len(used)
            epochs += sum(self.stages[stage].training.epochs for stage in used)
        problems.extend(self.weights.problems(self.stages.values()))
        problems.extend(execution_problems(int(self._value("devices")), self.stages.values()))
        problems.raise_if_any()
        if self._value("baseline"):
            book.add_baselines(self.stages)
        self._drop_unused(book)
        self.given = written_out(self.given, chains)
        planned = self._assemble(book, datasets, made, runs, epochs)
        return replace(planned, people=frozenset(catalogue.people))

    def _value(self, name: str) -> Any:
        return self.given.get(name, self.schema.default(name))

    def _check_params(self, catalogue: Catalogue) -> None:
        """Raise every fault of the file; with it, those of the chain and of the data, as far as they show."""
        problems = Problems()
        problems.extend(self.schema.problems(self.given))
        for name in self.schema.nested():
            # The schema allows the path of a file, too, which is read in by now.
            if isinstance(self.given.get(name), str):
                problems.add(name, f"expected a map or a list, or a file with one, got {self.given[name]!r}")
        problems.extend(sources.folder_problems())
        if "plain" not in {problem.where.partition("[")[0].partition(".")[0] for problem in problems}:
            problems.extend(plain_problems(self._value("plain")))
        faulty = {problem.where.partition(".")[0].partition("[")[0] for problem in problems}
        if not faulty & {"stages", "datasets", "search"}:
            search = self.given.get("search") or {}
            problems.extend(space_problems(search.get("space") or {}))
            problems.extend(path_problems(self.given, self.schema))
        if not problems:
            return
        # What follows expects what the schema asks for: where it stumbles, the known faults come first.
        with suppress(Exception):
            if "stages" not in faulty:
                problems.extend(_raised(lambda: self._chains([{}])))
        with suppress(Exception):
            self._add_data_problems(problems, catalogue)
        problems.raise_if_any()

    def _add_data_problems(self, problems: Problems, catalogue: Catalogue) -> None:
        """What is wrong with the data sets whose own settings are sound."""
        datasets = self.given.get("datasets")
        blind = images_only(self.given.get("stages")) | set(named(self.given))
        for name, spec in datasets.items() if isinstance(datasets, dict) else ():
            if not any(problem.where.startswith(f"datasets.{name}.") for problem in problems):
                own = without_contract(spec)
                problems.extend(_raised(partial(catalogue.dataset, name, own, name in blind)))

    def _chains(self, settings: Sequence[Mapping[str, Any]]) -> list[tuple[dict[str, Any], list[StageSpec]]]:
        problems = Problems()
        resolver = ChainResolver(self.schema)
        chains: list[tuple[dict[str, Any], list[StageSpec]]] = []
        for assignment in settings:
            params = variant_params(self.given, assignment)
            try:
                chain = resolver.resolve(params)
            except InputError as error:
                problems.extend(error.problems)
                problems.extend(reader_problems(params["datasets"]))
                continue
            problems.extend(unknown_datasets(params, chain))
            problems.extend(reader_problems(params["datasets"]))
            chains.append((params, chain))
        problems.extend(self.weights.file_problems(chain for _, chain in chains))
        problems.raise_if_any()
        chains, self._taken = fill_in(chains, Contracts(self.roots))
        return chains

    def _datasets(
        self, chains: Sequence[tuple[Mapping[str, Any], list[StageSpec]]], catalogue: Catalogue
    ) -> dict[str, DataSet]:
        """Every data set that a stage uses, in the order of the file; all their problems at once."""
        used = {name for _, chain in chains for stage in chain for name in stage.all_datasets}
        learnt = {name for _, chain in chains for stage in chain for name in stage.labelled}
        problems = Problems()
        problems.extend(external_problems(self.given, used))
        opened: dict[str, DataSet] = {}
        for params, _ in chains:
            for name, spec in params["datasets"].items():
                key = canonical([name, spec])
                if name in used and key not in opened:
                    try:
                        opened[key] = catalogue.dataset(name, spec, images_only=name not in learnt)
                    except InputError as error:
                        problems.extend(error.problems)
        self.external = open_externals(self.given, ends(chains), opened, used, catalogue, problems)
        problems.raise_if_any()
        targets = {name for _, chain in chains for name in chain[-1].labelled[:1]}
        problems.extend(
            metric_problems(self._value("metric"), {d.name: d for d in opened.values() if d.name in targets})
        )
        problems.raise_if_any()
        shared = catalogue.share({**opened, **self.external.opened})
        self.external.share(shared)
        return {key: shared[key] for key in opened}

    def _drop_unused(self, book: VariantBook) -> None:
        """Without baselines, the from-scratch stages that no variant asks for are not trained."""
        needed = {stage for variant in book.variants for stage in variant.stages}
        self.stages = {key: record for key, record in sorted(self.stages.items()) if key in needed}

    def _assemble(
        self, book: VariantBook, opened: Mapping[str, DataSet], made: StageBook, runs: int, epochs: int
    ) -> Planned:
        stored = StoredWork(self.store)
        stages = stored.stages(self.stages, all_read=bool(self.external.opened))
        used_caches = {cache for stage in stages.values() for cache in stage.caches}
        datasets = {
            name: data
            for name, data in _by_name(opened.values()).items()
            if data.cache.id in used_caches and made.splits.has(data)
        }
        outside = self.external.named()
        for data in outside.values():
            made.splits.add_whole(data)
        datasets |= outside
        caches = {data.cache.id: data.cache for data in datasets.values()}
        starts = self._starts(stages, datasets, made)
        joint = made.splits.joint()
        equal = equal_counts(joint)
        needed = {source.subjects for stage in stages.values() for source in stage.sources}
        external = self.external.records(
            opened, _targets(opened), {name: made.splits.base(data) for name, data in outside.items()}
        )
        needed |= {one.subjects for one in external}
        variants = [variant.record(stages, self._value("metric")) for variant in book.variants]
        plain = self._plain(variants, stages, datasets, made.splits, external)
        scored = {one.cache for one in external}
        stored_caches = stored.caches(caches, stages.values(), plain, scored)
        return Planned(
            params=dict(self.given),
            seed=int(self._value("seed")),
            metric=self._value("metric"),
            datasets=datasets,
            caches=caches,
            subjects={key: table for key, table in made.splits.tables.items() if key in needed},
            base_subjects={name: made.splits.base(data) for name, data in datasets.items()},
            stages=stages,
            variants=variants,
            packs=self._packs(stages),
            baselines=book.baselines(),
            stage_runs=runs + book.baseline_runs(),
            epochs_unshared=epochs + book.baseline_epochs(stages),
            stored_caches=stored_caches,
            code=self.code,
            components=self.components,
            execution=execution(self.given, self.schema),
            equal={name: equal[id(data)] for name, data in datasets.items() if id(data) in equal},
            shared_people=shared_people(joint),
            published=lambda name: made.splits.published(name, datasets[name]),
            starts=[
                *self._taken,
                *self.weights.inferred(stages.values()),
                *inferred_starts(stages, starts, made.contracts),
            ],
            contracts={path: contract_beside(path) for path in made.contracts.known()},
            units=lambda name: made.splits.units(datasets[name]),
            warnings=[
                *stored.warnings,
                *split_warnings(joint),
                *self.external.warnings,
                *plan_warnings(
                    self.given["datasets"], datasets, stages.values(), str(self._value("accelerator"))
                ),
                *self.weights.warnings(stages.values(), made.contracts),
                *mismatch_warnings(starts),
            ],
            normalised=[*made.normalised.values(), *self.external.normalised, *idle_fractions(datasets)],
            external=external,
            external_notes=tuple(self.external.notes),
            expansions=tuple(self.expansions),
            plain=plain,
        )

    def _starts(
        self, stages: Mapping[str, Stage], datasets: Mapping[str, DataSet], made: StageBook
    ) -> list[PlannedStart]:
        """Where weights meet images that were prepared in another way; raises them where they are refused."""
        starts = planned_starts(stages, {data.cache.id: data for data in datasets.values()}, made.contracts)
        if self._value("on_contract_mismatch") == "error":
            problems = Problems()
            problems.extend(mismatch_problems(starts))
            problems.extend(stored_problems(stages.values(), self.store))
            problems.raise_if_any()
        return starts

    def _plain(
        self,
        variants: Sequence[Variant],
        stages: Mapping[str, Stage],
        datasets: Mapping[str, DataSet],
        splits: SplitBook,
        external: Sequence[ExternalSet],
    ) -> PlainPlan:
        """The plain baselines; raises `InputError` for those that were asked for and fit nothing."""
        wanted = self._value("plain")
        unused = unfitting(wanted, variants, stages, datasets)
        if unused:
            raise InputError(unused)
        names = {id(data): name for name, data in datasets.items()}

        def covariates(table: str) -> CovariateTable:
            data = splits.data_of(table)
            return covariate_table(names[id(data)], data)

        return plan_plain(wanted, variants, stages, datasets, self.components, covariates, external)

    def _packs(self, stages: Mapping[str, Stage]) -> list[PlannedPack]:
        """The packs; each device of a training needs a core to feed it."""
        devices = int(self._value("devices"))
        to_train = [key for key, stage in stages.items() if not stage.stored]
        packs = make_packs(stages, to_train, float(self._value("pack_minutes")), self.slots)
        return [replace(pack, cpus=max(pack.cpus, devices)) for pack in packs]


def _raised(attempt: Callable[[], object]) -> list[Problem]:
    """The problems that `attempt` raises; none where it succeeds."""
    try:
        attempt()
    except InputError as error:
        return error.problems
    return []


def _by_name(datasets: Iterable[DataSet]) -> dict[str, DataSet]:
    """Data sets by name; where the search varies one, its versions are told apart by number."""
    named: dict[str, DataSet] = {}
    for data in datasets:
        name, number = data.name, 2
        while name in named:
            name, number = f"{data.name}#{number}", number + 1
        named[name] = data
    return named


def _targets(datasets: Mapping[str, DataSet]) -> dict[int, str]:
    """What its variants are ranked under, by data set: versions with other images or answers are apart."""
    first: dict[tuple[str, tuple[str, ...], tuple[str, ...]], str] = {}
    named = _by_name(datasets.values())
    return {
        id(data): first.setdefault(
            (data.name, data.answers.key, tuple(record.image for record in data.records)), name
        )
        for name, data in named.items()
    }
