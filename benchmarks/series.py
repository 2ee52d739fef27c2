#!/usr/bin/env python3
"""Windows of an fMRI series: networks against a logistic regression on the same windows and the same splits.

Trains assets/examples/timeseries.yaml (Haxby 2001) by `tlpy.run`, and fits scikit-learn's logistic regression
on the splits that this leaves: windows normalised by run, all volumes side by side, its strength chosen on
each fold's validation run.

    . .venv/bin/activate
    python benchmarks/series.py --seeds 3 --work series
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import yaml

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "assets" / "examples" / "timeseries.yaml"
STRENGTHS = (1e-3, 1e-2, 1e-1)

Scores = dict[str, list[float]]


def read_params(options: argparse.Namespace) -> dict[str, Any]:
    """The example's, with the command line's data, seeds, epochs and threads."""
    params: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    params["datasets"]["category"]["path"] = str(options.data)
    params["replicates"]["seeds"] = options.seeds
    if options.threads:
        params["threads"] = options.threads
    if options.epochs:
        params["stages"][0]["epochs"] = options.epochs
    if options.network:
        params["search"]["space"]["architecture"] = [
            one for one in params["search"]["space"]["architecture"] if options.network in str(one)
        ]
    return params


def networks(params: dict[str, Any], folder: Path, work: Path) -> Scores:
    """Test AUROC of each variant's trainings, by its label."""
    import tlpy
    from tlpy.plan.plan_records import Plan

    result = tlpy.run({**params, "outdir": str(folder)}, store=work / "store")
    if result.failed:
        raise SystemExit(f"failed: {result.failed}")
    plan = Plan.from_json(json.loads((folder / "plan" / "plan.json").read_text(encoding="utf-8")))
    found: Scores = {}
    for variant in plan.variants:
        folders = [result.stage(replicate.stages[-1]) for replicate in variant.replicates]
        metrics = [json.loads((f / "metrics.json").read_text(encoding="utf-8")) for f in folders]
        found[variant.label] = [one["metrics"]["test"]["auroc"] for one in metrics]
    return found


def normalised(folder: Path) -> tuple[np.ndarray, list[dict[str, str]]]:
    """The series (volumes, channels), each channel with mean 0 and deviation 1 in every run; its events."""
    series = np.load(folder / "timeseries.npy").astype(np.float64)
    with (folder / "events.tsv").open(encoding="utf-8", newline="") as file:
        events = list(csv.DictReader(file, delimiter="\t"))
    runs = np.array([event["run"] for event in events])
    for run in np.unique(runs):
        of_run = runs == run
        series[of_run] -= series[of_run].mean(axis=0)
        series[of_run] /= series[of_run].std(axis=0)
    return series, events


def logistic(params: dict[str, Any], folder: Path) -> Scores:
    """The same for the logistic regression, on the splits that the run has left."""
    data = params["datasets"]["category"]
    window = data["preprocessing"]["window"]
    series, events = normalised(Path(data["path"]))
    kinds = np.array([event[data["label"]] for event in events])
    parts: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    with (folder / "splits" / "category.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            parts[row["seed"], row["fold"]][row["part"]].append(int(row["image"]))
    scores = []
    for split in parts.values():
        windows = {
            part: np.stack([series[c - window // 2 : c - window // 2 + window].ravel() for c in centres])
            for part, centres in split.items()
        }
        scores.append(_fit(windows, {part: kinds[centres] for part, centres in split.items()}))
    return {"logistic regression": scores}


def _fit(windows: dict[str, np.ndarray], truth: dict[str, np.ndarray]) -> float:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    fits = []
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=200).fit(windows["train"], truth["train"])
        score = {
            part: roc_auc_score(truth[part], model.predict_proba(windows[part]), multi_class="ovr")
            for part in ("val", "test")
        }
        fits.append((score["val"], score["test"]))
    return float(max(fits)[1])


def main(arguments: Iterable[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each fold; the folds stay")
    parser.add_argument("--network", help="only those whose text holds this")
    parser.add_argument("--epochs", type=int, help="instead of the default")
    parser.add_argument("--threads", type=int, help="of a training on a CPU; by default by its size")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "haxby")
    parser.add_argument("--work", type=Path, help="keep trainings here (default: thrown away)")
    options = parser.parse_args(arguments if arguments is None else list(arguments))
    params = read_params(options)
    with tempfile.TemporaryDirectory(prefix="tlimb-series-") as scratch:
        work = (options.work or Path(scratch)).resolve()
        found = networks(params, work / "run", work)
        found |= logistic(params, work / "run")
    print("| model | test AUROC | trainings |\n|---|---|---|")
    for label, scores in found.items():
        spread = f" ± {stdev(scores):.3f}" if len(scores) > 1 else ""
        print(f"| {label} | {mean(scores):.3f}{spread} | {len(scores)} |")


if __name__ == "__main__":
    main()
