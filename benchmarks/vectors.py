"""Connectomes: the perceptron beside ridge and logistic regression, on the same splits.

    python -m benchmarks.vectors [--data ../shared/data/connectomes] [--seeds 3]

Each seed is a run of its own: another split, other initial weights. The linear models take the same features,
scaled by the same training part; their strength is chosen on the same validation part, as the epoch is.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import tlpy

LABELS = {"Age": "mae", "Gender": "auroc"}
STRENGTHS = np.logspace(-2, 6, 17)


def main() -> None:
    """Run, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/connectomes"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--architecture", type=json.loads, default={"name": "mlp"})
    said = parser.parse_args()
    print("label    metric  seed  mlp    linear  guess   (test part, 16 people)")
    for label, metric in LABELS.items():
        rows = [one(said, label, seed) for seed in range(said.seeds)]
        for seed, row in enumerate(rows):
            print(f"{label:8} {metric:7} {seed:<5} " + "  ".join(f"{value:.3f}" for value in row))
        means = np.array(rows).mean(0)
        print(f"{label:8} {metric:7} mean  " + "  ".join(f"{value:.3f}" for value in means), flush=True)


def one(said: argparse.Namespace, label: str, seed: int) -> tuple[float, float, float]:
    """The test scores of the perceptron, the linear model and a guess."""
    with tempfile.TemporaryDirectory() as folder:
        params: dict[str, Any] = {
            "outdir": folder,
            "datasets": {"fc": {"reader": "vectors", "path": str(said.data), "label": label}},
            "architecture": said.architecture,
            "stages": [{"name": "train", "dataset": "fc", "epochs": said.epochs}],
            "seed": seed,
        }
        board = tlpy.run(params).frame
        with (Path(folder) / "splits/fc.tsv").open(newline="") as lines:
            parts = {row["image"]: row["part"] for row in csv.DictReader(lines, delimiter="\t")}
    with (said.data / "participants.tsv").open(newline="", encoding="utf-8-sig") as lines:
        table = list(csv.DictReader(lines, delimiter="\t"))
    features = np.load(next(said.data.glob("*.npy"))).astype(np.float64)
    of = np.array([parts[row["participant_id"]] for row in table])
    texts = [row[label] for row in table]
    true = np.array([float(text) for text in texts]) if label == "Age" else np.array(texts) == max(texts)
    return float(board["test"][0]), *linear(features, true, of)


def linear(features: np.ndarray, true: np.ndarray, of: np.ndarray) -> tuple[float, float]:
    """Test scores of ridge or logistic regression, strength chosen on validation, and of a guess."""
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.metrics import mean_absolute_error, roc_auc_score
    from sklearn.preprocessing import StandardScaler

    scaled = StandardScaler().fit(features[of == "train"]).transform(features)
    part = {name: (scaled[of == name], true[of == name]) for name in ("train", "val", "test")}
    if true.dtype == bool:
        models = [LogisticRegression(C=1 / strength, max_iter=5000) for strength in STRENGTHS]
        fitted = [model.fit(*part["train"]) for model in models]
        found = {
            name: [roc_auc_score(y, model.decision_function(x)) for model in fitted]
            for name, (x, y) in part.items()
        }
        return float(found["test"][int(np.argmax(found["val"]))]), 0.5
    ridges = [Ridge(strength).fit(*part["train"]) for strength in STRENGTHS]
    errors = {
        name: [mean_absolute_error(y, model.predict(x)) for model in ridges] for name, (x, y) in part.items()
    }
    guess = float(np.abs(part["test"][1] - np.median(part["train"][1])).mean())
    return float(errors["test"][int(np.argmin(errors["val"]))]), guess


if __name__ == "__main__":
    main()
