"""A second label that nobody has changes nothing."""

from __future__ import annotations

from pathlib import Path

from known_answers.people import People, split
from known_answers.study import Result, Study
from known_answers.training import AGE, SEX, train


def multitask(people: People, seed: int, folder: Path, method: str, epochs: int) -> Result:
    """Age alone, or beside a sex that nobody's record has: the same error."""
    first, test_rows, _, _ = split(people, seed)
    labels = ("age", "sex") if method == "both_known" else ("age",)
    rows = [
        *(people.row(i, "train", 0, labels) for i in first),
        *(people.row(i, "test", 0, labels) for i in test_rows),
    ]
    heads = [AGE] if method == "single" else [AGE, SEX]
    found = train(people, [rows], heads, {}, seed, folder, epochs=epochs, batch=32)
    return {"mae": found["metrics"]["test"]["mae"]}


STUDY = Study(multitask, ("single", "one_absent", "both_known"), 10, "mae", True)
