"""Whether stages get images like those that their weights were trained on, as far as a plan can know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlpy.data.contract import Difference, compare_trained, planned
from tlpy.errors import InputError, Problem
from tlpy.files import read_json
from tlpy.plan.plan_records import Inferred
from tlpy.plan.working import DataSet
from tlpy.records import Stage, contract_beside
from tlpy.store import Store

_HINT = "say the same preprocessing in both where it can be"


@dataclass(frozen=True)
class PlannedStart:
    """The images of one data set of a stage, beside those that its weights were trained on.

    Attributes:
        stage: the user's name of the one that starts.
        before: where its weights are from, in words.
        where: the place of the data set in the params.
        differences: between the two.
    """

    stage: str
    before: str
    where: str
    differences: tuple[Difference, ...]

    @property
    def misfits(self) -> list[Difference]:
        """The differences to which nothing is adapted."""
        return [one for one in self.differences if not one.adapted]

    @property
    def text(self) -> str:
        """Its misfits, in words."""
        listed = "; ".join(map(str, self.misfits))
        pair = f"stage '{self.stage}' takes over weights from {self.before}"
        return f"{pair}, trained on images prepared in another way: {listed}"


class Contracts:
    """The contracts that a user's files of weights came with, each read once.

    Args:
        roots: paths as the user wrote them → where they lie on this machine.
    """

    def __init__(self, roots: Mapping[str, Path]) -> None:
        self._roots = roots
        self._read: dict[str, dict[str, Any] | None] = {}

    def of(self, weights: str) -> dict[str, Any] | None:
        """The contract beside a file of weights; None: it came without one.

        Raises:
            InputError: it is there and can't be read.
        """
        if weights not in self._read:
            self._read[weights] = self._open(weights)
        return self._read[weights]

    def known(self) -> list[str]:
        """The files of weights that came with one, of those that were asked for."""
        return sorted(weights for weights, contract in self._read.items() if contract is not None)

    def _open(self, weights: str) -> dict[str, Any] | None:
        beside = contract_beside(weights)
        file = self._roots.get(beside) or self._roots.get(weights, Path(weights)).parent / "contract.json"
        if not file.is_file():
            return None
        try:
            found = read_json(file)
        except (OSError, ValueError) as error:
            raise InputError(
                [Problem(beside, f"can't be read: {error}", "take it away, or mend it")]
            ) from None
        known = isinstance(found, dict) and {"images", "tasks", "targets"} <= set(found)
        return dict(found) if known else None


def planned_starts(
    stages: Mapping[str, Stage], by_cache: Mapping[str, DataSet], contracts: Contracts
) -> list[PlannedStart]:
    """Every data set of a stage that differs from what its weights were trained on; each text once."""
    found: dict[PlannedStart, None] = {}
    for stage in stages.values():
        trained, before = _trained(stage, stages, by_cache, contracts)
        if trained is None:
            continue
        learnt = [source for source in stage.sources if source.labelled] or list(stage.sources)
        for source in learnt:
            try:
                differing = compare_trained(
                    trained, _images(by_cache[source.cache]), stage.training.datamodule
                )
            except KeyError:
                continue
            if differing:
                start = PlannedStart(stage.name, before, f"datasets.{source.dataset}", tuple(differing))
                found[start] = None
    return list(found)


def mismatch_problems(starts: Iterable[PlannedStart]) -> list[Problem]:
    """What `on_contract_mismatch: error` refuses."""
    hint = f"{_HINT}, or on_contract_mismatch: warn"
    return [Problem(start.where, start.text, hint) for start in starts if start.misfits]


def mismatch_warnings(starts: Iterable[PlannedStart]) -> list[str]:
    """What `on_contract_mismatch: warn` lets pass, one sentence for each stage and parent."""
    return list(dict.fromkeys(f"{start.text}; {_HINT}" for start in starts if start.misfits))


def stored_problems(stages: Iterable[Stage], store: Store | None) -> list[Problem]:
    """What `on_contract_mismatch: error` refuses of finished stages: what was seen when they were trained."""
    hint = "train without the store, or on_contract_mismatch: warn"
    found = []
    for stage in stages:
        if not (store and stage.stored):
            continue
        try:
            report = read_json(store.path("stages", stage.id) / "load_report.json")
            listed = [one for one in report.get("preprocessing") or () if not one["adapted"]]
        except (OSError, ValueError, KeyError):
            continue
        found += [
            Problem(
                f"datasets.{one['dataset']}",
                f"stage '{stage.name}' ({stage.id}), finished before, got other images than its weights were "
                f"trained on: {one['what']}: expected {one['expected']}, found {one['found']}",
                hint,
            )
            for one in listed
        ]
    return found


def inferred_starts(
    stages: Mapping[str, Stage], starts: Iterable[PlannedStart], contracts: Contracts
) -> list[Inferred]:
    """What is adapted on purpose, and which weights can't be compared."""
    found: dict[Inferred, None] = {}
    for start in starts:
        by_way: dict[str, list[str]] = {}
        for one in start.differences:
            if one.adapted:
                by_way.setdefault(one.adapted, []).append(f"{one.key} {one.expected} to {one.found}")
        for how, keys in by_way.items():
            what = f"stage {start.stage} weights"
            found[Inferred(what, how, f"from {start.before}: {', '.join(keys)}")] = None
    for stage in stages.values():
        if stage.weights and contracts.of(stage.weights) is None:
            why = f"{stage.weights} came without a contract.json: its images and heads can't be compared"
            found[Inferred(f"stage {stage.name} weights", "of the encoder only", why)] = None
    return list(found)


def _trained(
    stage: Stage, stages: Mapping[str, Stage], by_cache: Mapping[str, DataSet], contracts: Contracts
) -> tuple[dict[str, Any] | None, str]:
    """What a stage's weights were trained on, as far as it is known, and where they are from."""
    parent = stages.get(stage.parent or "")
    if parent is not None:
        images = _images(by_cache[parent.cache])
        return {"images": images, "datamodule": parent.training.datamodule}, f"'{parent.name}'"
    if stage.weights:
        return contracts.of(stage.weights), stage.weights
    return None, ""


def _images(data: DataSet) -> dict[str, Any]:
    return planned(data.wanted.request["preprocessing"], data.channels, data.size)
