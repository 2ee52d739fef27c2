"""Age learnt on one scanner, judged on another one, whose images have no labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from known_answers.people import People, split
from known_answers.study import Result, Study
from known_answers.training import AGE, train

ADAPTATION: dict[str, Any] = {
    "source_only": {},
    "coral": {"coral": 100},
    "mmd": {"mmd": 1},
    "dann": {"dann": 1},
}


def adapt(people: People, seed: int, folder: Path, method: str, epochs: int) -> Result:
    """Mean absolute error (years) and correlation of age, on the labelled scanner and on the other one."""
    train_rows, test_rows, other, target = split(people, seed)
    first = [*(people.row(i, "train") for i in train_rows), *(people.row(i, "test") for i in test_rows)]
    second = [*(people.row(i, "train", 1, ()) for i in other), *(people.row(i, "test", 1) for i in target)]
    found = train(
        people,
        [first, second],
        [AGE],
        ADAPTATION[method],
        seed,
        folder,
        epochs=epochs,
        batch=32,
        ratio=0.0 if method == "source_only" else 1.0,
    )["metrics"]
    on_target = found["target"]
    on_target = on_target.get("age", on_target)
    return {
        "target_mae": on_target["mae"],
        "target_r": on_target["r"],
        "source_mae": found["test"]["mae"],
    }


STUDY = Study(adapt, tuple(ADAPTATION), 30, "target_mae", True)
