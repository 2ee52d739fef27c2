"""External test sets: data sets that no stage uses, on which what the search chose is scored once.

All their images are tested on, prepared as the target's are where their own settings do not say otherwise.
Whoever trains, validates or is tested on in any data set of the run is left out of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tlpy import words
from tlpy.digests import canonical
from tlpy.errors import InputError, Problem, Problems, nearest
from tlpy.plan.data.catalogue import Catalogue
from tlpy.plan.data.external_labels import absent_classes, class_problems, fitting_tasks
from tlpy.plan.data.external_people import without_shared
from tlpy.plan.data.external_preparation import (
    OF_SPLITS,
    differences,
    opened_as,
    preparation_notes,
    spec_of,
    with_size,
)
from tlpy.plan.plan_records import Dropped, ExternalSet, Inferred
from tlpy.plan.working import DataSet, StageSpec, SubjectTable


@dataclass(frozen=True)
class _Pair:
    """An external set as it is scored for one version of a target.

    Attributes:
        key: of the external set among the opened ones.
        target: the target's version, by its key among the data sets of the run.
    """

    key: str
    target: str
    labels: tuple[str, ...]
    differences: tuple[str, ...]


@dataclass
class Externals:
    """The external sets of a run, opened.

    Attributes:
        opened: by key; one for each way in which a set is prepared.
        notes: how their preprocessing was settled.
        normalised: settings of theirs that have no effect.
    """

    opened: dict[str, DataSet] = field(default_factory=dict)
    pairs: list[_Pair] = field(default_factory=list)
    notes: list[Inferred] = field(default_factory=list)
    normalised: list[Dropped] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def share(self, shared: Mapping[str, DataSet]) -> None:
        """Take the caches that the run's data sets have in common."""
        self.opened = {key: replace(data, cache=shared[key].cache) for key, data in self.opened.items()}

    def named(self) -> dict[str, DataSet]:
        """The sets by name; versions of one are told apart by number."""
        return {name: self.opened[key] for key, name in self._names().items()}

    def records(
        self,
        datasets: Mapping[str, DataSet],
        targets: Mapping[int, str],
        tables: Mapping[str, SubjectTable],
    ) -> tuple[ExternalSet, ...]:
        """What the plan says of them.

        Args:
            datasets: of the run, by key.
            targets: what variants are ranked under, by the `id` of their target.
            tables: of the external sets, by name.
        """
        names = self._names()
        return tuple(
            ExternalSet(
                name=names[pair.key],
                target=targets[id(datasets[pair.target])],
                target_cache=datasets[pair.target].cache.id,
                cache=self.opened[pair.key].cache.id,
                subjects=tables[names[pair.key]].id,
                labels=pair.labels,
                differences=pair.differences,
            )
            for pair in self.pairs
        )

    def _names(self) -> dict[str, str]:
        found: dict[str, str] = {}
        counts: Counter[str] = Counter()
        for key, data in self.opened.items():
            counts[data.name] += 1
            found[key] = data.name if counts[data.name] == 1 else f"{data.name}#{counts[data.name]}"
        return found


@dataclass(frozen=True)
class _Fit:
    """An external set that fits a target: its settings but for the labels, and what these are."""

    target: str
    spec: dict[str, Any]
    tasks: dict[str, Any]
    data: DataSet


def named(params: Mapping[str, Any]) -> list[str]:
    """The names under `external`: a list, or one of them."""
    given = params.get("external")
    if isinstance(given, str):
        return [given]
    return [str(name) for name in given] if isinstance(given, Sequence) else []


def ends(chains: Iterable[tuple[Mapping[str, Any], Sequence[StageSpec]]]) -> dict[str, bool]:
    """The data sets that chains end with, each version's key once, and whether a label of it is learnt."""
    found: dict[str, bool] = {}
    for params, chain in chains:
        name = chain[-1].dataset
        key = canonical([name, params["datasets"][name]])
        found[key] = found.get(key, False) or name in chain[-1].labelled
    return found


def external_problems(params: Mapping[str, Any], used: Collection[str]) -> list[Problem]:
    """What is wrong with the names under `external`.

    Args:
        params: as the user gave them.
        used: the data sets that a stage of any variant uses.
    """
    datasets = list(params["datasets"])
    found = []
    names = named(params)
    for place, name in enumerate(names):
        where = f"external[{place}]"
        if name not in datasets:
            found.append(Problem(where, f"there is no data set '{name}'", nearest(name, datasets)))
        elif name in used:
            message = f"a stage uses '{name}', so that it is no external test set"
            found.append(Problem(where, message, "name data sets that no stage uses"))
    space = (params.get("search") or {}).get("space") or {}
    for path in space:
        first, _, rest = path.partition(".")
        name = rest.partition(".")[0]
        if first == "datasets" and name in names:
            message = f"'{name}' is external: nothing of it can be chosen by a search"
            found.append(Problem(f"search.space.{path}", message, "what it does not say follows its target"))
    return found


def open_externals(
    params: Mapping[str, Any],
    targets: Mapping[str, bool],
    datasets: Mapping[str, DataSet],
    used: Collection[str],
    catalogue: Catalogue,
    problems: Problems,
) -> Externals:
    """Open each external set for every target that it fits.

    Args:
        params: as the user gave them.
        targets: `ends`.
        datasets: every data set that a stage uses, by key; without those that can't be opened.
        used: the names of these, and of those that can't be opened.
        catalogue: opens data sets.
        problems: takes what is wrong, of a set that fits no target all that keeps it from fitting.
    """
    found = Externals()
    for name in dict.fromkeys(named(params)):
        spec = params["datasets"].get(name)
        if spec is None or name in used:
            continue
        found.normalised += [
            Dropped(f"datasets.{name}.{key}", "external: all its images are tested on")
            for key in OF_SPLITS
            if key in spec
        ]
        fits: list[_Fit] = []
        faults = Problems()
        lost: list[tuple[str, str]] = []
        for key, learns in targets.items():
            if key not in datasets:
                continue
            try:
                if not learns:
                    raise _nothing_learnt(name, datasets[key])
                fits.append(_fit(name, spec, key, datasets[key], catalogue))
            except InputError as error:
                faults.extend(error.problems)
                lost.append((datasets[key].name, error.problems[0].message))
        if not fits:
            problems.extend(faults)
            continue
        found.warnings += [
            f"external data set '{name}' is not scored for '{target}': {why}"
            for target, why in dict.fromkeys(lost)
        ]
        for group in _grouped(fits):
            try:
                _add(found, name, group, datasets, catalogue)
            except InputError as error:
                problems.extend(error.problems)
    return found


def _fit(name: str, own: Mapping[str, Any], key: str, target: DataSet, catalogue: Catalogue) -> _Fit:
    """The set with a target's labels; raises `InputError` where they do not fit each other."""
    if not target.tasks:
        raise _nothing_learnt(name, target)
    spec, tasks = spec_of(name, own, target), fitting_tasks(name, own, target)
    spec = with_size(name, spec, tasks, target, catalogue)
    data = opened_as(name, spec, tasks, catalogue)
    problems = Problems()
    problems.extend(class_problems(data, tasks, target.name))
    if (data.size, data.channels) != (target.size, target.channels):
        shown = [words.size((one.channels, *one.size)) for one in (data, target)]
        message = f"its images are {shown[0]} (channels × size), those of '{target.name}' {shown[1]}"
        hint = "leave out what its own preprocessing says of size, spacing and slice"
        problems.add(f"datasets.{name}.preprocessing", message, hint)
    problems.raise_if_any()
    return _Fit(key, spec, tasks, data)


def _nothing_learnt(name: str, target: DataSet) -> InputError:
    message = f"no label of '{target.name}' is learnt, so that there is nothing to score it by"
    return InputError([Problem("external", message, f"take '{name}' out")])


def _grouped(fits: Sequence[_Fit]) -> list[list[_Fit]]:
    """Fits that share their images and do not contradict each other in a label: scored from one table."""
    groups: list[list[_Fit]] = []
    for fit in fits:
        for group in groups:
            alike = canonical(group[0].spec) == canonical(fit.spec)
            known = {label: task for one in group for label, task in one.tasks.items()}
            if alike and all(known.get(label, task) == task for label, task in fit.tasks.items()):
                group.append(fit)
                break
        else:
            groups.append([fit])
    return groups


def _add(
    found: Externals,
    name: str,
    group: Sequence[_Fit],
    datasets: Mapping[str, DataSet],
    catalogue: Catalogue,
) -> None:
    """Open a group of fits as one data set, without the people that the run has."""
    tasks = {label: task for fit in group for label, task in fit.tasks.items()}
    data = group[0].data if len(group) == 1 else opened_as(name, group[0].spec, tasks, catalogue)
    records = tuple(replace(record, split="") for record in data.records)
    clear = replace(data, records=records, external=True, within=False)
    data, warnings = without_shared(clear, datasets.values())
    warnings += absent_classes(data)
    key = f"external {name} {len(found.opened)}"
    found.opened[key] = data
    found.warnings += warnings
    for fit in group:
        target = datasets[fit.target]
        differing = tuple(differences(target, data))
        labels = tuple(label for label in target.tasks if label in fit.tasks)
        found.pairs.append(_Pair(key, fit.target, labels, differing))
        found.notes += [note for note in preparation_notes(name, data, target) if note not in found.notes]
        if differing:
            found.warnings.append(
                f"external data set '{name}' is prepared in another way than '{target.name}', on whose "
                f"images its networks were trained: {'; '.join(differing)}"
            )
