"""What a way of transfer keeps for itself: whole units, alike in their labels, the same for a seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tlpy.data.held_back import hold_back
from tlpy.data.subjects import SubjectRow
from tlpy.errors import Problems
from tlpy.records import Head

SEX, AGE = Head("sex", "binary", ("F", "M")), Head("age", "regression")


class Images:
    """Prepared images by name, each of its own content unless it is said."""

    def __init__(self, alike: dict[str, str] | None = None) -> None:
        self.alike = alike or {}

    def rows(self, images: list[str]) -> np.ndarray:
        return np.array([abs(hash(self.alike.get(image, image))) % 2**31 for image in images])

    def batch(self, rows: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(rows.astype(np.float64)).reshape(-1, 1, 1)


def row(number: int, subject: str = "", group: str = "", source: int = 0, **labels: str) -> SubjectRow:
    name = f"i{number:03d}"
    known = {"sex": "FM"[number % 5 == 0], "age": str(20 + number), **labels}
    return SubjectRow(name, subject or name, group or subject or name, "", "train", known, source)


def held(rows: list[SubjectRow], heads: list[Head], share: float = 0.2, seed: int = 0, **alike: str) -> Any:
    problems = Problems()
    sources = [Images(alike) for _ in range(1 + max(one.source for one in rows))]
    stays, kept = hold_back(rows, sources, heads, share, seed, problems)  # type: ignore[arg-type]
    problems.raise_if_any()
    assert sorted(stays + kept, key=rows.index) == rows
    return stays, kept


def test_a_share_alike_in_its_classes() -> None:
    rows = [row(number) for number in range(100)]
    stays, kept = held(rows, [SEX])
    assert len(kept) == 20
    assert sum(one.labels["sex"] == "M" for one in kept) == 4
    assert held(rows, [SEX]) == (stays, kept)
    assert held(rows, [SEX], seed=1) != (stays, kept)
    # Who is there besides changes little: the order is by name.
    assert {one.image for one in kept} & {one.image for one in held(rows[:-1], [SEX])[1]}


def test_numbers_are_spread_alike() -> None:
    _, kept = held([row(number) for number in range(100)], [AGE])
    found = sorted(float(one.labels["age"]) for one in kept)
    assert [sum(low <= age - 20 < low + 20 for age in found) for low in range(0, 100, 20)] == [4] * 5


@pytest.mark.parametrize("seed", range(5))
def test_units_stay_together_over_data_sets(seed: int) -> None:
    """Images of a subject, subjects of a family, and equal images under other names, in any data set."""
    rows = [row(number, f"s{number // 3}", f"g{number // 6}", source=number % 2) for number in range(60)]
    stays, kept = held(rows, [SEX], 0.3, seed, i007="i055")
    assert {one.group for one in stays}.isdisjoint(one.group for one in kept)
    side = {one.image: one in kept for one in rows}
    assert side["i007"] == side["i055"]


def test_a_rare_class_is_on_both_sides_and_a_single_unit_is_trained_on() -> None:
    rows = [row(n, sex="F") for n in range(1, 40)] + [row(90, sex="M"), row(91, sex="M")]
    stays, kept = held(rows, [SEX], 0.05)
    assert {one.labels["sex"] for one in stays} == {one.labels["sex"] for one in kept} == {"F", "M"}
    stays, kept = held(rows[:-1], [SEX], 0.05)
    assert [one.labels["sex"] for one in stays].count("M") == 1


def test_nothing_to_hold_back_is_told() -> None:
    with pytest.raises(Exception, match="of 1 training unit none can be held back"):
        held([row(1, "s"), row(2, "s")], [SEX])


def test_without_labels() -> None:
    assert len(held([row(number) for number in range(50)], [])[1]) == 10
