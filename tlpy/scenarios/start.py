"""What a stage starts from: weights, and what they were trained under."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlpy.data.contract import Difference, compare_trained
from tlpy.data.subjects import TargetScaling
from tlpy.errors import InputError, Problem
from tlpy.files import read_json
from tlpy.objectives.heads import bins_of
from tlpy.records import REGRESSION, Head, Stage
from tlpy.scenarios.material import Opened
from tlpy.weights.heads import Meaning, TakeOver, compare, meanings_in
from tlpy.weights.read import WEIGHTS
from tlpy.weights.report import LoadReport

CONTRACT = "contract.json"
# Differences by the data set whose images have them.
Differences = list[tuple[str, Difference]]


@dataclass(frozen=True)
class Start:
    """Weights to start from.

    Attributes:
        weights: a file of them.
        contract: the contract.json of the network that they are of; None: they came without one.
    """

    weights: Path
    contract: Mapping[str, Any] | None

    @classmethod
    def of(cls, weights: Path | None, contract: Path | None = None) -> Start | None:
        """Weights and their contract, by default that beside them; None: the network starts at random."""
        if weights is None:
            return None
        beside = weights if weights.is_dir() else weights.parent
        return cls(weights, read_contract(contract or beside / CONTRACT))

    @property
    def source(self) -> str:
        """The id of the stage before, or the name of the user's file."""
        return self.weights.parent.name if self.weights.name == WEIGHTS else self.weights.name

    def heads(self, stage: Stage, scaling: Mapping[str, TargetScaling]) -> dict[str, TakeOver | str]:
        """How each head of a stage is taken over, or why it is new.

        Args:
            stage: the one that starts.
            scaling: of each of its regression labels.
        """
        if self.contract is None:
            reason = f"the weights came without a {CONTRACT} that says what their outputs stand for"
            return {head.label: reason for head in stage.heads}
        there = meanings_in(self.contract)
        return {head.label: compare(_meaning(head, stage, scaling), there) for head in stage.heads}

    def differences(self, stage: Stage, opened: Sequence[Opened]) -> Differences | None:
        """Where the images that a stage learns from are not what the weights were trained on.

        None where that can't be known, since the weights came without a contract.
        """
        if self.contract is None:
            return None
        learnt = [number for number, source in enumerate(stage.sources) if source.labelled]
        found: Differences = []
        try:
            for number in learnt or range(len(opened)):
                images, name = opened[number].preprocessing, stage.sources[number].dataset
                differing = compare_trained(self.contract, images, stage.training.datamodule)
                found += [(name, one) for one in differing]
        except KeyError:
            return None
        return found


def read_contract(file: Path) -> dict[str, Any] | None:
    """A contract.json; None where there is none, or a file of another kind."""
    try:
        found = read_json(file)
    except (OSError, ValueError):
        return None
    known = isinstance(found, dict) and {"images", "tasks", "targets"} <= set(found)
    return dict(found) if known else None


def refuse(stage: Stage, differences: Iterable[tuple[str, Difference]]) -> None:
    """Raise every difference to which nothing is adapted.

    Raises:
        InputError: there are such.
    """
    hint = "say the same preprocessing in both, or on_contract_mismatch: warn"
    problems = [
        Problem(
            f"datasets.{name}", f"not what the weights of stage '{stage.name}' were trained on: {one}", hint
        )
        for name, one in differences
        if not one.adapted
    ]
    if problems:
        raise InputError(problems)


def describe_start(
    report: LoadReport | None, start: Start | None, differences: Differences | None
) -> dict[str, Any]:
    """load_report.json; `source` is null for a network that starts at random.

    `preprocessing` lists where the images are not what the weights were trained on; null where the weights
    came without a contract.
    """
    if report is None or start is None:
        return {"source": None}
    listed = None
    if differences is not None:
        listed = [
            {
                "dataset": name,
                "what": one.key,
                "expected": one.expected,
                "found": one.found,
                "adapted": one.adapted,
            }
            for name, one in differences
        ]
    return {"source": start.source, "preprocessing": listed, **report.as_dict()}


def _meaning(head: Head, stage: Stage, scaling: Mapping[str, TargetScaling]) -> Meaning:
    """What the outputs of one of a stage's heads stand for."""
    if head.type != REGRESSION:
        return Meaning(head)
    known, bins = scaling[head.label], bins_of(stage.objective, head.label)
    edges = None
    if bins:
        edges = (float(bins[1]["low"]), float(bins[1]["high"]), int(bins[1]["bins"]))
    return Meaning(head, (known.mean, known.sd), edges)
