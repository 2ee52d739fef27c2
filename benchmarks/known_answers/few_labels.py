"""Old or young, of 24 people with a label and many without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from known_answers.people import OLD_FROM, People, split
from known_answers.study import Result, Study
from known_answers.training import OLD, train

SELFSUPERVISED = ("masked_autoencoder", "simclr", "rotation", "models_genesis")
SEMISUPERVISED: dict[str, Any] = {
    "fixmatch": {"fixmatch": {"ema": 0.99, "threshold": 0.9}},
    "mean_teacher": {"mean_teacher": 5},
}
# Images without a label for each with one: FixMatch's paper has 7, and with 120 steps it does not help yet.
UNLABELLED_RATIO = {"fixmatch": 7.0, "mean_teacher": 3.0}
LABELLED = 24


def few_labels(people: People, seed: int, folder: Path, method: str, epochs: int) -> Result:
    """AUROC of old against young after training on a few labels."""
    pool, test_rows, _, _ = split(people, seed)
    ages = people.age[pool] > OLD_FROM
    half = LABELLED // 2
    chosen = [
        i
        for value in (False, True)
        for i in [p for p, old in zip(pool, ages, strict=True) if old == value][:half]
    ]
    few = [*(people.row(i, "train") for i in chosen), *(people.row(i, "test") for i in test_rows)]
    others = [people.row(i, "train", 1, ()) for i in pool]
    start = None
    if method in SELFSUPERVISED:
        unlabelled = [people.row(i, "train", 0, ()) for i in pool]
        train(people, [unlabelled], [], method, seed, folder / "ssl", epochs=epochs, batch=32)
        start = folder / "ssl" / "weights.safetensors"
    objective = SEMISUPERVISED.get(method)
    rows = [few, others] if objective else [few]
    # Twice as many steps as epochs: 24 labels are two batches.
    ratio = UNLABELLED_RATIO.get(method, 1.0)
    found = train(
        people, rows, [OLD], objective, seed, folder / "few", epochs=150, batch=12, ratio=ratio, start=start
    )
    return {"auroc": found["metrics"]["test"]["auroc"]}


STUDY = Study(few_labels, ("scratch", *SELFSUPERVISED, *SEMISUPERVISED), 40, "auroc", False)
