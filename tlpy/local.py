"""Everything the pipeline does, in one process: a whole search from a notebook, one variant for debugging.

The same functions as the tasks' are called, with finished work in a store: numbers are the pipeline's, and
what either has finished neither does again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlpy.data.prepare import prepare_shard
from tlpy.digests import digest
from tlpy.errors import InputError, Problem, Problems, nearest
from tlpy.files import read_json, read_rows
from tlpy.params.file import read_params
from tlpy.params.schema import Schema
from tlpy.plain.run import PlainFolders, run_fits
from tlpy.plan.documents import check_written, plan_record, tasks_of, write_plan
from tlpy.plan.plan_records import Replicate, Variant
from tlpy.plan.planner import Planned, Planner
from tlpy.privacy.people import PEOPLE, People, write_people
from tlpy.privacy.pseudonyms import KEY, kept_key
from tlpy.privacy.publishing import publish
from tlpy.records import Pack
from tlpy.report.private import make_people
from tlpy.store import Store

if TYPE_CHECKING:
    import pandas as pd

    from tlpy.evaluation.results import Run

# Where finished work is kept if no store is named: beside Nextflow's own work folder.
WORK = Path("work") / "tlpy"
ATTEMPTS = 4


@dataclass(frozen=True)
class Result:
    """What a search gave.

    Attributes:
        outdir: the folder it is in: `ranking`, `stages`, `plain`, `plan`, `report` (MultiQC's input).
        leaderboard: the variants, best first, as rows of leaderboard.tsv.
        best_params: the winner as params that run; None where every variant failed.
        failed: why, by stage id, for stages that failed.
    """

    outdir: Path
    leaderboard: list[dict[str, Any]]
    best_params: dict[str, Any] | None
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def frame(self) -> pd.DataFrame:
        """The leaderboard as a pandas table."""
        import pandas as pd

        return pd.DataFrame(self.leaderboard)

    def stage(self, stage_id: str) -> Path:
        """The folder of a stage's weights, metrics and predictions."""
        return self.outdir / "stages" / stage_id


class LocalRun:
    """A plan, and what is needed to carry it out here.

    Args:
        params: as in a params file, or the path of one; relative paths are relative to the current folder.
        outdir: where results go; None: as the params say.
        store: the folder of finished work; None: as the params say, or `work/tlpy`.
        accelerator: `auto`, `cpu` or `gpu`; None: as the params say.
        threads: images read side by side; None: one a core.

    Raises:
        InputError: with everything that is wrong with the params and the data.
    """

    def __init__(
        self,
        params: Mapping[str, Any] | str | Path,
        outdir: Path | str | None = None,
        store: Path | str | None = None,
        accelerator: str | None = None,
        threads: int | None = None,
    ) -> None:
        given = read_params(Path(params)) if isinstance(params, str | Path) else dict(params)
        if outdir is not None:
            given["outdir"] = str(outdir)
        self.store = Store(Path(store or given.get("store") or WORK))
        schema = Schema.read()
        components = Path(given["components"]) if given.get("components") else None
        self.pictures = bool(given.get("report_pictures", schema.default("report_pictures")))
        self.deidentify = bool(given.get("deidentify"))
        key = Path(given["deidentify_key"]) if given.get("deidentify_key") else None
        self.key = kept_key(self.store.root) if self.deidentify and key is None else key
        roots = {KEY: self.key} if self.key else {}
        planner = Planner(given, schema, roots, os.cpu_count() or 1, self.store.root, components)
        self.plan: Planned = planner.plan()
        self.outdir = Path(given["outdir"])
        self.accelerator = str(accelerator or given.get("accelerator") or schema.default("accelerator"))
        self.threads = threads or os.cpu_count() or 1
        self.record = plan_record(self.plan)
        self.tasks = tasks_of(self.plan)

    def prepare(self, caches: Iterable[str] | None = None) -> None:
        """Prepare what the store lacks, of some caches or all. Raises `InputError` with all bad images."""
        wanted = set(self.plan.caches if caches is None else caches)
        problems = Problems()
        for task in self.tasks.prepare:
            if task.request["cache"] not in wanted or self.store.has("cache", task.id):
                continue
            aside = self.store.root / "cache" / f".preparing-{os.getpid()}-{task.id}"
            try:
                found = prepare_shard(task.request, Path(task.source), aside, self.threads)
                problems.extend(found)
                if not found:
                    self.store.keep("cache", task.id, aside)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
        problems.raise_if_any()

    def train(self, pack: Pack, out: Path, store: Path | None) -> dict[str, str]:
        """Train a pack's stages as its task would, with its retries; their status by id."""
        from tlpy.scenarios.pack import StageOutOfMemoryError, train_pack

        for attempt in range(1, ATTEMPTS + 1):
            try:
                return train_pack(
                    pack,
                    caches=self.store.root / "cache",
                    subjects=out / "subjects",
                    parents=self.store.root / "stages",
                    out=out / "stages",
                    checkpoints=self.store.root / "checkpoints",
                    store=store,
                    accelerator=self.accelerator,
                    attempt=attempt,
                )
            except StageOutOfMemoryError as error:
                if attempt == ATTEMPTS:
                    raise
                print(f"out of memory: {error}; once more with a smaller batch", flush=True)
        raise AssertionError("the last attempt returns or raises")

    def write_subjects(self, out: Path) -> None:
        """Write the tables of subjects that trainings read."""
        (out / "subjects").mkdir(parents=True, exist_ok=True)
        for key, table in self.plan.subjects.items():
            table.write(out / "subjects" / f"{key}.tsv")

    def work(self, place: Path) -> Path:
        """Where is written what goes to `place`: there, or where ids may stay, until it is published."""
        if not self.deidentify:
            return place
        aside = self.store.root / "private" / digest(str(place.resolve()))
        shutil.rmtree(aside, ignore_errors=True)
        return aside

    def publish(self, work: Path, place: Path) -> None:
        """Put what was written aside where it belongs, with pseudonyms."""
        if self.deidentify:
            publish(work, place, self.people(work), self.pictures)

    def people(self, work: Path) -> People | None:
        """Who goes by pseudonyms; None: everybody by the ids."""
        if not (self.deidentify and self.key):
            return None
        work.mkdir(parents=True, exist_ok=True)
        write_people(self.plan.people, work / PEOPLE)
        return make_people(work / PEOPLE, self.key, self.record)

    def search(self) -> Result:
        """Carry out the whole plan and rank its variants."""
        out = self.work(self.outdir)
        write_plan(self.plan, out / "plan")
        for folder in ("splits", "covariates"):
            shutil.rmtree(out / folder, ignore_errors=True)
            (out / "plan" / folder).rename(out / folder)
        self.write_subjects(out)
        self.prepare()
        for task in self.tasks.packs:
            self.train(task.pack, out, self.store.root)
        for plain in self.tasks.plain:
            folders = PlainFolders(self.store.root / "cache", out / "subjects", out / "covariates")
            run_fits(plain.pack.fits, folders, out / "plain", self.store.root)
        for stage in self.tasks.stored_stages:
            self.store.fetch("stages", stage, out / "stages" / stage)
        result = self._rank(out)
        self.publish(out, self.outdir)
        return result

    def _score_external(self, run: Run, out: Path) -> Path | None:
        """Score what was chosen on the external data sets; the folder of that, None without such sets."""
        shutil.rmtree(out / "external", ignore_errors=True)
        if not self.record.external:
            return None
        from tlpy.evaluation.external import choose
        from tlpy.evaluation.ranking import rank
        from tlpy.scenarios.external import score_external

        for request in choose(self.record, rank(run, resamples=1)).requests:
            score_external(
                request,
                caches=self.store.root / "cache",
                subjects=out / "subjects",
                stages=out / "stages",
                out=out / "external",
                accelerator=self.accelerator,
            )
        return out / "external"

    def _rank(self, out: Path) -> Result:
        """Rank what lies in `out`; ranking and report go to the run's folder for results."""
        from tlpy.report.ranked import Results, write_ranked

        places = (self.store.root / "cache", out / "plain", out / "covariates")
        ranking, report = self.outdir / "ranking", self.outdir / "report"
        results = Results(self.record, out / "stages", *places)
        score, people = partial(self._score_external, out=out), self.people(out)
        found = write_ranked(results, score, ranking, report, people, self.pictures)
        best = ranking / "best_params.yaml"
        failed = {key: stage.reason for key, stage in found.stages.items() if stage.reason}
        board = read_leaderboard(ranking / "leaderboard.tsv")
        return Result(self.outdir, board, read_params(best) if best.is_file() else None, failed)

    def variant(self, name: str) -> Variant:
        """The variant with this id (or the start of it) or label; raises `InputError` if there is not one."""
        variants = self.record.variants
        found = [v for v in variants if name == v.label] or [
            v for v in variants if name and v.id.startswith(name)
        ]
        if len(found) == 1:
            return found[0]
        if found:
            listed = ", ".join(v.id for v in found)
            raise InputError([Problem("--variant", f"'{name}' stands for several variants", listed)])
        hint = nearest(name, [v.label for v in variants]) + "; --list shows all"
        raise InputError([Problem("--variant", f"there is no variant '{name}'", hint)])

    def train_variant(
        self,
        name: str,
        seed: int | None = None,
        fold: int | None = None,
        again: bool = False,
        out: Path | None = None,
    ) -> list[Path]:
        """Train the chain of one variant's replicate; the folders of its stages, first to last.

        Args:
            name: the variant's id, the start of it, or its label.
            seed, fold: which replicate; None: the first.
            again: train the last stage anew, though it is finished; it does not go into the store.
            out: where to write; None: `<outdir>/variants/<id>`.

        Raises:
            InputError: there is no such variant or replicate, or an image cannot be used.
        """
        variant = self.variant(name)
        replicate = _replicate(variant.replicates, seed, fold)
        place = out or self.outdir / "variants" / variant.id
        out = self.work(place)
        stages = tuple(self.plan.stages[stage] for stage in replicate.stages)
        check_written(self.plan)
        self.write_subjects(out)
        self.prepare({cache for stage in stages for cache in stage.caches})
        last = stages[-1]
        chain = Pack(f"chain-{last.id}", last.role, self.threads, stages, self.plan.execution)
        first = stages[:-1] if again else stages
        if first:
            self.train(replace(chain, stages=first), out, self.store.root)
        if again:
            shutil.rmtree(out / "stages" / last.id, ignore_errors=True)
            self.train(replace(chain, stages=(last,)), out, None)
        self.publish(out, place)
        return [place / "stages" / stage.id for stage in stages]


def run(
    params: Mapping[str, Any] | str | Path,
    *,
    outdir: Path | str | None = None,
    store: Path | str | None = None,
    accelerator: str | None = None,
    threads: int | None = None,
) -> Result:
    """Run a whole search in this process: plan, prepare, train, rank.

    Args are those of `LocalRun`. Raises `InputError` with everything that is wrong with params and data; a
    stage that fails is in the leaderboard and in `Result.failed`; where all do, there are no
    `Result.best_params`.
    """
    return LocalRun(params, outdir, store, accelerator, threads).search()


def read_leaderboard(file: Path) -> list[dict[str, Any]]:
    """The rows of a leaderboard.tsv, numbers as numbers and empty cells as None."""
    return [
        {key: text if key in ("variant", "label") else _value(text) for key, text in row.items()}
        for row in read_rows(file)
    ]


def _value(text: str) -> Any:
    for parse in (int, float):
        try:
            return parse(text)
        except ValueError:
            continue
    return text or None


def _replicate(replicates: Sequence[Replicate], seed: int | None, fold: int | None) -> Replicate:
    for replicate in replicates:
        if (seed is None or replicate.seed == seed) and (fold is None or replicate.fold == fold):
            return replicate
    there = "; ".join(f"seed {r.seed}" + ("" if r.fold is None else f" fold {r.fold}") for r in replicates)
    raise InputError([Problem("--seed, --fold", "there is no such replicate", f"there are: {there}")])


def read_metrics(folder: Path) -> dict[str, Any]:
    """A stage's metrics.json."""
    found: dict[str, Any] = read_json(folder / "metrics.json")
    return found
