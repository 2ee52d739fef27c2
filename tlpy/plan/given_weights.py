"""The files of weights that stages start from: read, and held against their networks, before anything trains.

This is the one part of planning that imports torch, and only where there are such files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlpy import words
from tlpy.digests import canonical
from tlpy.errors import InputError, Problem
from tlpy.plan.plan_records import Inferred
from tlpy.plan.starts import Contracts
from tlpy.plan.taken_over import taken_over
from tlpy.plan.working import StageSpec
from tlpy.records import Stage

if TYPE_CHECKING:
    from torch import Tensor

    from tlpy.architectures.base import Architecture
    from tlpy.weights.report import LoadReport

# Below this share of the encoder a plan warns, where the user did not say how much it has to be.
_FEW = 0.5


class GivenWeights:
    """Each file is read once, and loaded once into each network that starts from it.

    Args:
        roots: paths as the user wrote them → where they lie on this machine.
    """

    def __init__(self, roots: Mapping[str, Path]) -> None:
        self._roots = roots
        self._read: dict[str, Mapping[str, Tensor] | list[Problem]] = {}
        self._places: dict[str, str] = {}
        self._reports: dict[tuple[str, ...], LoadReport | list[Problem] | None] = {}

    def file_problems(self, chains: Iterable[Sequence[StageSpec]]) -> list[Problem]:
        """What is wrong with the files themselves: all of them, each once."""
        for chain in chains:
            for spec in chain:
                if spec.weights:
                    self._places.setdefault(spec.weights, f"{spec.where}.weights")
        found: list[Problem] = []
        for path in sorted(self._places):
            state = self._state(path)
            found += state if isinstance(state, list) else []
        return found

    def problems(self, stages: Iterable[Stage]) -> list[Problem]:
        """Files that do not fit the networks that start from them, or fill less of them than was asked."""
        found: dict[Problem, None] = {}
        for stage in stages:
            report = self._report(stage)
            if isinstance(report, list):
                found |= dict.fromkeys(report)
            elif report is not None and report.share < stage.loading.at_least:
                found[self._too_little(stage, report)] = None
        return list(found)

    def inferred(self, stages: Iterable[Stage]) -> list[Inferred]:
        """What is taken over of each file, and what is not."""
        found: dict[Inferred, None] = {}
        for stage, report in self._loaded(stages):
            what, share = f"stage {stage.name} takes over", words.share(report.share)
            told = "; ".join([f"from {stage.weights}", *taken_over(report.as_dict())])
            found[Inferred(what, f"{share} of the encoder's parameters", told)] = None
        return list(found)

    def warnings(self, stages: Iterable[Stage], contracts: Contracts) -> list[str]:
        """What is allowed but should be known: weights without a contract, and such that fill little."""
        found: dict[str, None] = {}
        stages = [stage for stage in stages if stage.weights]
        for stage in stages:
            assert stage.weights
            if contracts.of(stage.weights) is None:
                start = (
                    f"stage '{stage.name}' starts from {stage.weights}, which came without a contract.json"
                )
                found[f"{start}: how its images were prepared is not known, and heads start new"] = None
        for stage, report in self._loaded(stages):
            if report.share < _FEW and not stage.loading.at_least:
                share = words.share(report.share)
                start = f"stage '{stage.name}' takes only {share} of its encoder's parameters"
                found[f"{start} from {stage.weights}; `at_least` refuses"] = None
        return list(found)

    def _loaded(self, stages: Iterable[Stage]) -> list[tuple[Stage, LoadReport]]:
        pairs = [(stage, self._report(stage)) for stage in stages]
        return [(stage, one) for stage, one in pairs if one is not None and not isinstance(one, list)]

    def _state(self, path: str) -> Mapping[str, Tensor] | list[Problem]:
        """The tensors of a file, or what is wrong with it."""
        from tlpy.weights.read import read_weights

        if path not in self._read:
            try:
                self._read[path] = read_weights(self._roots.get(path, Path(path)))
            except InputError as error:
                where = self._places.get(path, "weights")
                self._read[path] = [
                    Problem(where, f"{path}: {one.message}", one.hint) for one in error.problems
                ]
        return self._read[path]

    def _report(self, stage: Stage) -> LoadReport | list[Problem] | None:
        """What a stage's network takes over of its file; None: it has none, or can't be built in planning."""
        if not stage.weights:
            return None
        asked = canonical([stage.architecture, stage.input.to_json(), stage.loading.channels])
        key = (stage.weights, asked)
        if key not in self._reports:
            self._reports[key] = self._tried(stage, stage.weights)
        return self._reports[key]

    def _tried(self, stage: Stage, path: str) -> LoadReport | list[Problem] | None:
        from tlpy.weights.load import load_weights

        state = self._state(path)
        if isinstance(state, list):
            return []
        network = _on_paper(stage)
        if network is None:
            return None
        try:
            return load_weights(network, state, channels=stage.loading.channels)
        except InputError as error:
            where, name = self._places.get(path, "weights"), stage.architecture["name"]
            return [
                Problem(where, f"{path} does not fit {name}: {one.message}", one.hint)
                for one in error.problems
            ]

    def _too_little(self, stage: Stage, report: LoadReport) -> Problem:
        assert stage.weights
        where = self._places.get(stage.weights, "weights")
        return report.too_little(stage.loading.at_least, where, f"{stage.weights}, {_network(stage)}")


def _network(stage: Stage) -> str:
    images = words.count(stage.input.channels, "channel")
    return f"{stage.architecture['name']} of {words.size(stage.input.size)}, {images}"


def _on_paper(stage: Stage) -> Architecture | None:
    """A stage's network, without memory for its weights where that can be; None: its own code fails here."""
    import torch

    from tlpy.architectures.build import build
    from tlpy.architectures.registry import ARCHITECTURES

    facts: Any = ARCHITECTURES.facts(stage.architecture["name"])
    device = torch.device("meta" if facts.on_meta else "cpu")
    try:
        with torch.random.fork_rng(devices=[]), device:
            return build(stage.architecture, stage.input.channels, stage.input.size, {})
    except Exception:
        # An own network that asks for more than planning has is checked when its training starts.
        if facts.planned:
            raise
        return None
