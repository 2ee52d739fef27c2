"""Does each objective do what it is for? On simulated brains, where the answer is known.

- Adaptation: age learnt on one scanner, judged on another one, whose images have no labels. CORAL,
  MMD and DANN beside source-only. The other scanner is less sharp; in `adaptation_protocol` it also has
  another contrast of tissues, noise and bias field.
- Few labels: old or young, of 24 people with a label and many without. Each self-supervised pretraining,
  FixMatch and mean teacher beside from-scratch.
- Elastic penalty: how far weights go from where they started, by its strength.
- Multitask: a second label that nobody has changes nothing.

Every training is a stage as the pipeline runs it (`tlpy.scenarios.stage.train_stage`), on axial slices.
Settings were chosen by hand on simulated people of the same kind, once for all seeds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from statistics import mean, stdev

from known_answers import adaptation, elastic_penalty, few_labels, multitask
from known_answers.study import Result, Study

STUDIES: dict[str, Study] = {
    "adaptation": adaptation.STUDY,
    "adaptation_protocol": adaptation.PROTOCOL,
    "few_labels": few_labels.STUDY,
    "elastic_penalty": elastic_penalty.STUDY,
    "multitask": multitask.STUDY,
}


def run_one(n: int, data: Path | None, epochs: int | None, job: tuple[str, str, int]) -> Result:
    """One method of one study with one seed."""
    import torch

    torch.set_num_threads(1)
    study, method, seed = job
    people = STUDIES[study].people(n, data, seed)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        chosen = STUDIES[study]
        found = chosen.run(people, seed, Path(folder) / method, method, epochs or chosen.epochs)
    return {**found, "seconds": time.perf_counter() - began}


def table(results: Mapping[tuple[str, str, int], Result]) -> list[str]:
    """A line for each method: mean ± sd over seeds, and in how many seeds it beat the first one."""
    lines = []
    for name, study in STUDIES.items():
        done = {
            m: [r for (s, method, _), r in results.items() if (s, method) == (name, m)] for m in study.methods
        }
        if not any(done.values()):
            continue
        lines.append(f"\n{name}: {study.metric} ({'lower' if study.lower else 'higher'} is better)")
        first = done[study.methods[0]]
        for method, found in done.items():
            if not found:
                continue
            shown = [f"{key} {_spread([r[key] for r in found])}" for key in found[0]]
            if first and method != study.methods[0]:
                shown.append(_won(study.metric, study.lower, found, first))
                if study.besides:
                    shown.append(_won(study.besides, False, found, first))
            lines.append(f"  {method:20s} {'  '.join(shown)}")
    return lines


def _won(metric: str, lower: bool, found: Sequence[Result], first: Sequence[Result]) -> str:
    sign = -1 if lower else 1
    gains = [sign * (a[metric] - b[metric]) for a, b in zip(found, first, strict=True)]
    return f"{metric} better by {_spread(gains)}, in {sum(g > 0 for g in gains)} of {len(gains)}"


def _spread(values: Sequence[float]) -> str:
    return f"{mean(values):.3f} ± {stdev(values) if len(values) > 1 else 0:.3f}"


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", default=",".join(STUDIES), help="which, with commas")
    parser.add_argument(
        "--methods", help="which of their methods, with commas; the first one is always there"
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--people", type=int, default=700, help="simulated, on two scanners")
    parser.add_argument("--epochs", type=int, help="instead of each study's own")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--data", type=Path, help="folder to keep the simulated people in")
    parser.add_argument("--out", type=Path, help="JSON of all numbers")
    options = parser.parse_args(arguments if arguments is None else list(arguments))
    wanted = set(options.methods.split(",")) if options.methods else None
    jobs = [
        (name, method, seed)
        for seed in range(options.seeds)
        for name in options.studies.split(",")
        for method in STUDIES[name].methods
        if wanted is None or method in wanted or method == STUDIES[name].methods[0]
    ]
    results: dict[tuple[str, str, int], Result] = {}
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(options.processes) as pool:
        data = options.data or Path(folder)
        drawn = {(name, seed): STUDIES[name] for name, _, seed in jobs}
        for (_, seed), study in drawn.items():  # once, before processes ask for the same ones
            study.people(options.people, data, seed)
        run = partial(run_one, options.people, data, options.epochs)
        for job, found in zip(jobs, pool.map(run, jobs), strict=True):
            results[job] = found
            print(*job, {key: round(value, 3) for key, value in found.items()}, file=sys.stderr, flush=True)
    print("\n".join(table(results)))
    if options.out:
        listed = [{"study": s, "method": m, "seed": seed, **r} for (s, m, seed), r in results.items()]
        options.out.write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
