"""Age learnt on one scanner, judged on another one, whose images have no labels.

Each seed has people and scanners of its own. `adabn` is batch normalisation by each scanner's own statistics
(`adabn: true`), alone and beside each of the three terms; `target_labels` is a network that was trained on
labels of the other scanner: what could be had.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from known_answers.people import People, split
from known_answers.study import Result, Study
from known_answers.training import AGE, train

ADAPTATION: dict[str, Any] = {
    "source_only": {},
    "adabn": {},
    "coral": {"coral": 100},
    "coral+adabn": {"coral": 100},
    "mmd": {"mmd": 5},
    "mmd+adabn": {"mmd": 5},
    "dann": {"dann": 1},
    "dann+adabn": {"dann": 1},
    "target_labels": {},
}
# The settings were chosen on people of seeds 1 and 2.
FIRST = 200


def adapt(people: People, seed: int, folder: Path, method: str, epochs: int) -> Result:
    """Mean absolute error (years) and correlation of age, on the other scanner and on the labelled one."""
    train_rows, test_rows, other, target = split(people, seed)
    learnt, beside = (other, train_rows) if method == "target_labels" else (train_rows, other)
    first = [*(people.row(i, "train") for i in learnt), *(people.row(i, "test") for i in test_rows)]
    second = [*(people.row(i, "train", 1, ()) for i in beside), *(people.row(i, "test", 1) for i in target)]
    found = train(
        people,
        [first, second],
        [AGE],
        ADAPTATION[method],
        seed,
        folder,
        epochs=epochs,
        batch=32,
        ratio=1.0 if ADAPTATION[method] else 0.0,
        adabn="adabn" in method,
    )["metrics"]
    on_target = found["target"]
    return {
        "target_mae": on_target["mae"],
        "target_r": on_target["r"],
        "source_mae": found["test"]["mae"],
    }


PROTOCOL = Study(adapt, tuple(ADAPTATION), 30, "target_mae", True, "target_r", FIRST, least=1000)
STUDY = replace(PROTOCOL, blur_alone=True)
