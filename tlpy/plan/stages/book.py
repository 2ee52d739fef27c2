"""The distinct stages of a run: what each variant's replicates need, each once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from tlpy.digests import digest, file_digest
from tlpy.errors import InputError
from tlpy.plan.data.split_tables import SplitBook
from tlpy.plan.plan_records import Dropped, Replicate
from tlpy.plan.stages.adabn import adabn_idle
from tlpy.plan.stages.chain import from_scratch, from_scratch_as_long
from tlpy.plan.stages.feature_fit import features_differ
from tlpy.plan.stages.goals import can_do_without
from tlpy.plan.stages.joint_heads import merge_heads, scorable
from tlpy.plan.stages.resolve import resolve_stage
from tlpy.plan.starts import Contracts
from tlpy.plan.working import DataSet, PairedReplicate, StageData, StageSpec
from tlpy.records import Stage


class StageBook:
    """Collects stages by id, and what was normalised away in them.

    Args:
        splits: of the run's data sets.
        seed: of the first replicate, where a variant names none.
        metric: the user's, or None.
        code: the digest of the code that trains.
        roots: files of weights as the user wrote them → where they lie on this machine.
    """

    def __init__(
        self, splits: SplitBook, seed: int, metric: str | None, code: str, roots: Mapping[str, Path]
    ) -> None:
        self.splits, self.seed, self.metric, self.code, self.roots = splits, seed, metric, code, roots
        self.contracts = Contracts(roots)
        self.stages: dict[str, Stage] = {}
        self.normalised: dict[str, Dropped] = {}
        # Variants share stages: each is resolved once, and each file of weights is read once.
        self.resolved: dict[tuple[object, ...], str] = {}
        self._weights: dict[str, str] = {}

    def replicates(
        self, params: Mapping[str, Any], chain: Sequence[StageSpec], datasets: Mapping[str, DataSet]
    ) -> list[PairedReplicate]:
        """The stages of each replicate of a variant.

        Raises:
            InputError: what does not fit together.
        """
        wanted = params.get("replicates") or {}
        first = int(params.get("seed", self.seed))
        folds = wanted.get("folds")
        result: list[PairedReplicate] = []
        for seed in range(first, first + wanted.get("seeds", 1)):
            for fold in range(folds) if folds else [None]:
                made = _Resolver(self, datasets, chain[-1].dataset, seed, folds, fold)
                ids: list[str] = []
                _check_features(chain, datasets)
                for stage in chain:
                    ids.append(made.stage(stage, self.stages[ids[-1]] if ids else None))
                    self._note_normalised(stage, self.stages[ids[-1]])
                alone = made.stage(from_scratch(chain[-1]), None)
                longer = len(chain) > 1 and from_scratch_as_long(chain)
                as_long = made.stage(longer, None) if longer else alone
                result.append(PairedReplicate(Replicate(seed, fold, tuple(ids)), alone, as_long))
        return result

    def weights(self, spec: StageSpec) -> str | None:
        """The digest of the weights that a stage starts from, and of their contract; None: of no file."""
        if not spec.weights:
            return None
        if spec.weights not in self._weights:
            contract = self.contracts.of(spec.weights)
            content = file_digest(self.roots.get(spec.weights, Path(spec.weights)))
            self._weights[spec.weights] = content if contract is None else digest([content, contract])
        return self._weights[spec.weights]

    def _note_normalised(self, spec: StageSpec, stage: Stage) -> None:
        """Remember what was said of a stage but taken out, since it does nothing there."""
        if spec.training.adabn and not stage.training.adabn:
            self._note(f"{spec.name}.adabn", adabn_idle(stage))
        if stage.parent or stage.weights:
            return
        for key in spec.idle:
            self._note(f"{spec.name}.{key}", "nothing came before that could be taken over")
        # A weight of 0 is a user's way to switch a term off; only what was meant to act is worth a note.
        lost = sorted(term for term in spec.objective if term not in stage.objective and spec.objective[term])
        for term in lost:
            self._note(f"{spec.name}.objective.{term}", "nothing came before that it could hold on to")

    def _note(self, what: str, why: str) -> None:
        self.normalised[what] = Dropped(what, why)


def _check_features(chain: Sequence[StageSpec], datasets: Mapping[str, DataSet]) -> None:
    """Raises `InputError` where a stage would take over weights that were trained on other features."""
    for before, stage in pairwise(chain):
        pair = (datasets[before.dataset], datasets[stage.dataset])
        found = features_differ(*pair, f"{stage.where}.dataset", "trained one after the other")
        if found:
            raise InputError(found)


class _Resolver:
    """Resolves the stages of one replicate of a variant, which share a seed and a split."""

    def __init__(
        self,
        book: StageBook,
        datasets: Mapping[str, DataSet],
        target: str,
        seed: int,
        folds: int | None,
        fold: int | None,
    ) -> None:
        self.book, self.datasets, self.target = book, datasets, target
        self.seed, self.folds, self.fold = seed, folds, fold
        # What the data of a stage hang on: those of the run are split jointly.
        self._split = (target, seed, folds, fold, *((name, id(data)) for name, data in datasets.items()))

    def stage(self, spec: StageSpec, parent: Stage | None) -> str:
        """The id of a stage, which is kept in the book."""
        key = (repr(spec), parent and parent.id, *self._split)
        if key not in self.book.resolved:
            self.book.resolved[key] = self._resolved(spec, parent)
        return self.book.resolved[key]

    def _resolved(self, spec: StageSpec, parent: Stage | None) -> str:
        book = self.book
        weights = book.weights(spec)
        stage = resolve_stage(
            spec,
            self._sources(spec),
            parent,
            self.seed,
            self.fold,
            book.metric,
            book.code,
            weights,
        )
        book.stages.setdefault(stage.id, stage)
        return stage.id

    def _sources(self, spec: StageSpec) -> list[StageData]:
        """The stage's data sets under one split, those that it learns labels of first."""
        datasets, labelled = self.datasets, spec.labelled
        if can_do_without(spec.objective) and not any(datasets[name].tasks for name in labelled):
            labelled = ()

        def source(name: str, labels: tuple[str, ...] | None) -> StageData:
            data, learnt = datasets[name], labels is None
            size = spec.train_size if name in spec.datasets and (learnt or not labelled) else None
            table = self.book.splits.subjects(
                datasets, name, self.target, self.folds, self.fold, size, labels
            )
            return StageData(data, table, tuple(data.tasks) if labels is None else labels, learnt)

        if not labelled:
            return [source(name, ()) for name in spec.all_datasets]
        heads = merge_heads([datasets[name] for name in labelled], f"{spec.where}.dataset")
        return [
            *(source(name, None) for name in labelled),
            # A data set that labels are learnt from is scored as such.
            *(
                source(name, () if name in labelled else scorable(datasets[name], heads))
                for name in spec.unlabelled
            ),
        ]
