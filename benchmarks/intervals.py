#!/usr/bin/env python3
"""How often the intervals hold the truth, and how often two equal models are called different.

. .venv/bin/activate
python benchmarks/intervals.py --out intervals.json

Simulated test sets, of which the truth is known: scores of two classes are normal (binormal AUROC), answers
are right with a probability, errors are normal or heavy-tailed (Student's t, 3 degrees of freedom). Each goes
through `tlpy.evaluation.intervals` as the ranking does; beside it stands the plain percentile interval of the
same resamples and, for means over seeds, our interval without the seeds' part.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np

from tlpy.evaluation import intervals
from tlpy.evaluation.results import Predictions
from tlpy.evaluation.scales import difference_of
from tlpy.metrics.formulas import Array
from tlpy.metrics.registry import METRICS

NORMAL = NormalDist()
POOL = 40  # draws a setting: test sets take turns
Models = list[Predictions]
MakeModels = Callable[[np.random.Generator], Models]


@dataclass
class Row:
    """The share of test sets whose interval holds the truth, or in which two models are called different.

    Attributes:
        beside: the same by what it is compared with.
        width: mean width of our intervals.
    """

    part: str
    what: str
    subjects: int
    ours: float
    beside: float
    width: float
    sets: int


def predictions(true: Array, score: Array, images: int = 1) -> Predictions:
    names = tuple(f"i{at}" for at in range(len(true)))
    groups = tuple(f"s{at // images}" for at in range(len(true)))
    return Predictions(names, groups, groups, true, score)


def classes(subjects: int, positive: int, images: int = 1) -> Array:
    return np.repeat((np.arange(subjects) < positive).astype(float), images)


def classifiers(
    auroc: float,
    subjects: int,
    positive: int,
    models: int = 1,
    alike: float = 0.5,
    images: int = 1,
    within: float = 0.0,
    between_seeds: float = 0.0,
) -> MakeModels:
    """Classifiers of one AUROC whose scores correlate by `alike`.

    Args:
        images: of each subject, with scores that correlate by `within`.
        between_seeds: standard deviation of the AUROC's normal quantile over trainings.
    """
    true = classes(subjects, positive, images)

    def noise(rng: np.random.Generator) -> Array:
        person = np.repeat(rng.normal(size=subjects), images)
        return np.sqrt(within) * person + np.sqrt(1 - within) * rng.normal(size=len(true))

    def make(rng: np.random.Generator) -> Models:
        shared = noise(rng)
        found = []
        for _ in range(models):
            own = np.sqrt(alike) * shared + np.sqrt(1 - alike) * noise(rng)
            apart = math.sqrt(2) * (NORMAL.inv_cdf(auroc) + between_seeds * rng.normal())
            latent = own + apart * (true - 0.5)
            found.append(predictions(true, 1 / (1 + np.exp(-latent)), images))
        return found

    return make


def answers(right: float, subjects: int, positive: int, models: int = 1, alike: float = 0.5) -> MakeModels:
    """Models that are right on each subject with the same probability."""
    true, threshold = classes(subjects, positive), NORMAL.inv_cdf(right)

    def make(rng: np.random.Generator) -> Models:
        shared = rng.normal(size=subjects)
        latent = [
            np.sqrt(alike) * shared + np.sqrt(1 - alike) * rng.normal(size=subjects) for _ in range(models)
        ]
        return [predictions(true, np.where(each < threshold, true, 1 - true)) for each in latent]

    return make


def regressions(
    subjects: int, models: int = 1, alike: float = 0.5, heavy: bool = False, between_seeds: float = 0.0
) -> MakeModels:
    """Errors of spread 1; ages of spread 2.

    Args:
        between_seeds: standard deviation of the logarithm of the spread over trainings.
    """

    def make(rng: np.random.Generator) -> Models:
        age, shared = rng.normal(0, 2, subjects), rng.normal(size=subjects)
        found = []
        for _ in range(models):
            error = np.sqrt(alike) * shared + np.sqrt(1 - alike) * rng.normal(size=subjects)
            error = rng.standard_t(3, subjects) if heavy else error * np.exp(between_seeds * rng.normal())
            found.append(predictions(age, age + error))
        return found

    return make


class Resampler:
    """Scores of the test sets of one setting in resamples drawn as the ranking draws."""

    def __init__(self, metric: str, first: Predictions, pool: int = POOL) -> None:
        self.metric = metric
        self.task = "regression" if "regression" in METRICS[metric].formulas else "binary"
        strata = intervals.strata_of([(None, first)], self.task)
        self.draws = [intervals.draw(strata, seed=seed) for seed in range(pool)]
        self.units = self.draws[0].units(metric)
        self.used = 0

    def __call__(self, models: Models) -> list[Array]:
        draws = self.draws[self.used % len(self.draws)]
        self.used += 1
        return [intervals.scores(self.metric, self.task, model, draws) for model in models]


def percentiles(values: Array) -> tuple[float, float]:
    low, high = np.nanquantile(values, [0.025, 0.975])
    return float(low), float(high)


def coverage(what: str, metric: str, truth: float, subjects: int, make: MakeModels, sets: int) -> Row:
    rng = np.random.default_rng(0)
    resample = Resampler(metric, make(rng)[0])
    held = plain = 0
    widths = []
    for _ in range(sets):
        (values,) = resample(make(rng))
        low, high = intervals.interval(values, resample.units, METRICS[metric].scale)
        held += low <= truth <= high
        widths.append(high - low)
        low, high = percentiles(values)
        plain += low <= truth <= high
    return Row("coverage", what, subjects, held / sets, plain / sets, float(np.mean(widths)), sets)


def false_alarms(what: str, metric: str, subjects: int, make: MakeModels, sets: int) -> Row:
    """How often the p value of two equal models is below 0.05."""
    rng = np.random.default_rng(1)
    resample = Resampler(metric, make(rng)[0])
    scale = difference_of(METRICS[metric].scale)
    called = plain = 0.0
    widths = []
    for _ in range(sets):
        first, second = resample(make(rng))
        difference = second - first
        called += intervals.p_value(difference, resample.units, scale) < 0.05
        low, high = intervals.interval(difference, resample.units, scale)
        widths.append(high - low)
        low, high = percentiles(difference)
        plain += low > 0 or high < 0
    return Row(
        "equal, called different", what, subjects, called / sets, plain / sets, float(np.mean(widths)), sets
    )


def over_seeds(what: str, metric: str, truth: float, subjects: int, make: MakeModels, sets: int) -> Row:
    """Coverage of the mean over seeds; beside it, that of our interval without the seeds' part."""
    rng = np.random.default_rng(2)
    resample = Resampler(metric, make(rng)[0])
    scale = METRICS[metric].scale
    held = units_alone = 0.0
    widths = []
    once = intervals.Draws({f"s{at}": at for at in range(subjects)}, np.ones((1, subjects), dtype=np.uint8))
    for _ in range(sets):
        models = make(rng)
        values = resample(models)
        full = [float(intervals.scores(metric, resample.task, model, once)[0]) for model in models]
        low, high = intervals.interval(intervals.over_seeds(values, full), resample.units, scale)
        held += low <= truth <= high
        widths.append(high - low)
        low, high = intervals.interval(np.mean(values, axis=0), resample.units, scale)
        units_alone += low <= truth <= high
    return Row(
        "mean over seeds", what, subjects, held / sets, units_alone / sets, float(np.mean(widths)), sets
    )


def expected(of: Callable[[float], float]) -> float:
    """The mean of a function of a standard normal variable."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    return float(sum(w * of(x) for x, w in zip(nodes, weights, strict=True)) / weights.sum())


def rows(sets: int) -> Iterator[Row]:
    mae = math.sqrt(2 / math.pi)
    for n in (15, 30, 100):
        half = n // 2
        for auroc in (0.7, 0.8, 0.9):
            yield coverage(f"AUROC {auroc}", "auroc", auroc, n, classifiers(auroc, n, half), sets)
        yield coverage("MAE, normal errors", "mae", mae, n, regressions(n), sets)
        heavy = regressions(n, heavy=True)
        yield coverage("MAE, heavy tails", "mae", 2 * math.sqrt(3) / math.pi, n, heavy, sets)
        yield coverage("RMSE", "rmse", 1.0, n, regressions(n), sets)
        yield coverage("R² 0.75", "r2", 0.75, n, regressions(n), sets)
        yield coverage("r 0.89", "r", 2 / math.sqrt(5), n, regressions(n), sets)
        yield coverage("accuracy 0.8", "accuracy", 0.8, n, answers(0.8, n, half), sets)
        yield coverage("balanced accuracy 0.9", "balanced_accuracy", 0.9, n, answers(0.9, n, half), sets)
    for n, positive in ((30, 4), (100, 10)):
        rare = f"{positive} of {n} cases"
        yield coverage(f"AUROC 0.8, {rare}", "auroc", 0.8, n, classifiers(0.8, n, positive), sets)
        yield coverage(f"accuracy 0.9, {rare}", "accuracy", 0.9, n, answers(0.9, n, positive), sets)
        balanced = answers(0.9, n, positive)
        yield coverage(f"balanced accuracy 0.9, {rare}", "balanced_accuracy", 0.9, n, balanced, sets)
    for n in (15, 30):
        several = classifiers(0.8, n, n // 2, images=4, within=0.6)
        yield coverage("AUROC 0.8, 4 images a subject", "auroc", 0.8, n, several, sets)
    for n in (10, 15, 30, 100):
        half = n // 2
        for alike in (0.0, 0.5, 0.9):
            pair = classifiers(0.8, n, half, 2, alike)
            yield false_alarms(f"AUROC 0.8, alike {alike}", "auroc", n, pair, sets)
        yield false_alarms("accuracy 0.8", "accuracy", n, answers(0.8, n, half, 2), sets)
        yield false_alarms("MAE", "mae", n, regressions(n, 2), sets)
    for trainings in (3, 5):
        for n in (30, 100):
            for spread in (0.0, 0.3):
                truth = expected(lambda x, spread=spread: NORMAL.cdf(NORMAL.inv_cdf(0.8) + spread * x))
                seeds = classifiers(0.8, n, n // 2, trainings, between_seeds=spread)
                yield over_seeds(f"AUROC, {trainings} seeds, spread {spread}", "auroc", truth, n, seeds, sets)
            truth = mae * expected(lambda x: math.exp(0.15 * x))
            seeds = regressions(n, trainings, between_seeds=0.15)
            yield over_seeds(f"MAE, {trainings} seeds, spread 0.15", "mae", truth, n, seeds, sets)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=2000, help="simulated test sets a line (default: 2000)")
    parser.add_argument("--out", type=Path, help="write the numbers here as JSON")
    options = parser.parse_args()
    print(
        "| part | what | subjects | tlpy | for comparison | mean width |\n|---|---|---|---|---|---|",
        flush=True,
    )
    started, found = time.perf_counter(), []
    for row in rows(options.sets):
        found.append(row)
        shares = f"{row.ours:.3f} | {row.beside:.3f} | {row.width:.3f}"
        print(f"| {row.part} | {row.what} | {row.subjects} | {shares} |", flush=True)
    print(f"{time.perf_counter() - started:.0f} s")
    if options.out:
        options.out.write_text(json.dumps([asdict(row) for row in found], indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
