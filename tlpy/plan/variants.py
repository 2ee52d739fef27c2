"""Variants: full assignments of the search space, each once, and the baselines to compare them with."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tlpy import words
from tlpy.digests import canonical, digest
from tlpy.objectives.registry import TERMS
from tlpy.plan.plan_records import Replicate, Variant
from tlpy.plan.stages.resolve import metric_of
from tlpy.plan.working import PairedReplicate, StageSpec
from tlpy.records import Stage


@dataclass
class VariantDraft:
    """One variant, whose settings are given up where they turn out to have no effect.

    Attributes:
        settings: searched path → value; None where variants that differ in it came out equal.
        baseline: whether it is trained from scratch.
        scratch: the id of its from-scratch twin; None for a baseline.
    """

    settings: dict[str, Any]
    chain: tuple[str, ...]
    target: str
    replicates: tuple[Replicate, ...]
    baseline: bool = False
    scratch: str | None = None
    id: str = field(init=False)

    def __post_init__(self) -> None:
        self.id = digest([list(replicate.stages) for replicate in self.replicates])

    @property
    def stages(self) -> list[str]:
        """The stages of all replicates, as often as each is needed."""
        return [stage for replicate in self.replicates for stage in replicate.stages]

    @property
    def label(self) -> str:
        """The settings in a few words."""
        said = [_in_words(path, value) for path, value in self.settings.items() if value is not None]
        text = ", ".join(said) or " → ".join(self.chain)
        return f"from scratch: {text}" if self.baseline else text

    def record(self, stages: Mapping[str, Stage], metric: str | None) -> Variant:
        """As it is written down; `metric` is the user's, or None."""
        return Variant(
            id=self.id,
            label=self.label,
            settings=self.settings,
            baseline=self.baseline,
            scratch=self.scratch,
            target=self.target,
            metric=metric_of(metric, stages[self.replicates[0].stages[-1]].heads),
            chain=self.chain,
            replicates=self.replicates,
        )


class VariantBook:
    """Collects variants; those that came out equal collapse into one."""

    def __init__(self) -> None:
        self._by_stages: dict[str, VariantDraft] = {}
        self._pairs: dict[str, Sequence[PairedReplicate]] = {}
        self._added_baselines: dict[str, VariantDraft] = {}

    @property
    def variants(self) -> list[VariantDraft]:
        return list(self._by_stages.values())

    def add(
        self,
        settings: Mapping[str, Any],
        chain: Sequence[StageSpec],
        target: str,
        replicates: Sequence[PairedReplicate],
    ) -> None:
        variant = VariantDraft(
            settings=dict(settings),
            chain=tuple(stage.name for stage in chain),
            target=target,
            replicates=tuple(pair.replicate for pair in replicates),
        )
        variant.baseline = all(pair.replicate.stages == (pair.scratch,) for pair in replicates)
        if variant.baseline:
            variant.settings = _without_start(variant.settings, variant.chain[-1])
        known = self._by_stages.get(variant.id)
        if known is not None:
            known.settings = common_settings(known.settings, variant.settings)
            return
        self._by_stages[variant.id] = variant
        self._pairs[variant.id] = replicates

    def add_baselines(self, stages: Mapping[str, Stage]) -> None:
        """The last stage of every variant from scratch, with its own epochs and with the whole chain's.

        Each is shared by all variants that it serves.
        """
        names = {name for variant in self.variants for name in variant.chain}
        for variant in self.variants:
            if variant.baseline:
                continue
            pairs = self._pairs[variant.id]
            last = stages[pairs[0].scratch].name
            settings = _without_start(_without_stages(variant.settings, names - {last}), last)
            variant.scratch = self._add_baseline(variant, settings, [pair.scratch for pair in pairs], last)
            as_long = [pair.scratch_whole for pair in pairs]
            if as_long != [pair.scratch for pair in pairs]:
                epochs = {f"{last}.epochs": stages[as_long[0]].training.epochs}
                others = {path: None if path == "epochs" else value for path, value in settings.items()}
                self._add_baseline(variant, others | epochs, as_long, last)

    def _add_baseline(
        self, variant: VariantDraft, settings: dict[str, Any], stages: Sequence[str], name: str
    ) -> str:
        """Add what a variant is compared with: one stage for each of its replicates; the baseline's id."""
        pairs = zip(variant.replicates, stages, strict=True)
        twin = VariantDraft(
            settings=settings,
            chain=(name,),
            target=variant.target,
            replicates=tuple(replace(replicate, stages=(stage,)) for replicate, stage in pairs),
            baseline=True,
        )
        known = self._by_stages.get(twin.id)
        if known is None:
            self._by_stages[twin.id] = twin
            self._added_baselines[twin.id] = twin
        elif twin.id in self._added_baselines:
            known.settings = common_settings(known.settings, twin.settings)
        return twin.id

    def _baseline_stages(self) -> Iterator[str]:
        return (stage for variant in self._added_baselines.values() for stage in variant.stages)

    def baselines(self) -> int:
        """How many variants were added to compare with; nobody searched for them."""
        return len(self._added_baselines)

    def baseline_runs(self) -> int:
        return sum(1 for _ in self._baseline_stages())

    def baseline_epochs(self, stages: Mapping[str, Stage]) -> int:
        return sum(stages[stage].training.epochs for stage in self._baseline_stages())


def common_settings(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that two equal variants agree on; the others have no effect and become None."""
    return {
        path: value if canonical(value) == canonical(other.get(path)) else None for path, value in one.items()
    }


def _without_stages(settings: Mapping[str, Any], stages: Collection[str]) -> dict[str, Any]:
    """Settings of stages that a baseline lacks say nothing about it."""
    return {path: None if path.split(".")[0] in stages else value for path, value in settings.items()}


def _without_start(settings: Mapping[str, Any], stage: str) -> dict[str, Any]:
    """Settings of a stage that need weights to start from, at any depth, say nothing about one without."""
    found = {}
    for path, value in settings.items():
        first, *inside = path.split(".")
        found[path] = _acting(inside, value) if first == stage else value
    return found


def _acting(inside: Sequence[str], value: Any) -> Any:
    """What a value does in a stage that starts at random; None: nothing.

    Args:
        inside: the path that it is set at, within the stage; empty: the value is the whole stage.
        value: as searched.
    """
    if inside[:1] in (["transfer"], ["weights"]):
        return None
    if inside[:1] == ["objective"] and len(inside) > 1:
        return None if TERMS.facts(inside[1]).needs_start else value
    if inside == ["objective"] and isinstance(value, str):
        return _acting([*inside, value], value)
    if not inside or inside == ["objective"]:
        return _acting_parts(inside, value) if isinstance(value, Mapping) else value
    return value


def _acting_parts(inside: Sequence[str], value: Mapping[str, Any]) -> dict[str, Any] | None:
    """The parts of a map that act; None where none is left."""
    kept = {}
    for key, item in value.items():
        acting = _acting([*inside, key], item)
        if acting is not None or item is None:
            kept[key] = acting
    return kept or None


def _in_words(path: str, value: Any) -> str:
    return words.setting(value) if path == "architecture" else f"{words.path(path)} {words.setting(value)}"
